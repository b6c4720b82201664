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

/* The level of a variable is one dimension of its array; 'level_dim' says which. */
static int find_level(const pyemu_array *array, const struct variable *v, int level_dim, int *level,
                      const struct error *error) {
  if (array->rank < 1)
    return fail(error, PYEMU_ERR_SIZE,
                "'%s' needs an array of rank 1 or more with %lld %ss, found a scalar", v->name,
                (long long)v->width, v->dims[0].name);
  if (level_dim < PYEMU_REVERSED_DIMS || level_dim >= array->rank)
    return fail(
        error, PYEMU_ERR_ARGUMENT,
        "the level dimension of the array for '%s' must be one of its %d dimensions, found %s",
        v->name, (int)array->rank, level_dim < 0 ? "one before the first" : "one after the last");
  *level = level_dim < 0 ? array->rank - 1 : level_dim;
  return PYEMU_OK;
}

/* The array of a field has the dimensions of the card in their order or, if 'is_reversed', the
 * other way round; its batch may be left out. */
static int find_field(const pyemu_array *array, const struct variable *v, int is_reversed,
                      int *items, const struct error *error) {
  int has_batch = array->rank - v->n_dims;
  if (has_batch < 0 || has_batch > v->has_batch)
    return fail(error, PYEMU_ERR_SIZE, "the array for '%s' has rank %d; expected %d%s", v->name,
                (int)array->rank, v->n_dims, v->has_batch ? ", or one more for the batch" : "");
  for (int i = 0; i < v->n_dims; ++i)
    items[i] = is_reversed ? v->n_dims - 1 - i : has_batch + i;
  return PYEMU_OK;
}

/* Which dimension of the array is dimension i of the item: into items[i]. */
static int find_items(const pyemu_array *array, const struct variable *v, int level_dim, int *items,
                      const struct error *error) {
  if (v->is_level)
    return find_level(array, v, level_dim, items, error);
  if (level_dim != PYEMU_LAST_DIM && level_dim != PYEMU_REVERSED_DIMS)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "'%s' has %s, so a level dimension cannot be given for it", v->name,
                v->n_dims ? "the dimensions of a field" : "one value per column");
  if (v->n_dims > 0)
    return find_field(array, v, level_dim == PYEMU_REVERSED_DIMS, items, error);
  return PYEMU_OK;
}

/* Sizes must be those of the card: a wrong one is an error, never a broadcast. */
static int check_sizes(const pyemu_array *array, const struct variable *v, const int *items,
                       const struct error *error) {
  for (int k = 0; k < v->n_dims; ++k) {
    int64_t found = array->shape[items[k]];
    if (found == v->dims[k].size)
      continue;
    fail(error, PYEMU_ERR_SIZE, "'%s' has %lld %ss, but dimension %d of its array (shape", v->name,
         (long long)v->dims[k].size, v->dims[k].name, items[k] + 1);
    for (int i = 0; i < array->rank; ++i)
      error_append(error, "%s%lld", i ? ", " : " ", (long long)array->shape[i]);
    error_append(error, ") has size %lld; %s", (long long)found,
                 v->is_level ? "is another dimension the vertical? Then give level_dim"
                             : "are the dimensions in another order?");
    return PYEMU_ERR_SIZE;
  }
  return PYEMU_OK;
}

