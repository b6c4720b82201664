/* run.c - the steps of a plan on one tile of columns. */
#include <string.h>

#include "engines/native/plan.h"

enum {
  MAX_OPERANDS = 1 + STEP_MAX_INPUTS,
  MAX_DIMS = STEP_MAX_LOOPS + 1,
  CHUNK = 256,
  SHORT_LOOP = 8,
  PIECE = 1024 /* numbers: of a few operands they stay in the first-level cache */
};

/* An operand on its way: its next element, and strides in bytes. */
struct walker {
  char *at;
  int64_t strides[MAX_DIMS];
  size_t size; /* of a number */
};

/* The loops of a step, with that over the lanes as the last. */
struct walk {
  int n_operands;
  struct walker operands[MAX_OPERANDS]; /* the output first */
  int n_dims;
  int64_t sizes[MAX_DIMS];
};

char *plan_address(const struct plan *plan, int place, int64_t offset, enum element element,
                   char *workspace, int64_t lanes) {
  const int64_t size = (int64_t)element_bytes(element);
  if (place < 0)
    return (char *)plan->constants[CONSTANT_PLACE(place)].values + offset * size;
  return workspace + (plan->buffers[place].start * 4 + offset * size) * lanes;
}

static int real_of(enum element element) {
  return element == ELEMENT_FLOAT64 ? REAL_FLOAT64 : REAL_FLOAT32;
}

static void add_operand(struct walk *walk, const struct plan *plan, const struct step *step,
                        const struct operand *operand, enum element element, char *workspace,
                        int64_t lanes) {
  struct walker *walker = &walk->operands[walk->n_operands++];
  const int64_t size = (int64_t)element_bytes(element);
  const int64_t element_size = operand->place < 0 ? size : size * lanes;
  walker->size = (size_t)size;
  walker->at = plan_address(plan, operand->place, operand->offset, element, workspace, lanes);
  for (int i = 0; i < step->n_loops; ++i)
    walker->strides[i] = operand->strides[i] * element_size;
  walker->strides[step->n_loops] = operand->place < 0 ? 0 : size;
}

static int can_join(const struct walk *walk, int outer, int inner) {
  for (int i = 0; i < walk->n_operands; ++i) {
    const int64_t *strides = walk->operands[i].strides;
    if (strides[outer] != strides[inner] * walk->sizes[inner])
      return 0;
  }
  return 1;
}

/* Join loops that are one in the memory of all operands. */
static void join_loops(struct walk *walk) {
  int kept = walk->n_dims - 1; /* loops from 'kept' on are done */
  for (int i = walk->n_dims - 2; i >= 0; --i) {
    if (can_join(walk, i, kept)) {
      walk->sizes[kept] *= walk->sizes[i];
      continue;
    }
    --kept;
    walk->sizes[kept] = walk->sizes[i];
    for (int k = 0; k < walk->n_operands; ++k)
      walk->operands[k].strides[kept] = walk->operands[k].strides[i];
  }
  walk->n_dims -= kept;
  memmove(walk->sizes, walk->sizes + kept, (size_t)walk->n_dims * sizeof walk->sizes[0]);
  for (int k = 0; k < walk->n_operands; ++k)
    memmove(walk->operands[k].strides, walk->operands[k].strides + kept,
            (size_t)walk->n_dims * sizeof walk->sizes[0]);
}

/* With one lane, a short innermost loop changes places with the longest. */
static void put_longest_inside(struct walk *walk) {
  const int inner = walk->n_dims - 1;
  int longest = inner;
  for (int i = 0; i < inner; ++i)
    if (walk->sizes[i] > walk->sizes[longest])
      longest = i;
  if (walk->sizes[inner] >= SHORT_LOOP || longest == inner)
    return;
  const int64_t size = walk->sizes[inner];
  walk->sizes[inner] = walk->sizes[longest];
  walk->sizes[longest] = size;
  for (int k = 0; k < walk->n_operands; ++k) {
    int64_t *strides = walk->operands[k].strides, stride = strides[inner];
    strides[inner] = strides[longest];
    strides[longest] = stride;
  }
}

static void make_walk(struct walk *walk, const struct plan *plan, const struct step *step,
                      int n_inputs, enum element out, char *workspace, int64_t lanes) {
  walk->n_operands = 0;
  add_operand(walk, plan, step, &step->out, out, workspace, lanes);
  for (int i = 0; i < n_inputs; ++i)
    add_operand(walk, plan, step, &step->in[i], step->element, workspace, lanes);
  memcpy(walk->sizes, step->sizes, (size_t)step->n_loops * sizeof step->sizes[0]);
  walk->sizes[step->n_loops] = lanes;
  walk->n_dims = step->n_loops + 1;
  if (lanes == 1 && step->n_loops > 0)
    --walk->n_dims;
  join_loops(walk);
  if (lanes == 1)
    put_longest_inside(walk);
}

