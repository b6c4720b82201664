/* Base64: the examples of RFC 4648, and everything that is not the text of so many bytes. */
#include "base64.h"
#include "check.h"

static int decodes(const char *text, const char *expected) {
  unsigned char bytes[16];
  size_t size = strlen(expected);
  return base64_decode(text, strlen(text), bytes, size) && memcmp(bytes, expected, size) == 0;
}

int main(void) {
  unsigned char bytes[16];
  CHECK(decodes("", "") && decodes("Zg==", "f") && decodes("Zm8=", "fo") && decodes("Zm9v", "foo"));
  CHECK(decodes("Zm9vYg==", "foob") && decodes("Zm9vYmE=", "fooba") &&
        decodes("Zm9vYmFy", "foobar"));
  CHECK(base64_decode("+/+/", 4, bytes, 3) && bytes[0] == 0xFB && bytes[1] == 0xFF &&
        bytes[2] == 0xBF);
  CHECK(!base64_decode("Zg==", 4, bytes, 2) && !base64_decode("Zg==", 4, bytes, 3));
  CHECK(!base64_decode("Zm8=", 4, bytes, 1) && !base64_decode("Zm9v", 4, bytes, 4));
  CHECK(!base64_decode("Zg=", 3, bytes, 1) && !base64_decode("Zm9v", 4, bytes, 0));
  CHECK(!base64_decode("Z===", 4, bytes, 1) && !base64_decode("Zm9-", 4, bytes, 3));
  CHECK(!base64_decode("Zm\n9", 4, bytes, 3) && !base64_decode("", 0, bytes, 1));
  return check_result();
}
