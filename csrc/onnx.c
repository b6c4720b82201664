#include "onnx.h"

#include <string.h>

/* Field numbers of ONNX's ModelProto and StringStringEntryProto. */
enum { MODEL_GRAPH = 7, MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2 };

/* Wire types of protocol buffers. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A stretch of protocol-buffer bytes that is read field by field. */
struct reader {
  const unsigned char *bytes;
  size_t size;
  size_t at;
};

struct field {
  uint64_t number;
  int wire_type;
  const unsigned char *bytes; /* of WIRE_BYTES */
  size_t size;
};

static int read_varint(struct reader *r, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (r->at >= r->size)
      return 0;
    unsigned char byte = r->bytes[r->at++];
    *value |= (uint64_t)(byte & 0x7F) << shift;
    if (!(byte & 0x80))
      return 1;
  }
  return 0;
}

static int skip_bytes(struct reader *r, uint64_t count) {
  if (count > r->size - r->at)
    return 0;
  r->at += (size_t)count;
  return 1;
}

/* Read the next field; 0 if the bytes end inside it or are no protocol buffer. */
static int read_field(struct reader *r, struct field *field) {
  uint64_t tag, value;
  if (!read_varint(r, &tag))
    return 0;
  *field = (struct field){.number = tag >> 3, .wire_type = (int)(tag & 7)};
  switch (field->number ? field->wire_type : -1) {
  case WIRE_VARINT:
    return read_varint(r, &value);
  case WIRE_64:
    return skip_bytes(r, 8);
  case WIRE_32:
    return skip_bytes(r, 4);
  case WIRE_BYTES:
    if (!read_varint(r, &value))
      return 0;
    field->bytes = r->bytes + r->at;
    field->size = (size_t)value;
    return skip_bytes(r, value);
  default:
    return 0;
  }
}

static int key_is(const struct field *key, const char *text) {
  return key->size == strlen(text) && memcmp(key->bytes, text, key->size) == 0;
}

/* Read one metadata entry and keep it if it is ours; 0 if it is damaged or there twice. */
static int keep_entry(const struct field *entry, struct file_texts *texts) {
  struct reader r = {entry->bytes, entry->size, 0};
  struct field field, key = {0}, value = {0};
  while (r.at < r.size) {
    if (!read_field(&r, &field))
      return 0;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_KEY)
      key = field;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_VALUE)
      value = field;
  }
  int is_card = key.bytes && key_is(&key, "pyemu");
  int is_reference = key.bytes && key_is(&key, "pyemu_reference");
  if ((is_card && texts->card) || (is_reference && texts->reference))
    return 0;
  const char *text = value.bytes ? (const char *)value.bytes : "";
  if (is_card) {
    texts->card = text;
    texts->card_size = value.size;
  } else if (is_reference) {
    texts->reference = text;
    texts->reference_size = value.size;
  }
  return 1;
}

static int fail_damaged(const struct reader *r, size_t start, const struct error *error) {
  return fail(
      error, PYEMU_ERR_FORMAT,
      "not a whole ONNX file: the field at byte %zu of %zu is cut short or damaged; was the "
      "file truncated while it was copied?",
      start, r->size);
}

int onnx_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error) {
  struct reader r = {bytes, size, 0};
  struct field field;
  int has_graph = 0;
  while (r.at < r.size) {
    size_t start = r.at;
    if (!read_field(&r, &field))
      return fail_damaged(&r, start, error);
    if (field.wire_type != WIRE_BYTES)
      continue;
    has_graph |= field.number == MODEL_GRAPH;
    if (field.number == MODEL_METADATA && !keep_entry(&field, texts))
      return fail_damaged(&r, start, error);
  }
  if (!has_graph)
    return fail(error, PYEMU_ERR_FORMAT,
                "not an ONNX file, or a truncated one: no graph in its %zu bytes", size);
  return PYEMU_OK;
}
