/* integers.h - arithmetic with whole numbers that are known while planning: those of shapes. */
#ifndef NATIVE_INTEGERS_H
#define NATIVE_INTEGERS_H

#include "engines/native/builder.h"

/* The input's whole numbers, or NULL if it is a tensor. */
const struct integers *integers_of(const struct builder *builder, int index);

/* Room for numbers of a shape, all zero. */
int integers_new(struct builder *builder, int rank, const int64_t *dims, struct integers *made);

/* Plan a node whose inputs are whole numbers: 'enum binary' of inputs a and b, or of
 * all; 'enum unary' of the first, where integers_know; Where; and Range. Logical results are 0
 * and 1. */
int integers_binary(struct builder *builder, int function, int a, int b);
int integers_know(int unary);
int integers_unary(struct builder *builder, int function);
int integers_many(struct builder *builder, int function);
int integers_where(struct builder *builder);
int integers_range(struct builder *builder);

/* a modulo b, with the sign of b. */
int integers_modulo(struct builder *builder);

#endif
