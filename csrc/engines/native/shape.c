/* shape.c - operators that only change the shape of a tensor, or choose elements of it. */
#include <math.h>
#include <string.h>

#include "engines/native/compose.h"
#include "engines/native/integers.h"
#include "engines/native/resample.h"

static int plan_identity(struct builder *builder, int function) {
  const struct integers *integers = integers_of(builder, 0);
  struct view in;
  (void)function;
  if (integers)
    return builder_set_integers(builder, 0, integers);
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

/* What is dropped in training stays. */
static int plan_dropout(struct builder *builder, int function) {
  const struct value *value;
  struct view view;
  double is_training = 0;
  if (builder_has_output(builder, 1))
    return builder_fail(builder, "it gives a mask");
  if (builder_has_input(builder, 2)) {
    value = &builder->values[builder->node->inputs[2]];
    view = value->view;
    if (value->kind != VALUE_TENSOR || !builder_number(builder, &view, &is_training) ||
        is_training != 0)
      return builder_fail(builder, "it is in training mode, or may be");
  }
  return plan_identity(builder, function);
}

/* --- Constants --- */

static int plan_constant(struct builder *builder, int function) {
  const struct model_node *node = builder->node;
  const struct model_attribute *found;
  struct model_tensor tensor = {.count = 1};
  (void)function;
  if (!builder_has_output(builder, 0))
    return PYEMU_OK;
  if ((found = model_attribute(node, "value")) && found->has_tensor)
    return plan_set_constant(builder, node->outputs[0], &found->tensor);
  if ((found = model_attribute(node, "value_float")))
    tensor.type = ONNX_FLOAT, tensor.values = &found->number;
  else if ((found = model_attribute(node, "value_int")))
    tensor.type = ONNX_INT64, tensor.values = &found->integer;
  else if ((found = model_attribute(node, "value_floats")))
    tensor.type = ONNX_FLOAT, tensor.values = found->numbers, tensor.count = found->n_numbers,
    tensor.rank = 1;
  else if ((found = model_attribute(node, "value_ints")))
    tensor.type = ONNX_INT64, tensor.values = found->integers, tensor.count = found->n_integers,
    tensor.rank = 1;
  else
    return builder_fail(builder, "it has no value that is known");
  tensor.dims[0] = tensor.count;
  return plan_set_constant(builder, node->outputs[0], &tensor);
}

/* Sizes from whole numbers; 0 stands for the size of the input's axis if 'like' is given. */
static int extents_of(struct builder *builder, const struct integers *integers,
                      struct extent *extents) {
  if (integers->rank > 1 || integers->count > VIEW_MAX_AXES)
    return builder_fail(builder, "the shape has %lld dimensions; expected %d or less",
                        (long long)integers->count, VIEW_MAX_AXES);
  for (int64_t i = 0; i < integers->count; ++i)
    extents[i] = integers->at[i];
  return PYEMU_OK;
}

/* A tensor of one value repeated: only its shape takes room. */
static int repeated(struct builder *builder, const struct view *one, const struct extent *extents,
                    int n_axes, struct view *made) {
  struct view view = {.element = one->element, .place = one->place, .offset = one->offset};
  for (int i = 0; i < n_axes; ++i) {
    if (extents[i].count < 1)
      return builder_fail(builder, "a size is %lld; expected 1 or more",
                          (long long)extents[i].count);
    if (!view_add_axis(&view, extents[i]))
      return builder_fail(builder, "a tensor has too many dimensions");
  }
  if (view_count(&view) < 0)
    return builder_fail(builder, "a tensor has too many elements");
  *made = view; /* all strides are zero */
  return PYEMU_OK;
}

static int plan_constant_of_shape(struct builder *builder, int function) {
  const struct model_attribute *value = model_attribute(builder->node, "value");
  const struct integers *shape;
  struct extent extents[VIEW_MAX_AXES];
  struct view one, made;
  (void)function;
  int status = builder_integers(builder, 0, &shape);
  if (status == PYEMU_OK)
    status = extents_of(builder, shape, extents);
  if (status != PYEMU_OK)
    return status;
  if (value && value->has_tensor && value->tensor.type == ONNX_INT64 && value->tensor.count == 1) {
    struct integers numbers;
    int64_t dims[MODEL_MAX_RANK];
    for (int i = 0; i < (int)shape->count; ++i) {
      if (extents[i].has_batch)
        return builder_fail(builder, "it makes whole numbers for every column");
      dims[i] = extents[i].count;
    }
    status = integers_new(builder, (int)shape->count, dims, &numbers);
    for (int64_t i = 0; status == PYEMU_OK && i < numbers.count; ++i)
      numbers.at[i].count = *(const int64_t *)value->tensor.values;
    return status == PYEMU_OK ? builder_set_integers(builder, 0, &numbers) : status;
  }
  int output = builder->node->n_outputs > 0 ? builder->node->outputs[0] : NO_VALUE;
  if (value && value->has_tensor && output != NO_VALUE && value->tensor.count == 1) {
    status = plan_set_constant(builder, output, &value->tensor);
    one = builder->values[output].view;
    if (status == PYEMU_OK && builder->values[output].kind != VALUE_TENSOR)
      return builder_fail(builder, "its value has a type that is not known");
  } else {
    status = builder_scalar(builder, builder->plan->real, 0, &one);
  }
  if (status == PYEMU_OK)
    status = repeated(builder, &one, extents, (int)shape->count, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Shapes as numbers --- */

static int plan_shape(struct builder *builder, int function) {
  const struct integers *given = integers_of(builder, 0);
  struct integers made;
  struct view in = {.n_axes = 0};
  (void)function;
  int status = given ? PYEMU_OK : builder_tensor(builder, 0, &in);
  if (status != PYEMU_OK)
    return status;
  const int n_axes = given ? given->rank : in.n_axes;
  int64_t start = model_integer(builder->node, "start", 0);
  int64_t end = model_integer(builder->node, "end", n_axes);
  start = start < 0 ? start + n_axes : start;
  end = end < 0 ? end + n_axes : end;
  start = start < 0 ? 0 : start > n_axes ? n_axes : start;
  end = end < start ? start : end > n_axes ? n_axes : end;
  const int64_t dims[1] = {end - start};
  status = integers_new(builder, 1, dims, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < made.count; ++i)
    made.at[i] =
        given ? (struct extent){given->dims[start + i], 0} : view_extent(&in, (int)(start + i));
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

static int plan_size(struct builder *builder, int function) {
  struct integers made;
  struct view in;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = integers_new(builder, 0, NULL, &made);
  if (status != PYEMU_OK)
    return status;
  made.at[0] = (struct extent){view_count(&in), view_has_batch(&in)};
  return builder_set_integers(builder, 0, &made);
}

/* --- Reshape --- */

int builder_reshape(struct builder *builder, struct view *view, const struct extent *extents,
                    int n_axes) {
  if (view_reshape(view, extents, n_axes))
    return PYEMU_OK;
  int status = builder_pack(builder, view);
  if (status != PYEMU_OK)
    return status;
  if (!view_reshape(view, extents, n_axes))
    return builder_fail(builder, "columns are mixed with other dimensions");
  return PYEMU_OK;
}

/* Find the size that is written as -1 (and that of a column's number in sizes without). */
static int complete(struct builder *builder, const struct view *in, struct extent *extents,
                    int n_axes) {
  struct extent left = {view_count(in), view_has_batch(in)};
  int open = -1;
  for (int i = 0; i < n_axes; ++i) {
    if (extents[i].count == -1 && !extents[i].has_batch && open < 0) {
      open = i;
      continue;
    }
    if (extents[i].count < 1 || left.count % extents[i].count != 0 ||
        (extents[i].has_batch && !left.has_batch))
      return builder_fail(builder, "dimension %d of the new shape does not fit", i + 1);
    left.count /= extents[i].count;
    left.has_batch &= !extents[i].has_batch;
  }
  if (open >= 0)
    extents[open] = left;
  else if (left.count != 1 || left.has_batch)
    return builder_fail(builder, "the new shape has another number of elements");
  return PYEMU_OK;
}

/* Whole numbers keep their order. */
static int reshape_integers(struct builder *builder, const struct integers *integers,
                            const struct extent *extents, int n_axes) {
  struct integers made = *integers;
  int64_t count = 1;
  int open = -1;
  made.rank = n_axes;
  for (int i = 0; i < n_axes; ++i) {
    made.dims[i] = extents[i].count;
    if (extents[i].count == -1 && open < 0)
      open = i;
    else if (extents[i].has_batch || extents[i].count < 0 || extents[i].count > integers->count)
      return builder_fail(builder, "whole numbers do not fit their shape");
    else if (__builtin_mul_overflow(count, extents[i].count, &count))
      return builder_fail(builder, "too many whole numbers");
  }
  if (open >= 0) {
    made.dims[open] = count > 0 ? integers->count / count : 0;
    count *= made.dims[open];
  }
  if (count != integers->count)
    return builder_fail(builder, "whole numbers do not fit their shape");
  return builder_set_integers(builder, 0, &made);
}

static int plan_reshape(struct builder *builder, int function) {
  const int keeps_zero = model_integer(builder->node, "allowzero", 0) != 0;
  const struct integers *shape, *integers = integers_of(builder, 0);
  struct extent extents[VIEW_MAX_AXES];
  struct view in;
  (void)function;
  int status = builder_integers(builder, 1, &shape);
  if (status == PYEMU_OK)
    status = extents_of(builder, shape, extents);
  if (status != PYEMU_OK)
    return status;
  if (integers)
    return reshape_integers(builder, integers, extents, (int)shape->count);
  status = builder_tensor(builder, 0, &in);
  if (status != PYEMU_OK)
    return status;
  for (int i = 0; i < (int)shape->count; ++i)
    if (!keeps_zero && extents[i].count == 0 && i < in.n_axes)
      extents[i] = view_extent(&in, i);
  status = complete(builder, &in, extents, (int)shape->count);
  if (status == PYEMU_OK)
    status = builder_reshape(builder, &in, extents, (int)shape->count);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

static struct extent times(struct extent a, struct extent b) {
  return (struct extent){a.count * b.count, a.has_batch | b.has_batch};
}

static int plan_flatten(struct builder *builder, int function) {
  struct extent extents[2] = {{1, 0}, {1, 0}};
  struct view in;
  int axis;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status != PYEMU_OK)
    return status;
  const int64_t given = model_integer(builder->node, "axis", 1);
  if (given == in.n_axes)
    axis = in.n_axes;
  else if ((status = builder_axis(builder, given, in.n_axes, &axis)) != PYEMU_OK)
    return status;
  for (int i = 0; i < in.n_axes; ++i)
    extents[i >= axis] = times(extents[i >= axis], view_extent(&in, i));
  status = builder_reshape(builder, &in, extents, 2);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

static int plan_transpose(struct builder *builder, int function) {
  const struct model_attribute *order = model_attribute(builder->node, "perm");
  int axes[VIEW_MAX_AXES], is_used[VIEW_MAX_AXES] = {0};
  struct view in;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status != PYEMU_OK)
    return status;
  if (order && order->n_integers != in.n_axes)
    return builder_fail(builder, "perm has %lld entries for %d dimensions",
                        (long long)order->n_integers, in.n_axes);
  for (int i = 0; i < in.n_axes; ++i) {
    status =
        builder_axis(builder, order ? order->integers[i] : in.n_axes - 1 - i, in.n_axes, &axes[i]);
    if (status != PYEMU_OK)
      return status;
    if (is_used[axes[i]]++)
      return builder_fail(builder, "perm names a dimension twice");
  }
  view_transpose(&in, axes);
  builder_set(builder, 0, &in);
  return PYEMU_OK;
}

/* --- Axes of one element --- */

/* Mark the axes of a list; with 'n_axes' of the tensor they belong to. */
static int mark_axes(struct builder *builder, const int64_t *list, int64_t count, int n_axes,
                     int *marks) {
  for (int64_t i = 0; i < count; ++i) {
    int axis;
    int status = builder_axis(builder, list[i], n_axes, &axis);
    if (status != PYEMU_OK)
      return status;
    if (marks[axis]++)
      return builder_fail(builder, "axis %lld is named twice", (long long)list[i]);
  }
  return PYEMU_OK;
}

static int squeeze_integers(struct builder *builder, const struct integers *integers, int rank) {
  struct integers made = *integers;
  made.rank = rank;
  made.dims[0] = integers->count;
  if (rank < 0 || rank > 1 || (rank == 0 && integers->count != 1))
    return builder_fail(builder, "whole numbers with more than one dimension");
  return builder_set_integers(builder, 0, &made);
}

static int plan_squeeze(struct builder *builder, int function) {
  const struct integers *integers = integers_of(builder, 0);
  const int64_t *list;
  int64_t count;
  int marks[VIEW_MAX_AXES] = {0};
  struct view in;
  (void)function;
  int status = builder_list(builder, "axes", 1, &list, &count);
  if (status != PYEMU_OK)
    return status;
  if (integers)
    return squeeze_integers(builder, integers, integers->count == 1 ? 0 : 1);
  status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = mark_axes(builder, list, count, in.n_axes, marks);
  for (int axis = in.n_axes - 1; status == PYEMU_OK && axis >= 0; --axis) {
    const struct extent extent = view_extent(&in, axis);
    const int is_one = extent.count == 1 && !extent.has_batch;
    if (marks[axis] && !is_one)
      return builder_fail(builder, "dimension %d has more than one element", axis + 1);
    if (marks[axis] || (count < 0 && is_one))
      view_remove(&in, axis);
  }
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

static int plan_unsqueeze(struct builder *builder, int function) {
  const struct integers *integers = integers_of(builder, 0);
  const int64_t *list;
  int64_t count;
  int marks[VIEW_MAX_AXES] = {0};
  struct view in;
  (void)function;
  int status = builder_list(builder, "axes", 1, &list, &count);
  if (status != PYEMU_OK)
    return status;
  if (integers)
    return squeeze_integers(builder, integers, integers->rank + (int)(count > 1 ? 2 : count));
  status = builder_tensor(builder, 0, &in);
  if (status != PYEMU_OK)
    return status;
  const int64_t n_axes = in.n_axes + (count > 0 ? count : 0);
  if (n_axes > VIEW_MAX_AXES)
    return builder_fail(builder, "a tensor has too many dimensions");
  status = mark_axes(builder, list, count, (int)n_axes, marks);
  for (int axis = 0; status == PYEMU_OK && axis < n_axes; ++axis)
    if (marks[axis])
      view_insert(&in, axis);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

static int plan_expand(struct builder *builder, int function) {
  const struct integers *shape;
  struct extent extents[VIEW_MAX_AXES];
  struct view inputs[2], made;
  (void)function;
  int status = builder_tensor(builder, 0, &inputs[0]);
  if (status == PYEMU_OK)
    status = builder_integers(builder, 1, &shape);
  if (status == PYEMU_OK)
    status = extents_of(builder, shape, extents);
  /* A tensor of that shape to be repeated to: nothing of it is read. */
  if (status == PYEMU_OK)
    status = repeated(builder, &inputs[0], extents, (int)shape->count, &inputs[1]);
  if (status == PYEMU_OK)
    status = builder_broadcast(builder, inputs, 2, &made);
  if (status != PYEMU_OK)
    return status;
  /* What is repeated has stride zero; all else lies as it did. */
  const int n_new = made.n_axes - inputs[0].n_axes;
  struct view view = {
      .element = inputs[0].element, .place = inputs[0].place, .offset = inputs[0].offset};
  for (int axis = 0; axis < made.n_axes; ++axis) {
    const int own = axis - n_new;
    const struct extent extent = own < 0 ? (struct extent){1, 0} : view_extent(&inputs[0], own);
    const int is_one = extent.count == 1 && !extent.has_batch;
    if (!(is_one ? view_add_axis(&view, view_extent(&made, axis))
                 : view_add_like(&view, &inputs[0], own)))
      return builder_fail(builder, "a tensor has too many dimensions");
  }
  if (view_count(&view) < 0)
    return builder_fail(builder, "a tensor has too many elements");
  builder_set(builder, 0, &view);
  return PYEMU_OK;
}

/* --- Parts --- */

int builder_cut(struct builder *builder, struct view *view, int axis, int64_t start, int64_t step,
                int64_t count) {
  if (view_slice(view, axis, start, step, count))
    return PYEMU_OK;
  int status = builder_pack(builder, view);
  if (status != PYEMU_OK)
    return status;
  if (!view_slice(view, axis, start, step, count))
    return builder_fail(builder, "it cuts the dimension of columns");
  return PYEMU_OK;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/* The range of a slice as ONNX counts it: ends are cut to the axis. */
static int64_t slice_count(int64_t size, int64_t *start, int64_t end, int64_t step) {
  *start =
      clamp(*start < 0 ? *start + size : *start, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  if (*start < 0)
    return 0;
  end = end < -size ? -1 : end < 0 ? end + size : end;
  end = clamp(end, step > 0 ? 0 : -1, size);
  const int64_t length = step > 0 ? end - *start : *start - end, stride = step > 0 ? step : -step;
  return length <= 0 ? 0 : (length - 1) / stride + 1;
}

/* A step: one that is larger than any tensor takes one element too. */
static int64_t clamp_step(int64_t step) {
  return clamp(step, -(INT64_C(1) << 32), INT64_C(1) << 32);
}

static int slice_integers(struct builder *builder, const struct integers *integers, int64_t start,
                          int64_t end, int64_t step) {
  const int64_t count = slice_count(integers->count, &start, end, step);
  struct integers made;
  if (integers->rank != 1)
    return builder_fail(builder, "whole numbers with more than one dimension");
  int status = integers_new(builder, 1, &count, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < count; ++i)
    made.at[i] = integers->at[start + i * step];
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

static int slice_axis(struct builder *builder, struct view *view, int64_t given, int64_t start,
                      int64_t end, int64_t step) {
  int axis;
  int status = builder_axis(builder, given, view->n_axes, &axis);
  if (status != PYEMU_OK)
    return status;
  const struct extent extent = view_extent(view, axis);
  if (extent.has_batch) /* all columns: whatever their number, no end is beyond */
    return start == 0 && step == 1 && end == INT64_MAX
               ? PYEMU_OK
               : builder_fail(builder, "it cuts the dimension of columns");
  const int64_t count = slice_count(extent.count, &start, end, step);
  if (count < 1)
    return builder_fail(builder, "a tensor would have no elements");
  return builder_cut(builder, view, axis, start, step, count);
}

static int plan_slice(struct builder *builder, int function) {
  const struct integers *integers = integers_of(builder, 0);
  const int64_t *starts, *ends, *axes, *steps;
  int64_t n_starts, n_ends, n_axes, n_steps;
  struct view view;
  (void)function;
  int status = builder_list(builder, "starts", 1, &starts, &n_starts);
  if (status == PYEMU_OK)
    status = builder_list(builder, "ends", 2, &ends, &n_ends);
  if (status == PYEMU_OK)
    status = builder_list(builder, "axes", 3, &axes, &n_axes);
  if (status == PYEMU_OK)
    status = builder_list(builder, "steps", 4, &steps, &n_steps);
  if (status != PYEMU_OK)
    return status;
  if (n_starts < 1 || n_ends != n_starts || (n_axes >= 0 && n_axes != n_starts) ||
      (n_steps >= 0 && n_steps != n_starts))
    return builder_fail(builder, "starts, ends, axes and steps have different sizes");
  for (int64_t i = 0; i < n_steps; ++i)
    if (steps[i] == 0)
      return builder_fail(builder, "a step is zero");
  if (integers)
    return slice_integers(builder, integers, starts[0], ends[0],
                          n_steps > 0 ? clamp_step(steps[0]) : 1);
  status = builder_tensor(builder, 0, &view);
  for (int64_t i = 0; status == PYEMU_OK && i < n_starts; ++i)
    status = slice_axis(builder, &view, n_axes < 0 ? i : axes[i], starts[i], ends[i],
                        n_steps < 0 ? 1 : clamp_step(steps[i]));
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

static int plan_split(struct builder *builder, int function) {
  const int n = builder->node->n_outputs;
  const int64_t *sizes;
  int64_t n_sizes, start = 0;
  struct view in;
  int axis;
  (void)function;
  int status = builder_list(builder, "split", 1, &sizes, &n_sizes);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = builder_axis(builder, model_integer(builder->node, "axis", 0), in.n_axes, &axis);
  if (status != PYEMU_OK)
    return status;
  const struct extent extent = view_extent(&in, axis);
  const int64_t each = (extent.count + n - 1) / (n > 0 ? n : 1);
  if (extent.has_batch || (n_sizes >= 0 && n_sizes != n))
    return builder_fail(builder,
                        "it cuts the dimension of columns, or lists another number of sizes");
  for (int i = 0; i < n; ++i) {
    struct view part = in;
    const int64_t left = extent.count - start;
    const int64_t count = n_sizes >= 0 ? sizes[i] : each < left ? each : left;
    if (count < 1 || count > left)
      return builder_fail(builder, "output %d would have %lld of the %lld elements left", i + 1,
                          (long long)count, (long long)left);
    if ((status = builder_cut(builder, &part, axis, start, 1, count)) != PYEMU_OK)
      return status;
    builder_set(builder, i, &part);
    start += count;
  }
  return PYEMU_OK;
}

/* --- Gather --- */

static int gather_integers(struct builder *builder, const struct integers *from,
                           const struct integers *at) {
  struct integers made;
  if (from->rank != 1)
    return builder_fail(builder, "whole numbers with more than one dimension");
  int status = integers_new(builder, at->rank, at->dims, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < at->count; ++i) {
    const int64_t index = at->at[i].count < 0 ? at->at[i].count + from->count : at->at[i].count;
    if (index < 0 || index >= from->count)
      return builder_fail(builder, "index %lld of %lld elements", (long long)at->at[i].count,
                          (long long)from->count);
    made.at[i] = from->at[index];
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

/* 1 if the indices go up or down by one step; then no copy is needed. */
static int is_regular(const int64_t *index, int64_t count, int64_t *step) {
  *step = count > 1 ? index[1] - index[0] : 1;
  for (int64_t i = 1; i < count; ++i)
    if (index[i] - index[i - 1] != *step)
      return 0;
  return *step != 0;
}

/* A copy whose axis has the elements at the indices. */
static int gather_copies(struct builder *builder, const struct view *in, int axis,
                         const int64_t *index, int64_t count, struct view *made) {
  struct taps taps;
  int status = resample_new(builder, 1, count, 0, &taps);
  if (status != PYEMU_OK)
    return status;
  memcpy(taps.index, index, (size_t)count * sizeof *index);
  return resample_axis(builder, in, axis, &taps, made);
}

static int gather(struct builder *builder, struct view *view, int axis, int64_t *index,
                  const struct integers *at) {
  const int64_t count = at->count;
  const struct view in = *view;
  int64_t step;
  int status = PYEMU_OK;
  if (is_regular(index, count, &step))
    status = builder_cut(builder, view, axis, index[0], step, count);
  else
    status = gather_copies(builder, &in, axis, index, count, view);
  if (status != PYEMU_OK || at->rank == 1)
    return status;
  /* The axis gets the dimensions of the indices. */
  struct extent extents[VIEW_MAX_AXES];
  int n_axes = 0;
  if (in.n_axes - 1 + at->rank > VIEW_MAX_AXES)
    return builder_fail(builder, "a tensor has too many dimensions");
  for (int i = 0; i < in.n_axes; ++i)
    if (i != axis)
      extents[n_axes++] = view_extent(&in, i);
    else
      for (int k = 0; k < at->rank; ++k)
        extents[n_axes++] = (struct extent){at->dims[k], 0};
  return builder_reshape(builder, view, extents, n_axes);
}

/* Gather elements of one axis; indices count from its end if they are negative. */
static int gather_axis(struct builder *builder, const struct integers *at, int64_t given_axis) {
  struct view in;
  int axis;
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = builder_axis(builder, given_axis, in.n_axes, &axis);
  if (status != PYEMU_OK)
    return status;
  const struct extent extent = view_extent(&in, axis);
  int64_t *index = arena_take(builder->arena, (size_t)at->count + 1, sizeof *index);
  if (!index)
    return builder_fail_memory(builder);
  if (extent.has_batch || at->count < 1)
    return builder_fail(builder, "it chooses columns, or nothing");
  for (int64_t i = 0; i < at->count; ++i) {
    index[i] = at->at[i].count < 0 ? at->at[i].count + extent.count : at->at[i].count;
    if (at->at[i].has_batch || index[i] < 0 || index[i] >= extent.count)
      return builder_fail(builder, "index %lld of %lld elements", (long long)at->at[i].count,
                          (long long)extent.count);
  }
  status = gather(builder, &in, axis, index, at);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &in);
  return status;
}

static int plan_gather(struct builder *builder, int function) {
  const struct integers *at, *integers = integers_of(builder, 0);
  (void)function;
  int status = builder_integers(builder, 1, &at);
  if (status != PYEMU_OK)
    return status;
  return integers ? gather_integers(builder, integers, at)
                  : gather_axis(builder, at, model_integer(builder->node, "axis", 0));
}

/* Indices of one number each: Gather along the first axis, as torch writes an index. */
static int plan_gather_nd(struct builder *builder, int function) {
  const struct integers *given;
  struct integers at;
  (void)function;
  int status = builder_integers(builder, 1, &given);
  if (status != PYEMU_OK)
    return status;
  if (integers_of(builder, 0) || given->rank < 1 || given->dims[given->rank - 1] != 1 ||
      model_integer(builder->node, "batch_dims", 0) != 0)
    return builder_fail(builder, "it has indices of more than one number, or for every column");
  at = *given;
  --at.rank;
  return gather_axis(builder, &at, 0);
}

/* --- Tile, Trilu --- */

/* Repeat along one axis: the repetitions are another axis in front, all with the same elements. */
static int tile_axis(struct builder *builder, struct view *view, int axis, int64_t times) {
  struct view made = {.element = view->element, .place = view->place, .offset = view->offset};
  struct extent extents[VIEW_MAX_AXES];
  int has_room = 1;
  for (int i = 0; i < view->n_axes; ++i) {
    extents[i] = view_extent(view, i);
    if (i == axis)
      has_room &= view_add_axis(&made, (struct extent){times, 0});
    has_room &= view_add_like(&made, view, i);
  }
  extents[axis].count *= times;
  if (!has_room)
    return builder_fail(builder, "a tensor has too many dimensions");
  *view = made;
  return builder_reshape(builder, view, extents, made.n_axes - 1);
}

static int plan_tile(struct builder *builder, int function) {
  const int64_t *times;
  int64_t count;
  struct view view;
  (void)function;
  int status = builder_tensor(builder, 0, &view);
  if (status == PYEMU_OK)
    status = builder_list(builder, "repeats", 1, &times, &count);
  if (status == PYEMU_OK && count != view.n_axes)
    return builder_fail(builder, "it has %lld repeats for %d axes", (long long)count, view.n_axes);
  for (int i = 0; status == PYEMU_OK && i < view.n_axes; ++i) {
    if (times[i] < 1 || times[i] > (1 << 20) || (times[i] > 1 && view_extent(&view, i).has_batch))
      return builder_fail(builder, "it repeats columns, or %lld times", (long long)times[i]);
    if (times[i] > 1)
      status = tile_axis(builder, &view, i, times[i]);
    if (status == PYEMU_OK && view_count(&view) < 1)
      return builder_fail(builder, "a tensor would have too many elements");
  }
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

/* The triangle of a matrix as a constant, 1 where it is kept. */
static int make_triangle(struct builder *builder, const struct view *in, int64_t diagonal,
                         struct view *made) {
  const int is_upper = model_integer(builder->node, "upper", 1) != 0;
  const int64_t rows = view_extent(in, in->n_axes - 2).count;
  const int64_t columns = view_extent(in, in->n_axes - 1).count;
  struct view shape = {.element = in->element}, one;
  view_add_axis(&shape, (struct extent){rows, 0});
  view_add_axis(&shape, (struct extent){columns, 0});
  int status = builder_new(builder, &shape, in->element, 1, made);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, in->element, 1, &one);
  for (int64_t row = 0; status == PYEMU_OK && row < rows; ++row) {
    const int64_t first = clamp(row + diagonal + !is_upper, 0, columns);
    const int64_t start = is_upper ? first : 0, end = is_upper ? columns : first;
    struct view part = *made;
    if (start == end)
      continue;
    view_slice(&part, 0, row, 1, 1);
    view_slice(&part, 1, start, 1, end - start);
    status = builder_copy(builder, &one, &part);
  }
  return status;
}

/* A choice, not a product: what is cut off may be infinite. */
static int plan_triangle(struct builder *builder, int function) {
  const struct integers *given;
  struct view inputs[3], made;
  int64_t diagonal = 0;
  (void)function;
  int status = builder_tensor(builder, 0, &inputs[1]);
  if (status == PYEMU_OK && builder_has_input(builder, 1)) {
    status = builder_integers(builder, 1, &given);
    if (status == PYEMU_OK && (given->count != 1 || given->at[0].has_batch))
      return builder_fail(builder, "its diagonal is not one number");
    diagonal = status == PYEMU_OK ? clamp(given->at[0].count, -(1 << 28), 1 << 28) : 0;
  }
  if (status != PYEMU_OK)
    return status;
  const struct view *in = &inputs[1];
  if (in->n_axes < 2 || view_extent(in, in->n_axes - 1).has_batch ||
      view_extent(in, in->n_axes - 2).has_batch)
    return builder_fail(builder, "columns are a dimension of the matrix");
  status = make_triangle(builder, in, diagonal, &inputs[0]);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, in->element, 0, &inputs[2]);
  if (status == PYEMU_OK)
    status = builder_apply(builder, STEP_SELECT, 0, inputs, 3, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Range --- */

static int plan_range(struct builder *builder, int function) {
  double bounds[3];
  struct view view;
  (void)function;
  if (integers_of(builder, 0) && integers_of(builder, 1) && integers_of(builder, 2))
    return integers_range(builder);
  for (int i = 0; i < 3; ++i) {
    int status = builder_tensor(builder, i, &view);
    if (status != PYEMU_OK)
      return status;
    if (!builder_number(builder, &view, &bounds[i]))
      return builder_fail(builder, "input %d is not one constant", i + 1);
  }
  const double count = ceil((bounds[1] - bounds[0]) / bounds[2]);
  if (!(count >= 1 && count <= (1 << 20)) || view.element == ELEMENT_INT32)
    return builder_fail(builder, "it would have %g elements, or 32-bit integers", count);
  double *values = arena_take(builder->arena, (size_t)count, sizeof *values);
  if (!values)
    return builder_fail_memory(builder);
  for (int64_t i = 0; i < (int64_t)count; ++i)
    values[i] = bounds[0] + (double)i * bounds[2];
  if (count > 1 && values[(int64_t)count - 1] == values[0])
    return builder_fail(builder, "its step is too small");
  int status = compose_vector(builder, view.element, values, 1, (int64_t)count, 0, &view);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

/* --- Concat --- */

static int concat_integers(struct builder *builder) {
  struct integers made;
  int64_t count = 0;
  for (int i = 0; i < builder->node->n_inputs; ++i) {
    const struct integers *part = integers_of(builder, i);
    if (!part || part->rank != 1)
      return builder_fail(builder, "it joins whole numbers with a tensor");
    count += part->count;
  }
  int status = integers_new(builder, 1, &count, &made);
  for (int i = 0, at = 0; status == PYEMU_OK && i < builder->node->n_inputs; ++i) {
    const struct integers *part = integers_of(builder, i);
    memcpy(made.at + at, part->at, (size_t)part->count * sizeof *part->at);
    at += (int)part->count;
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

/* A buffer that a step has made only for this becomes a part of the new tensor's memory. */
static int becomes_part(struct builder *builder, const struct view *part, const struct view *slot) {
  struct plan *plan = builder->plan;
  if (view_is_constant(part) || view_is_constant(slot) || part->offset != 0)
    return 0;
  struct buffer *buffer = &plan->buffers[part->place];
  for (int i = 0; i < plan->n_inputs; ++i)
    if (plan->inputs[i].place == part->place)
      return 0;
  if (buffer->parent >= 0 || buffer->count != view_count(part) || !view_is_packed(part) ||
      !view_is_packed(slot))
    return 0;
  buffer->parent = slot->place;
  buffer->parent_offset = slot->offset;
  return 1;
}

/* The shape of all inputs one behind the other along an axis. */
static int concat_shape(struct builder *builder, int axis, struct view *shape, int *is_constant) {
  struct extent sum = {0, 0};
  struct view first, part;
  int status = builder_tensor(builder, 0, &first);
  *is_constant = 1;
  for (int i = 0; status == PYEMU_OK && i < builder->node->n_inputs; ++i) {
    status = builder_tensor(builder, i, &part);
    if (status != PYEMU_OK)
      return status;
    if (part.n_axes != first.n_axes || part.element != first.element)
      return builder_fail(builder, "its inputs have different types or numbers of dimensions");
    const struct extent extent = view_extent(&part, axis);
    if (extent.has_batch)
      return builder_fail(builder, "it joins along the dimension of columns");
    sum.count += extent.count;
    *is_constant &= view_is_constant(&part);
  }
  *shape = (struct view){.element = first.element};
  for (int i = 0; status == PYEMU_OK && i < first.n_axes; ++i)
    if (!(i == axis ? view_add_axis(shape, sum) : view_add_like(shape, &first, i)))
      return builder_fail(builder, "a tensor has too many dimensions");
  return status;
}

static int concat_part(struct builder *builder, int index, int axis, const struct view *whole,
                       int64_t *start) {
  struct view part, slot = *whole;
  int status = builder_tensor(builder, index, &part);
  if (status != PYEMU_OK)
    return status;
  const int64_t count = view_extent(&part, axis).count;
  status = builder_cut(builder, &slot, axis, *start, 1, count);
  *start += count;
  for (int i = 0; i < part.n_axes; ++i) {
    const struct extent a = view_extent(&part, i), b = view_extent(&slot, i);
    if (a.count != b.count || a.has_batch != b.has_batch)
      return builder_fail(builder, "dimension %d of input %d has another size", i + 1, index + 1);
  }
  if (status != PYEMU_OK || becomes_part(builder, &part, &slot))
    return status;
  return builder_copy(builder, &part, &slot);
}

static int plan_concat(struct builder *builder, int function) {
  struct view first, shape, made;
  int64_t start = 0;
  int axis, is_constant;
  (void)function;
  if (integers_of(builder, 0))
    return concat_integers(builder);
  int status = builder_tensor(builder, 0, &first);
  if (status == PYEMU_OK)
    status = builder_axis(builder, model_integer(builder->node, "axis", 0), first.n_axes, &axis);
  if (status == PYEMU_OK)
    status = concat_shape(builder, axis, &shape, &is_constant);
  if (status == PYEMU_OK)
    status = builder_new(builder, &shape, shape.element, is_constant, &made);
  for (int i = 0; status == PYEMU_OK && i < builder->node->n_inputs; ++i)
    status = concat_part(builder, i, axis, &made, &start);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

const struct planner shape_planners[] = {
    {"Identity", plan_identity, 0, 1, 1},
    {"Dropout", plan_dropout, 0, 1, 3},
    {"Constant", plan_constant, 0, 0, 0},
    {"ConstantOfShape", plan_constant_of_shape, 0, 1, 1},
    {"Shape", plan_shape, 0, 1, 1},
    {"Size", plan_size, 0, 1, 1},
    {"Reshape", plan_reshape, 0, 1, 2},
    {"Flatten", plan_flatten, 0, 1, 1},
    {"Transpose", plan_transpose, 0, 1, 1},
    {"Squeeze", plan_squeeze, 0, 1, 2},
    {"Unsqueeze", plan_unsqueeze, 0, 1, 2},
    {"Expand", plan_expand, 0, 2, 2},
    {"Slice", plan_slice, 0, 1, 5},
    {"Split", plan_split, 0, 1, 2},
    {"Gather", plan_gather, 0, 2, 2},
    {"GatherND", plan_gather_nd, 0, 2, 2},
    {"Tile", plan_tile, 0, 2, 2},
    {"Trilu", plan_triangle, 0, 1, 2},
    {"Range", plan_range, 0, 3, 3},
    {"Concat", plan_concat, 0, 1, 1 << 20},
    {NULL, NULL, 0, 0, 0},
};
