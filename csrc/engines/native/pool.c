/*
 * pool.c - MaxPool, AveragePool, LpPool.
 *
 * A window is a box, so the largest element and the sum are found along one dimension after the
 * other: of a field first over rows, which lie along the vectors, then within what is left of them.
 */
#include "engines/native/compose.h"
#include "engines/native/window.h"

/* Up to so many elements of a row are combined one place of the window after the other. */
enum { FEW_PLACES = 16 };

/* --- Windows that may stand over the end --- */

/* Pooling with ceil_mode: the last window begins within the tensor or the padding before it, and
 * 'beyond' is what it needs behind the padding. */
static void find_beyond(const struct window *w, const struct view *in, int64_t *beyond) {
  for (int i = 0; i < w->n_space; ++i) {
    const int64_t span = (w->kernel[i] - 1) * w->dilations[i] + 1, stride = w->strides[i];
    const int64_t inner = w->before[i] + view_extent(in, i + 2).count;
    const int64_t size = inner + w->after[i];
    int64_t steps = size <= span ? 0 : (size - span + stride - 1) / stride;
    if (steps * stride >= inner)
      --steps;
    const int64_t needed = steps * stride + span - size;
    beyond[i] = size >= span && needed > 0 ? needed : 0;
  }
}

static int read_pool(struct builder *builder, struct view *in, struct window *w, int64_t *beyond) {
  int status = builder_tensor(builder, 0, in);
  if (status == PYEMU_OK && in->element == ELEMENT_INT32)
    return builder_fail(builder, "it computes with 32-bit integers");
  if (status == PYEMU_OK)
    status = window_read(builder, in, NULL, w);
  if (status != PYEMU_OK)
    return status;
  window_pad_for_same(w, in);
  for (int i = 0; i < w->n_space; ++i)
    beyond[i] = 0;
  if (model_integer(builder->node, "ceil_mode", 0) != 0 && !w->same)
    find_beyond(w, in, beyond);
  for (int i = 0; i < w->n_space; ++i)
    if (view_extent(in, i + 2).has_batch)
      return builder_fail(builder, "columns are a dimension of space");
  return PYEMU_OK;
}

/* --- Along one dimension --- */

enum { OF_LARGEST, OF_SUM };

static const enum binary binaries[] = {[OF_LARGEST] = BINARY_MAXIMUM, [OF_SUM] = BINARY_ADD};
static const enum reduction reductions[] = {[OF_LARGEST] = REDUCE_MAXIMUM, [OF_SUM] = REDUCE_SUM};

/* The elements at one place of the window, wherever it stands along dimension i. */
static int elements_at(const struct window *w, const struct view *in, int i, int64_t place,
                       struct view *elements) {
  *elements = *in;
  return view_slice(elements, i + 2, place * w->dilations[i], w->strides[i],
                    window_places(w, in, i));
}

/* One place after the other, all windows at once. */
static int pool_by_place(struct builder *builder, const struct window *w, int function, int i,
                         const struct view *in, struct view *made) {
  struct view next;
  int status = PYEMU_OK;
  elements_at(w, in, i, 0, made);
  for (int64_t place = 1; status == PYEMU_OK && place < w->kernel[i]; ++place) {
    elements_at(w, in, i, place, &next);
    status = compose_binary(builder, binaries[function], made, &next);
  }
  return status;
}

/* One window after the other: a reduction. */
static int pool_by_window(struct builder *builder, const struct window *w, int function, int i,
                          const struct view *in, struct view *made) {
  struct step step = {.kind = STEP_REDUCE,
                      .function = (int)reductions[function],
                      .element = in->element,
                      .n_reduced = w->kernel[i]};
  int64_t *offsets = arena_take(builder->arena, (size_t)w->kernel[i], sizeof *offsets);
  struct view first;
  if (!offsets)
    return builder_fail_memory(builder);
  for (int64_t place = 0; place < w->kernel[i]; ++place)
    offsets[place] = place * w->dilations[i] * view_stride(in, i + 2);
  step.reduced = offsets;
  elements_at(w, in, i, 0, &first);
  int status = builder_new(builder, &first, in->element, view_is_constant(in), made);
  return status == PYEMU_OK ? builder_emit(builder, &step, made, &first, 1) : status;
}

/* Along a row with strides, elements are gathered for every place; else windows lie side by side.
 */
static int pool_along(struct builder *builder, const struct window *w, int function, int i,
                      struct view *view) {
  struct view in = *view;
  int status = PYEMU_OK;
  if (!view_is_one_factor(&in, i + 2))
    status = builder_pack(builder, &in);
  if (status != PYEMU_OK)
    return status;
  if (!view_is_one_factor(&in, i + 2) || window_places(w, &in, i) < 1)
    return builder_fail(builder, "the window is larger than the tensor");
  const int is_gathered = i == w->n_space - 1 && w->strides[i] > 1 && w->kernel[i] <= FEW_PLACES;
  return is_gathered ? pool_by_place(builder, w, function, i, &in, view)
                     : pool_by_window(builder, w, function, i, &in, view);
}

