/* product.h - products with constant weights, for the operators that are made of them. */
#ifndef NATIVE_PRODUCT_H
#define NATIVE_PRODUCT_H

#include "engines/native/builder.h"

/* Pack constant weights (inputs, outputs), times 'scale', and a bias, which may be NULL. */
int product_pack(struct builder *builder, const struct view *weights, const struct view *bias,
                 double scale, struct product *product);

/* A tensor whose axis has outputs in the place of inputs. */
int product_apply(struct builder *builder, const struct view *in, int axis,
                  const struct product *packed, struct view *made);

/* Both in one. */
int product_along(struct builder *builder, const struct view *in, int axis,
                  const struct view *weights, const struct view *bias, double scale,
                  struct view *made);

#endif
