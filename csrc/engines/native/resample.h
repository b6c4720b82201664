/* resample.h - outputs along one axis from a few elements each: padding, repeating, interpolation.
 */
#ifndef NATIVE_RESAMPLE_H
#define NATIVE_RESAMPLE_H

#include "engines/native/builder.h"

/* Outputs are sums over terms k of weights[k][o] * in[index[k][o]]; without weights there is one
 * term, which is copied. */
struct taps {
  int n_terms;
  int64_t count; /* of the outputs */
  int64_t *index;
  double *weights;
};

/* Room for taps, all zero. */
int resample_new(struct builder *builder, int n_terms, int64_t count, int has_weights,
                 struct taps *taps);

/* A new tensor whose axis has the outputs; all indices are within the axis of the old one. */
int resample_axis(struct builder *builder, const struct view *in, int axis, const struct taps *taps,
                  struct view *made);

#endif
