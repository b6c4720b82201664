/* compose.h - functions made of others: each call replaces 'value' by the next result. */
#ifndef NATIVE_COMPOSE_H
#define NATIVE_COMPOSE_H

#include "engines/native/builder.h"

int compose_unary(struct builder *builder, enum unary function, struct view *value);

/* A function with two numbers, as those of 'enum unary' that have them. */
int compose_parameters(struct builder *builder, enum unary function, double first, double second,
                       struct view *value);

/* value = function(value, other), and with one number. */
int compose_binary(struct builder *builder, enum binary function, struct view *value,
                   const struct view *other);
int compose_number(struct builder *builder, enum binary function, struct view *value,
                   double number);

/* 'yes' where the condition is true, else 'no'; the condition is replaced. */
int compose_select(struct builder *builder, struct view *condition, const struct view *yes,
                   const struct view *no);

/* A constant along an axis with 'n_behind' others behind it: every 'stride'th of 'values', 'count'
 * of them; one, if they are all alike. */
int compose_vector(struct builder *builder, enum element element, const double *values,
                   int64_t stride, int64_t count, int n_behind, struct view *made);

/* The mean along the marked axes, which stay with one element. */
int compose_mean(struct builder *builder, const int *is_taken, struct view *value);

#endif
