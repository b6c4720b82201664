#include "engines/native/model.h"

#include <string.h>

#include "wide.h"
#include "wire.h"

/* Field numbers of ONNX's messages. */
enum { MODEL_GRAPH = 7, MODEL_OPSET = 8, OPSET_DOMAIN = 1, OPSET_VERSION = 2 };
enum { GRAPH_NODE = 1, GRAPH_CONSTANT = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, GRAPH_SPARSE = 15 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_TYPE = 4, NODE_ATTRIBUTE = 5, NODE_DOMAIN = 7 };
enum {
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_F = 2,
  ATTRIBUTE_I = 3,
  ATTRIBUTE_S = 4,
  ATTRIBUTE_T = 5,
  ATTRIBUTE_FLOATS = 7,
  ATTRIBUTE_INTS = 8,
  ATTRIBUTE_STRINGS = 9
};
enum {
  TENSOR_DIMS = 1,
  TENSOR_TYPE = 2,
  TENSOR_FLOATS = 4,
  TENSOR_INTS = 5,
  TENSOR_LONGS = 7,
  TENSOR_NAME = 8,
  TENSOR_RAW = 9,
  TENSOR_DOUBLES = 10
};
enum {
  PORT_NAME = 1,
  PORT_TYPE = 2,
  TYPE_TENSOR = 1,
  TENSOR_TYPE_ELEMENT = 1,
  TENSOR_TYPE_SHAPE = 2
};
enum { SHAPE_DIM = 1, DIM_VALUE = 1 };

/* The model and its plan take so many bytes at most: in proportion to the file, whatever it claims.
 */
enum { LEAST_MEMORY = 256 << 20, MEMORY_PER_BYTE = 64 };

/* What is being read: the names that have been met, by hash. */
struct reading {
  struct model *model;
  struct arena *arena;
  const struct error *error;
  struct text *names;
  int *table; /* index of a name + 1, or 0 */
  uint32_t table_size;
  int n_names;
};

static int fail_memory(const struct error *error) {
  return fail(error, PYEMU_ERR_MEMORY, "no memory for the graph");
}

static int fail_damaged(const struct wire_reader *r, const struct error *error) {
  return fail(error, PYEMU_ERR_FORMAT,
              "not a whole ONNX file: the message that ends at byte %zu is damaged", r->end);
}

static struct text text_of(const struct wire_reader *r) {
  return (struct text){(const char *)r->file + r->at, r->end - r->at};
}

int text_is(const struct text *text, const char *other) {
  return text->size == strlen(other) && memcmp(text->at, other, text->size) == 0;
}

/* Number of fields with this number; -1 if the message is damaged. */
static int count_fields(struct wire_reader r, uint32_t number) {
  struct wire_field field;
  int count = 0;
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return -1;
    count += field.number == number && field.wire_type == WIRE_BYTES;
  }
  return count;
}

/* --- Names --- */

static uint32_t hash(const struct text *text) {
  uint32_t value = 2166136261u;
  for (size_t i = 0; i < text->size; ++i)
    value = (value ^ (unsigned char)text->at[i]) * 16777619u;
  return value;
}

/* Room for as many names as the graph can hold: every one is at least a field of two bytes. */
static int make_table(struct reading *reading, int most, const struct error *error) {
  reading->table_size = 16;
  while (reading->table_size < 2 * (uint32_t)most)
    reading->table_size *= 2;
  reading->table = arena_take(reading->arena, reading->table_size, sizeof *reading->table);
  reading->names = arena_take(reading->arena, (size_t)most + 1, sizeof *reading->names);
  return reading->table && reading->names ? PYEMU_OK : fail_memory(error);
}

/* The value of a name. The empty name is none. */
static int value_of(struct reading *reading, struct text name) {
  if (name.size == 0)
    return NO_VALUE;
  uint32_t at = hash(&name) & (reading->table_size - 1);
  for (; reading->table[at]; at = (at + 1) & (reading->table_size - 1)) {
    const struct text *known = &reading->names[reading->table[at] - 1];
    if (known->size == name.size && memcmp(known->at, name.at, name.size) == 0)
      return reading->table[at] - 1;
  }
  reading->names[reading->n_names] = name;
  reading->table[at] = ++reading->n_names;
  return reading->n_names - 1;
}

/* --- Tensors --- */

