#include "engines/native/view.h"

#include <string.h>

/* So many elements can be counted, and their bytes. */
static const int64_t most = INT64_C(1) << 40;

size_t element_bytes(enum element element) { return element == ELEMENT_FLOAT64 ? 8 : 4; }

static int n_factors(const struct view *view) { return view->starts[view->n_axes]; }

struct extent view_extent(const struct view *view, int axis) {
  struct extent extent = {1, 0};
  for (int i = view->starts[axis]; i < view->starts[axis + 1]; ++i) {
    if (view->factors[i].size == BATCH)
      extent.has_batch = 1;
    else
      extent.count *= view->factors[i].size;
  }
  return extent;
}

int64_t view_count(const struct view *view) {
  int64_t count = 1;
  for (int i = 0; i < n_factors(view); ++i) {
    if (view->factors[i].size == BATCH)
      continue;
    if (view->factors[i].size < 1 || count > most / view->factors[i].size)
      return -1;
    count *= view->factors[i].size;
  }
  return count;
}

int view_has_batch(const struct view *view) {
  for (int i = 0; i < n_factors(view); ++i)
    if (view->factors[i].size == BATCH)
      return 1;
  return 0;
}

int view_is_one_factor(const struct view *view, int axis) {
  return view->starts[axis + 1] - view->starts[axis] <= 1 && !view_extent(view, axis).has_batch;
}

int64_t view_stride(const struct view *view, int axis) {
  return view->starts[axis] < view->starts[axis + 1] ? view->factors[view->starts[axis]].stride : 0;
}

static int add_factor(struct view *view, int64_t size, int64_t stride) {
  int *end = &view->starts[view->n_axes];
  if (size == 1)
    return 1;
  if (*end == VIEW_MAX_FACTORS)
    return 0;
  view->factors[(*end)++] = (struct factor){size, stride};
  return 1;
}

/* Begin another axis behind the last. */
static int add_axis(struct view *view) {
  if (view->n_axes == VIEW_MAX_AXES)
    return 0;
  ++view->n_axes;
  view->starts[view->n_axes] = view->starts[view->n_axes - 1];
  return 1;
}

int view_add_axis(struct view *view, struct extent extent) {
  return add_axis(view) && (!extent.has_batch || add_factor(view, BATCH, 0)) &&
         add_factor(view, extent.count, 0);
}

int view_add_like(struct view *view, const struct view *from, int axis) {
  if (!add_axis(view))
    return 0;
  for (int i = from ? from->starts[axis] : 0; from && i < from->starts[axis + 1]; ++i)
    if (!add_factor(view, from->factors[i].size, from->factors[i].stride))
      return 0;
  return 1;
}

void view_pack(struct view *view) {
  int64_t stride = 1;
  for (int i = n_factors(view) - 1; i >= 0; --i) {
    if (view->factors[i].size == BATCH)
      continue;
    view->factors[i].stride = stride;
    stride *= view->factors[i].size;
  }
}

int view_is_packed(const struct view *view) {
  struct view packed = *view;
  view_pack(&packed);
  for (int i = 0; i < n_factors(view); ++i)
    if (view->factors[i].size != BATCH && view->factors[i].stride != packed.factors[i].stride)
      return 0;
  return 1;
}

void view_transpose(struct view *view, const int *axes) {
  const struct view old = *view;
  view->n_axes = 0;
  view->starts[0] = 0;
  for (int i = 0; i < old.n_axes; ++i) {
    add_axis(view);
    for (int k = old.starts[axes[i]]; k < old.starts[axes[i] + 1]; ++k)
      add_factor(view, old.factors[k].size, old.factors[k].stride);
  }
}

int view_insert(struct view *view, int axis) {
  if (view->n_axes == VIEW_MAX_AXES)
    return 0;
  for (int i = view->n_axes + 1; i > axis; --i)
    view->starts[i] = view->starts[i - 1];
  ++view->n_axes;
  return 1;
}

void view_remove(struct view *view, int axis) {
  for (int i = axis; i < view->n_axes; ++i)
    view->starts[i] = view->starts[i + 1];
  --view->n_axes;
}

