/* SHA-256: the examples published with FIPS 180-4, and the texts of digests. */
#include "check.h"
#include "sha256.h"

static int gives(const char *bytes, size_t size, const char *expected) {
  char text[SHA256_TEXT];
  sha256_text(bytes, size, text);
  return strcmp(text, expected) == 0;
}

int main(void) {
  static char million[1000000];
  const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  const char *digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  memset(million, 'a', sizeof million);
  CHECK(gives("abc", 3, digest));
  CHECK(gives("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(gives(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(gives(two_blocks, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  CHECK(gives(million, sizeof million,
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
  CHECK(sha256_is_text(digest) && !sha256_is_text(digest + 1) && !sha256_is_text(""));
  CHECK(sha256_equal(digest, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
  CHECK(!sha256_equal(digest, "aa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK(!sha256_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ae"));
  return check_result();
}