static size_t element_size(int32_t type) {
  switch (type) {
  case ONNX_FLOAT:
  case ONNX_INT32:
    return 4;
  case ONNX_INT64:
  case ONNX_DOUBLE:
    return 8;
  case ONNX_BOOL:
    return 1;
  default:
    return 0;
  }
}

/* One more size of a tensor: sizes of zero and products that overflow are refused later. */
static int add_dim(struct model_tensor *tensor, uint64_t size) {
  if (tensor->rank == MODEL_MAX_RANK || size > INT64_MAX)
    return 0;
  tensor->dims[tensor->rank++] = (int64_t)size;
  return 1;
}

static int read_dims(struct model_tensor *tensor, const struct wire_field *field) {
  struct wire_reader packed = field->bytes;
  uint64_t size;
  if (field->wire_type == WIRE_VARINT)
    return add_dim(tensor, field->value);
  while (packed.at < packed.end)
    if (!wire_varint(&packed, &size) || !add_dim(tensor, size))
      return 0;
  return field->wire_type == WIRE_BYTES;
}

/* Store a number of the field's own coding as element 'i' of the tensor's type. */
static void store(void *values, int32_t type, int64_t i, uint64_t bits) {
  const uint32_t low = (uint32_t)bits;
  if (type == ONNX_FLOAT || type == ONNX_INT32)
    memcpy((char *)values + 4 * i, &low, 4);
  else if (type == ONNX_BOOL)
    ((uint8_t *)values)[i] = bits != 0;
  else
    memcpy((char *)values + 8 * i, &bits, 8);
}

/* Number of bytes of one number in a packed list; 0: a varint. */
static int packed_size(uint32_t number) {
  return number == TENSOR_FLOATS ? 4 : number == TENSOR_DOUBLES ? 8 : 0;
}

static int read_packed(struct wire_reader r, int size, uint64_t *bits, struct wire_reader *rest) {
  if (size == 0) {
    int is_read = wire_varint(&r, bits);
    *rest = r;
    return is_read;
  }
  if (r.end - r.at < (size_t)size)
    return 0;
  *bits = 0;
  for (int i = size - 1; i >= 0; --i)
    *bits = *bits << 8 | r.file[r.at + (size_t)i];
  r.at += (size_t)size;
  *rest = r;
  return 1;
}

/* Values in a list of numbers, packed or one by one; returns how many there are, -1 if damaged. */
static int64_t read_list(struct model_tensor *tensor, struct wire_reader message, void *values) {
  struct wire_field field;
  uint64_t bits;
  int64_t n = 0;
  const uint32_t wanted = tensor->type == ONNX_FLOAT    ? TENSOR_FLOATS
                          : tensor->type == ONNX_DOUBLE ? TENSOR_DOUBLES
                          : tensor->type == ONNX_INT64  ? TENSOR_LONGS
                                                        : TENSOR_INTS;
  while (message.at < message.end) {
    if (!wire_next(&message, &field))
      return -1;
    if (field.number != wanted)
      continue;
    if (field.wire_type != WIRE_BYTES) {
      if (n < tensor->count)
        store(values, tensor->type, n, field.value);
      ++n;
      continue;
    }
    for (struct wire_reader r = field.bytes; r.at < r.end; ++n) {
      if (!read_packed(r, packed_size(wanted), &bits, &r))
        return -1;
      if (n < tensor->count)
        store(values, tensor->type, n, bits);
    }
  }
  return n;
}

/* The number of elements, if there can be so many in 'bytes' bytes; else -1. A number of a list
 * takes one byte at least. */
static int64_t count_elements(const struct model_tensor *tensor, size_t bytes) {
  int64_t count = 1;
  for (int i = 0; i < tensor->rank; ++i) {
    if (tensor->dims[i] == 0)
      return 0;
    if (count > (int64_t)bytes / tensor->dims[i])
      return -1;
    count *= tensor->dims[i];
  }
  return count;
}

static int fail_tensor(const struct model_tensor *tensor, const struct error *error) {
  return fail(error, PYEMU_ERR_FORMAT,
              "tensor '%.*s' of the graph has another number of values than its shape says",
              (int)(tensor->name.size < 100 ? tensor->name.size : 100), tensor->name.at);
}

