/* space.c - operators that move elements along the dimensions of space, or lay some around them. */
#include "engines/native/resample.h"
#include "engines/native/window.h"

/* --- Pad --- */

enum { MOST_PADDING = 1 << 20 };

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, N_PAD_MODES };

static int read_mode(struct builder *builder, enum pad_mode *mode) {
  const char *const names[] = {"constant", "reflect", "edge", "wrap"};
  const struct model_attribute *found = model_attribute(builder->node, "mode");
  int i = 0;
  while (found && i < N_PAD_MODES && !text_is(&found->text, names[i]))
    ++i;
  *mode = (enum pad_mode)i;
  return i < N_PAD_MODES
             ? PYEMU_OK
             : builder_fail(builder,
                            "its mode is '%.*s'; known are constant, reflect, "
                            "edge and wrap",
                            (int)(found->text.size < 40 ? found->text.size : 40), found->text.at);
}

/* The number around a tensor: an attribute of old opsets, an input of new ones. */
static int read_number(struct builder *builder, double *number) {
  struct view view;
  *number = model_number(builder->node, "value", 0);
  if (!builder_has_input(builder, 2))
    return PYEMU_OK;
  int status = builder_tensor(builder, 2, &view);
  if (status == PYEMU_OK && !builder_number(builder, &view, number))
    return builder_fail(builder, "the number it pads with is not one constant");
  return status;
}

/* Elements to lay before and after every axis; less than zero are cut off. */
static int read_pads(struct builder *builder, const struct view *in, int64_t *before,
                     int64_t *after) {
  const int is_oldest = model_attribute(builder->node, "paddings") != NULL;
  const int64_t *pads, *axes;
  int64_t n_pads, n_axes;
  int status = builder_list(builder, is_oldest ? "paddings" : "pads", 1, &pads, &n_pads);
  if (status == PYEMU_OK)
    status = builder_list(builder, "axes", 3, &axes, &n_axes);
  if (status != PYEMU_OK)
    return status;
  const int64_t n = n_axes >= 0 ? n_axes : in->n_axes;
  if (n > in->n_axes || n_pads != 2 * n)
    return builder_fail(builder, "it has %lld pads for %lld axes", (long long)n_pads, (long long)n);
  for (int i = 0; i < in->n_axes; ++i)
    before[i] = after[i] = 0;
  for (int64_t i = 0; i < n; ++i) {
    int axis;
    status = builder_axis(builder, n_axes >= 0 ? axes[i] : i, in->n_axes, &axis);
    if (status != PYEMU_OK)
      return status;
    before[axis] = pads[i];
    after[axis] = pads[i + n];
    if (pads[i] < -MOST_PADDING || pads[i] > MOST_PADDING || pads[i + n] < -MOST_PADDING ||
        pads[i + n] > MOST_PADDING || (view_extent(in, axis).has_batch && (pads[i] || pads[i + n])))
      return builder_fail(builder, "it pads columns, or by more than %d", MOST_PADDING);
  }
  return PYEMU_OK;
}

/* Cut off what is padded less than nothing. */
static int cut_off(struct builder *builder, int64_t *before, int64_t *after, struct view *view) {
  int status = PYEMU_OK;
  for (int i = 0; status == PYEMU_OK && i < view->n_axes; ++i) {
    const int64_t start = before[i] < 0 ? -before[i] : 0, end = after[i] < 0 ? -after[i] : 0;
    const int64_t count = view_extent(view, i).count - start - end;
    if (count < 1)
      return builder_fail(builder, "nothing is left of dimension %d", i + 1);
    if (start > 0 || end > 0)
      status = builder_cut(builder, view, i, start, 1, count);
    before[i] = before[i] < 0 ? 0 : before[i];
    after[i] = after[i] < 0 ? 0 : after[i];
  }
  return status;
}

/* The element of an axis of 'size' that stands at place 'at', which may lie outside. */
static int64_t element_at(enum pad_mode mode, int64_t at, int64_t size) {
  const int64_t period = mode == PAD_WRAP ? size : 2 * (size - 1);
  if (mode == PAD_EDGE || period == 0)
    return at < 0 ? 0 : at >= size ? size - 1 : at;
  const int64_t within = (at % period + period) % period;
  return within < size ? within : period - within;
}

static int pad_axis(struct builder *builder, enum pad_mode mode, int axis, int64_t before,
                    int64_t after, struct view *view) {
  const int64_t size = view_extent(view, axis).count;
  const struct view in = *view;
  struct taps taps;
  int status = resample_new(builder, 1, before + size + after, 0, &taps);
  for (int64_t i = 0; status == PYEMU_OK && i < taps.count; ++i)
    taps.index[i] = element_at(mode, i - before, size);
  return status == PYEMU_OK ? resample_axis(builder, &in, axis, &taps, view) : status;
}

