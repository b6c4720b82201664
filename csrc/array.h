/* array.h - from the caller's array, of any rank and stride, to a contiguous tensor and back. */
#ifndef PYEMU_ARRAY_H
#define PYEMU_ARRAY_H

#include "card.h"
#include "error.h"

/*
 * The caller's array as columns of items: the level of a column, or the dimensions of a field.
 * Dimensions that lie end to end in memory are merged. Those that enumerate columns are listed from
 * the fastest to the slowest, those of one item as in the tensor, the slowest first. Strides are in
 * bytes.
 */
struct layout {
  char *data;
  int32_t dtype;
  int n_dims; /* of columns, 1 or more */
  int64_t shape[PYEMU_MAX_RANK];
  int64_t strides[PYEMU_MAX_RANK];
  int n_items; /* dimensions of an item, 1 or more */
  int64_t item_shape[PYEMU_MAX_RANK];
  int64_t item_strides[PYEMU_MAX_RANK];
  int64_t width; /* elements of an item */
  int64_t columns;
};

/* Check the array against the variable and describe it. Errors: ARGUMENT, SIZE, KIND, LAYOUT. */
int layout_make(struct layout *layout, const pyemu_array *array, const struct variable *variable,
                int level_dim, const struct error *error);

/* 1 if the bytes of the array are those of a tensor of element type 'dtype'. */
int layout_is_tensor(const struct layout *layout, int32_t dtype);

/* Copy 'columns' columns of the array, from column 'first' on, to 'tensor', which is where the
 * first of them goes. With 'check', returns 0 if a real number in the tensor is not finite (the
 * copy is made in any case), else 1. */
int layout_gather(const struct layout *layout, int64_t first, int64_t columns, void *tensor,
                  int32_t dtype, int check);

/* Copy the other way: 'tensor' is where the column 'first' comes from. */
void layout_scatter(const struct layout *layout, int64_t first, int64_t columns, const void *tensor,
                    int32_t dtype);

/* The same with columns side by side: element 'e' of column 'first + j' goes to place e * lanes + j
 * of the tile, and comes from there. Nothing is checked. */
void layout_gather_tile(const struct layout *layout, int64_t first, int64_t columns, void *tile,
                        int64_t lanes, int32_t dtype);
void layout_scatter_tile(const struct layout *layout, int64_t first, int64_t columns,
                         const void *tile, int64_t lanes, int32_t dtype);

/* 1 if all elements of 'columns' columns, from 'first' on, are finite once they have the type. */
int layout_is_finite(const struct layout *layout, int64_t first, int64_t columns, int32_t dtype);

/* A dense tensor (columns, width) as a layout. */
struct layout layout_of_tensor(void *data, int32_t dtype, int64_t columns, int64_t width);

/* The same with the columns of an element adjacent. */
struct layout layout_by_element(void *data, int32_t dtype, int64_t columns, int64_t width);

/* Address of an element of a layout as of the two above. */
static inline char *layout_at(const struct layout *layout, int64_t column, int64_t element) {
  return layout->data + column * layout->strides[0] + element * layout->item_strides[0];
}

/* 1 if it is one of the second kind, with more than one element. */
static inline int layout_is_by_element(const struct layout *dense) {
  return dense->width > 1 && dense->strides[0] < dense->item_strides[0];
}

/* The element there, as a double. */
static inline double layout_number(const struct layout *layout, int64_t column, int64_t element) {
  const void *at = layout_at(layout, column, element);
  return layout->dtype == PYEMU_FLOAT64   ? *(const double *)at
         : layout->dtype == PYEMU_FLOAT32 ? (double)*(const float *)at
                                          : (double)*(const int32_t *)at;
}

/* One element of 'columns' columns from 'first' on, as doubles; of a real layout as of those two.
 */
void layout_load(const struct layout *layout, int64_t first, int64_t columns, int64_t element,
                 double *to);

/* 1 if all 'count' elements of a tensor are finite; always 1 for integers. */
int tensor_is_finite(const void *tensor, int32_t dtype, int64_t count);

/* Element 'element' of an item, counted in the order of the tensor, as a double. */
double layout_element(const struct layout *layout, int64_t column, int64_t element);

/* Lowest address of the array, and the first one behind it. */
void layout_span(const struct layout *layout, const char **first, const char **end);

#endif
