/*
 * resize.c - Resize and Upsample: fields on finer or coarser grids, one dimension after the other.
 *
 * Coordinates are computed in float32, as ONNX Runtime does: where an output stands between two
 * elements decides which is the nearest. Only the weights of neighbours are made in float64 where
 * the graph is computed in it.
 */
#include <math.h>

#include "engines/native/compose.h"
#include "engines/native/resample.h"

enum mode { NEAREST, LINEAR, CUBIC };

/* Where output o stands in the input. */
enum coordinates {
  HALF_PIXEL,
  HALF_PIXEL_SYMMETRIC,
  PYTORCH_HALF_PIXEL,
  TF_HALF_PIXEL,
  ALIGN_CORNERS,
  ASYMMETRIC,
  CROP_AND_RESIZE
};

/* 'NEAREST_OLD' is that of Resize before opset 11: floor of a larger output, else ceil. */
enum nearest { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL, NEAREST_OLD };

enum { MOST_SIZE = 1 << 20 };

/* One dimension. */
struct resized {
  int64_t in, out;
  double scale;
  float start, end; /* of the region of interest, relative to the size */
  int is_same;      /* nothing to do */
};

struct resize {
  int mode, coordinates, nearest;
  double a; /* of the cubic polynomial */
  int excludes_outside;
  double outside; /* the value outside of a region of interest */
  int n_axes;     /* of the tensor */
  struct resized axes[VIEW_MAX_AXES];
};

/* --- Reading --- */

/* The place of an attribute's text in a list of names; the first if there is no attribute. */
static int read_text(struct builder *builder, const char *attribute, const char *const *names,
                     int n_names, int *place) {
  const struct model_attribute *found = model_attribute(builder->node, attribute);
  *place = 0;
  while (found && *place < n_names && !text_is(&found->text, names[*place]))
    ++*place;
  return *place < n_names
             ? PYEMU_OK
             : builder_fail(builder, "its %s is '%.*s', which is not known", attribute,
                            (int)(found->text.size < 40 ? found->text.size : 40), found->text.at);
}

static int read_attributes(struct builder *builder, struct resize *r) {
  static const char *const modes[] = {"nearest", "linear", "cubic"};
  static const char *const coordinates[] = {
      "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel", "tf_half_pixel_for_nn",
      "align_corners", "asymmetric",           "tf_crop_and_resize"};
  static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  const struct model_node *node = builder->node;
  if (model_integer(node, "antialias", 0) != 0)
    return builder_fail(builder, "it has antialias");
  r->a = model_number(node, "cubic_coeff_a", -0.75f);
  r->excludes_outside = model_integer(node, "exclude_outside", 0) != 0;
  r->outside = model_number(node, "extrapolation_value", 0);
  int status = read_text(builder, "mode", modes, 3, &r->mode);
  if (status == PYEMU_OK)
    status = read_text(builder, "coordinate_transformation_mode", coordinates, 7, &r->coordinates);
  if (status == PYEMU_OK)
    status = read_text(builder, "nearest_mode", nearest, 4, &r->nearest);
  if (builder->model->opset < 11 || text_is(&node->type, "Upsample")) {
    r->coordinates = ASYMMETRIC;
    r->nearest = NEAREST_OLD;
  }
  return status;
}

/* One of the numbers of a constant input. */
static int read_number(struct builder *builder, const struct view *list, int64_t index,
                       double *number) {
  struct view one = *list;
  if (list->n_axes != 1 || !view_slice(&one, 0, index, 1, 1) ||
      !builder_number(builder, &one, number))
    return builder_fail(builder, "its scales or its region are not constant lists");
  return PYEMU_OK;
}

static int set_scale(struct builder *builder, struct resize *r, int axis, double given) {
  struct resized *resized = &r->axes[axis];
  const float scale = (float)given;
  if (!(scale > 0) || !(scale * (float)resized->in < MOST_SIZE))
    return builder_fail(builder, "dimension %d is scaled by %g", axis + 1, given);
  resized->scale = given;
  resized->out = (int64_t)floorf(scale * (float)resized->in);
  /* The definition of ONNX takes the size before it is rounded, ONNX Runtime the one behind. */
  if (r->coordinates == ALIGN_CORNERS && (float)resized->out != scale * (float)resized->in)
    return builder_fail(builder, "corners are aligned but %g times %lld is not a whole number",
                        given, (long long)resized->in);
  return PYEMU_OK;
}

