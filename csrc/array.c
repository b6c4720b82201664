#include "array.h"

#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "dtype.h"
#include "wide.h"

/* Columns gathered before they are checked: few enough to be in the first-level cache still. */
enum { CHECK_COLUMNS = 64 };

static int check_array(const pyemu_array *array, const struct variable *v,
                       const struct error *error) {
  if (array->rank < 0 || array->rank > PYEMU_MAX_RANK)
    return fail(error, PYEMU_ERR_SIZE, "the array for '%s' has rank %d; expected 0 to %d", v->name,
                (int)array->rank, (int)PYEMU_MAX_RANK);
  if (dtype_size(array->dtype) == 0)
    return fail(error, PYEMU_ERR_KIND,
                "the array for '%s' has element type number %d; expected float32, float64 or int32",
                v->name, (int)array->dtype);
  int32_t from = v->direction == PYEMU_INPUT ? array->dtype : v->dtype;
  int32_t to = v->direction == PYEMU_INPUT ? v->dtype : array->dtype;
  int mixes_kinds = (from == PYEMU_INT32) != (to == PYEMU_INT32);
  if (!copy_is_possible(from, to) || (v->direction == PYEMU_OUTPUT && mixes_kinds))
    return fail(error, PYEMU_ERR_KIND,
                "the array for '%s' is %s, which cannot serve this %s of type %s; bind %s array",
                v->name, dtype_name(array->dtype), v->direction == PYEMU_INPUT ? "input" : "output",
                dtype_name(v->dtype),
                v->dtype == PYEMU_INT32 ? "an int32" : "a float32 or float64");
  return PYEMU_OK;
}

/* Sizes must not be negative, and all addresses and counts must fit their types. */
static int check_extents(const pyemu_array *array, const struct variable *v,
                         const struct error *error) {
  int64_t count = 1, span = 0, reach;
  for (int i = 0; i < array->rank; ++i) {
    int64_t extent = array->shape[i], stride = array->strides[i];
    if (extent < 0)
      return fail(error, PYEMU_ERR_SIZE, "dimension %d of the array for '%s' has size %lld", i + 1,
                  v->name, (long long)extent);
    if (stride == INT64_MIN || !multiply_sizes(count, extent, &count) ||
        !multiply_sizes(extent, llabs(stride), &reach) || span > INT64_MAX - reach)
      return fail(error, PYEMU_ERR_SIZE, "the array for '%s' is too large to address", v->name);
    span += reach;
  }
  if (!multiply_sizes(count, 8, &count))
    return fail(error, PYEMU_ERR_SIZE, "the array for '%s' is too large to address", v->name);
  if (!array->data && count > 0)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the array for '%s' has no memory: a NULL address, or not allocated?", v->name);
  return PYEMU_OK;
}

/* Elements of an output must not share memory: which one would win is undefined. */
static int check_overlap(const pyemu_array *array, const struct variable *v,
                         const struct error *error) {
  int64_t size = (int64_t)dtype_size(array->dtype);
  int shared = -1;
  for (int i = 0; i < array->rank && v->direction == PYEMU_OUTPUT; ++i) {
    if (array->shape[i] == 0)
      return PYEMU_OK;
    if (array->shape[i] > 1 && llabs(array->strides[i]) < size)
      shared = i;
  }
  if (shared < 0)
    return PYEMU_OK;
  return fail(
      error, PYEMU_ERR_LAYOUT,
      "elements along dimension %d of the array for output '%s' share memory (stride %lld bytes, "
      "element %lld bytes)",
      shared + 1, v->name, (long long)array->strides[shared], (long long)size);
}

