/* model.h - the graph in an ONNX file, as it is written there. */
#ifndef NATIVE_MODEL_H
#define NATIVE_MODEL_H

#include <stdint.h>

#include "engines/native/arena.h"
#include "error.h"

enum { MODEL_MAX_RANK = 8 };

/* Element types, with ONNX's numbers. */
enum { ONNX_FLOAT = 1, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9, ONNX_DOUBLE = 11 };

/* A text in the file; not null-terminated. */
struct text {
  const char *at;
  size_t size;
};

/* A constant. 'values' are in the machine's order: float, int32_t, int64_t, uint8_t or double. */
struct model_tensor {
  struct text name;
  int32_t type;
  int rank;
  int64_t dims[MODEL_MAX_RANK];
  int64_t count;
  const void *values;
};

struct model_attribute {
  struct text name;
  float number;
  int64_t integer;
  struct text text;
  struct model_tensor tensor;
  int has_tensor;
  int64_t n_numbers;
  const float *numbers;
  int64_t n_integers;
  const int64_t *integers;
  int n_texts;
  const struct text *texts;
};

/* Inputs and outputs are indices of values; NO_VALUE where an optional one is left out. */
enum { NO_VALUE = -1 };

struct model_node {
  struct text type;
  struct text domain;
  int n_inputs;
  const int *inputs;
  int n_outputs;
  const int *outputs;
  int n_attributes;
  const struct model_attribute *attributes;
};

/* An input or output of the graph: shape entries are -1 where the size has a name or none. */
struct model_port {
  int value;
  int32_t type;
  int rank;
  int64_t dims[MODEL_MAX_RANK];
};

struct model {
  int64_t opset; /* of ONNX's own operators */
  int n_values;
  const struct text *names; /* by value */
  int n_nodes;
  const struct model_node *nodes;
  int n_constants;
  const struct model_tensor *constants;
  const int *constant_values; /* the value of each constant */
  int n_inputs;               /* without those that are constants */
  const struct model_port *inputs;
  int n_outputs;
  const struct model_port *outputs;
};

/* Read the graph; all of it lies in the arena and in the file. If the arena has no limit yet, it is
 * given one by the size of the file. Errors: FORMAT, UNSUPPORTED, MEMORY. */
int model_read(struct model *model, struct arena *arena, const void *bytes, size_t size,
               const struct error *error);

/* The attribute, or NULL. */
const struct model_attribute *model_attribute(const struct model_node *node, const char *name);

/* Its integer or number, or the default. */
int64_t model_integer(const struct model_node *node, const char *name, int64_t missing);
float model_number(const struct model_node *node, const char *name, float missing);

int text_is(const struct text *text, const char *other);

#endif
