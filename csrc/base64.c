#include "base64.h"

static int digit(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t length, unsigned char *bytes, size_t size) {
  if (length % 4 != 0 || length / 4 != size / 3 + (size % 3 != 0))
    return 0;
  size_t padding = (3 - size % 3) % 3;
  for (size_t i = 0, done = 0; i < length; i += 4) {
    unsigned group = 0;
    for (size_t j = 0; j < 4; ++j) {
      int pad = i + j >= length - padding;
      int value = digit(text[i + j]);
      if (pad ? text[i + j] != '=' : value < 0)
        return 0;
      group = group << 6 | (pad ? 0u : (unsigned)value);
    }
    for (int shift = 16; shift >= 0 && done < size; shift -= 8)
      bytes[done++] = (unsigned char)(group >> shift);
  }
  return 1;
}
