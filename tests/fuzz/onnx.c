/* The card and the reference columns of an ONNX file, and data outside it. */
#include "onnx.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct file_texts texts = {.kind = FILE_ONNX};
  int status = onnx_find_texts(data, size, &texts, &error);
  PROMISE_STATUS(status, message);
  if (texts.card)
    PROMISE(fuzz_is_inside(texts.card, texts.card_size, data, size));
  if (texts.reference)
    PROMISE(fuzz_is_inside(texts.reference, texts.reference_size, data, size));
  return 0;
}
