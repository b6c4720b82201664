#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* Both texts must be there: what "pyemu export" writes always has them. */
static int check_texts(const struct file_texts *texts, int has_graph, size_t size,
                       const struct error *error) {
  if (!has_graph)
    return fail(error, PYEMU_ERR_FORMAT,
                "not an ONNX file, or a truncated one: no graph in its %zu bytes", size);
  if (!texts->card)
    return fail(error, PYEMU_ERR_NO_CARD,
                "the ONNX file has no emulator card (no metadata entry 'pyemu'); write it with "
                "'pyemu export', or check that it was not truncated");
  if (!texts->reference)
    return fail(
        error, PYEMU_ERR_CARD,
        "the file has a card but no reference columns (no metadata entry "
        "'pyemu_reference'); write it with 'pyemu export', or check that it was not truncated");
  return PYEMU_OK;
}

int file_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error) {
  struct reader r = {bytes, size, 0};
  struct field field;
  int has_graph = 0;
  *texts = (struct file_texts){NULL, 0, NULL, 0};
  if (size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
    return fail(
        error, PYEMU_ERR_UNSUPPORTED,
        "the file is a zip archive, perhaps a PyTorch .pt or .pt2; this library reads ONNX: "
        "write the emulator with 'pyemu export'");
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
  return check_texts(texts, has_graph, size, error);
}

static int read_stream(FILE *stream, const char *path, unsigned char **bytes, size_t *size,
                       const struct error *error) {
  struct stat info;
  if (fstat(fileno(stream), &info) != 0)
    return fail(error, PYEMU_ERR_FILE, "cannot read '%s': %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return fail(error, PYEMU_ERR_FILE, "cannot read '%s': it is not a regular file", path);
  *size = (size_t)info.st_size;
  *bytes = malloc(*size + 1);
  if (!*bytes)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the %zu bytes of '%s'", *size, path);
  if (fread(*bytes, 1, *size, stream) == *size)
    return PYEMU_OK;
  free(*bytes);
  *bytes = NULL;
  return fail(error, PYEMU_ERR_FILE, "cannot read all %zu bytes of '%s': %s", *size, path,
              ferror(stream) ? strerror(errno) : "the file became shorter");
}

int file_read(const char *path, unsigned char **bytes, size_t *size, const struct error *error) {
  *bytes = NULL;
  FILE *stream = fopen(path, "rb");
  if (!stream)
    return fail(error, PYEMU_ERR_FILE,
                "cannot open '%s': %s; check the path and the working directory", path,
                strerror(errno));
  int status = read_stream(stream, path, bytes, size, error);
  fclose(stream);
  return status;
}
