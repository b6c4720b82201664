#include "engines/native/compose.h"

int compose_unary(struct builder *builder, enum unary function, struct view *value) {
  struct view made;
  int status = builder_unary(builder, function, value, &made);
  *value = made;
  return status;
}

int compose_parameters(struct builder *builder, enum unary function, double first, double second,
                       struct view *value) {
  struct step step = {.kind = STEP_UNARY,
                      .function = (int)function,
                      .element = value->element,
                      .parameters = {first, second}};
  struct view made;
  if (value->element == ELEMENT_INT32)
    return builder_fail(builder, "it computes with 32-bit integers");
  int status = builder_new(builder, value, value->element, view_is_constant(value), &made);
  if (status == PYEMU_OK)
    status = builder_emit(builder, &step, &made, value, 1);
  *value = made;
  return status;
}

int compose_binary(struct builder *builder, enum binary function, struct view *value,
                   const struct view *other) {
  struct view made;
  int status = builder_binary(builder, function, value, other, &made);
  *value = made;
  return status;
}

int compose_number(struct builder *builder, enum binary function, struct view *value,
                   double number) {
  struct view constant;
  int status = builder_scalar(builder, value->element, number, &constant);
  return status == PYEMU_OK ? compose_binary(builder, function, value, &constant) : status;
}

int compose_select(struct builder *builder, struct view *condition, const struct view *yes,
                   const struct view *no) {
  const struct view inputs[3] = {*condition, *yes, *no};
  return builder_apply(builder, STEP_SELECT, 0, inputs, 3, condition);
}

int compose_vector(struct builder *builder, enum element element, const double *values,
                   int64_t stride, int64_t count, int n_behind, struct view *made) {
  struct view shape = {.element = element};
  int is_same = 1;
  for (int64_t i = 1; i < count; ++i)
    is_same &= values[i * stride] == values[0];
  const int64_t kept = is_same ? 1 : count;
  view_add_axis(&shape, (struct extent){kept, 0});
  int status = builder_new(builder, &shape, element, 1, made);
  if (status != PYEMU_OK)
    return status;
  void *to = builder->plan->constants[CONSTANT_PLACE(made->place)].values;
  for (int64_t i = 0; i < kept; ++i)
    if (element == ELEMENT_FLOAT64)
      ((double *)to)[i] = values[i * stride];
    else
      ((float *)to)[i] = (float)values[i * stride];
  for (int i = 0; i < n_behind; ++i)
    if (!view_insert(made, made->n_axes))
      return builder_fail(builder, "a tensor has too many dimensions");
  return PYEMU_OK;
}

int compose_mean(struct builder *builder, const int *is_taken, struct view *value) {
  int64_t count = 1;
  for (int axis = 0; axis < value->n_axes; ++axis)
    if (is_taken[axis])
      count *= view_extent(value, axis).count;
  int status = builder_reduce(builder, REDUCE_SUM, is_taken, value);
  return status == PYEMU_OK ? compose_number(builder, BINARY_DIVIDE, value, (double)count) : status;
}