/* Take the one factor of an axis away. */
static void drop_factor(struct view *view, int axis) {
  const int at = view->starts[axis];
  memmove(&view->factors[at], &view->factors[at + 1],
          (size_t)(n_factors(view) - at - 1) * sizeof view->factors[0]);
  for (int i = axis + 1; i <= view->n_axes; ++i)
    --view->starts[i];
}

/* Join neighbouring factors of an axis that are one in memory. */
static void join_factors(struct view *view) {
  const struct view old = *view;
  view->n_axes = 0;
  view->starts[0] = 0;
  for (int axis = 0; axis < old.n_axes; ++axis) {
    add_axis(view);
    for (int i = old.starts[axis]; i < old.starts[axis + 1]; ++i) {
      const struct factor *factor = &old.factors[i];
      const int end = view->starts[view->n_axes];
      struct factor *last = end > view->starts[axis] ? &view->factors[end - 1] : NULL;
      if (last && last->size != BATCH && factor->size != BATCH &&
          last->stride == factor->stride * factor->size)
        *last = (struct factor){last->size * factor->size, factor->stride};
      else
        add_factor(view, factor->size, factor->stride);
    }
  }
}

int view_slice(struct view *view, int axis, int64_t start, int64_t step, int64_t count) {
  const struct extent extent = view_extent(view, axis);
  if (start == 0 && step == 1 && count == extent.count)
    return 1; /* all of it, however it lies */
  if (extent.has_batch || view->starts[axis + 1] - view->starts[axis] > 1)
    return 0;
  if (extent.count == 1)
    return 1; /* one element, kept */
  struct factor *factor = &view->factors[view->starts[axis]];
  view->offset += start * factor->stride;
  factor->size = count;
  if (count == 1)
    drop_factor(view, axis); /* its step may be any number */
  else
    factor->stride *= step;
  return 1;
}

/* Take factors for one axis off the list from '*at' on; the first may be split in two. */
static int take_factors(struct view *view, struct factor *factors, int count, int *at,
                        struct extent wanted) {
  while (wanted.count > 1 || wanted.has_batch) {
    if (*at == count)
      return 0;
    struct factor *factor = &factors[*at];
    if (factor->size == BATCH) {
      if (!wanted.has_batch || !add_factor(view, BATCH, 0))
        return 0;
      wanted.has_batch = 0;
      ++*at;
    } else if (wanted.count % factor->size == 0) {
      if (!add_factor(view, factor->size, factor->stride))
        return 0;
      wanted.count /= factor->size;
      ++*at;
    } else if (wanted.count > 1 && factor->size % wanted.count == 0) {
      factor->size /= wanted.count;
      if (!add_factor(view, wanted.count, factor->stride * factor->size))
        return 0;
      wanted.count = 1;
    } else {
      return 0;
    }
  }
  return 1;
}

/* All factors of a view, those that are one in memory as one, whatever the borders of its axes. */
static int list_factors(const struct view *view, struct factor *factors) {
  int count = 0;
  for (int i = 0; i < n_factors(view); ++i) {
    const struct factor *factor = &view->factors[i];
    struct factor *last = count > 0 ? &factors[count - 1] : NULL;
    if (last && last->size != BATCH && factor->size != BATCH &&
        last->stride == factor->stride * factor->size)
      *last = (struct factor){last->size * factor->size, factor->stride};
    else
      factors[count++] = *factor;
  }
  return count;
}

int view_reshape(struct view *view, const struct extent *extents, int n_axes) {
  struct view made = *view;
  struct factor factors[VIEW_MAX_FACTORS];
  const int count = list_factors(view, factors);
  int at = 0;
  made.n_axes = 0;
  made.starts[0] = 0;
  for (int i = 0; i < n_axes; ++i)
    if (!add_axis(&made) || !take_factors(&made, factors, count, &at, extents[i]))
      return 0;
  if (at < count)
    return 0;
  join_factors(&made);
  *view = made;
  return 1;
}
