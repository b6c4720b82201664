/* base64.h - decoding of base64 text (RFC 4648, section 4). */
#ifndef PYEMU_BASE64_H
#define PYEMU_BASE64_H

#include <stddef.h>

/* Decode 'length' characters of 'text' into 'bytes' if they are exactly 'size' bytes of data.
 * Returns 1, or 0 if they are not, with 'bytes' in an undefined state. */
int base64_decode(const char *text, size_t length, unsigned char *bytes, size_t size);

#endif