/* Step to the next index of the outer 'n_dims' loops; 0 at the end. */
static int advance(struct walk *walk, int64_t *index, int n_dims) {
  for (int i = n_dims - 1; i >= 0; --i) {
    const int is_done = ++index[i] == walk->sizes[i];
    const int64_t steps = is_done ? 1 - walk->sizes[i] : 1;
    for (int k = 0; k < walk->n_operands; ++k)
      walk->operands[k].at += steps * walk->operands[k].strides[i];
    if (!is_done)
      return 1;
    index[i] = 0;
  }
  return 0;
}

/* --- Functions of elements --- */

struct run_of_numbers {
  char *at[MAX_OPERANDS];
  int steps[MAX_OPERANDS]; /* 0 or 1 */
};

static void call_kernel(const struct plan *plan, const struct step *step,
                        const struct run_of_numbers *r, int64_t n) {
  const int real = real_of(step->element);
  if (step->kind == STEP_UNARY)
    plan->kernels.unary[real][step->function](r->at[0], r->at[1], r->steps[1], n, step->parameters);
  else if (step->kind == STEP_BINARY)
    plan->kernels.binary[real][step->function](r->at[0], r->at[1], r->steps[1], r->at[2],
                                               r->steps[2], n);
  else
    plan->kernels.select[real](r->at[0], r->at[1], r->steps[1], r->at[2], r->steps[2], r->at[3],
                               r->steps[3], n);
}

static void copy_strided(char *to, int64_t to_stride, const char *from, int64_t from_stride,
                         size_t size, int64_t n) {
  if (size == 4)
    for (int64_t i = 0; i < n; ++i)
      memcpy(to + i * to_stride, from + i * from_stride, 4);
  else
    for (int64_t i = 0; i < n; ++i)
      memcpy(to + i * to_stride, from + i * from_stride, 8);
}

/* The innermost loop where elements of some operands are not adjacent: these by way of copies. */
static void run_strided(const struct plan *plan, const struct step *step, const struct walk *walk) {
  _Alignas(64) char copies[MAX_OPERANDS][CHUNK * 8];
  const int inner = walk->n_dims - 1;
  for (int64_t i = 0, n; i < walk->sizes[inner]; i += n) {
    struct run_of_numbers r;
    n = walk->sizes[inner] - i < CHUNK ? walk->sizes[inner] - i : CHUNK;
    for (int k = 0; k < walk->n_operands; ++k) {
      const struct walker *w = &walk->operands[k];
      const int64_t stride = w->strides[inner];
      const int is_direct = stride == (int64_t)w->size || (k > 0 && stride == 0);
      r.at[k] = is_direct ? w->at + i * stride : copies[k];
      r.steps[k] = stride != 0;
      if (k > 0 && !is_direct)
        copy_strided(copies[k], (int64_t)w->size, w->at + i * stride, stride, w->size, n);
    }
    call_kernel(plan, step, &r, n);
    const struct walker *out = &walk->operands[0];
    if (r.at[0] == copies[0])
      copy_strided(out->at + i * out->strides[inner], out->strides[inner], copies[0],
                   (int64_t)out->size, out->size, n);
  }
}

/* The innermost loop of a copy. */
static void run_copy(const struct walk *walk) {
  const int inner = walk->n_dims - 1;
  const struct walker *out = &walk->operands[0], *in = &walk->operands[1];
  copy_strided(out->at, out->strides[inner], in->at, in->strides[inner], out->size,
               walk->sizes[inner]);
}

static int is_adjacent(const struct walk *walk) {
  const int inner = walk->n_dims - 1;
  for (int k = 0; k < walk->n_operands; ++k) {
    const int64_t stride = walk->operands[k].strides[inner];
    if (walk->sizes[inner] > 1 && stride != (int64_t)walk->operands[k].size &&
        !(k > 0 && stride == 0))
      return 0;
  }
  return 1;
}

/* The usual case without the search for loops. */
static struct run_of_numbers dense_run(const struct plan *plan, const struct step *step,
                                       char *workspace, int64_t lanes) {
  struct run_of_numbers r;
  for (int k = 0; k <= step_n_inputs(step); ++k) {
    const struct operand *operand = k == 0 ? &step->out : &step->in[k - 1];
    r.at[k] = plan_address(plan, operand->place, operand->offset, step->element, workspace, lanes);
    r.steps[k] = operand->place >= 0;
  }
  return r;
}

static void run_dense(const struct plan *plan, const struct step *step, char *workspace,
                      int64_t lanes) {
  const struct run_of_numbers r = dense_run(plan, step, workspace, lanes);
  call_kernel(plan, step, &r, step_count(step) * lanes);
}

