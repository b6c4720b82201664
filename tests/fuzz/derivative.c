/* The models of derivatives, put together from a file. An input that begins with 0 is a whole file;
 * any other is a derivative of so many sixteens of bytes, followed by the emulator's model. */
#include "derivative.h"
#include "fuzz.h"
#include "onnx.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char key[] = "pyemu.derivative.vjp";

static size_t put_base64(uint8_t *to, const uint8_t *bytes, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < size; i += 3) {
    const size_t left = size - i;
    const unsigned group = (unsigned)bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) |
                           (left > 2 ? bytes[i + 2] : 0);
    for (size_t j = 0; j < 4; ++j)
      to[n++] = (uint8_t)(j <= left ? digits[group >> (18 - 6 * j) & 63] : '=');
  }
  return n;
}

static size_t put_varint(uint8_t *to, size_t value) {
  size_t n = 0;
  for (; value >= 128; value >>= 7)
    to[n++] = (uint8_t)(value | 128);
  to[n++] = (uint8_t)value;
  return n;
}

/* A model with the derivative in its metadata. */
static size_t put_file(uint8_t *file, const uint8_t *derivative, size_t size, const uint8_t *model,
                       size_t model_size) {
  const size_t text = (size + 2) / 3 * 4, key_size = sizeof key - 1;
  uint8_t length[10];
  const size_t length_size = put_varint(length, text);
  size_t n = 0;
  memcpy(file, model, model_size);
  n += model_size;
  file[n++] = 14 << 3 | 2; /* metadata_props */
  n += put_varint(file + n, 2 + key_size + 1 + length_size + text);
  file[n++] = 1 << 3 | 2;
  file[n++] = (uint8_t)key_size;
  memcpy(file + n, key, key_size);
  n += key_size;
  file[n++] = 2 << 3 | 2;
  memcpy(file + n, length, length_size);
  n += length_size;
  return n + put_base64(file + n, derivative, size);
}

static void compose(const uint8_t *file, size_t size, const char *name) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct file_texts texts = {.kind = FILE_ONNX};
  unsigned char *model;
  size_t model_size;
  if (onnx_find_texts(file, size, &texts, &error) != PYEMU_OK)
    return;
  const int status = derivative_compose(file, size, name, &model, &model_size, &error);
  PROMISE_STATUS(status, message);
  PROMISE((status == PYEMU_OK) == (model != NULL));
  PROMISE(model_size <= 2 * size + 64);
  texts = (struct file_texts){.kind = FILE_ONNX};
  if (model)
    PROMISE_STATUS(onnx_find_texts(model, model_size, &texts, &error), message);
  if (texts.card && model)
    PROMISE(fuzz_is_inside(texts.card, texts.card_size, model, model_size));
  free(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  size_t n = (size_t)data[0] * 16;
  ++data;
  --size;
  n = n < size ? n : size;
  uint8_t *file = malloc(2 * size + 128);
  if (!file)
    return 0;
  if (n == 0) {
    memcpy(file, data, size);
    n = size;
  } else {
    n = put_file(file, data, n, data + n, size - n);
  }
  uint8_t *exact = malloc(n ? n : 1); /* of this size, so that one byte more is seen */
  if (exact) {
    memcpy(exact, file, n);
    compose(exact, n, "vjp");
    compose(exact, n, "jvp");
  }
  free(exact);
  free(file);
  return 0;
}