/* Append a dimension of columns, merged with the one before where they lie end to end. */
static void add_columns(struct layout *layout, int64_t extent, int64_t stride) {
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

/* Append the next faster dimension of an item, merged where the one before steps over all of it. */
static void add_item(struct layout *layout, int64_t extent, int64_t stride) {
  int last = layout->n_items - 1;
  layout->width *= extent;
  if (extent == 1)
    return;
  if (last >= 0 && layout->item_strides[last] == stride * extent) {
    layout->item_shape[last] *= extent;
    layout->item_strides[last] = stride;
    return;
  }
  layout->item_shape[layout->n_items] = extent;
  layout->item_strides[layout->n_items++] = stride;
}

/* Loops want at least one dimension of each sort. */
static void add_missing(struct layout *layout) {
  const int64_t size = (int64_t)dtype_size(layout->dtype);
  if (layout->n_dims == 0) {
    layout->shape[0] = 1;
    layout->strides[0] = layout->width * size;
    layout->n_dims = 1;
  }
  if (layout->n_items == 0) {
    layout->item_shape[0] = 1;
    layout->item_strides[0] = size;
    layout->n_items = 1;
  }
}

int layout_make(struct layout *layout, const pyemu_array *array, const struct variable *v,
                int level_dim, const struct error *error) {
  int items[PYEMU_MAX_RANK] = {0}, is_item[PYEMU_MAX_RANK] = {0};
  int status = check_array(array, v, error);
  if (status == PYEMU_OK)
    status = check_extents(array, v, error);
  if (status == PYEMU_OK)
    status = check_overlap(array, v, error);
  if (status == PYEMU_OK)
    status = find_items(array, v, level_dim, items, error);
  if (status == PYEMU_OK)
    status = check_sizes(array, v, items, error);
  if (status != PYEMU_OK)
    return status;
  layout->data = array->data;
  layout->dtype = array->dtype;
  layout->n_dims = layout->n_items = 0;
  layout->columns = layout->width = 1;
  for (int k = 0; k < v->n_dims; ++k) {
    is_item[items[k]] = 1;
    add_item(layout, array->shape[items[k]], array->strides[items[k]]);
  }
  for (int i = 0; i < array->rank; ++i)
    if (!is_item[i])
      add_columns(layout, array->shape[i], array->strides[i]);
  add_missing(layout);
  if (v->has_batch || layout->columns == 1)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_SIZE,
              "'%s' has one value for all columns, but its array has %lld elements", v->name,
              (long long)layout->columns);
}

int layout_is_tensor(const struct layout *layout, int32_t dtype) {
  const int64_t size = (int64_t)dtype_size(dtype);
  const int columns_follow = layout->columns == 1 || layout->strides[0] == layout->width * size;
  return layout->dtype == dtype && layout->n_dims == 1 && layout->n_items == 1 &&
         layout->item_strides[0] == size && columns_follow &&
         (uintptr_t)layout->data % (size_t)size == 0;
}

/* Without the sign, numbers are in the order of their bits: infinity and NaN are the largest.
 * Integer arithmetic, so that it vectorises. */
#define DEFINE_FINITE(BITS)                                                                        \
  WIDE static int below_##BITS(const char *data, int64_t count, uint##BITS##_t limit) {            \
    uint##BITS##_t bad = 0, bits;                                                                  \
    for (int64_t i = 0; i < count; ++i) {                                                          \
      memcpy(&bits, data + i * (int64_t)sizeof bits, sizeof bits);                                 \
      bad |= (bits & UINT##BITS##_MAX >> 1) >= limit;                                              \
    }                                                                                              \
    return !bad;                                                                                   \
  }

DEFINE_FINITE(32)
DEFINE_FINITE(64)

/* The bits of infinity, and of the least double that becomes infinity as a float. */
#define INFINITE_32 UINT32_C(0x7F800000)
#define INFINITE_64 UINT64_C(0x7FF0000000000000)
#define TOO_LARGE_64 UINT64_C(0x47EFFFFFF0000000)

/* Adjacent numbers of type 'from', once they have the type 'to'. */
static int run_is_finite(const char *data, int64_t count, int32_t from, int32_t to) {
  if (from == PYEMU_INT32 || to == PYEMU_INT32)
    return 1;
  if (from == PYEMU_FLOAT32)
    return below_32(data, count, INFINITE_32);
  return below_64(data, count, to == PYEMU_FLOAT32 ? TOO_LARGE_64 : INFINITE_64);
}

int tensor_is_finite(const void *tensor, int32_t dtype, int64_t count) {
  return run_is_finite(tensor, count, dtype, dtype);
}

