#include "wire.h"

#include <string.h>

enum { MAX_FIELD = (1 << 29) - 1 };

int wire_varint(struct wire_reader *r, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (r->at >= r->end)
      return 0;
    unsigned char byte = r->file[r->at++];
    *value |= (uint64_t)(byte & 0x7F) << shift;
    if (!(byte & 0x80))
      return 1;
  }
  return 0;
}

static int skip_bytes(struct wire_reader *r, uint64_t count) {
  if (count > r->end - r->at)
    return 0;
  r->at += (size_t)count;
  return 1;
}

/* Numbers of fixed size, the lowest byte first. */
static int read_fixed(struct wire_reader *r, int size, uint64_t *value) {
  if (r->end - r->at < (size_t)size)
    return 0;
  *value = 0;
  for (int i = size - 1; i >= 0; --i)
    *value = *value << 8 | r->file[r->at + (size_t)i];
  r->at += (size_t)size;
  return 1;
}

int wire_next(struct wire_reader *r, struct wire_field *field) {
  uint64_t tag;
  if (!wire_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > MAX_FIELD)
    return 0;
  *field = (struct wire_field){.number = (uint32_t)(tag >> 3), .wire_type = (int)(tag & 7)};
  switch (field->wire_type) {
  case WIRE_VARINT:
    return wire_varint(r, &field->value);
  case WIRE_64:
    return read_fixed(r, 8, &field->value);
  case WIRE_32:
    return read_fixed(r, 4, &field->value);
  case WIRE_BYTES:
    if (!wire_varint(r, &field->value))
      return 0;
    field->bytes = (struct wire_reader){r->file, r->at, r->at};
    if (!skip_bytes(r, field->value))
      return 0;
    field->bytes.end = r->at;
    return 1;
  default:
    return 0;
  }
}

int wire_bytes_are(const struct wire_reader *r, const char *text) {
  size_t length = strlen(text);
  return r->end - r->at == length && (length == 0 || memcmp(r->file + r->at, text, length) == 0);
}
