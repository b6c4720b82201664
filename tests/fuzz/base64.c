/* Base64 of as many bytes as the first byte of the input says. */
#include "base64.h"
#include "fuzz.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The digit that 'text' must have at 'i', but for the last bits, which decoders ignore. */
static int digit_fits(const unsigned char *bytes, size_t size, size_t i, char found) {
  unsigned group = 0, mask = 63;
  size_t start = i / 4 * 3, shift = 18 - 6 * (i % 4);
  for (size_t j = 0; j < 3; ++j)
    group = group << 8 | (start + j < size ? bytes[start + j] : 0u);
  if (8 * size < 6 * i + 6)
    mask = 63u << (6 * i + 6 - 8 * size) & 63;
  const char *at = strchr(digits, found);
  return 6 * i >= 8 * size ? found == '='
                           : at && ((unsigned)(at - digits) & mask) == (group >> shift & mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  size_t count = data[0];
  unsigned char *bytes =
      malloc(count ? count : 1); /* of this size, so that one byte more is seen */
  if (bytes && base64_decode((const char *)data + 1, size - 1, bytes, count)) {
    PROMISE(size - 1 == (count + 2) / 3 * 4);
    for (size_t i = 0; i < size - 1; ++i)
      PROMISE(data[1 + i] && digit_fits(bytes, count, i, (char)data[1 + i]));
  }
  free(bytes);
  return 0;
}