/* An array and its tensor side by side, and which way to copy. */
struct transfer {
  const struct layout *layout;
  int32_t dtype; /* of the tensor */
  int is_gather;
  int is_checked; /* of dense tensors */
  int is_finite;
  int64_t column_stride; /* of the tensor, in bytes */
  int64_t element_stride;
};

static void move_matrix(struct transfer *t, const struct matrix *array, const struct matrix *tensor,
                        int64_t rows, int64_t n) {
  if (!t->is_gather) {
    copy_matrix(array, tensor, rows, n);
    return;
  }
  copy_matrix(tensor, array, rows, n);
  if (t->is_checked)
    t->is_finite &= tensor_is_finite(tensor->data, tensor->dtype, rows * n);
}

/* 'columns' adjacent columns whose items have one dimension. Few at a time, so that the check finds
 * them in the first-level cache. Items of one value are a single row: then columns are its
 * elements.
 */
static void move_rows(struct transfer *t, char *array, char *tensor, int64_t columns) {
  const struct layout *layout = t->layout;
  if (layout->width == 1) {
    struct matrix a = {array, layout->dtype, 0, layout->strides[0]},
                  b = {tensor, t->dtype, 0, t->column_stride};
    move_matrix(t, &a, &b, 1, columns);
    return;
  }
  for (int64_t i = 0, n; i < columns; i += n) {
    n = columns - i < CHECK_COLUMNS ? columns - i : CHECK_COLUMNS;
    struct matrix a = {array + i * layout->strides[0], layout->dtype, layout->strides[0],
                       layout->item_strides[0]};
    struct matrix b = {tensor + i * t->column_stride, t->dtype, t->column_stride,
                       t->element_stride};
    move_matrix(t, &a, &b, n, layout->width);
  }
}

/* One item of two or more dimensions: a matrix of the last two for every index of the others. */
static void move_item(struct transfer *t, char *array, char *tensor) {
  const struct layout *layout = t->layout;
  const int outer = layout->n_items - 2;
  const int64_t rows = layout->item_shape[outer], n = layout->item_shape[outer + 1];
  int64_t index[PYEMU_MAX_RANK] = {0};
  for (int i = 0; i >= 0;) {
    struct matrix a = {array, layout->dtype, layout->item_strides[outer],
                       layout->item_strides[outer + 1]};
    struct matrix b = {tensor, t->dtype, n * t->element_stride, t->element_stride};
    move_matrix(t, &a, &b, rows, n);
    tensor += rows * n * t->element_stride;
    for (i = outer - 1; i >= 0; --i) {
      array += layout->item_strides[i];
      if (++index[i] < layout->item_shape[i])
        break;
      array -= layout->item_strides[i] * layout->item_shape[i];
      index[i] = 0;
    }
  }
}

/* 'columns' adjacent columns, of items of any rank. */
static void move_columns(struct transfer *t, char *array, char *tensor, int64_t columns) {
  if (t->layout->n_items == 1)
    move_rows(t, array, tensor, columns);
  else
    for (int64_t i = 0; i < columns; ++i)
      move_item(t, array + i * t->layout->strides[0], tensor + i * t->column_stride);
}

/* Go to column 'column': its address, and its index along every dimension of columns. */
static char *find_column(const struct layout *layout, int64_t column, int64_t *index) {
  char *at = layout->data;
  if (layout->n_dims == 1) { /* without a division */
    index[0] = column;
    return at + column * layout->strides[0];
  }
  for (int i = 0; i < layout->n_dims; ++i) {
    index[i] = column % layout->shape[i];
    column /= layout->shape[i];
    at += index[i] * layout->strides[i];
  }
  return at;
}

