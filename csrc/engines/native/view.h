/*
 * view.h - the shape of a tensor, and where its elements lie.
 *
 * The columns of a batch lie in the lanes: every element of a buffer is a row of as many values as
 * the tile has columns. A shape therefore knows the batch only as a mark. An axis is a list of
 * factors, the slowest first: 'Reshape' of (60, batch, 12) to (60 * batch, 12) only moves the
 * borders between axes, and transposing, slicing and splitting change no memory either.
 */
#ifndef NATIVE_VIEW_H
#define NATIVE_VIEW_H

#include <stdint.h>

#include "engines/native/model.h"

enum { VIEW_MAX_AXES = MODEL_MAX_RANK, VIEW_MAX_FACTORS = 12 };

/* The size of the factor that stands for the batch. */
enum { BATCH = -1 };

/* What an element is. Logical values are real numbers, 0 or 1. */
enum element { ELEMENT_FLOAT32, ELEMENT_FLOAT64, ELEMENT_INT32, N_ELEMENTS };

struct factor {
  int64_t size; /* 2 or more, or BATCH */
  int64_t stride;
};

struct view {
  enum element element;
  int place; /* a buffer of the plan, or a constant: see plan.h */
  int64_t offset;
  int n_axes;
  int starts[VIEW_MAX_AXES + 1]; /* the first factor of each axis, and of the one behind the last */
  struct factor factors[VIEW_MAX_FACTORS];
};

/* The size of an axis: 'count', times the number of columns if it has the batch. */
struct extent {
  int64_t count;
  int has_batch;
};

size_t element_bytes(enum element element);

struct extent view_extent(const struct view *view, int axis);

/* The number of elements but for the batch; -1 if there are none, or too many. */
int64_t view_count(const struct view *view);
int view_has_batch(const struct view *view);

/* 1 if an axis is one factor, or one element, without the batch; and the stride of such an axis. */
int view_is_one_factor(const struct view *view, int axis);
int64_t view_stride(const struct view *view, int axis);

/* Append an axis of this size to a view that is being made, dense behind nothing; strides are set
 * by view_pack. 0 if there is no room. */
int view_add_axis(struct view *view, struct extent extent);

/* The same with the factors of another view's axis; of one element if 'from' is NULL. */
int view_add_like(struct view *view, const struct view *from, int axis);

/* Give the view the strides of a dense tensor, the last axis fastest. */
void view_pack(struct view *view);

/* 1 if the elements are dense and in order. */
int view_is_packed(const struct view *view);

void view_transpose(struct view *view, const int *axes);

/* Insert an axis of one element before 'axis'; 0 if there is no room. */
int view_insert(struct view *view, int axis);

/* Remove an axis of one element. */
void view_remove(struct view *view, int axis);

/* Keep 'count' elements of an axis from 'start' on, every 'step' (which may be negative); 0 if the
 * axis is made of several factors, or has the batch and is cut. */
int view_slice(struct view *view, int axis, int64_t start, int64_t step, int64_t count);

/* The same elements in axes of other sizes; 0 if memory would have to move. */
int view_reshape(struct view *view, const struct extent *extents, int n_axes);

#endif