static int read_values(struct reading *reading, struct model_tensor *tensor,
                       struct wire_reader message, const struct wire_reader *raw) {
  const size_t size = element_size(tensor->type);
  if (size == 0)
    return PYEMU_OK; /* who uses it will say that its type is not known */
  tensor->count = count_elements(tensor, message.end - message.at);
  if (tensor->count < 0)
    return fail_tensor(tensor, reading->error);
  void *values = arena_take(reading->arena, (size_t)tensor->count + 1, size);
  if (!values)
    return fail_memory(reading->error);
  tensor->values = values;
  if (raw->end > raw->at) {
    if (raw->end - raw->at != (size_t)tensor->count * size)
      return fail_tensor(tensor, reading->error);
    memcpy(values, raw->file + raw->at, raw->end - raw->at);
    return PYEMU_OK;
  }
  int64_t found = read_list(tensor, message, values);
  return found == tensor->count ? PYEMU_OK : fail_tensor(tensor, reading->error);
}

static int read_tensor(struct reading *reading, struct wire_reader message,
                       struct model_tensor *tensor) {
  struct wire_field field;
  struct wire_reader r = message, raw = {message.file, message.at, message.at};
  *tensor = (struct model_tensor){.name = {"", 0}};
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return fail_damaged(&message, reading->error);
    if (field.number == TENSOR_DIMS && !read_dims(tensor, &field))
      return fail(reading->error, PYEMU_ERR_UNSUPPORTED,
                  "a tensor of the graph has more than %d dimensions, or an impossible size",
                  MODEL_MAX_RANK);
    if (field.number == TENSOR_TYPE && field.wire_type == WIRE_VARINT)
      tensor->type = (int32_t)field.value;
    if (field.number == TENSOR_NAME && field.wire_type == WIRE_BYTES)
      tensor->name = text_of(&field.bytes);
    if (field.number == TENSOR_RAW && field.wire_type == WIRE_BYTES)
      raw = field.bytes;
  }
  return read_values(reading, tensor, message, &raw);
}

/* --- Nodes --- */

/* A list of integers or floats of an attribute: first counted, then kept. */
static int64_t read_numbers(struct wire_reader message, uint32_t number, int64_t *integers,
                            float *floats) {
  struct wire_field field;
  int64_t n = 0;
  uint64_t bits;
  while (message.at < message.end) {
    if (!wire_next(&message, &field))
      return -1;
    if (field.number != number)
      continue;
    struct wire_reader r = field.bytes;
    int is_packed = field.wire_type == WIRE_BYTES;
    while (!is_packed || r.at < r.end) {
      if (is_packed && !read_packed(r, number == ATTRIBUTE_FLOATS ? 4 : 0, &bits, &r))
        return -1;
      uint64_t value = is_packed ? bits : field.value;
      uint32_t low = (uint32_t)value;
      if (integers)
        integers[n] = (int64_t)value;
      if (floats)
        memcpy(&floats[n], &low, sizeof low);
      ++n;
      if (!is_packed)
        break;
    }
  }
  return n;
}

static int read_lists(struct reading *reading, struct wire_reader message,
                      struct model_attribute *attribute) {
  const int64_t n_integers = read_numbers(message, ATTRIBUTE_INTS, NULL, NULL);
  const int64_t n_numbers = read_numbers(message, ATTRIBUTE_FLOATS, NULL, NULL);
  if (n_integers < 0 || n_numbers < 0)
    return fail_damaged(&message, reading->error);
  int64_t *integers = arena_take(reading->arena, (size_t)n_integers + 1, sizeof *integers);
  float *numbers = arena_take(reading->arena, (size_t)n_numbers + 1, sizeof *numbers);
  if (!integers || !numbers)
    return fail_memory(reading->error);
  read_numbers(message, ATTRIBUTE_INTS, integers, NULL);
  read_numbers(message, ATTRIBUTE_FLOATS, NULL, numbers);
  attribute->n_integers = n_integers;
  attribute->integers = integers;
  attribute->n_numbers = n_numbers;
  attribute->numbers = numbers;
  return PYEMU_OK;
}