/* Scales of the axes in a list: an attribute of the oldest opsets, an input of others. */
static int read_scales(struct builder *builder, struct resize *r, int input, const int *axes,
                       int n) {
  const struct model_attribute *found = model_attribute(builder->node, "scales");
  struct view list = {.n_axes = 0};
  double scale;
  int status = found ? PYEMU_OK : builder_tensor(builder, input, &list);
  if (status != PYEMU_OK)
    return status;
  if ((found ? found->n_numbers : view_count(&list)) != n)
    return builder_fail(builder, "it has another number of scales than of axes");
  for (int i = 0; status == PYEMU_OK && i < n; ++i) {
    if (found)
      scale = found->numbers[i];
    else
      status = read_number(builder, &list, i, &scale);
    if (status == PYEMU_OK)
      status = set_scale(builder, r, axes[i], scale);
  }
  return status;
}

/* Sizes may have to keep the ratio of the axes: the least or largest scale is that of all. */
static int keep_ratio(struct builder *builder, struct resize *r, const int *axes, int n) {
  static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
  int policy;
  int status = read_text(builder, "keep_aspect_ratio_policy", policies, 3, &policy);
  if (status != PYEMU_OK || policy == 0 || n == 0)
    return status;
  double scale = r->axes[axes[0]].scale;
  for (int i = 1; i < n; ++i) {
    const double other = r->axes[axes[i]].scale;
    if (policy == 1 ? other < scale : other > scale)
      scale = other;
  }
  for (int i = 0; status == PYEMU_OK && i < n; ++i) {
    struct resized *resized = &r->axes[axes[i]];
    if (!((float)scale * (float)resized->in < MOST_SIZE))
      return builder_fail(builder, "dimension %d is scaled by %g", axes[i] + 1, scale);
    resized->scale = scale;
    resized->out = (int64_t)floorf((float)scale * (float)resized->in + 0.5f);
  }
  return status;
}

static int read_sizes(struct builder *builder, struct resize *r, const struct view *in,
                      const int *axes, int n) {
  const struct integers *sizes;
  int status = builder_integers(builder, 3, &sizes);
  if (status != PYEMU_OK)
    return status;
  if (sizes->count != n)
    return builder_fail(builder, "it has another number of sizes than of axes");
  for (int i = 0; i < n; ++i) {
    struct resized *resized = &r->axes[axes[i]];
    const struct extent extent = view_extent(in, axes[i]);
    const int64_t size = sizes->at[i].count;
    if (size < 1 || size > MOST_SIZE || sizes->at[i].has_batch != extent.has_batch)
      return builder_fail(builder, "dimension %d would have %lld elements", axes[i] + 1,
                          (long long)size);
    resized->out = size;
    resized->scale = (double)size / (double)resized->in;
  }
  return keep_ratio(builder, r, axes, n);
}

/* Region of interest: starts of all axes, then ends. */
static int read_region(struct builder *builder, struct resize *r, const int *axes, int n) {
  struct view list;
  double start, end;
  int status = builder_tensor(builder, 1, &list);
  if (status == PYEMU_OK && view_count(&list) != 2 * (int64_t)n)
    return builder_fail(builder, "its region has another number of axes");
  for (int i = 0; status == PYEMU_OK && i < n; ++i) {
    status = read_number(builder, &list, i, &start);
    if (status == PYEMU_OK)
      status = read_number(builder, &list, i + n, &end);
    if (status == PYEMU_OK && !(fabs(start) < MOST_SIZE && fabs(end) < MOST_SIZE))
      return builder_fail(builder, "its region has no size");
    if (status == PYEMU_OK) {
      r->axes[axes[i]].start = (float)start;
      r->axes[axes[i]].end = (float)end;
    }
  }
  return status;
}

/* The axes that are resized; all of them if the node lists none. */
static int read_axes(struct builder *builder, const struct view *in, int *axes, int *n) {
  const struct model_attribute *found = model_attribute(builder->node, "axes");
  int status = PYEMU_OK;
  *n = found ? (int)found->n_integers : in->n_axes;
  if (found && (found->n_integers < 0 || found->n_integers > in->n_axes))
    return builder_fail(builder, "it lists %lld axes of %d", (long long)found->n_integers,
                        in->n_axes);
  for (int i = 0; status == PYEMU_OK && i < *n; ++i)
    status = builder_axis(builder, found ? found->integers[i] : i, in->n_axes, &axes[i]);
  return status;
}