/* 'columns' columns from column 'first' on, a stretch of the fastest dimension at a time. */
static void move(struct transfer *t, int64_t first, int64_t columns, char *tensor) {
  const struct layout *layout = t->layout;
  int64_t index[PYEMU_MAX_RANK];
  if (columns == 0)
    return;
  char *array = find_column(layout, first, index);
  for (int64_t done = 0, n; done < columns; done += n, tensor += n * t->column_stride) {
    const int64_t rest = layout->shape[0] - index[0];
    n = columns - done < rest ? columns - done : rest;
    move_columns(t, array, tensor, n);
    array -= index[0] * layout->strides[0];
    index[0] = 0;
    for (int i = 1; i < layout->n_dims; ++i) {
      array += layout->strides[i];
      if (++index[i] < layout->shape[i])
        break;
      array -= layout->strides[i] * layout->shape[i];
      index[i] = 0;
    }
  }
}

/* To or from a dense tensor. */
static struct transfer dense_transfer(const struct layout *layout, int32_t dtype, int is_gather) {
  const int64_t size = (int64_t)dtype_size(dtype);
  return (struct transfer){.layout = layout,
                           .dtype = dtype,
                           .is_gather = is_gather,
                           .is_finite = 1,
                           .column_stride = layout->width * size,
                           .element_stride = size};
}

int layout_gather(const struct layout *layout, int64_t first, int64_t columns, void *tensor,
                  int32_t dtype, int check) {
  struct transfer t = dense_transfer(layout, dtype, 1);
  t.is_checked = check;
  move(&t, first, columns, tensor);
  return t.is_finite;
}

void layout_scatter(const struct layout *layout, int64_t first, int64_t columns, const void *tensor,
                    int32_t dtype) {
  struct transfer t = dense_transfer(layout, dtype, 0);
  move(&t, first, columns, (char *)tensor); /* only read from */
}

static struct transfer tile_transfer(const struct layout *layout, int32_t dtype, int64_t lanes,
                                     int is_gather) {
  struct transfer t = dense_transfer(layout, dtype, is_gather);
  t.column_stride = t.element_stride;
  t.element_stride *= lanes;
  return t;
}

/* One item that lies in the array as it does in a tile of one lane. */
static int is_plain_item(const struct layout *layout, int64_t columns, int64_t lanes,
                         int32_t dtype) {
  return columns == 1 && lanes == 1 && layout->n_items == 1 && layout->dtype == dtype &&
         layout->item_strides[0] == (int64_t)dtype_size(dtype);
}

void layout_gather_tile(const struct layout *layout, int64_t first, int64_t columns, void *tile,
                        int64_t lanes, int32_t dtype) {
  int64_t index[PYEMU_MAX_RANK];
  if (is_plain_item(layout, columns, lanes, dtype)) {
    memcpy(tile, find_column(layout, first, index), (size_t)layout->width * dtype_size(dtype));
    return;
  }
  struct transfer t = tile_transfer(layout, dtype, lanes, 1);
  move(&t, first, columns, tile);
}

void layout_scatter_tile(const struct layout *layout, int64_t first, int64_t columns,
                         const void *tile, int64_t lanes, int32_t dtype) {
  int64_t index[PYEMU_MAX_RANK];
  if (is_plain_item(layout, columns, lanes, dtype)) {
    memcpy(find_column(layout, first, index), tile, (size_t)layout->width * dtype_size(dtype));
    return;
  }
  struct transfer t = tile_transfer(layout, dtype, lanes, 0);
  move(&t, first, columns, (char *)tile); /* only read from */
}

/* 'columns' adjacent columns of one dimension: along the columns or along the items, whichever is
 * dense, else one by one. */
static int items_are_finite(const struct layout *layout, const char *at, int64_t columns, int item,
                            int32_t dtype) {
  const int64_t size = (int64_t)dtype_size(layout->dtype);
  const int along_columns = columns > 1 && layout->strides[0] == size;
  if (item == layout->n_items)
    return run_is_finite(at, columns, layout->dtype, dtype);
  const int64_t stride = layout->item_strides[item], n = layout->item_shape[item];
  if (!along_columns && item == layout->n_items - 1 && stride == size && columns == 1)
    return run_is_finite(at, n, layout->dtype, dtype);
  for (int64_t i = 0; i < n; ++i)
    if (!items_are_finite(layout, at + i * stride, columns, item + 1, dtype))
      return 0;
  return 1;
}

