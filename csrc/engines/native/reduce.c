/* reduce.c - operators that add up along dimensions, and those made of such sums. */
#include <string.h>

#include "engines/native/builder.h"

/* Offsets of all elements along some axes from the first, in order, the last axis fastest; 'rest'
 * is the view without them. */
static int take_axes(struct builder *builder, const struct view *in, const int *is_taken,
                     struct view *rest, int64_t **offsets, int64_t *count) {
  struct factor taken[VIEW_MAX_FACTORS];
  int n_taken = 0;
  *rest = (struct view){.element = in->element, .place = in->place, .offset = in->offset};
  *count = 1;
  for (int axis = 0; axis < in->n_axes; ++axis) {
    if (!is_taken[axis]) {
      view_add_like(rest, in, axis);
      continue;
    }
    view_add_axis(rest, (struct extent){1, 0});
    for (int i = in->starts[axis]; i < in->starts[axis + 1]; ++i) {
      if (in->factors[i].size == BATCH)
        return builder_fail(builder, "it mixes columns");
      taken[n_taken++] = in->factors[i];
      *count *= in->factors[i].size;
    }
  }
  *offsets = arena_take(builder->arena, (size_t)*count, sizeof **offsets);
  if (!*offsets)
    return builder_fail_memory(builder);
  for (int64_t i = 0; i < *count; ++i) {
    int64_t index = i;
    for (int k = n_taken - 1; k >= 0; --k) {
      (*offsets)[i] += index % taken[k].size * taken[k].stride;
      index /= taken[k].size;
    }
  }
  return PYEMU_OK;
}

/* Reduce along the marked axes, which stay with one element. */
static int reduce(struct builder *builder, enum reduction function, const int *is_taken,
                  struct view *view) {
  struct step step = {.kind = STEP_REDUCE, .function = function, .element = view->element};
  struct view rest, made;
  int64_t *offsets;
  if (view->element == ELEMENT_INT32)
    return builder_fail(builder, "it computes with 32-bit integers");
  int status = take_axes(builder, view, is_taken, &rest, &offsets, &step.n_reduced);
  if (status != PYEMU_OK)
    return status;
  step.reduced = offsets;
  status = builder_new(builder, &rest, view->element, view_is_constant(view), &made);
  if (status == PYEMU_OK)
    status = builder_emit(builder, &step, &made, &rest, 1);
  *view = made;
  return status;
}

int builder_sum(struct builder *builder, struct view *view, int axis) {
  int is_taken[VIEW_MAX_AXES] = {0};
  is_taken[axis] = 1;
  return reduce(builder, REDUCE_SUM, is_taken, view);
}

static int binary(struct builder *builder, enum binary function, struct view *value,
                  const struct view *other) {
  struct view made;
  int status = builder_binary(builder, function, value, other, &made);
  *value = made;
  return status;
}

static int unary(struct builder *builder, enum unary function, struct view *value) {
  struct view made;
  int status = builder_unary(builder, function, value, &made);
  *value = made;
  return status;
}

static int with_number(struct builder *builder, enum binary function, struct view *value,
                       double number) {
  struct view constant;
  int status = builder_scalar(builder, value->element, number, &constant);
  return status == PYEMU_OK ? binary(builder, function, value, &constant) : status;
}

/* The mean along the marked axes. */
static int mean(struct builder *builder, const int *is_taken, struct view *view) {
  int64_t count = 1;
  for (int axis = 0; axis < view->n_axes; ++axis)
    if (is_taken[axis])
      count *= view_extent(view, axis).count;
  int status = reduce(builder, REDUCE_SUM, is_taken, view);
  return status == PYEMU_OK ? with_number(builder, BINARY_DIVIDE, view, (double)count) : status;
}

/* --- Reduce* --- */

enum reduced { OF_SUM, OF_MEAN, OF_MINIMUM, OF_MAXIMUM, OF_PRODUCT, OF_SQUARES, OF_L1, OF_L2 };

