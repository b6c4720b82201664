/* normal.c - operators that bring tensors to mean zero and deviation one. */
#include "engines/native/compose.h"

/* (x - mean) / sqrt(variance + epsilon) along the marked axes; without the mean if 'is_rms'. Mean
 * and deviation stay with one element along these axes. */
static int normalise(struct builder *builder, const int *is_taken, int is_rms, double epsilon,
                     struct view *x, struct view *centre, struct view *deviation) {
  int status = PYEMU_OK;
  *centre = *x;
  if (!is_rms)
    status = compose_mean(builder, is_taken, centre);
  if (status == PYEMU_OK && !is_rms)
    status = compose_binary(builder, BINARY_SUBTRACT, x, centre);
  *deviation = *x;
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, deviation, x);
  if (status == PYEMU_OK)
    status = compose_mean(builder, is_taken, deviation);
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_ADD, deviation, epsilon);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_SQUARE_ROOT, deviation);
  return status == PYEMU_OK ? compose_binary(builder, BINARY_DIVIDE, x, deviation) : status;
}

/* x times the second input, plus the third if there is one. */
static int scale_and_shift(struct builder *builder, struct view *x) {
  struct view scale, bias;
  int status = builder_tensor(builder, 1, &scale);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, x, &scale);
  if (status != PYEMU_OK || !builder_has_input(builder, 2))
    return status;
  status = builder_tensor(builder, 2, &bias);
  return status == PYEMU_OK ? compose_binary(builder, BINARY_ADD, x, &bias) : status;
}

static int plan_layer_normalization(struct builder *builder, int is_rms) {
  const double epsilon = model_number(builder->node, "epsilon", 1e-5f);
  int is_taken[VIEW_MAX_AXES] = {0}, axis;
  struct view x, centre, deviation;
  int status = builder_tensor(builder, 0, &x);
  if (status == PYEMU_OK)
    status = builder_axis(builder, model_integer(builder->node, "axis", -1), x.n_axes, &axis);
  for (int i = axis; status == PYEMU_OK && i < x.n_axes; ++i)
    is_taken[i] = 1;
  if (status == PYEMU_OK)
    status = normalise(builder, is_taken, is_rms, epsilon, &x, &centre, &deviation);
  if (status == PYEMU_OK)
    status = scale_and_shift(builder, &x);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  if (status == PYEMU_OK && builder_has_output(builder, 1))
    builder_set(builder, 1, &centre);
  if (status == PYEMU_OK && builder_has_output(builder, 2)) {
    status = compose_unary(builder, UNARY_RECIPROCAL, &deviation);
    builder_set(builder, 2, &deviation);
  }
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
    status = compose_number(builder, BINARY_ADD, &deviation, epsilon);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_SQUARE_ROOT, &deviation);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_DIVIDE, &a, &deviation);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, &centre, &a);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_SUBTRACT, &bias, &centre);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, &x, &a);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_ADD, &x, &bias);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

/* --- Groups of channels --- */

/* x (batch, channels, space...) as (batch, groups, channels of a group, space...). */
static int split_channels(struct builder *builder, int64_t groups, struct view *x) {
  struct extent extents[VIEW_MAX_AXES];
  if (x->n_axes < 3 || x->n_axes == VIEW_MAX_AXES)
    return builder_fail(builder, "the tensor has %d dimensions; expected batch, channels and space",
                        x->n_axes);
  const struct extent channels = view_extent(x, 1);
  if (groups < 1 || channels.count % groups != 0 || channels.has_batch)
    return builder_fail(builder, "%lld channels in %lld groups", (long long)channels.count,
                        (long long)groups);
  extents[0] = view_extent(x, 0);
  extents[1] = (struct extent){groups, 0};
  extents[2] = (struct extent){channels.count / groups, 0};
  for (int i = 2; i < x->n_axes; ++i)
    extents[i + 1] = view_extent(x, i);
  return builder_reshape(builder, x, extents, x->n_axes + 1);
}

/* An input of one value per channel or per group, for a tensor that is split. */
static int group_input(struct builder *builder, int index, const struct view *x, int by_group,
                       struct view *view) {
  const struct extent groups = view_extent(x, 1), each = view_extent(x, 2);
  const struct extent extents[2] = {groups, {by_group ? 1 : each.count, 0}};
  int status = builder_tensor(builder, index, view);
  if (status != PYEMU_OK)
    return status;
  if (view->n_axes != 1 || view_has_batch(view) ||
      view_count(view) != groups.count * extents[1].count)
    return builder_fail(builder, "input %d is not one value per %s", index + 1,
                        by_group ? "group" : "channel");
  status = builder_reshape(builder, view, extents, 2);
  for (int i = 3; i < x->n_axes; ++i)
    view_insert(view, view->n_axes);
  return status;
}

/* Over all channels of a group and all of space; with as many groups as channels it is
 * InstanceNormalization. */
static int normalise_groups(struct builder *builder, int64_t groups, int by_group, struct view *x) {
  const double epsilon = model_number(builder->node, "epsilon", 1e-5f);
  int is_taken[VIEW_MAX_AXES] = {0};
  struct view scale, bias, centre, deviation;
  int status = split_channels(builder, groups, x);
  for (int i = 2; status == PYEMU_OK && i < x->n_axes; ++i)
    is_taken[i] = 1;
  if (status == PYEMU_OK)
    status = normalise(builder, is_taken, 0, epsilon, x, &centre, &deviation);
  if (status == PYEMU_OK)
    status = group_input(builder, 1, x, by_group, &scale);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, x, &scale);
  if (status == PYEMU_OK)
    status = group_input(builder, 2, x, by_group, &bias);
  return status == PYEMU_OK ? compose_binary(builder, BINARY_ADD, x, &bias) : status;
}

/* 'is_group' is 0 for InstanceNormalization. Before opset 21, groups have one scale. */
static int plan_group_normalization(struct builder *builder, int is_group) {
  struct extent extents[VIEW_MAX_AXES];
  struct view x;
  int status = builder_tensor(builder, 0, &x);
  if (status != PYEMU_OK)
    return status;
  const int n_axes = x.n_axes;
  for (int i = 0; i < n_axes; ++i)
    extents[i] = view_extent(&x, i);
  const int64_t groups = is_group     ? model_integer(builder->node, "num_groups", 0)
                         : n_axes > 1 ? extents[1].count
                                      : 0;
  status = normalise_groups(builder, groups, is_group && builder->model->opset < 21, &x);
  if (status == PYEMU_OK)
    status = builder_reshape(builder, &x, extents, n_axes);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

const struct planner normal_planners[] = {
    {"LayerNormalization", plan_layer_normalization, 0, 2, 3},
    {"RMSNormalization", plan_layer_normalization, 1, 2, 2},
    {"BatchNormalization", plan_batch_normalization, 0, 5, 5},
    {"InstanceNormalization", plan_group_normalization, 0, 3, 3},
    {"GroupNormalization", plan_group_normalization, 1, 3, 3},
    {NULL, NULL, 0, 0, 0},
};