/* Resolve 'level_dim' to a dimension of the array, -1 for a variable without level. */
static int find_level(const pyemu_array *array, const struct variable *v, int level_dim, int *level,
                      const struct error *error) {
  *level = -1;
  if (!v->level_name)
    return level_dim == PYEMU_LAST_DIM
               ? PYEMU_OK
               : fail(error, PYEMU_ERR_ARGUMENT,
                      "'%s' has one value per column, so a level dimension cannot be given for it",
                      v->name);
  if (array->rank < 1)
    return fail(error, PYEMU_ERR_SIZE,
                "'%s' needs an array of rank 1 or more with %lld %ss, found a scalar", v->name,
                (long long)v->width, v->level_name);
  if (level_dim < PYEMU_LAST_DIM || level_dim >= array->rank)
    return fail(
        error, PYEMU_ERR_ARGUMENT,
        "the level dimension of the array for '%s' must be one of its %d dimensions, found %s",
        v->name, (int)array->rank, level_dim < 0 ? "one before the first" : "one after the last");
  *level = level_dim == PYEMU_LAST_DIM ? array->rank - 1 : level_dim;
  if (array->shape[*level] == v->width)
    return PYEMU_OK;
  fail(error, PYEMU_ERR_SIZE, "'%s' has %lld %ss, but dimension %d of its array (shape", v->name,
       (long long)v->width, v->level_name, *level + 1);
  for (int i = 0; i < array->rank; ++i)
    error_append(error, "%s%lld", i ? ", " : " ", (long long)array->shape[i]);
  error_append(error, ") has size %lld; is another dimension the vertical? Then give level_dim",
               (long long)array->shape[*level]);
  return PYEMU_ERR_SIZE;
}

/* Append a dimension of columns, merged with the one before where they lie end to end. */
static void add_dimension(struct layout *layout, int64_t extent, int64_t stride) {
  int last = layout->n_dims - 1;
  layout->columns *= extent;
  if (extent == 1)
    return;
  if (last >= 0 && stride == layout->strides[last] * layout->shape[last]) {
    layout->shape[last] *= extent;
    return;
  }
  layout->shape[layout->n_dims] = extent;
  layout->strides[layout->n_dims++] = stride;
}

int layout_make(struct layout *layout, const pyemu_array *array, const struct variable *v,
                int level_dim, const struct error *error) {
  int level;
  int status = check_array(array, v, error);
  if (status == PYEMU_OK)
    status = check_extents(array, v, error);
  if (status == PYEMU_OK)
    status = check_overlap(array, v, error);
  if (status == PYEMU_OK)
    status = find_level(array, v, level_dim, &level, error);
  if (status != PYEMU_OK)
    return status;
  layout->data = array->data;
  layout->dtype = array->dtype;
  layout->n_dims = 0;
  layout->columns = 1;
  layout->width = v->width;
  layout->level_stride = level < 0 ? (int64_t)dtype_size(array->dtype) : array->strides[level];
  for (int i = 0; i < array->rank; ++i)
    if (i != level)
      add_dimension(layout, array->shape[i], array->strides[i]);
  if (layout->n_dims == 0) {
    layout->shape[0] = 1;
    layout->strides[0] = layout->width * (int64_t)dtype_size(array->dtype);
    layout->n_dims = 1;
  }
  return PYEMU_OK;
}

int layout_is_tensor(const struct layout *layout, int32_t dtype) {
  const int64_t size = (int64_t)dtype_size(dtype);
  return layout->dtype == dtype && layout->n_dims == 1 &&
         (layout->width == 1 || layout->level_stride == size) &&
         layout->strides[0] == layout->width * size && (uintptr_t)layout->data % (size_t)size == 0;
}

/* An exponent of all ones is infinity or NaN. Integer arithmetic, so that it vectorises. */
#define DEFINE_FINITE(BITS, EXPONENT)                                                              \
  WIDE static int finite_##BITS(const char *data, int64_t count) {                                 \
    uint##BITS##_t bad = 0, bits;                                                                  \
    for (int64_t i = 0; i < count; ++i) {                                                          \
      memcpy(&bits, data + i * (int64_t)sizeof bits, sizeof bits);                                 \
      bad |= (bits & (EXPONENT)) == (EXPONENT);                                                    \
    }                                                                                              \
    return !bad;                                                                                   \
  }

DEFINE_FINITE(32, UINT32_C(0x7F800000))
DEFINE_FINITE(64, UINT64_C(0x7FF0000000000000))

int tensor_is_finite(const void *tensor, int32_t dtype, int64_t count) {
  return dtype == PYEMU_FLOAT32   ? finite_32(tensor, count)
         : dtype == PYEMU_FLOAT64 ? finite_64(tensor, count)
                                  : 1;
}

