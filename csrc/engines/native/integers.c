#include "engines/native/integers.h"

const struct integers *integers_of(const struct builder *builder, int index) {
  if (!builder_has_input(builder, index))
    return NULL;
  const struct value *value = &builder->values[builder->node->inputs[index]];
  return value->kind == VALUE_INTEGERS ? &value->integers : NULL;
}

int integers_new(struct builder *builder, int rank, const int64_t *dims, struct integers *made) {
  *made = (struct integers){.rank = rank, .count = 1};
  for (int i = 0; i < rank; ++i) {
    made->dims[i] = dims[i];
    if (dims[i] < 0 || (dims[i] > 0 && made->count > (INT64_C(1) << 20) / dims[i]))
      return builder_fail(builder, "too many whole numbers");
    made->count *= dims[i];
  }
  made->at = arena_take(builder->arena, (size_t)made->count + 1, sizeof *made->at);
  return made->at ? PYEMU_OK : builder_fail_memory(builder);
}

static int fail_columns(struct builder *builder) {
  return builder_fail(builder, "it computes with the number of columns");
}

/* --- Two numbers --- */

static int64_t modulo(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

/* 1 if the result is known. */
static int of_numbers(int function, int64_t a, int64_t b, int64_t *result) {
  switch (function) {
  case BINARY_ADD:
    return !__builtin_add_overflow(a, b, result);
  case BINARY_SUBTRACT:
    return !__builtin_sub_overflow(a, b, result);
  case BINARY_MULTIPLY:
    return !__builtin_mul_overflow(a, b, result);
  case BINARY_DIVIDE:
    *result = b > 0 ? a / b : 0;
    return b > 0;
  case BINARY_MINIMUM:
    *result = a < b ? a : b;
    return 1;
  case BINARY_MAXIMUM:
    *result = a > b ? a : b;
    return 1;
  case BINARY_LESS:
    *result = a < b;
    return 1;
  case BINARY_LESS_OR_EQUAL:
    *result = a <= b;
    return 1;
  case BINARY_EQUAL:
    *result = a == b;
    return 1;
  case BINARY_AND:
    *result = a != 0 && b != 0;
    return 1;
  case BINARY_OR:
    *result = a != 0 || b != 0;
    return 1;
  case BINARY_XOR:
    *result = (a != 0) != (b != 0);
    return 1;
  default:
    return 0;
  }
}

/* The number of columns is 1 or more: what follows from that. */
static int compare_columns(int function, struct extent a, struct extent b, int64_t *result) {
  const int is_more = a.has_batch && !b.has_batch && a.count > 0 && a.count > b.count;
  const int is_less = b.has_batch && !a.has_batch && b.count > 0 && b.count > a.count;
  const int is_same = a.has_batch && b.has_batch && a.count == b.count;
  *result = function == BINARY_EQUAL  ? is_same
            : function == BINARY_LESS ? is_less
                                      : is_less || is_same;
  return (function == BINARY_EQUAL || function == BINARY_LESS ||
          function == BINARY_LESS_OR_EQUAL) &&
         (is_more || is_less || is_same);
}

/* The number of columns may be multiplied, divided by a number, and compared; all else is not known
 * now. */
static int combine(int function, struct extent a, struct extent b, struct extent *made) {
  const int n_batches = a.has_batch + b.has_batch;
  const int is_scaled =
      (function == BINARY_MULTIPLY && n_batches < 2) ||
      (function == BINARY_DIVIDE && !b.has_batch && b.count > 0 && a.count % b.count == 0);
  *made = (struct extent){0, 0};
  if (n_batches > 0 && !is_scaled)
    return compare_columns(function, a, b, &made->count);
  made->has_batch = n_batches > 0;
  return of_numbers(function, a.count, b.count, &made->count);
}

/* 1 if the shapes are the same but for dimensions of one number in front. */
static int is_same_shape(const struct integers *a, const struct integers *b) {
  for (int i = 1; i <= a->rank || i <= b->rank; ++i)
    if ((i <= a->rank ? a->dims[a->rank - i] : 1) != (i <= b->rank ? b->dims[b->rank - i] : 1))
      return 0;
  return 1;
}

/* The shape that numbers are repeated to: that of the longest, if the others have one each. */
static int common_shape(struct builder *builder, const struct integers *const *inputs, int n,
                        struct integers *made) {
  const struct integers *longest = inputs[0];
  for (int i = 1; i < n; ++i)
    if (inputs[i]->count > longest->count ||
        (inputs[i]->count == longest->count && inputs[i]->rank > longest->rank))
      longest = inputs[i];
  for (int i = 0; i < n; ++i)
    if (inputs[i]->count != 1 && !is_same_shape(inputs[i], longest))
      return builder_fail(builder, "shapes of whole numbers do not match");
  return integers_new(builder, longest->rank, longest->dims, made);
}

static struct extent element(const struct integers *integers, int64_t index) {
  return integers->at[integers->count == 1 ? 0 : index];
}

static int combine_all(struct builder *builder, int function, const struct integers *a,
                       const struct integers *b, struct integers *made) {
  const struct integers *const inputs[2] = {a, b};
  int status = common_shape(builder, inputs, 2, made);
  for (int64_t i = 0; status == PYEMU_OK && i < made->count; ++i)
    if (!combine(function, element(a, i), element(b, i), &made->at[i]))
      return fail_columns(builder);
  return status;
}

int integers_binary(struct builder *builder, int function, int a, int b) {
  struct integers made;
  int status =
      combine_all(builder, function, integers_of(builder, a), integers_of(builder, b), &made);
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

int integers_many(struct builder *builder, int function) {
  struct integers made = *integers_of(builder, 0);
  int status = PYEMU_OK;
  for (int i = 1; status == PYEMU_OK && i < builder->node->n_inputs; ++i) {
    const struct integers sum = made, *next = integers_of(builder, i);
    if (!next)
      return builder_fail(builder, "input %d depends on the data, others do not", i + 1);
    status = combine_all(builder, function, &sum, next, &made);
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

int integers_modulo(struct builder *builder) {
  const struct integers *const inputs[2] = {integers_of(builder, 0), integers_of(builder, 1)};
  struct integers made;
  int status = common_shape(builder, inputs, 2, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < made.count; ++i) {
    const struct extent a = element(inputs[0], i), b = element(inputs[1], i);
    if (a.has_batch || b.has_batch)
      return fail_columns(builder);
    if (b.count == 0)
      return builder_fail(builder, "it divides by zero");
    made.at[i].count = b.count == -1 ? 0 : modulo(a.count, b.count);
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

/* --- One and three --- */

int integers_know(int unary) {
  return unary == UNARY_NEGATE || unary == UNARY_ABSOLUTE || unary == UNARY_SIGN ||
         unary == UNARY_NOT || unary == UNARY_RELU;
}

int integers_unary(struct builder *builder, int function) {
  const struct integers *in = integers_of(builder, 0);
  struct integers made;
  int status = integers_new(builder, in->rank, in->dims, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < made.count; ++i) {
    const int64_t x = in->at[i].count;
    if (in->at[i].has_batch)
      return fail_columns(builder);
    if (x == INT64_MIN)
      return builder_fail(builder, "a whole number is too large");
    made.at[i].count = function == UNARY_NEGATE     ? -x
                       : function == UNARY_ABSOLUTE ? (x < 0 ? -x : x)
                       : function == UNARY_SIGN     ? (x > 0) - (x < 0)
                       : function == UNARY_NOT      ? x == 0
                                                    : (x > 0 ? x : 0);
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

int integers_where(struct builder *builder) {
  const struct integers *const inputs[3] = {integers_of(builder, 0), integers_of(builder, 1),
                                            integers_of(builder, 2)};
  struct integers made;
  int status = common_shape(builder, inputs, 3, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < made.count; ++i) {
    const struct extent condition = element(inputs[0], i);
    if (condition.has_batch)
      return fail_columns(builder);
    made.at[i] = element(inputs[condition.count != 0 ? 1 : 2], i);
  }
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}

int integers_range(struct builder *builder) {
  int64_t bounds[3];
  struct integers made;
  for (int i = 0; i < 3; ++i) {
    const struct integers *given = integers_of(builder, i);
    if (given->count != 1 || given->at[0].has_batch)
      return builder_fail(builder, "input %d is not one known number", i + 1);
    bounds[i] = given->at[0].count;
    if (bounds[i] > (INT64_C(1) << 40) || bounds[i] < -(INT64_C(1) << 40))
      return builder_fail(builder, "input %d is %lld", i + 1, (long long)bounds[i]);
  }
  const int64_t start = bounds[0], step = bounds[2], length = bounds[1] - start;
  if (step == 0)
    return builder_fail(builder, "the step is zero");
  const int64_t count = length / step + (length % step != 0 && (length < 0) == (step < 0));
  const int64_t dims[1] = {count > 0 ? count : 0};
  int status = integers_new(builder, 1, dims, &made);
  for (int64_t i = 0; status == PYEMU_OK && i < made.count; ++i)
    made.at[i].count = start + i * step;
  return status == PYEMU_OK ? builder_set_integers(builder, 0, &made) : status;
}