static int reduced_of(struct builder *builder, enum reduced function, const int *is_taken,
                      struct view *view) {
  static const enum reduction reductions[] = {
      [OF_SUM] = REDUCE_SUM,         [OF_MINIMUM] = REDUCE_MINIMUM, [OF_MAXIMUM] = REDUCE_MAXIMUM,
      [OF_PRODUCT] = REDUCE_PRODUCT, [OF_SQUARES] = REDUCE_SUM,     [OF_L1] = REDUCE_SUM,
      [OF_L2] = REDUCE_SUM};
  int status = PYEMU_OK;
  if (function == OF_MEAN)
    return mean(builder, is_taken, view);
  const struct view in = *view;
  if (function == OF_SQUARES || function == OF_L2)
    status = binary(builder, BINARY_MULTIPLY, view, &in);
  if (function == OF_L1)
    status = unary(builder, UNARY_ABSOLUTE, view);
  if (status == PYEMU_OK)
    status = reduce(builder, reductions[function], is_taken, view);
  if (status == PYEMU_OK && function == OF_L2)
    status = unary(builder, UNARY_SQUARE_ROOT, view);
  return status;
}

static int plan_reduce(struct builder *builder, int function) {
  const int keeps = model_integer(builder->node, "keepdims", 1) != 0;
  const int does_nothing = model_integer(builder->node, "noop_with_empty_axes", 0) != 0;
  const int64_t *list;
  int64_t count;
  int is_taken[VIEW_MAX_AXES] = {0}, axis;
  struct view view;
  int status = builder_list(builder, "axes", 1, &list, &count);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 0, &view);
  for (int64_t i = 0; status == PYEMU_OK && i < count; ++i) {
    status = builder_axis(builder, list[i], view.n_axes, &axis);
    if (status == PYEMU_OK)
      is_taken[axis] = 1;
  }
  if (status == PYEMU_OK && count < 1 && !does_nothing)
    for (int i = 0; i < view.n_axes; ++i)
      is_taken[i] = 1;
  if (status == PYEMU_OK && (count > 0 || !does_nothing))
    status = reduced_of(builder, (enum reduced)function, is_taken, &view);
  for (int i = view.n_axes - 1; status == PYEMU_OK && !keeps && i >= 0; --i)
    if (is_taken[i])
      view_remove(&view, i);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

/* --- CumSum --- */

/* One element along an axis of a dense tensor. */
static struct view element_at(const struct view *view, int axis, int64_t index) {
  struct view one = *view;
  view_slice(&one, axis, index, 1, 1);
  return one;
}

/* Sums from the first element on (or from the last): each is the one before plus one element. */
static int cumulate(struct builder *builder, const struct view *in, int axis, int64_t count,
                    const struct view *made) {
  const int is_reverse = model_integer(builder->node, "reverse", 0) != 0;
  const int is_exclusive = model_integer(builder->node, "exclusive", 0) != 0;
  const int64_t first = is_reverse ? count - 1 : 0, step = is_reverse ? -1 : 1;
  struct step add = {.kind = STEP_BINARY, .function = BINARY_ADD, .element = in->element};
  struct view to = element_at(made, axis, first), from = element_at(in, axis, first), zero;
  int status = PYEMU_OK;
  if (is_exclusive)
    status = builder_scalar(builder, in->element, 0, &zero);
  if (status == PYEMU_OK)
    status = builder_copy(builder, is_exclusive ? &zero : &from, &to);
  for (int64_t i = 1; status == PYEMU_OK && i < count; ++i) {
    const int64_t at = first + i * step;
    const struct view inputs[2] = {element_at(made, axis, at - step),
                                   element_at(in, axis, is_exclusive ? at - step : at)};
    to = element_at(made, axis, at);
    status = builder_emit(builder, &add, &to, inputs, 2);
  }
  return status;
}