/* Steps that run together do so piece by piece: what one writes, the next finds in the cache. */
static void run_together(const struct plan *plan, const struct step *steps, char *workspace,
                         int64_t lanes) {
  const int64_t count = step_count(steps) * lanes;
  const int64_t size = (int64_t)element_bytes(steps->element);
  struct run_of_numbers runs[MOST_TOGETHER];
  for (int i = 0; i < steps->together; ++i)
    runs[i] = dense_run(plan, &steps[i], workspace, lanes);
  for (int64_t left = count; left > 0; left -= PIECE)
    for (int i = 0; i < steps->together; ++i) {
      struct run_of_numbers *r = &runs[i];
      call_kernel(plan, &steps[i], r, left < PIECE ? left : PIECE);
      for (int k = 0; k <= step_n_inputs(&steps[i]); ++k)
        r->at[k] += r->steps[k] * PIECE * size;
    }
}

static void run_elements(const struct plan *plan, const struct step *step, int n_inputs,
                         char *workspace, int64_t lanes) {
  if (step->is_dense) {
    run_dense(plan, step, workspace, lanes);
    return;
  }
  struct walk walk;
  int64_t index[MAX_DIMS] = {0};
  make_walk(&walk, plan, step, n_inputs, step->element, workspace, lanes);
  const int inner = walk.n_dims - 1, adjacent = is_adjacent(&walk);
  const int is_copy = step->kind == STEP_UNARY && step->function == UNARY_COPY;
  do {
    struct run_of_numbers r;
    if (!adjacent) {
      if (is_copy)
        run_copy(&walk);
      else
        run_strided(plan, step, &walk);
      continue;
    }
    for (int k = 0; k < walk.n_operands; ++k) {
      r.at[k] = walk.operands[k].at;
      r.steps[k] = walk.operands[k].strides[inner] != 0;
    }
    call_kernel(plan, step, &r, walk.sizes[inner]);
  } while (advance(&walk, index, inner));
}

/* --- Conversion --- */

#define DEFINE_CONVERT(NAME, FROM, TO)                                                             \
  static void NAME(char *to, int64_t to_stride, const char *from, int64_t from_stride,             \
                   int64_t n) {                                                                    \
    if (to_stride == (int64_t)sizeof(TO) && from_stride == (int64_t)sizeof(FROM)) {                \
      for (int64_t i = 0; i < n; ++i)                                                              \
        ((TO *)(void *)to)[i] = (TO)((const FROM *)(const void *)from)[i];                         \
      return;                                                                                      \
    }                                                                                              \
    for (int64_t i = 0; i < n; ++i)                                                                \
      *(TO *)(void *)(to + i * to_stride) =                                                        \
          (TO) * (const FROM *)(const void *)(from + i * from_stride);                             \
  }

DEFINE_CONVERT(float_to_double, float, double)
DEFINE_CONVERT(double_to_float, double, float)
DEFINE_CONVERT(integer_to_float, int32_t, float)
DEFINE_CONVERT(integer_to_double, int32_t, double)

typedef void convert_function(char *, int64_t, const char *, int64_t, int64_t);

/* From and to; same types are copied by another step, and nothing becomes an integer. */
static convert_function *const conversions[N_ELEMENTS][N_ELEMENTS] = {
    [ELEMENT_FLOAT32] = {[ELEMENT_FLOAT64] = float_to_double},
    [ELEMENT_FLOAT64] = {[ELEMENT_FLOAT32] = double_to_float},
    [ELEMENT_INT32] = {
        [ELEMENT_FLOAT32] = integer_to_float, [ELEMENT_FLOAT64] = integer_to_double}};

static void run_convert(const struct plan *plan, const struct step *step, char *workspace,
                        int64_t lanes) {
  struct walk walk;
  int64_t index[MAX_DIMS] = {0};
  make_walk(&walk, plan, step, 1, step->converted, workspace, lanes);
  const int inner = walk.n_dims - 1;
  convert_function *convert = conversions[step->element][step->converted];
  do
    convert(walk.operands[0].at, walk.operands[0].strides[inner], walk.operands[1].at,
            walk.operands[1].strides[inner], walk.sizes[inner]);
  while (advance(&walk, index, inner));
}

/* --- Reductions and products --- */