/* A list of texts. */
static int read_texts(struct reading *reading, struct wire_reader message,
                      struct model_attribute *attribute) {
  struct wire_field field;
  const int count = count_fields(message, ATTRIBUTE_STRINGS);
  struct text *texts =
      arena_take(reading->arena, (size_t)(count < 0 ? 0 : count) + 1, sizeof *texts);
  if (count < 0)
    return fail_damaged(&message, reading->error);
  if (!texts)
    return fail_memory(reading->error);
  for (struct wire_reader r = message; r.at < r.end && wire_next(&r, &field);)
    if (field.number == ATTRIBUTE_STRINGS && field.wire_type == WIRE_BYTES)
      texts[attribute->n_texts++] = text_of(&field.bytes);
  attribute->texts = texts;
  return PYEMU_OK;
}

static int read_attribute(struct reading *reading, struct wire_reader message,
                          struct model_attribute *attribute) {
  struct wire_field field;
  struct wire_reader r = message;
  int status = PYEMU_OK;
  *attribute = (struct model_attribute){.name = {"", 0}, .text = {"", 0}};
  while (status == PYEMU_OK && r.at < r.end) {
    if (!wire_next(&r, &field))
      return fail_damaged(&message, reading->error);
    const int is_bytes = field.wire_type == WIRE_BYTES;
    const uint32_t low = (uint32_t)field.value;
    if (field.number == ATTRIBUTE_NAME && is_bytes)
      attribute->name = text_of(&field.bytes);
    else if (field.number == ATTRIBUTE_F && field.wire_type == WIRE_32)
      memcpy(&attribute->number, &low, sizeof low);
    else if (field.number == ATTRIBUTE_I && field.wire_type == WIRE_VARINT)
      attribute->integer = (int64_t)field.value;
    else if (field.number == ATTRIBUTE_S && is_bytes)
      attribute->text = text_of(&field.bytes);
    else if (field.number == ATTRIBUTE_T && is_bytes)
      attribute->has_tensor = (status = read_tensor(reading, field.bytes, &attribute->tensor)) == 0;
  }
  if (status == PYEMU_OK)
    status = read_lists(reading, message, attribute);
  return status == PYEMU_OK ? read_texts(reading, message, attribute) : status;
}

static int read_node(struct reading *reading, struct wire_reader message, struct model_node *node) {
  struct wire_field field;
  struct wire_reader r = message;
  const int n_inputs = count_fields(message, NODE_INPUT);
  const int n_outputs = count_fields(message, NODE_OUTPUT);
  const int n_attributes = count_fields(message, NODE_ATTRIBUTE);
  if (n_inputs < 0)
    return fail_damaged(&message, reading->error);
  int *inputs = arena_take(reading->arena, (size_t)n_inputs + 1, sizeof *inputs);
  int *outputs = arena_take(reading->arena, (size_t)n_outputs + 1, sizeof *outputs);
  struct model_attribute *attributes =
      arena_take(reading->arena, (size_t)n_attributes + 1, sizeof *attributes);
  if (!inputs || !outputs || !attributes)
    return fail_memory(reading->error);
  *node = (struct model_node){.type = {"", 0}, .domain = {"", 0}};
  node->inputs = inputs;
  node->outputs = outputs;
  node->attributes = attributes;
  while (r.at < r.end && wire_next(&r, &field)) {
    int status = PYEMU_OK;
    if (field.wire_type != WIRE_BYTES)
      continue;
    if (field.number == NODE_INPUT)
      inputs[node->n_inputs++] = value_of(reading, text_of(&field.bytes));
    else if (field.number == NODE_OUTPUT)
      outputs[node->n_outputs++] = value_of(reading, text_of(&field.bytes));
    else if (field.number == NODE_TYPE)
      node->type = text_of(&field.bytes);
    else if (field.number == NODE_DOMAIN)
      node->domain = text_of(&field.bytes);
    else if (field.number == NODE_ATTRIBUTE)
      status = read_attribute(reading, field.bytes, &attributes[node->n_attributes++]);
    if (status != PYEMU_OK)
      return status;
  }
  return PYEMU_OK;
}

/* --- Graph --- */

static int read_shape(struct wire_reader r, struct model_port *port) {
  struct wire_field field, inner;
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return 0;
    if (field.number != SHAPE_DIM || field.wire_type != WIRE_BYTES)
      continue;
    if (port->rank == MODEL_MAX_RANK)
      return 0;
    int64_t *size = &port->dims[port->rank++];
    *size = -1;
    for (struct wire_reader dim = field.bytes; dim.at < dim.end;) {
      if (!wire_next(&dim, &inner))
        return 0;
      if (inner.number == DIM_VALUE && inner.wire_type == WIRE_VARINT && inner.value <= INT64_MAX)
        *size = (int64_t)inner.value;
    }
  }
  return 1;
}