static int plan_cumulative_sum(struct builder *builder, int function) {
  const struct integers *given;
  struct view in, made;
  int axis;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK && (view_is_constant(&in) || in.element == ELEMENT_INT32))
    return builder_fail(builder, "it adds up constants, or 32-bit integers");
  if (status == PYEMU_OK)
    status = builder_integers(builder, 1, &given);
  if (status == PYEMU_OK && given->count != 1)
    return builder_fail(builder, "it has %lld axes; expected one", (long long)given->count);
  if (status == PYEMU_OK)
    status = builder_axis(builder, given->at[0].count, in.n_axes, &axis);
  if (status == PYEMU_OK && view_extent(&in, axis).has_batch)
    return builder_fail(builder, "it adds up columns");
  if (status == PYEMU_OK && in.starts[axis + 1] - in.starts[axis] > 1)
    status = builder_pack(builder, &in);
  if (status == PYEMU_OK)
    status = builder_new(builder, &in, in.element, 0, &made);
  if (status == PYEMU_OK)
    status = cumulate(builder, &in, axis, view_extent(&in, axis).count, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Softmax --- */

/* exp(x - max) / sum of exp(x - max); or its logarithm, x - max - log(sum). */
static int plan_softmax(struct builder *builder, int is_logarithm) {
  int is_taken[VIEW_MAX_AXES] = {0}, axis;
  struct view x, highest, e, sum;
  int status = builder_tensor(builder, 0, &x);
  const int64_t given = model_integer(builder->node, "axis", builder->model->opset < 13 ? 1 : -1);
  if (status == PYEMU_OK)
    status = builder_axis(builder, given, x.n_axes, &axis);
  if (status != PYEMU_OK)
    return status;
  is_taken[axis] = 1;
  if (builder->model->opset < 13) /* all axes from there on are one */
    for (int i = axis; i < x.n_axes; ++i)
      is_taken[i] = 1;
  highest = x;
  status = reduce(builder, REDUCE_MAXIMUM, is_taken, &highest);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_SUBTRACT, &x, &highest);
  e = x;
  if (status == PYEMU_OK)
    status = unary(builder, UNARY_EXPONENTIAL, &e);
  sum = e;
  if (status == PYEMU_OK)
    status = reduce(builder, REDUCE_SUM, is_taken, &sum);
  if (status == PYEMU_OK && is_logarithm)
    status = unary(builder, UNARY_LOGARITHM, &sum);
  if (status == PYEMU_OK)
    status = is_logarithm ? binary(builder, BINARY_SUBTRACT, &x, &sum)
                          : binary(builder, BINARY_DIVIDE, &e, &sum);
  if (status == PYEMU_OK)
    builder_set(builder, 0, is_logarithm ? &x : &e);
  return status;
}

/* --- Normalisation --- */

/* (x - mean) / sqrt(variance + epsilon) along the marked axes; without the mean if 'is_rms'. */
static int normalise(struct builder *builder, const int *is_taken, int is_rms, double epsilon,
                     struct view *x) {
  struct view centre = *x, squares;
  int status = is_rms ? PYEMU_OK : mean(builder, is_taken, &centre);
  if (status == PYEMU_OK && !is_rms)
    status = binary(builder, BINARY_SUBTRACT, x, &centre);
  squares = *x;
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_MULTIPLY, &squares, x);
  if (status == PYEMU_OK)
    status = mean(builder, is_taken, &squares);
  if (status == PYEMU_OK)
    status = with_number(builder, BINARY_ADD, &squares, epsilon);
  if (status == PYEMU_OK)
    status = unary(builder, UNARY_SQUARE_ROOT, &squares);
  return status == PYEMU_OK ? binary(builder, BINARY_DIVIDE, x, &squares) : status;
}

static int plan_layer_normalization(struct builder *builder, int is_rms) {
  const double epsilon = model_number(builder->node, "epsilon", 1e-5f);
  int is_taken[VIEW_MAX_AXES] = {0}, axis = 0;
  struct view x, scale, bias;
  if (builder_has_output(builder, 1) || builder_has_output(builder, 2))
    return builder_fail(builder, "mean and deviation are outputs");
  int status = builder_tensor(builder, 0, &x);
  if (status == PYEMU_OK)
    status = builder_axis(builder, model_integer(builder->node, "axis", -1), x.n_axes, &axis);
  for (int i = axis; status == PYEMU_OK && i < x.n_axes; ++i)
    is_taken[i] = 1;
  if (status == PYEMU_OK)
    status = normalise(builder, is_taken, is_rms, epsilon, &x);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &scale);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_MULTIPLY, &x, &scale);
  if (status == PYEMU_OK && builder_has_input(builder, 2)) {
    status = builder_tensor(builder, 2, &bias);
    if (status == PYEMU_OK)
      status = binary(builder, BINARY_ADD, &x, &bias);
  }
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

