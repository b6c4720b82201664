/*
 * kernels.h - the arithmetic of the engine, once for every kind of processor.
 *
 * All kinds give the same bits: every element is made by the same operations of IEEE 754 in the
 * same order, a fused multiply-add where it says so, whatever the width of a vector.
 */
#ifndef NATIVE_KERNELS_H
#define NATIVE_KERNELS_H

#include <stdint.h>

/* Outputs of a block of packed weights: for columns in the lanes, and for one column. */
enum { PRODUCT_BLOCK = 16, SINGLE_BLOCK = 128 };

/* Products that are added up by themselves, from zero on: the sums of so many each are added to the
 * bias, in order. A long chain would be rounded at every step to the accuracy of all of it. */
enum { PRODUCT_PART = 128 };

/* Reductions deal their elements out to so many results, which are then joined in order: for the
 * same reason. */
enum { REDUCE_PARTS = 4 };

/* Real types: the first index of the tables below. */
enum { REAL_FLOAT32, REAL_FLOAT64, N_REALS };

enum unary {
  UNARY_COPY,
  UNARY_NEGATE,
  UNARY_ABSOLUTE,
  UNARY_RECIPROCAL,
  UNARY_SQUARE_ROOT,
  UNARY_FLOOR,
  UNARY_CEILING,
  UNARY_ROUND,
  UNARY_SIGN,
  UNARY_NOT,
  UNARY_IS_NAN,
  UNARY_RELU,
  UNARY_LEAKY_RELU, /* parameters: slope */
  UNARY_ELU,        /* parameters: slope, scale */
  UNARY_HARD_SIGMOID,
  UNARY_EXPONENTIAL,
  UNARY_LOGARITHM,
  UNARY_SIGMOID,
  UNARY_TANH,
  UNARY_SOFTPLUS,
  UNARY_ERROR_FUNCTION,
  UNARY_SINE,
  UNARY_COSINE,
  UNARY_TANGENT,
  UNARY_ARC_SINE,
  UNARY_ARC_COSINE,
  UNARY_ARC_TANGENT,
  UNARY_HYPERBOLIC_SINE,
  UNARY_HYPERBOLIC_COSINE,
  UNARY_AREA_SINE,
  UNARY_AREA_COSINE,
  UNARY_AREA_TANGENT,
  N_UNARY
};

enum binary {
  BINARY_ADD,
  BINARY_SUBTRACT,
  BINARY_MULTIPLY,
  BINARY_DIVIDE,
  BINARY_MINIMUM,
  BINARY_MAXIMUM,
  BINARY_POWER,
  BINARY_LESS,
  BINARY_LESS_OR_EQUAL,
  BINARY_EQUAL,
  BINARY_AND,
  BINARY_OR,
  BINARY_XOR,
  N_BINARY
};

enum reduction { REDUCE_SUM, REDUCE_MINIMUM, REDUCE_MAXIMUM, REDUCE_PRODUCT, N_REDUCTIONS };

/* One call for the outputs of a product: strides and offsets count numbers, lanes included. */
struct product_call {
  void *out;
  int64_t out_stride;
  const void *in;
  int64_t in_stride;
  const int64_t *offsets; /* by input, in 'offset_scale' numbers; or NULL */
  int64_t offset_scale;
  int64_t n_inputs;
  int64_t n_outputs;
  int64_t lanes;
  const void *weights;
  const void *single_weights;
  const void *bias;
  int is_relu;
};

/* Functions on 'n' adjacent numbers. A step of 0 repeats one number, 1 goes along. The output may
 * be an input. */
typedef void unary_kernel(void *out, const void *in, int step, int64_t n, const double *parameters);
typedef void binary_kernel(void *out, const void *a, int a_step, const void *b, int b_step,
                           int64_t n);
typedef void select_kernel(void *out, const void *condition, int condition_step, const void *a,
                           int a_step, const void *b, int b_step, int64_t n);
typedef void reduce_kernel(void *out, const void *in, const int64_t *offsets, int64_t stride,
                           int64_t count, int64_t n);
typedef void product_kernel(const struct product_call *call);

struct kernels {
  const char *name;
  unary_kernel *unary[N_REALS][N_UNARY];
  binary_kernel *binary[N_REALS][N_BINARY];
  select_kernel *select[N_REALS];
  reduce_kernel *reduce[N_REALS][N_REDUCTIONS];
  product_kernel *product[N_REALS];
};

/* The kernels for this processor. The environment variable PYEMU_NATIVE_KERNELS asks for others,
 * "avx512", "avx2", "neon" or "scalar"; 0 if there are none of that name, or this processor cannot
 * run them. */
int kernels_find(struct kernels *kernels);

#endif
