#include "onnx.h"

#include <string.h>

/* Wire types of protocol buffers, their largest field number, and the deepest nesting that their
 * own library accepts. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { MAX_FIELD = (1 << 29) - 1, MAX_DEPTH = 100 };

/* Messages of ONNX in which a tensor can sit, at any depth. */
enum message { NONE, MODEL, TRAINING, GRAPH, NODE, ATTRIBUTE, FUNCTION, SPARSE_TENSOR, TENSOR };

/* Field numbers of the messages: all fields through which a tensor is reached. */
static const struct {
  enum message message;
  uint32_t number;
  enum message child;
} children[] = {
    {MODEL, 7, GRAPH},              /* graph */
    {MODEL, 20, TRAINING},          /* training_info */
    {MODEL, 25, FUNCTION},          /* functions */
    {TRAINING, 1, GRAPH},           /* initialization */
    {TRAINING, 2, GRAPH},           /* algorithm */
    {GRAPH, 1, NODE},               /* node */
    {GRAPH, 5, TENSOR},             /* initializer */
    {GRAPH, 15, SPARSE_TENSOR},     /* sparse_initializer */
    {NODE, 5, ATTRIBUTE},           /* attribute */
    {FUNCTION, 7, NODE},            /* node */
    {FUNCTION, 11, ATTRIBUTE},      /* attribute_proto */
    {ATTRIBUTE, 5, TENSOR},         /* t */
    {ATTRIBUTE, 6, GRAPH},          /* g */
    {ATTRIBUTE, 10, TENSOR},        /* tensors */
    {ATTRIBUTE, 11, GRAPH},         /* graphs */
    {ATTRIBUTE, 22, SPARSE_TENSOR}, /* sparse_tensor */
    {ATTRIBUTE, 23, SPARSE_TENSOR}, /* sparse_tensors */
    {SPARSE_TENSOR, 1, TENSOR},     /* values */
    {SPARSE_TENSOR, 2, TENSOR},     /* indices */
};
enum { MODEL_GRAPH = 7, MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { TENSOR_NAME = 8, TENSOR_EXTERNAL_DATA = 13, TENSOR_DATA_LOCATION = 14 };

/* The part of the file from 'at' to 'end' that is read field by field. */
struct reader {
  const unsigned char *file;
  size_t at;
  size_t end;
};

struct field {
  uint32_t number;
  int wire_type;
  uint64_t value;      /* of WIRE_VARINT */
  struct reader bytes; /* of WIRE_BYTES */
};

static int read_varint(struct reader *r, uint64_t *value) {
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

static int skip_bytes(struct reader *r, uint64_t count) {
  if (count > r->end - r->at)
    return 0;
  r->at += (size_t)count;
  return 1;
}

/*
 * Read the next field; 0 if the bytes end inside it or are no protocol buffer. Numbers beyond the
 * largest are refused: other readers keep the lower bits alone, and would see another field there
 * than we do.
 */
static int read_field(struct reader *r, struct field *field) {
  uint64_t tag;
  if (!read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > MAX_FIELD)
    return 0;
  *field = (struct field){.number = (uint32_t)(tag >> 3), .wire_type = (int)(tag & 7)};
  switch (field->wire_type) {
  case WIRE_VARINT:
    return read_varint(r, &field->value);
  case WIRE_64:
    return skip_bytes(r, 8);
  case WIRE_32:
    return skip_bytes(r, 4);
  case WIRE_BYTES:
    if (!read_varint(r, &field->value))
      return 0;
    field->bytes = (struct reader){r->file, r->at, r->at};
    if (!skip_bytes(r, field->value))
      return 0;
    field->bytes.end = r->at;
    return 1;
  default:
    return 0;
  }
}

static int fail_damaged(const struct reader *r, size_t start, const struct error *error) {
  return fail(error, PYEMU_ERR_FORMAT,
              "not a whole ONNX file: the field at byte %zu is cut short before byte %zu, or "
              "damaged; was the file truncated while it was copied?",
              start, r->end);
}

static int bytes_are(const struct reader *r, const char *text) {
  size_t length = strlen(text);
  return r->end - r->at == length && (length == 0 || memcmp(r->file + r->at, text, length) == 0);
}

/* A text for a message: its length, cut. */
static int shown(const struct reader *r) {
  return (int)(r->end - r->at < 100 ? r->end - r->at : 100);
}

/* Read a key and its value; 0 if the entry is damaged. */
static int read_entry(struct reader r, struct reader *key, struct reader *value) {
  struct field field;
  *key = *value = (struct reader){r.file, r.at, r.at};
  while (r.at < r.end) {
    if (!read_field(&r, &field))
      return 0;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_KEY)
      *key = field.bytes;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_VALUE)
      *value = field.bytes;
  }
  return 1;
}