/* The tensor type inside a port's type. */
static int read_type(struct wire_reader r, struct model_port *port) {
  struct wire_field field, inner;
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return 0;
    if (field.number != TYPE_TENSOR || field.wire_type != WIRE_BYTES)
      continue;
    for (struct wire_reader tensor = field.bytes; tensor.at < tensor.end;) {
      if (!wire_next(&tensor, &inner))
        return 0;
      if (inner.number == TENSOR_TYPE_ELEMENT && inner.wire_type == WIRE_VARINT)
        port->type = (int32_t)inner.value;
      if (inner.number == TENSOR_TYPE_SHAPE && inner.wire_type == WIRE_BYTES &&
          !read_shape(inner.bytes, port))
        return 0;
    }
  }
  return 1;
}

static int read_port(struct reading *reading, struct wire_reader message, struct model_port *port) {
  struct wire_field field;
  struct wire_reader r = message;
  *port = (struct model_port){.value = NO_VALUE};
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return fail_damaged(&message, reading->error);
    if (field.number == PORT_NAME && field.wire_type == WIRE_BYTES)
      port->value = value_of(reading, text_of(&field.bytes));
    if (field.number == PORT_TYPE && field.wire_type == WIRE_BYTES && !read_type(field.bytes, port))
      return fail_damaged(&message, reading->error);
  }
  return PYEMU_OK;
}

/* All that names can come from: inputs and outputs of nodes and of the graph, and constants. */
static int count_names(struct wire_reader r) {
  struct wire_field field;
  int count = 0;
  while (r.at < r.end && wire_next(&r, &field)) {
    if (field.wire_type != WIRE_BYTES)
      continue;
    if (field.number == GRAPH_NODE)
      count += count_fields(field.bytes, NODE_INPUT) + count_fields(field.bytes, NODE_OUTPUT) + 2;
    if (field.number == GRAPH_CONSTANT || field.number == GRAPH_INPUT ||
        field.number == GRAPH_OUTPUT)
      ++count;
  }
  return count;
}

struct lists {
  struct model_node *nodes;
  struct model_tensor *constants;
  int *constant_values;
  struct model_port *inputs;
  struct model_port *outputs;
};

static int take_lists(struct reading *reading, const struct wire_reader *graph,
                      struct lists *lists) {
  const int n_nodes = count_fields(*graph, GRAPH_NODE);
  const int n_constants = count_fields(*graph, GRAPH_CONSTANT);
  const int n_inputs = count_fields(*graph, GRAPH_INPUT);
  const int n_outputs = count_fields(*graph, GRAPH_OUTPUT);
  if (n_nodes < 0)
    return fail_damaged(graph, reading->error);
  struct arena *arena = reading->arena;
  lists->nodes = arena_take(arena, (size_t)n_nodes + 1, sizeof *lists->nodes);
  lists->constants = arena_take(arena, (size_t)n_constants + 1, sizeof *lists->constants);
  lists->constant_values = arena_take(arena, (size_t)n_constants + 1, sizeof(int));
  lists->inputs = arena_take(arena, (size_t)n_inputs + 1, sizeof *lists->inputs);
  lists->outputs = arena_take(arena, (size_t)n_outputs + 1, sizeof *lists->outputs);
  if (!lists->nodes || !lists->constants || !lists->constant_values || !lists->inputs ||
      !lists->outputs)
    return fail_memory(reading->error);
  return make_table(reading, count_names(*graph), reading->error);
}

static int read_entry(struct reading *reading, const struct wire_field *field,
                      struct lists *lists) {
  struct model *model = reading->model;
  int status = PYEMU_OK;
  if (field->number == GRAPH_NODE)
    status = read_node(reading, field->bytes, &lists->nodes[model->n_nodes++]);
  else if (field->number == GRAPH_INPUT)
    status = read_port(reading, field->bytes, &lists->inputs[model->n_inputs++]);
  else if (field->number == GRAPH_OUTPUT)
    status = read_port(reading, field->bytes, &lists->outputs[model->n_outputs++]);
  else if (field->number == GRAPH_SPARSE)
    status = fail(reading->error, PYEMU_ERR_UNSUPPORTED, "the graph has sparse constants");
  else if (field->number == GRAPH_CONSTANT) {
    struct model_tensor *constant = &lists->constants[model->n_constants];
    status = read_tensor(reading, field->bytes, constant);
    lists->constant_values[model->n_constants++] =
        status == PYEMU_OK ? value_of(reading, constant->name) : NO_VALUE;
  }
  return status;
}

