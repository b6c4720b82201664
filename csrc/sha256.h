/* sha256.h - the SHA-256 digest of FIPS 180-4. */
#ifndef PYEMU_SHA256_H
#define PYEMU_SHA256_H

#include <stddef.h>

/* A digest in lower-case hexadecimal digits, and its end. */
enum { SHA256_TEXT = 65 };

/* Write the digest of 'size' bytes. */
void sha256_text(const void *bytes, size_t size, char text[SHA256_TEXT]);

/* 1 if 'text' is 64 hexadecimal digits of any case, else 0. */
int sha256_is_text(const char *text);

/* 1 if two such texts give the same digest. */
int sha256_equal(const char *a, const char *b);

#endif