/* Read one metadata entry and keep it if it is ours; 0 if it is damaged or there twice. */
static int keep_entry(const struct field *entry, struct file_texts *texts) {
  struct reader key, value;
  if (!read_entry(entry->bytes, &key, &value))
    return 0;
  int is_card = bytes_are(&key, "pyemu"), is_reference = bytes_are(&key, "pyemu_reference");
  if ((is_card && texts->card) || (is_reference && texts->reference))
    return 0;
  const char *text = (const char *)value.file + value.at;
  if (is_card) {
    texts->card = text;
    texts->card_size = value.end - value.at;
  } else if (is_reference) {
    texts->reference = text;
    texts->reference_size = value.end - value.at;
  }
  return 1;
}

static int fail_external(struct reader tensor, const struct error *error) {
  struct field field;
  struct reader none = {tensor.file, tensor.at, tensor.at}, name = none, location = none, key,
                value;
  while (tensor.at < tensor.end && read_field(&tensor, &field)) {
    if (field.wire_type == WIRE_BYTES && field.number == TENSOR_NAME)
      name = field.bytes;
    if (field.wire_type == WIRE_BYTES && field.number == TENSOR_EXTERNAL_DATA &&
        read_entry(field.bytes, &key, &value) && bytes_are(&key, "location"))
      location = value;
  }
  return fail(error, PYEMU_ERR_UNSUPPORTED,
              "tensor '%.*s' keeps its data outside the file, in '%.*s'; an emulator is one whole "
              "file and opens no other: export it with its data inside",
              shown(&name), (const char *)name.file + name.at, shown(&location),
              (const char *)location.file + location.at);
}

static enum message child_of(enum message message, uint32_t number) {
  for (size_t i = 0; i < sizeof children / sizeof children[0]; ++i)
    if (children[i].message == message && children[i].number == number)
      return children[i].child;
  return NONE;
}

/* Read all fields of a message and of those inside it, and refuse tensors whose data are elsewhere.
 * Of a place other than inside (zero) readers of 32 bits see the lower bits alone. */
static int check_message(enum message message, struct reader r, int depth,
                         const struct error *error) {
  const struct reader whole = r;
  struct field field;
  if (depth > MAX_DEPTH)
    return fail(error, PYEMU_ERR_FORMAT, "not an ONNX file: nested more than %d deep at byte %zu",
                MAX_DEPTH, r.at);
  while (r.at < r.end) {
    size_t start = r.at;
    if (!read_field(&r, &field))
      return fail_damaged(&r, start, error);
    if (message == TENSOR && field.number == TENSOR_DATA_LOCATION &&
        field.wire_type == WIRE_VARINT && (uint32_t)field.value != 0)
      return fail_external(whole, error);
    enum message child = field.wire_type == WIRE_BYTES ? child_of(message, field.number) : NONE;
    int status = child ? check_message(child, field.bytes, depth + 1, error) : PYEMU_OK;
    if (status != PYEMU_OK)
      return status;
  }
  return PYEMU_OK;
}

/* ONNX Runtime tells its own format by these letters, and would not read the file as ONNX. */
static int is_ort_format(const unsigned char *bytes, size_t size) {
  return size >= 8 && memcmp(bytes + 4, "ORTM", 4) == 0;
}

static int find_texts(struct reader r, struct file_texts *texts, const struct error *error) {
  struct field field;
  const size_t size = r.end;
  int has_graph = 0;
  while (r.at < r.end) {
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

int onnx_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error) {
  const struct reader file = {bytes, 0, size};
  if (size > INT32_MAX)
    return fail(error, PYEMU_ERR_FORMAT, "%zu bytes; an ONNX file has at most 2 GiB", size);
  if (is_ort_format(bytes, size))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "the file is in ONNX Runtime's own format (.ort); this library reads ONNX: write "
                "the emulator with 'pyemu export'");
  int status = find_texts(file, texts, error);
  return status == PYEMU_OK ? check_message(MODEL, file, 0, error) : status;
}