/* What is an input and a constant of the same name is a constant. */
static int drop_constant_inputs(struct reading *reading, struct model_port *inputs) {
  struct model *model = reading->model;
  char *is_constant = arena_take(reading->arena, (size_t)model->n_values + 1, 1);
  if (!is_constant)
    return fail_memory(reading->error);
  for (int i = 0; i < model->n_constants; ++i)
    if (model->constant_values[i] != NO_VALUE)
      is_constant[model->constant_values[i]] = 1;
  int kept = 0;
  for (int i = 0; i < model->n_inputs; ++i)
    if (inputs[i].value != NO_VALUE && !is_constant[inputs[i].value])
      inputs[kept++] = inputs[i];
  model->n_inputs = kept;
  return PYEMU_OK;
}

static int read_graph(struct reading *reading, struct wire_reader graph) {
  struct model *model = reading->model;
  struct wire_field field;
  struct lists lists = {NULL, NULL, NULL, NULL, NULL};
  int status = take_lists(reading, &graph, &lists);
  model->nodes = lists.nodes;
  model->constants = lists.constants;
  model->constant_values = lists.constant_values;
  model->inputs = lists.inputs;
  model->outputs = lists.outputs;
  for (struct wire_reader r = graph; status == PYEMU_OK && r.at < r.end;) {
    if (!wire_next(&r, &field))
      return fail_damaged(&graph, reading->error);
    if (field.wire_type == WIRE_BYTES)
      status = read_entry(reading, &field, &lists);
  }
  model->n_values = reading->n_names;
  if (status == PYEMU_OK)
    status = drop_constant_inputs(reading, lists.inputs);
  model->names = reading->names;
  return status;
}

static int read_opset(struct wire_reader message, struct model *model) {
  struct wire_field field;
  struct wire_reader domain = {message.file, message.at, message.at};
  int64_t version = 0;
  while (message.at < message.end) {
    if (!wire_next(&message, &field))
      return 0;
    if (field.number == OPSET_DOMAIN && field.wire_type == WIRE_BYTES)
      domain = field.bytes;
    if (field.number == OPSET_VERSION && field.wire_type == WIRE_VARINT)
      version = (int64_t)field.value;
  }
  if (domain.at == domain.end || wire_bytes_are(&domain, "ai.onnx"))
    model->opset = version;
  return 1;
}

int model_read(struct model *model, struct arena *arena, const void *bytes, size_t size,
               const struct error *error) {
  struct reading reading = {.model = model, .arena = arena, .error = error};
  struct wire_reader r = {bytes, 0, size}, graph = {bytes, 0, 0};
  struct wire_field field;
  *model = (struct model){.opset = 0};
  if (!arena->most)
    arena->most = LEAST_MEMORY + MEMORY_PER_BYTE * size;
  while (r.at < r.end) {
    if (!wire_next(&r, &field))
      return fail_damaged(&r, error);
    if (field.wire_type != WIRE_BYTES)
      continue;
    if (field.number == MODEL_GRAPH)
      graph = field.bytes;
    if (field.number == MODEL_OPSET && !read_opset(field.bytes, model))
      return fail_damaged(&r, error);
  }
  return read_graph(&reading, graph);
}

const struct model_attribute *model_attribute(const struct model_node *node, const char *name) {
  for (int i = 0; i < node->n_attributes; ++i)
    if (text_is(&node->attributes[i].name, name))
      return &node->attributes[i];
  return NULL;
}

int64_t model_integer(const struct model_node *node, const char *name, int64_t missing) {
  const struct model_attribute *attribute = model_attribute(node, name);
  return attribute ? attribute->integer : missing;
}

float model_number(const struct model_node *node, const char *name, float missing) {
  const struct model_attribute *attribute = model_attribute(node, name);
  return attribute ? attribute->number : missing;
}
