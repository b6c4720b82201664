/*
 * plan.h - a graph as a list of steps, each a loop over elements of which every one is a row of
 * lanes: the columns of a tile.
 */
#ifndef NATIVE_PLAN_H
#define NATIVE_PLAN_H

#include "engines/native/kernels.h"
#include "engines/native/view.h"

enum { STEP_MAX_LOOPS = VIEW_MAX_FACTORS, STEP_MAX_INPUTS = 3, MOST_TOGETHER = 64 };

/* A place of a view or operand: 0 and more is a buffer of the workspace, less is a constant. */
#define CONSTANT_PLACE(index) (-1 - (index))

/* What a step reads or writes. Offset and strides count elements. */
struct operand {
  int place;
  int64_t offset;
  int64_t strides[STEP_MAX_LOOPS]; /* by loop; 0 where the operand is repeated */
};

enum step_kind { STEP_UNARY, STEP_BINARY, STEP_SELECT, STEP_CONVERT, STEP_REDUCE, STEP_PRODUCT };

/*
 * Sums of products with constant weights, PRODUCT_PART inputs at a time: out[o] = bias[o] + sum
 * over i of weights[i][o] * in[i]. Weights are packed in blocks of PRODUCT_BLOCK outputs, each
 * block by input; the last is filled with zeros, as is the bias. For one lane they are there once
 * more, in blocks of SINGLE_BLOCK outputs (the last one narrower): one stream for as many sums as
 * the registers hold.
 */
struct product {
  int64_t n_inputs;
  int64_t n_outputs;
  int64_t in_stride;      /* elements from one input to the next, */
  const int64_t *offsets; /* or by input, or NULL */
  int64_t out_stride;
  const void *weights;
  const void *single_weights;
  const void *bias;
  int is_relu; /* negative results become zero */
};

struct step {
  enum step_kind kind;
  int function;           /* of its kind */
  enum element element;   /* of the inputs, and of the output of all but STEP_CONVERT */
  enum element converted; /* of the output of STEP_CONVERT */
  int n_loops;
  int is_dense; /* one loop, buffers adjacent along it, constants repeated: one call does it */
  int together; /* this step and those behind it go through their elements together: 1 or more */
  int64_t sizes[STEP_MAX_LOOPS];
  struct operand out;
  struct operand in[STEP_MAX_INPUTS];
  double parameters[2];
  int64_t n_reduced;      /* of STEP_REDUCE: elements of in[0] for one of the output, */
  const int64_t *reduced; /* and their distances from the first */
  const struct product *product;
};

static inline int step_n_inputs(const struct step *step) {
  return step->kind == STEP_BINARY ? 2 : step->kind == STEP_SELECT ? 3 : 1;
}

/* Elements of the output of a dense step. */
static inline int64_t step_count(const struct step *step) {
  return step->n_loops ? step->sizes[0] : 1;
}

/* A dense tensor of the workspace. 'start' counts units of four bytes and one lane. */
struct buffer {
  enum element element;
  int64_t count;
  int parent; /* a buffer that this one is a part of, or -1 */
  int64_t parent_offset;
  int first, last; /* steps that use it */
  int64_t start;
};

struct constant {
  enum element element;
  int64_t count;
  void *values;
};

struct plan {
  struct kernels kernels;
  enum element real; /* what float32 of the graph, and logical values, are computed in */
  int n_steps;
  struct step *steps;
  int n_buffers;
  struct buffer *buffers;
  int n_constants;
  struct constant *constants;
  int64_t units; /* of the workspace, for one lane */
  int n_inputs;
  struct view *inputs; /* packed, in buffers of their own */
  int n_outputs;
  struct view *outputs;
};

/* Make the plan of a graph; it lies in the arena. 'real' is ELEMENT_FLOAT32, or ELEMENT_FLOAT64 to
 * widen all that is float32: then nothing is rounded to it. Errors: UNSUPPORTED, GRAPH, MEMORY. */
int plan_make(struct plan *plan, const struct model *model, enum element real, struct arena *arena,
              const struct error *error);

/*
 * What a step does with one lane in a workspace, if it is one product: all that its run needs in
 * one place. Weights go through the first-level cache and leave nothing of the plan there, so what
 * is looked up between products is waited for. Of other steps the kernel is NULL.
 */
struct prepared {
  product_kernel *kernel;
  struct product_call call;
};

/* 'prepared' has an element for each step. */
void plan_prepare(const struct plan *plan, char *workspace, struct prepared *prepared);

/* Run one step, or all, on a tile of so many lanes. 'prepared' is for this workspace and one lane;
 * else NULL. */
void plan_run_step(const struct plan *plan, const struct step *step, char *workspace,
                   int64_t lanes);
void plan_run(const struct plan *plan, char *workspace, int64_t lanes,
              const struct prepared *prepared);

/* Where an element of a place lies in the workspace, or in the constants. */
char *plan_address(const struct plan *plan, int place, int64_t offset, enum element element,
                   char *workspace, int64_t lanes);

#endif