/* A place in an array: one index for each dimension of columns but the fastest. */
struct cursor {
  int64_t index[PYEMU_MAX_RANK];
  char *data;
};

/* Step to the next stretch of the fastest dimension; 0 after the last one. */
static int advance(const struct layout *layout, struct cursor *cursor) {
  for (int i = 1; i < layout->n_dims; ++i) {
    cursor->data += layout->strides[i];
    if (++cursor->index[i] < layout->shape[i])
      return 1;
    cursor->data -= layout->strides[i] * layout->shape[i];
    cursor->index[i] = 0;
  }
  return 0;
}

/* 'columns' columns of the array from the cursor, as a matrix of rows = columns. A variable with
 * one value per column is a single row, so that its columns are the adjacent elements. */
static struct matrix array_matrix(const struct layout *layout, char *data) {
  if (layout->width == 1)
    return (struct matrix){data, layout->dtype, 0, layout->strides[0]};
  return (struct matrix){data, layout->dtype, layout->strides[0], layout->level_stride};
}

static struct matrix tensor_matrix(const struct layout *layout, char *data, int32_t dtype) {
  int64_t size = (int64_t)dtype_size(dtype);
  return (struct matrix){data, dtype, layout->width * size, size};
}

static void copy_columns(const struct layout *layout, const struct matrix *dst,
                         const struct matrix *src, int64_t columns) {
  if (layout->width == 1)
    copy_matrix(dst, src, 1, columns);
  else
    copy_matrix(dst, src, columns, layout->width);
}

int layout_gather(const struct layout *layout, void *tensor, int32_t dtype, int check) {
  if (layout->columns == 0)
    return 1;
  const int64_t row = layout->width * (int64_t)dtype_size(dtype);
  const int64_t step = layout->width == 1 ? layout->shape[0] : CHECK_COLUMNS;
  struct cursor cursor = {{0}, layout->data};
  char *out = tensor;
  int finite = 1;
  do {
    for (int64_t i = 0, n; i < layout->shape[0]; i += n, out += n * row) {
      n = layout->shape[0] - i < step ? layout->shape[0] - i : step;
      struct matrix src = array_matrix(layout, cursor.data + i * layout->strides[0]);
      struct matrix dst = tensor_matrix(layout, out, dtype);
      copy_columns(layout, &dst, &src, n);
      if (check)
        finite &= tensor_is_finite(out, dtype, n * layout->width);
    }
  } while (advance(layout, &cursor));
  return finite;
}

void layout_scatter(const struct layout *layout, const void *tensor, int32_t dtype) {
  if (layout->columns == 0)
    return;
  const int64_t row = layout->width * (int64_t)dtype_size(dtype);
  struct cursor cursor = {{0}, layout->data};
  char *in = (char *)tensor; /* only read from */
  do {
    struct matrix src = tensor_matrix(layout, in, dtype);
    struct matrix dst = array_matrix(layout, cursor.data);
    copy_columns(layout, &dst, &src, layout->shape[0]);
    in += layout->shape[0] * row;
  } while (advance(layout, &cursor));
}

double layout_element(const struct layout *layout, int64_t column, int64_t level) {
  char *at = layout->data + level * layout->level_stride;
  for (int i = 0; i < layout->n_dims; ++i) {
    at += column % layout->shape[i] * layout->strides[i];
    column /= layout->shape[i];
  }
  double value;
  struct matrix src = {at, layout->dtype, 0, 0};
  struct matrix dst = {(char *)&value, PYEMU_FLOAT64, 0, 0};
  copy_matrix(&dst, &src, 1, 1);
  return value;
}

void layout_span(const struct layout *layout, const char **first, const char **end) {
  int64_t low = 0, high = (int64_t)dtype_size(layout->dtype);
  int64_t reach = (layout->width - 1) * layout->level_stride;
  *(reach < 0 ? &low : &high) += reach;
  for (int i = 0; i < layout->n_dims; ++i) {
    reach = (layout->shape[i] - 1) * layout->strides[i];
    *(reach < 0 ? &low : &high) += reach;
  }
  *first = layout->data + low;
  *end = layout->data + high;
}