/* Every output from its own elements; adjacent outputs together where their elements are too. */
static void run_reduce(const struct plan *plan, const struct step *step, char *workspace,
                       int64_t lanes) {
  struct walk walk;
  int64_t index[MAX_DIMS] = {0};
  make_walk(&walk, plan, step, 1, step->element, workspace, lanes);
  const int inner = walk.n_dims - 1, size = (int)walk.operands[0].size;
  const int64_t stride = step->in[0].place < 0 ? 1 : lanes;
  const struct walker *out = &walk.operands[0], *in = &walk.operands[1];
  const int adjacent = out->strides[inner] == size && in->strides[inner] == size;
  reduce_kernel *reduce = plan->kernels.reduce[real_of(step->element)][step->function];
  do {
    const int64_t n = walk.sizes[inner];
    if (adjacent)
      reduce(out->at, in->at, step->reduced, stride, step->n_reduced, n);
    for (int64_t i = 0; !adjacent && i < n; ++i)
      reduce(out->at + i * out->strides[inner], in->at + i * in->strides[inner], step->reduced,
             stride, step->n_reduced, 1);
  } while (advance(&walk, index, inner));
}

/* With one lane, an innermost loop along adjacent inputs and outputs stands in for the lanes, as
 * along a row of a field. Returns the loops that are left. */
static int use_inner_loop(const struct walk *walk, const struct step *step, int64_t *lanes) {
  const int inner = step->n_loops - 1;
  const int64_t size = (int64_t)walk->operands[0].size;
  if (*lanes > 1 || inner < 0 || walk->sizes[inner] < 4 ||
      walk->operands[0].strides[inner] != size || walk->operands[1].strides[inner] != size)
    return step->n_loops;
  *lanes = walk->sizes[inner];
  return inner;
}

static struct product_call call_of(const struct plan *plan, const struct step *step,
                                   char *workspace, int64_t lanes) {
  const struct product *p = step->product;
  const struct operand *out = &step->out, *in = &step->in[0];
  return (struct product_call){
      .out = plan_address(plan, out->place, out->offset, step->element, workspace, lanes),
      .out_stride = p->out_stride * lanes,
      .in = plan_address(plan, in->place, in->offset, step->element, workspace, lanes),
      .in_stride = p->in_stride * lanes,
      .offsets = p->offsets,
      .offset_scale = lanes,
      .n_inputs = p->n_inputs,
      .n_outputs = p->n_outputs,
      .lanes = lanes,
      .weights = p->weights,
      .single_weights = p->single_weights,
      .bias = p->bias,
      .is_relu = p->is_relu};
}

static void run_product(const struct plan *plan, const struct step *step, char *workspace,
                        int64_t lanes) {
  product_kernel *product = plan->kernels.product[real_of(step->element)];
  struct product_call call = call_of(plan, step, workspace, lanes);
  if (step->n_loops == 0) {
    product(&call);
    return;
  }
  struct walk walk;
  int64_t index[MAX_DIMS] = {0};
  walk.n_operands = 0;
  add_operand(&walk, plan, step, &step->out, step->element, workspace, lanes);
  add_operand(&walk, plan, step, &step->in[0], step->element, workspace, lanes);
  memcpy(walk.sizes, step->sizes, (size_t)step->n_loops * sizeof step->sizes[0]);
  const int n_loops = use_inner_loop(&walk, step, &call.lanes);
  do {
    call.out = walk.operands[0].at;
    call.in = walk.operands[1].at;
    product(&call);
  } while (advance(&walk, index, n_loops));
}

void plan_run_step(const struct plan *plan, const struct step *step, char *workspace,
                   int64_t lanes) {
  switch (step->kind) {
  case STEP_UNARY:
    run_elements(plan, step, 1, workspace, lanes);
    break;
  case STEP_BINARY:
    run_elements(plan, step, 2, workspace, lanes);
    break;
  case STEP_SELECT:
    run_elements(plan, step, 3, workspace, lanes);
    break;
  case STEP_CONVERT:
    run_convert(plan, step, workspace, lanes);
    break;
  case STEP_REDUCE:
    run_reduce(plan, step, workspace, lanes);
    break;
  case STEP_PRODUCT:
    run_product(plan, step, workspace, lanes);
    break;
  }
}

void plan_prepare(const struct plan *plan, char *workspace, struct prepared *prepared) {
  for (int i = 0; i < plan->n_steps; ++i) {
    const struct step *step = &plan->steps[i];
    prepared[i].kernel = NULL;
    if (step->kind != STEP_PRODUCT || step->n_loops > 0 || step->together > 1)
      continue;
    prepared[i].kernel = plan->kernels.product[real_of(step->element)];
    prepared[i].call = call_of(plan, step, workspace, 1);
  }
}

void plan_run(const struct plan *plan, char *workspace, int64_t lanes,
              const struct prepared *prepared) {
  for (int i = 0, n; i < plan->n_steps; i += n) {
    n = 1;
    if (prepared && prepared[i].kernel)
      prepared[i].kernel(&prepared[i].call);
    else if ((n = plan->steps[i].together) > 1)
      run_together(plan, &plan->steps[i], workspace, lanes);
    else
      plan_run_step(plan, &plan->steps[i], workspace, lanes);
  }
}