static int plan_pad(struct builder *builder, int function) {
  int64_t before[VIEW_MAX_AXES], after[VIEW_MAX_AXES], gaps[VIEW_MAX_AXES] = {0};
  enum pad_mode mode;
  double number;
  struct view in, made;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = read_mode(builder, &mode);
  if (status == PYEMU_OK)
    status = read_number(builder, &number);
  if (status == PYEMU_OK && in.element == ELEMENT_INT32 && !(number > -2e9 && number < 2e9))
    return builder_fail(builder, "it pads 32-bit integers with %g", number);
  if (status == PYEMU_OK)
    status = read_pads(builder, &in, before, after);
  if (status == PYEMU_OK)
    status = cut_off(builder, before, after, &in);
  if (status != PYEMU_OK)
    return status;
  made = in;
  if (mode == PAD_CONSTANT)
    status = window_surround(builder, &in, before, after, gaps, number, &made);
  for (int i = 0; mode != PAD_CONSTANT && status == PYEMU_OK && i < in.n_axes; ++i)
    if (before[i] > 0 || after[i] > 0)
      status = pad_axis(builder, mode, i, before[i], after[i], &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Depth and space --- */

/* Blocks of space become channels or channels blocks: 'order' is that of the six dimensions the
 * tensor is split into. */
static int rearrange(struct builder *builder, const struct extent *split, const int *order,
                     const struct extent *joined) {
  struct view view;
  int status = builder_tensor(builder, 0, &view);
  if (status == PYEMU_OK)
    status = builder_reshape(builder, &view, split, 6);
  if (status != PYEMU_OK)
    return status;
  view_transpose(&view, order);
  status = builder_reshape(builder, &view, joined, 4);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

/* Batch, channels, rows and places in a row, and the size of a block. */
static int read_blocks(struct builder *builder, struct extent *extents, int64_t *size) {
  struct view in;
  int status = builder_tensor(builder, 0, &in);
  *size = model_integer(builder->node, "blocksize", 0);
  if (status != PYEMU_OK)
    return status;
  if (in.n_axes != 4 || *size < 1 || *size > MOST_PADDING)
    return builder_fail(builder,
                        "the tensor has %d dimensions, blocks %lld elements; expected 4, "
                        "and 1 or more",
                        in.n_axes, (long long)*size);
  for (int i = 0; i < 4; ++i) {
    extents[i] = view_extent(&in, i);
    if (i > 0 && extents[i].has_batch)
      return builder_fail(builder, "columns are a dimension of space");
  }
  return PYEMU_OK;
}

static int plan_depth_to_space(struct builder *builder, int function) {
  const struct model_attribute *mode = model_attribute(builder->node, "mode");
  const int is_channel_first = mode && text_is(&mode->text, "CRD");
  const int orders[2][VIEW_MAX_AXES] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
  struct extent e[4];
  int64_t b;
  (void)function;
  int status = read_blocks(builder, e, &b);
  if (status != PYEMU_OK)
    return status;
  if (e[1].count % (b * b) != 0)
    return builder_fail(builder, "%lld channels are not blocks of %lld by %lld",
                        (long long)e[1].count, (long long)b, (long long)b);
  const struct extent depth = {e[1].count / (b * b), 0}, block = {b, 0};
  const struct extent split[2][6] = {{e[0], block, block, depth, e[2], e[3]},
                                     {e[0], depth, block, block, e[2], e[3]}};
  const struct extent joined[4] = {e[0], depth, {e[2].count * b, 0}, {e[3].count * b, 0}};
  return rearrange(builder, split[is_channel_first], orders[is_channel_first], joined);
}

static int plan_space_to_depth(struct builder *builder, int function) {
  const struct model_attribute *mode = model_attribute(builder->node, "mode");
  const int is_channel_first = mode && text_is(&mode->text, "CRD");
  const int orders[2][VIEW_MAX_AXES] = {{0, 3, 5, 1, 2, 4}, {0, 1, 3, 5, 2, 4}};
  struct extent e[4];
  int64_t b;
  (void)function;
  int status = read_blocks(builder, e, &b);
  if (status != PYEMU_OK)
    return status;
  if (e[2].count % b != 0 || e[3].count % b != 0)
    return builder_fail(builder, "%lld by %lld elements are not blocks of %lld by %lld",
                        (long long)e[2].count, (long long)e[3].count, (long long)b, (long long)b);
  const struct extent block = {b, 0}, rows = {e[2].count / b, 0}, places = {e[3].count / b, 0};
  const struct extent split[6] = {e[0], e[1], rows, block, places, block};
  const struct extent joined[4] = {e[0], {e[1].count * b * b, 0}, rows, places};
  return rearrange(builder, split, orders[is_channel_first], joined);
}

const struct planner space_planners[] = {
    {"Pad", plan_pad, 0, 1, 4},
    {"DepthToSpace", plan_depth_to_space, 0, 1, 1},
    {"SpaceToDepth", plan_space_to_depth, 0, 1, 1},
    {NULL, NULL, 0, 0, 0},
};