static int check_axes(struct builder *builder, struct resize *r, const struct view *in) {
  for (int i = 0; i < r->n_axes; ++i) {
    struct resized *axis = &r->axes[i];
    const int is_whole = r->coordinates != CROP_AND_RESIZE || (axis->start == 0 && axis->end == 1);
    axis->is_same = axis->in == axis->out && axis->scale == 1 && is_whole;
    if (axis->out < 1 || (!axis->is_same && view_extent(in, i).has_batch))
      return builder_fail(builder, "dimension %d would have nothing, or other columns", i + 1);
  }
  return PYEMU_OK;
}

static int read_resize(struct builder *builder, const struct view *in, struct resize *r) {
  int axes[VIEW_MAX_AXES], n = 0;
  *r = (struct resize){.n_axes = in->n_axes};
  int status = read_attributes(builder, r);
  if (status == PYEMU_OK)
    status = read_axes(builder, in, axes, &n);
  for (int i = 0; i < in->n_axes; ++i) {
    const int64_t size = view_extent(in, i).count;
    r->axes[i] = (struct resized){.in = size, .out = size, .scale = 1, .end = 1};
    if (size > MOST_SIZE)
      return builder_fail(builder, "dimension %d has %lld elements", i + 1, (long long)size);
  }
  const int has_region = builder->model->opset >= 11 && text_is(&builder->node->type, "Resize");
  if (status == PYEMU_OK && has_region && builder_has_input(builder, 3))
    status = read_sizes(builder, r, in, axes, n);
  else if (status == PYEMU_OK)
    status = read_scales(builder, r, has_region ? 2 : 1, axes, n);
  if (status == PYEMU_OK && r->coordinates == CROP_AND_RESIZE)
    status = read_region(builder, r, axes, n);
  return status == PYEMU_OK ? check_axes(builder, r, in) : status;
}

/* --- Coordinates --- */

#define DEFINE_COORDINATE(NAME, REAL)                                                              \
  static REAL NAME(const struct resize *r, const struct resized *axis, int64_t output) {           \
    const REAL o = (REAL)output, in = (REAL)axis->in, out = (REAL)axis->out, half = (REAL)0.5;     \
    const REAL scale = (REAL)axis->scale, start = axis->start, end = axis->end;                    \
    switch (r->coordinates) {                                                                      \
    case HALF_PIXEL_SYMMETRIC:                                                                     \
      return in / 2 * (1 - out / (scale * in)) + (o + half) / scale - half;                        \
    case PYTORCH_HALF_PIXEL:                                                                       \
      return axis->out > 1 ? (o + half) / scale - half : 0;                                        \
    case TF_HALF_PIXEL:                                                                            \
      return (o + half) / scale;                                                                   \
    case ALIGN_CORNERS:                                                                            \
      return axis->out > 1 ? o * (in - 1) / (out - 1) : 0;                                         \
    case ASYMMETRIC:                                                                               \
      return o / scale;                                                                            \
    case CROP_AND_RESIZE:                                                                          \
      return axis->out > 1 ? start * (in - 1) + o * (end - start) * (in - 1) / (out - 1)           \
                           : half * (start + end) * (in - 1);                                      \
    default:                                                                                       \
      return (o + half) / scale - half;                                                            \
    }                                                                                              \
  }

DEFINE_COORDINATE(coordinate, float)
DEFINE_COORDINATE(wide_coordinate, double)

static int64_t clamp(double x, int64_t size) {
  return x < 0 ? 0 : x > (double)(size - 1) ? size - 1 : (int64_t)x;
}

static int64_t nearest_element(const struct resize *r, const struct resized *axis, float x) {
  float found = floorf(x);
  if (r->nearest == CEIL || (r->nearest == NEAREST_OLD && axis->scale < 1))
    found = ceilf(x);
  else if (r->nearest == PREFER_FLOOR && x - found > 0.5f)
    found += 1;
  else if (r->nearest == PREFER_CEIL && x - found >= 0.5f)
    found += 1;
  return clamp(found, axis->in);
}

/* Keys (1981), doi:10.1109/TASSP.1981.1163711: the weights of four neighbours at a distance of s
 * behind the second. */
