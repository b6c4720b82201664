#include "onnx.h"

#include <string.h>

#include "wire.h"

/* The deepest nesting that the library of protocol buffers accepts. */
enum { MAX_DEPTH = 100 };

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

static int fail_damaged(const struct wire_reader *r, size_t start, const struct error *error) {
  return fail(error, PYEMU_ERR_FORMAT,
              "not a whole ONNX file: the field at byte %zu is cut short before byte %zu, or "
              "damaged; was the file truncated while it was copied?",
              start, r->end);
}

/* A text for a message: its length, cut. */
static int shown(const struct wire_reader *r) {
  return (int)(r->end - r->at < 100 ? r->end - r->at : 100);
}

/* Read a key and its value; 0 if the entry is damaged. */
static int read_entry(struct wire_reader r, struct wire_reader *key, struct wire_reader *value) {
  struct wire_field field;
  *key = *value = (struct wire_reader){r.file, r.at, r.at};
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return 0;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_KEY)
      *key = field.bytes;
    if (field.wire_type == WIRE_BYTES && field.number == ENTRY_VALUE)
      *value = field.bytes;
  }
  return 1;
}

/* Read one metadata entry and keep it if it is ours; 0 if it is damaged or there twice. */
static int keep_entry(const struct wire_field *entry, struct file_texts *texts) {
  struct wire_reader key, value;
  if (!read_entry(entry->bytes, &key, &value))
    return 0;
  int is_card = wire_bytes_are(&key, "pyemu"),
      is_reference = wire_bytes_are(&key, "pyemu_reference");
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

static int fail_external(struct wire_reader tensor, const struct error *error) {
  struct wire_field field;
  struct wire_reader none = {tensor.file, tensor.at, tensor.at}, name = none, location = none, key,
                     value;
  while (tensor.at < tensor.end && wire_next(&tensor, &field)) {
    if (field.wire_type == WIRE_BYTES && field.number == TENSOR_NAME)
      name = field.bytes;
    if (field.wire_type == WIRE_BYTES && field.number == TENSOR_EXTERNAL_DATA &&
        read_entry(field.bytes, &key, &value) && wire_bytes_are(&key, "location"))
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
static int check_message(enum message message, struct wire_reader r, int depth,
                         const struct error *error) {
  const struct wire_reader whole = r;
  struct wire_field field;
  if (depth > MAX_DEPTH)
    return fail(error, PYEMU_ERR_FORMAT, "not an ONNX file: nested more than %d deep at byte %zu",
                MAX_DEPTH, r.at);
  while (r.at < r.end) {
    size_t start = r.at;
    if (!wire_next(&r, &field))
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

static int find_texts(struct wire_reader r, struct file_texts *texts, const struct error *error) {
  struct wire_field field;
  const size_t size = r.end;
  int has_graph = 0;
  while (r.at < r.end) {
    size_t start = r.at;
    if (!wire_next(&r, &field))
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
  const struct wire_reader file = {bytes, 0, size};
  if (size > INT32_MAX)
    return fail(error, PYEMU_ERR_FORMAT, "%zu bytes; an ONNX file has at most 2 GiB", size);
  if (is_ort_format(bytes, size))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "the file is in ONNX Runtime's own format (.ort); this library reads ONNX: write "
                "the emulator with 'pyemu export'");
  int status = find_texts(file, texts, error);
  return status == PYEMU_OK ? check_message(MODEL, file, 0, error) : status;
}
