#include "engines/native/window.h"

static int read_sizes(struct builder *builder, const char *name, int n, int64_t missing,
                      int64_t *sizes) {
  const struct model_attribute *found = model_attribute(builder->node, name);
  if (found && found->n_integers != n)
    return builder_fail(builder, "%s has %lld entries; expected %d", name,
                        (long long)found->n_integers, n);
  for (int i = 0; i < n; ++i) {
    sizes[i] = found ? found->integers[i] : missing;
    if (sizes[i] < (missing ? 1 : 0) || sizes[i] > (1 << 20))
      return builder_fail(builder, "%s has the entry %lld", name, (long long)sizes[i]);
  }
  return PYEMU_OK;
}

void window_pad_for_same(struct window *w, const struct view *in) {
  const int is_lower = w->same == SAME_LOWER;
  for (int i = 0; w->same && i < w->n_space; ++i) {
    const int64_t size = view_extent(in, i + 2).count;
    const int64_t outputs = (size + w->strides[i] - 1) / w->strides[i];
    const int64_t span = (outputs - 1) * w->strides[i] + (w->kernel[i] - 1) * w->dilations[i] + 1;
    const int64_t total = span > size ? span - size : 0;
    w->before[i] = is_lower ? total - total / 2 : total / 2;
    w->after[i] = total - w->before[i];
  }
}

int window_read(struct builder *builder, const struct view *in, const int64_t *kernel,
                struct window *w) {
  const struct model_attribute *automatic = model_attribute(builder->node, "auto_pad");
  int64_t pads[2 * WINDOW_MAX_SPACE];
  *w = (struct window){.n_space = in->n_axes - 2};
  if (in->n_axes < 3 || in->n_axes - 2 > WINDOW_MAX_SPACE)
    return builder_fail(builder, "the tensor has %d dimensions; expected batch, channels and space",
                        in->n_axes);
  int status = PYEMU_OK;
  for (int i = 0; kernel && i < w->n_space; ++i)
    w->kernel[i] = kernel[i];
  if (!kernel)
    status = read_sizes(builder, "kernel_shape", w->n_space, 1, w->kernel);
  if (status == PYEMU_OK)
    status = read_sizes(builder, "strides", w->n_space, 1, w->strides);
  if (status == PYEMU_OK)
    status = read_sizes(builder, "dilations", w->n_space, 1, w->dilations);
  if (status == PYEMU_OK)
    status = read_sizes(builder, "output_padding", w->n_space, 0, w->extra);
  if (status == PYEMU_OK)
    status = read_sizes(builder, "pads", 2 * w->n_space, 0, pads);
  if (status != PYEMU_OK)
    return status;
  const int is_valid = automatic && text_is(&automatic->text, "VALID");
  for (int i = 0; !is_valid && i < w->n_space; ++i) {
    w->before[i] = pads[i];
    w->after[i] = pads[i + w->n_space];
  }
  w->groups = model_integer(builder->node, "group", 1);
  if (automatic && !is_valid && !text_is(&automatic->text, "NOTSET"))
    w->same = text_is(&automatic->text, "SAME_LOWER") ? SAME_LOWER : SAME_UPPER;
  return PYEMU_OK;
}

/* Write a number before and behind what lies along an axis; all of it if there are gaps. */
static int fill_around(struct builder *builder, int axis, int64_t before, int64_t after,
                       int64_t gaps, const struct view *number, const struct view *made) {
  const int64_t size = view_extent(made, axis).count;
  struct view part = *made;
  int status = PYEMU_OK;
  if (gaps > 0)
    return builder_copy(builder, number, made);
  if (before > 0 && view_slice(&part, axis, 0, 1, before))
    status = builder_copy(builder, number, &part);
  part = *made;
  if (status == PYEMU_OK && after > 0 && view_slice(&part, axis, size - after, 1, after))
    status = builder_copy(builder, number, &part);
  return status;
}

int window_surround(struct builder *builder, const struct view *in, const int64_t *before,
                    const int64_t *after, const int64_t *gaps, double number, struct view *made) {
  struct view shape = {.element = in->element}, constant, inner;
  int is_same = 1;
  for (int i = 0; i < in->n_axes; ++i) {
    const struct extent extent = view_extent(in, i);
    const int64_t size = before[i] + extent.count + (extent.count - 1) * gaps[i] + after[i];
    is_same &= size == extent.count;
    if (!(size == extent.count ? view_add_like(&shape, in, i)
                               : view_add_axis(&shape, (struct extent){size, 0})))
      return builder_fail(builder, "a tensor has too many dimensions");
  }
  *made = *in;
  if (is_same)
    return PYEMU_OK;
  int status = builder_new(builder, &shape, in->element, view_is_constant(in), made);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, in->element, number, &constant);
  for (int i = 0; status == PYEMU_OK && i < in->n_axes; ++i)
    status = fill_around(builder, i, before[i], after[i], gaps[i], &constant, made);
  inner = *made;
  for (int i = 0; status == PYEMU_OK && i < in->n_axes; ++i)
    if (!view_slice(&inner, i, before[i], gaps[i] + 1, view_extent(in, i).count))
      return builder_fail(builder, "columns are padded");
  return status == PYEMU_OK ? builder_copy(builder, in, &inner) : status;
}

int window_pad(struct builder *builder, const struct window *w, double number, struct view *view) {
  int64_t before[VIEW_MAX_AXES] = {0}, after[VIEW_MAX_AXES] = {0}, gaps[VIEW_MAX_AXES] = {0};
  const struct view in = *view;
  for (int i = 0; i < w->n_space; ++i) {
    before[i + 2] = w->before[i];
    after[i + 2] = w->after[i];
  }
  return window_surround(builder, &in, before, after, gaps, number, view);
}

int64_t window_places(const struct window *w, const struct view *padded, int i) {
  const int64_t span = (w->kernel[i] - 1) * w->dilations[i] + 1;
  const int64_t size = view_extent(padded, i + 2).count;
  return size < span ? 0 : (size - span) / w->strides[i] + 1;
}
