/* window.h - windows that move along the dimensions of space, as of convolutions and pools. */
#ifndef NATIVE_WINDOW_H
#define NATIVE_WINDOW_H

#include "engines/native/builder.h"

enum { WINDOW_MAX_SPACE = VIEW_MAX_AXES - 2 };

/* Sizes by dimension of space: a tensor is (batch, channels, space...). */
struct window {
  int n_space;
  int64_t kernel[WINDOW_MAX_SPACE], strides[WINDOW_MAX_SPACE], dilations[WINDOW_MAX_SPACE];
  int64_t before[WINDOW_MAX_SPACE], after[WINDOW_MAX_SPACE]; /* padding */
  int64_t extra[WINDOW_MAX_SPACE];                           /* output padding of ConvTranspose */
  int64_t groups;
  enum { NOT_SAME, SAME_UPPER, SAME_LOWER } same; /* padding that depends on the sizes */
};

/* The window of the node for a tensor; 'kernel' is NULL where the node has kernel_shape. */
int window_read(struct builder *builder, const struct view *in, const int64_t *kernel,
                struct window *w);

/* The padding of SAME_UPPER and SAME_LOWER: as many outputs as inputs, divided by the stride. */
void window_pad_for_same(struct window *w, const struct view *in);

/* The tensor with 'number' around it, by axis so many times before and after, and 'gaps' such rows
 * between neighbours along an axis. */
int window_surround(struct builder *builder, const struct view *in, const int64_t *before,
                    const int64_t *after, const int64_t *gaps, double number, struct view *made);

/* The tensor with the padding of a window; 'view' is replaced. */
int window_pad(struct builder *builder, const struct window *w, double number, struct view *view);

/* Number of places of the window along a padded dimension; less than 1 if it does not fit. */
int64_t window_places(const struct window *w, const struct view *padded, int i);

#endif