static int pool(struct builder *builder, const struct window *w, const int64_t *beyond,
                int function, double padding, struct view *view) {
  struct window padded = *w;
  for (int i = 0; i < w->n_space; ++i)
    padded.after[i] += beyond[i];
  int status = window_pad(builder, &padded, padding, view);
  for (int i = 0; status == PYEMU_OK && i < w->n_space; ++i)
    status = pool_along(builder, w, function, i, view);
  return status;
}

/* --- MaxPool --- */

static int plan_max_pool(struct builder *builder, int function) {
  int64_t beyond[WINDOW_MAX_SPACE];
  struct view in;
  struct window w;
  if (builder_has_output(builder, 1))
    return builder_fail(builder, "it gives indices");
  int status = read_pool(builder, &in, &w, beyond);
  if (status == PYEMU_OK)
    status = pool(builder, &w, beyond, function, -1.0 / 0.0, &in);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

/* --- AveragePool --- */

/* Elements under the window that stands at 'place' along dimension i: of the tensor, or of the
 * padding too; never of what lies beyond. */
static int64_t count_elements(const struct window *w, const struct view *in, int i, int64_t place,
                              int includes_padding) {
  const int64_t end = w->before[i] + view_extent(in, i + 2).count;
  const int64_t low = includes_padding ? 0 : w->before[i];
  const int64_t high = includes_padding ? end + w->after[i] : end;
  const int64_t start = place * w->strides[i], d = w->dilations[i];
  const int64_t first = low > start ? (low - start + d - 1) / d : 0;
  const int64_t last = high > start ? (high - start + d - 1) / d : 0; /* behind the last */
  const int64_t cut = last < w->kernel[i] ? last : w->kernel[i];
  return cut > first ? cut - first : 0;
}

/* These numbers as a constant for every place. */
static int counts_along(struct builder *builder, const struct window *w, const struct view *in,
                        const struct view *sum, int i, struct view *counts) {
  const int includes_padding = model_integer(builder->node, "count_include_pad", 0) != 0;
  const int64_t places = view_extent(sum, i + 2).count;
  double *values = arena_take(builder->arena, (size_t)places, sizeof *values);
  if (!values)
    return builder_fail_memory(builder);
  for (int64_t place = 0; place < places; ++place) {
    const int64_t count = count_elements(w, in, i, place, includes_padding);
    values[place] = count > 0 ? (double)count : 1;
  }
  return compose_vector(builder, in->element, values, 1, places, w->n_space - 1 - i, counts);
}

static int plan_average_pool(struct builder *builder, int function) {
  int64_t beyond[WINDOW_MAX_SPACE];
  struct view in, sum, all, counts;
  struct window w;
  int status = read_pool(builder, &in, &w, beyond);
  sum = in;
  if (status == PYEMU_OK)
    status = pool(builder, &w, beyond, function, 0, &sum);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, in.element, 1, &all);
  for (int i = 0; status == PYEMU_OK && i < w.n_space; ++i) {
    status = counts_along(builder, &w, &in, &sum, i, &counts);
    if (status == PYEMU_OK)
      status = compose_binary(builder, BINARY_MULTIPLY, &all, &counts);
  }
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_DIVIDE, &sum, &all);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &sum);
  return status;
}

/* --- LpPool --- */

/* |x|^p, or its root: 'is_root'. */
static int raise(struct builder *builder, int64_t p, int is_root, struct view *x) {
  const struct view given = *x;
  if (p == 1)
    return is_root ? PYEMU_OK : compose_unary(builder, UNARY_ABSOLUTE, x);
  if (p == 2)
    return is_root ? compose_unary(builder, UNARY_SQUARE_ROOT, x)
                   : compose_binary(builder, BINARY_MULTIPLY, x, &given);
  int status = compose_unary(builder, UNARY_ABSOLUTE, x);
  const double exponent = is_root ? 1.0 / (double)p : (double)p;
  return status == PYEMU_OK ? compose_number(builder, BINARY_POWER, x, exponent) : status;
}

static int plan_lp_pool(struct builder *builder, int function) {
  const int64_t p = model_integer(builder->node, "p", 2);
  int64_t beyond[WINDOW_MAX_SPACE];
  struct view in;
  struct window w;
  if (p < 1)
    return builder_fail(builder, "p is %lld; expected 1 or more", (long long)p);
  int status = read_pool(builder, &in, &w, beyond);
  if (status == PYEMU_OK)
    status = raise(builder, p, 0, &in);
  if (status == PYEMU_OK)
    status = pool(builder, &w, beyond, function, 0, &in);
  if (status == PYEMU_OK)
    status = raise(builder, p, 1, &in);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

const struct planner pool_planners[] = {
    {"MaxPool", plan_max_pool, OF_LARGEST, 1, 1},
    {"AveragePool", plan_average_pool, OF_SUM, 1, 1},
    {"LpPool", plan_lp_pool, OF_SUM, 1, 1},
    {NULL, NULL, 0, 0, 0},
};