static void cubic_weights(double a, double s, double *weights) {
  const double distances[4] = {1 + s, s, 1 - s, 2 - s};
  for (int k = 0; k < 4; ++k) {
    const double d = distances[k];
    weights[k] = k == 1 || k == 2 ? ((a + 2) * d - (a + 3)) * d * d + 1
                                  : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  }
}

/* Weights of 'n' neighbours; those outside count as the element at the border, or not at all. */
static void set_neighbours(const struct resize *r, const struct resized *axis, double x, int64_t o,
                           struct taps *taps) {
  const int n = taps->n_terms;
  const double below = floor(x), s = x - below, first = n == 4 ? below - 1 : below;
  double weights[4] = {1 - s, s, 0, 0}, sum = 0;
  if (n == 4)
    cubic_weights(r->a, s, weights);
  for (int k = 0; k < n; ++k) {
    const double at = first + k;
    if (n == 4 && r->excludes_outside && (at < 0 || at > (double)(axis->in - 1)))
      weights[k] = 0;
    sum += weights[k];
    taps->index[k * taps->count + o] = clamp(at, axis->in);
  }
  for (int k = 0; k < n; ++k)
    taps->weights[k * taps->count + o] =
        n == 4 && r->excludes_outside && sum != 0 ? weights[k] / sum : weights[k];
}

static int resize_axis(struct builder *builder, const struct resize *r, int axis,
                       struct view *view) {
  static const int n_terms[] = {[NEAREST] = 1, [LINEAR] = 2, [CUBIC] = 4};
  const struct resized *resized = &r->axes[axis];
  const struct view in = *view;
  struct taps taps;
  int status = resample_new(builder, n_terms[r->mode], resized->out, r->mode != NEAREST, &taps);
  for (int64_t o = 0; status == PYEMU_OK && o < taps.count; ++o) {
    if (r->mode == NEAREST)
      taps.index[o] = nearest_element(r, resized, coordinate(r, resized, o));
    else
      set_neighbours(r, resized,
                     builder->plan->real == ELEMENT_FLOAT64 ? wide_coordinate(r, resized, o)
                                                            : coordinate(r, resized, o),
                     o, &taps);
  }
  return status == PYEMU_OK ? resample_axis(builder, &in, axis, &taps, view) : status;
}

/* What stands outside of the tensor has a value of its own. */
static int fill_outside(struct builder *builder, const struct resize *r, int axis,
                        const struct view *made) {
  const struct resized *resized = &r->axes[axis];
  struct view number;
  int status = builder_scalar(builder, made->element, r->outside, &number);
  for (int64_t o = 0; status == PYEMU_OK && o < resized->out; ++o) {
    const float x = coordinate(r, resized, o);
    struct view part = *made;
    if (x >= 0 && x <= (float)(resized->in - 1))
      continue;
    view_slice(&part, axis, o, 1, 1);
    status = builder_copy(builder, &number, &part);
  }
  return status;
}

/* First the axes that become smaller, from the first; then those that grow, from the last: rows of
 * a field lie along the vectors. */
static int resize(struct builder *builder, const struct resize *r, struct view *view) {
  int status = PYEMU_OK;
  for (int i = 0; status == PYEMU_OK && i < r->n_axes; ++i)
    if (!r->axes[i].is_same && r->axes[i].out <= r->axes[i].in)
      status = resize_axis(builder, r, i, view);
  for (int i = r->n_axes - 1; status == PYEMU_OK && i >= 0; --i)
    if (!r->axes[i].is_same && r->axes[i].out > r->axes[i].in)
      status = resize_axis(builder, r, i, view);
  for (int i = 0; status == PYEMU_OK && i < r->n_axes; ++i)
    if (r->coordinates == CROP_AND_RESIZE && !r->axes[i].is_same)
      status = fill_outside(builder, r, i, view);
  return status;
}

static int plan_resize(struct builder *builder, int function) {
  struct resize r;
  struct view view;
  (void)function;
  int status = builder_tensor(builder, 0, &view);
  if (status == PYEMU_OK)
    status = read_resize(builder, &view, &r);
  if (status == PYEMU_OK && view.element == ELEMENT_INT32 && r.mode != NEAREST)
    return builder_fail(builder, "it computes with 32-bit integers");
  if (status == PYEMU_OK)
    status = resize(builder, &r, &view);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &view);
  return status;
}

const struct planner resize_planners[] = {
    {"Resize", plan_resize, 0, 2, 4},
    {"Upsample", plan_resize, 0, 1, 2},
    {NULL, NULL, 0, 0, 0},
};