static int stretch_is_finite(const struct layout *layout, const char *at, int64_t columns,
                             int32_t dtype) {
  if (layout->strides[0] == (int64_t)dtype_size(layout->dtype))
    return items_are_finite(layout, at, columns, 0, dtype);
  for (int64_t i = 0; i < columns; ++i)
    if (!items_are_finite(layout, at + i * layout->strides[0], 1, 0, dtype))
      return 0;
  return 1;
}

int layout_is_finite(const struct layout *layout, int64_t first, int64_t columns, int32_t dtype) {
  int64_t index[PYEMU_MAX_RANK];
  if (is_plain_item(layout, columns, 1, dtype))
    return run_is_finite(find_column(layout, first, index), layout->width, dtype, dtype);
  for (int64_t done = 0, n; done < columns; done += n) {
    const char *at = find_column(layout, first + done, index);
    const int64_t rest = layout->shape[0] - index[0];
    n = columns - done < rest ? columns - done : rest;
    if (!stretch_is_finite(layout, at, n, dtype))
      return 0;
  }
  return 1;
}

struct layout layout_of_tensor(void *data, int32_t dtype, int64_t columns, int64_t width) {
  const int64_t size = (int64_t)dtype_size(dtype);
  return (struct layout){.data = data,
                         .dtype = dtype,
                         .n_dims = 1,
                         .shape = {columns},
                         .strides = {width * size},
                         .n_items = 1,
                         .item_shape = {width},
                         .item_strides = {size},
                         .width = width,
                         .columns = columns};
}

struct layout layout_by_element(void *data, int32_t dtype, int64_t columns, int64_t width) {
  struct layout layout = layout_of_tensor(data, dtype, columns, width);
  layout.strides[0] = (int64_t)dtype_size(dtype);
  layout.item_strides[0] = columns * layout.strides[0];
  return layout;
}

double layout_element(const struct layout *layout, int64_t column, int64_t element) {
  int64_t index[PYEMU_MAX_RANK];
  char *at = find_column(layout, column, index);
  for (int i = layout->n_items - 1; i >= 0; --i) {
    at += element % layout->item_shape[i] * layout->item_strides[i];
    element /= layout->item_shape[i];
  }
  double value;
  struct matrix src = {at, layout->dtype, 0, 0};
  struct matrix dst = {(char *)&value, PYEMU_FLOAT64, 0, 0};
  copy_matrix(&dst, &src, 1, 1);
  return value;
}

static void widen_span(int64_t extent, int64_t stride, int64_t *low, int64_t *high) {
  int64_t reach = (extent - 1) * stride;
  *(reach < 0 ? low : high) += reach;
}

void layout_span(const struct layout *layout, const char **first, const char **end) {
  int64_t low = 0, high = (int64_t)dtype_size(layout->dtype);
  for (int i = 0; i < layout->n_dims; ++i)
    widen_span(layout->shape[i], layout->strides[i], &low, &high);
  for (int i = 0; i < layout->n_items; ++i)
    widen_span(layout->item_shape[i], layout->item_strides[i], &low, &high);
  *first = layout->data + low;
  *end = layout->data + high;
}

WIDE static void widen(const float *from, int64_t n, double *to) {
  for (int64_t i = 0; i < n; ++i)
    to[i] = (double)from[i];
}

void layout_load(const struct layout *layout, int64_t first, int64_t columns, int64_t element,
                 double *to) {
  const char *at = layout_at(layout, first, element);
  const int64_t stride = layout->strides[0];
  if (layout->dtype == PYEMU_FLOAT64)
    for (int64_t c = 0; c < columns; ++c)
      to[c] = *(const double *)(const void *)(at + c * stride);
  else if (stride == (int64_t)sizeof(float))
    widen((const float *)(const void *)at, columns, to);
  else
    for (int64_t c = 0; c < columns; ++c)
      to[c] = (double)*(const float *)(const void *)(at + c * stride);
}
