/* wire.h - protocol buffers, read field by field where they lie. */
#ifndef PYEMU_WIRE_H
#define PYEMU_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* The part of a file from 'at' to 'end' that is read field by field. */
struct wire_reader {
  const unsigned char *file;
  size_t at;
  size_t end;
};

struct wire_field {
  uint32_t number;
  int wire_type;
  uint64_t value;           /* of WIRE_VARINT; the bits of WIRE_32 and WIRE_64 */
  struct wire_reader bytes; /* of WIRE_BYTES */
};

/*
 * Read the next field; 0 if the bytes end inside it or are no protocol buffer. Field numbers beyond
 * the largest are refused: other readers keep the lower bits alone, and would see another field
 * there than we do.
 */
int wire_next(struct wire_reader *r, struct wire_field *field);

/* Read one number of a packed list; 0 if the bytes end inside it. */
int wire_varint(struct wire_reader *r, uint64_t *value);

/* 1 if the bytes are those of the text. */
int wire_bytes_are(const struct wire_reader *r, const char *text);

#endif