/* One value per channel, as a tensor that is repeated over all axes but the second. */
static int channel_input(struct builder *builder, int index, int n_axes, struct view *view) {
  int status = builder_tensor(builder, index, view);
  if (status == PYEMU_OK && (view->n_axes != 1 || !view_is_constant(view)))
    return builder_fail(builder, "input %d is not one constant per channel", index + 1);
  for (int i = 2; status == PYEMU_OK && i < n_axes; ++i)
    view_insert(view, view->n_axes);
  return status;
}

/* Constants are folded: y = a x + (bias - a mean), a = scale / sqrt(variance + epsilon). */
static int plan_batch_normalization(struct builder *builder, int function) {
  const double epsilon = model_number(builder->node, "epsilon", 1e-5f);
  struct view x, a, bias, centre, deviation;
  (void)function;
  if (model_integer(builder->node, "training_mode", 0) != 0)
    return builder_fail(builder, "it is in training mode");
  int status = builder_tensor(builder, 0, &x);
  if (status == PYEMU_OK)
    status = channel_input(builder, 1, x.n_axes, &a);
  if (status == PYEMU_OK)
    status = channel_input(builder, 2, x.n_axes, &bias);
  if (status == PYEMU_OK)
    status = channel_input(builder, 3, x.n_axes, &centre);
  if (status == PYEMU_OK)
    status = channel_input(builder, 4, x.n_axes, &deviation);
  if (status == PYEMU_OK)
    status = with_number(builder, BINARY_ADD, &deviation, epsilon);
  if (status == PYEMU_OK)
    status = unary(builder, UNARY_SQUARE_ROOT, &deviation);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_DIVIDE, &a, &deviation);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_MULTIPLY, &centre, &a);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_SUBTRACT, &bias, &centre);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_MULTIPLY, &x, &a);
  if (status == PYEMU_OK)
    status = binary(builder, BINARY_ADD, &x, &bias);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

/* All axes behind the channels. */
static int plan_global_pool(struct builder *builder, int function) {
  int is_taken[VIEW_MAX_AXES] = {0};
  struct view x;
  int status = builder_tensor(builder, 0, &x);
  for (int i = 2; status == PYEMU_OK && i < x.n_axes; ++i)
    is_taken[i] = 1;
  if (status == PYEMU_OK)
    status = reduced_of(builder, (enum reduced)function, is_taken, &x);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

const struct planner reduce_planners[] = {
    {"ReduceSum", plan_reduce, OF_SUM, 1, 2},
    {"ReduceMean", plan_reduce, OF_MEAN, 1, 2},
    {"ReduceMin", plan_reduce, OF_MINIMUM, 1, 2},
    {"ReduceMax", plan_reduce, OF_MAXIMUM, 1, 2},
    {"ReduceProd", plan_reduce, OF_PRODUCT, 1, 2},
    {"ReduceSumSquare", plan_reduce, OF_SQUARES, 1, 2},
    {"ReduceL1", plan_reduce, OF_L1, 1, 2},
    {"ReduceL2", plan_reduce, OF_L2, 1, 2},
    {"CumSum", plan_cumulative_sum, 0, 2, 2},
    {"Softmax", plan_softmax, 0, 1, 1},
    {"LogSoftmax", plan_softmax, 1, 1, 1},
    {"LayerNormalization", plan_layer_normalization, 0, 2, 3},
    {"RMSNormalization", plan_layer_normalization, 1, 2, 2},
    {"BatchNormalization", plan_batch_normalization, 0, 5, 5},
    {"GlobalAveragePool", plan_global_pool, OF_MEAN, 1, 1},
    {"GlobalMaxPool", plan_global_pool, OF_MAXIMUM, 1, 1},
    {NULL, NULL, 0, 0, 0},
};
