/* elementwise.c - operators that make every element from those at the same place. */
#include <math.h>
#include <string.h>

#include "engines/native/compose.h"
#include "engines/native/integers.h"

static int plan_unary(struct builder *builder, int function) {
  struct view in, made;
  if (integers_of(builder, 0) && integers_know(function))
    return integers_unary(builder, function);
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = builder_unary(builder, (enum unary)function, &in, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* The product that the last step computes, if nothing but this node reads its result. */
static struct product *last_product(struct builder *builder, const struct view *in) {
  const struct plan *plan = builder->plan;
  const struct step *last = plan->n_steps > 0 ? &plan->steps[plan->n_steps - 1] : NULL;
  const int is_whole = !view_is_constant(in) && in->offset == 0 && view_is_packed(in) &&
                       plan->buffers[in->place].count == view_count(in);
  if (!last || !is_whole || last->kind != STEP_PRODUCT || last->out.place != in->place ||
      builder->uses[builder->node->inputs[0]] != 1)
    return NULL;
  /* A convolution in groups writes its result in several steps. */
  for (int i = plan->n_steps - 2; i >= 0 && plan->steps[i].kind == STEP_PRODUCT; --i)
    if (plan->steps[i].out.place == in->place)
      return NULL;
  return (struct product *)last->product;
}

static int plan_relu(struct builder *builder, int function) {
  struct view in;
  int status = builder_tensor(builder, 0, &in);
  struct product *product = status == PYEMU_OK ? last_product(builder, &in) : NULL;
  if (!product)
    return plan_unary(builder, function);
  product->is_relu = 1;
  builder_set(builder, 0, &in);
  return PYEMU_OK;
}

/* Functions with numbers: alpha and beta or gamma, as the operator calls them. */
static int plan_with_parameters(struct builder *builder, int function, double first,
                                double second) {
  struct view value;
  int status = builder_tensor(builder, 0, &value);
  if (status == PYEMU_OK)
    status = compose_parameters(builder, (enum unary)function, first, second, &value);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &value);
  return status;
}

static int plan_leaky_relu(struct builder *builder, int function) {
  return plan_with_parameters(builder, function, model_number(builder->node, "alpha", 0.01f), 0);
}

static int plan_elu(struct builder *builder, int function) {
  return plan_with_parameters(builder, function, model_number(builder->node, "alpha", 1), 1);
}

static int plan_selu(struct builder *builder, int function) {
  const double alpha = model_number(builder->node, "alpha", 1.67326319217681884765625f);
  const double gamma = model_number(builder->node, "gamma", 1.05070102214813232421875f);
  return plan_with_parameters(builder, function, alpha, gamma);
}

/* x < number if 'is_below', else number < x. */
static int is_beyond(struct builder *builder, const struct view *x, double number, int is_below,
                     struct view *condition) {
  struct view bound;
  int status = builder_scalar(builder, x->element, number, &bound);
  if (status != PYEMU_OK)
    return status;
  return is_below ? builder_binary(builder, BINARY_LESS, x, &bound, condition)
                  : builder_binary(builder, BINARY_LESS, &bound, x, condition);
}

/* x above zero, else alpha elu(x / alpha): what is divided by a small alpha may be infinite. */
static int plan_celu(struct builder *builder, int function) {
  const double alpha = model_number(builder->node, "alpha", 1);
  struct view x, y, made;
  if (!(alpha > 0))
    return builder_fail(builder, "alpha is %g; expected more than zero", alpha);
  int status = builder_tensor(builder, 0, &x);
  y = x;
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_DIVIDE, &y, alpha);
  if (status == PYEMU_OK)
    status = compose_parameters(builder, (enum unary)function, 1, alpha, &y);
  if (status == PYEMU_OK)
    status = is_beyond(builder, &x, 0, 0, &made);
  if (status == PYEMU_OK)
    status = compose_select(builder, &made, &x, &y);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

static int plan_hard_sigmoid(struct builder *builder, int function) {
  const double alpha = model_number(builder->node, "alpha", 0.2f);
  const double beta = model_number(builder->node, "beta", 0.5f);
  return plan_with_parameters(builder, function, alpha, beta);
}

/* --- Two inputs --- */

static int plan_binary(struct builder *builder, int function) {
  struct view a, b, made;
  if (integers_of(builder, 0) && integers_of(builder, 1))
    return integers_binary(builder, function, 0, 1);
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status == PYEMU_OK)
    status = builder_binary(builder, (enum binary)function, &a, &b, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* a > b is b < a. */
static int plan_swapped(struct builder *builder, int function) {
  struct view a, b, made;
  if (integers_of(builder, 0) && integers_of(builder, 1))
    return integers_binary(builder, function, 1, 0);
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status == PYEMU_OK)
    status = builder_binary(builder, (enum binary)function, &b, &a, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* x to the power 0.5: of -0 and of minus infinity it is not the root. */
static int power_of_half(struct builder *builder, const struct view *x, struct view *made) {
  struct view root = *x, condition = *x, infinite;
  int status = compose_number(builder, BINARY_ADD, &root, 0);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_SQUARE_ROOT, &root);
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_EQUAL, &condition, -HUGE_VAL);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, x->element, HUGE_VAL, &infinite);
  if (status == PYEMU_OK)
    status = compose_select(builder, &condition, &infinite, &root);
  *made = condition;
  return status;
}

/* Small powers are products, as elsewhere; others call the function. */
static int plan_power(struct builder *builder, int function) {
  struct view a, b, made, square;
  double exponent = 0;
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status != PYEMU_OK)
    return status;
  const int is_known = builder_number(builder, &b, &exponent) && a.n_axes >= b.n_axes;
  if (is_known && exponent == 1)
    made = a;
  else if (is_known && exponent == 0.5)
    status = power_of_half(builder, &a, &made);
  else if (is_known && exponent == -1)
    status = builder_unary(builder, UNARY_RECIPROCAL, &a, &made);
  else if (is_known && (exponent == 2 || exponent == 3))
    status = builder_binary(builder, BINARY_MULTIPLY, &a, &a, &made);
  else
    status = builder_binary(builder, (enum binary)function, &a, &b, &made);
  if (status == PYEMU_OK && is_known && exponent == 3) {
    square = made;
    status = builder_binary(builder, BINARY_MULTIPLY, &square, &a, &made);
  }
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Many inputs --- */

static int accumulate(struct builder *builder, enum binary function, struct view *made) {
  struct view next, sum;
  int status = builder_tensor(builder, 0, made);
  for (int i = 1; status == PYEMU_OK && i < builder->node->n_inputs; ++i) {
    status = builder_tensor(builder, i, &next);
    if (status == PYEMU_OK)
      status = builder_binary(builder, function, made, &next, &sum);
    *made = sum;
  }
  return status;
}

static int plan_many(struct builder *builder, int function) {
  struct view made;
  if (integers_of(builder, 0))
    return integers_many(builder, function);
  int status = accumulate(builder, (enum binary)function, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

static int plan_mean(struct builder *builder, int function) {
  struct view sum, count, made;
  int status = accumulate(builder, (enum binary)function, &sum);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, sum.element, builder->node->n_inputs, &count);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_DIVIDE, &sum, &count, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* A limit is an attribute of old opsets, an input of new ones; one that is none does nothing. */
static int limit(struct builder *builder, const char *attribute, int input, enum binary function,
                 struct view *value) {
  struct view bound, made = *value;
  const struct model_attribute *found = model_attribute(builder->node, attribute);
  int status = PYEMU_OK;
  if (found)
    status = builder_scalar(builder, value->element, found->number, &bound);
  else if (builder_has_input(builder, input))
    status = builder_tensor(builder, input, &bound);
  else
    return PYEMU_OK;
  if (status == PYEMU_OK)
    status = builder_binary(builder, function, value, &bound, &made);
  *value = made;
  return status;
}

static int plan_clip(struct builder *builder, int function) {
  struct view value;
  (void)function;
  int status = builder_tensor(builder, 0, &value);
  if (status == PYEMU_OK)
    status = limit(builder, "min", 1, BINARY_MAXIMUM, &value);
  if (status == PYEMU_OK)
    status = limit(builder, "max", 2, BINARY_MINIMUM, &value);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &value);
  return status;
}

static int plan_where(struct builder *builder, int function) {
  struct view inputs[3], made;
  if (integers_of(builder, 0) && integers_of(builder, 1) && integers_of(builder, 2))
    return integers_where(builder);
  int status = PYEMU_OK;
  for (int i = 0; status == PYEMU_OK && i < 3; ++i)
    status = builder_tensor(builder, i, &inputs[i]);
  /* What is compared may have another type than what is chosen. */
  if (status == PYEMU_OK && inputs[0].element != inputs[2].element)
    status = builder_convert(builder, &inputs[0], inputs[2].element);
  if (status == PYEMU_OK)
    status = builder_apply(builder, STEP_SELECT, function, inputs, 3, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Functions made of others --- */

/* x / 2 (1 + erf(x / sqrt 2)), or its approximation by tanh: Hendrycks and Gimpel,
 * arXiv:1606.08415. */
static int plan_gelu(struct builder *builder, int function) {
  const struct model_attribute *kind = model_attribute(builder->node, "approximate");
  const int is_approximate = kind && text_is(&kind->text, "tanh");
  struct view x, y;
  (void)function;
  int status = builder_tensor(builder, 0, &x);
  y = x;
  if (status == PYEMU_OK && is_approximate) {
    status = compose_binary(builder, BINARY_MULTIPLY, &y, &x);
    if (status == PYEMU_OK)
      status = compose_binary(builder, BINARY_MULTIPLY, &y, &x);
    if (status == PYEMU_OK)
      status = compose_number(builder, BINARY_MULTIPLY, &y, 0.044715);
    if (status == PYEMU_OK)
      status = compose_binary(builder, BINARY_ADD, &y, &x);
  }
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_MULTIPLY, &y,
                            is_approximate ? 0.79788456080286535588 : 0.70710678118654752440);
  if (status == PYEMU_OK)
    status = compose_unary(builder, is_approximate ? UNARY_TANH : UNARY_ERROR_FUNCTION, &y);
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_ADD, &y, 1);
  if (status == PYEMU_OK) /* the half first: twice x may be infinite */
    status = compose_number(builder, BINARY_MULTIPLY, &y, 0.5);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, &y, &x);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &y);
  return status;
}

enum product_of { SWISH, MISH, HARD_SWISH, SOFTSIGN };

/* x times a function of x; Softsign is x over one. */
static int plan_product_of(struct builder *builder, int function) {
  struct view x, y;
  int status = builder_tensor(builder, 0, &x);
  y = x;
  if (status == PYEMU_OK && function == SWISH)
    status = compose_number(builder, BINARY_MULTIPLY, &y, model_number(builder->node, "alpha", 1));
  if (status == PYEMU_OK && function == SWISH)
    status = compose_unary(builder, UNARY_SIGMOID, &y);
  if (status == PYEMU_OK && function == MISH)
    status = compose_unary(builder, UNARY_SOFTPLUS, &y);
  if (status == PYEMU_OK && function == MISH)
    status = compose_unary(builder, UNARY_TANH, &y);
  if (status == PYEMU_OK && function == HARD_SWISH)
    status = compose_parameters(builder, UNARY_HARD_SIGMOID, 1.0 / 6, 0.5, &y);
  if (status == PYEMU_OK && function == SOFTSIGN)
    status = compose_unary(builder, UNARY_ABSOLUTE, &y);
  if (status == PYEMU_OK && function == SOFTSIGN)
    status = compose_number(builder, BINARY_ADD, &y, 1);
  if (status == PYEMU_OK)
    status =
        compose_binary(builder, function == SOFTSIGN ? BINARY_DIVIDE : BINARY_MULTIPLY, &x, &y);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &x);
  return status;
}

/* The slope of negative numbers, by element. */
static int plan_parametric_relu(struct builder *builder, int function) {
  struct view x, slope, zero, inputs[3], made;
  (void)function;
  int status = builder_tensor(builder, 0, &x);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &slope);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, x.element, 0, &zero);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_LESS, &x, &zero, &inputs[0]);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_MULTIPLY, &x, &slope, &inputs[1]);
  inputs[2] = x;
  if (status == PYEMU_OK)
    status = builder_apply(builder, STEP_SELECT, 0, inputs, 3, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* x above alpha, else zero. */
static int plan_thresholded_relu(struct builder *builder, int function) {
  struct view x, zero, made;
  (void)function;
  int status = builder_tensor(builder, 0, &x);
  if (status == PYEMU_OK)
    status = is_beyond(builder, &x, model_number(builder->node, "alpha", 1), 0, &made);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, x.element, 0, &zero);
  if (status == PYEMU_OK)
    status = compose_select(builder, &made, &x, &zero);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* x - bias above lambd, x + bias below -lambd, else zero. */
static int plan_shrink(struct builder *builder, int function) {
  const double lambda = model_number(builder->node, "lambd", 0.5f);
  const double bias = model_number(builder->node, "bias", 0);
  struct view x, above, below, rest, made;
  (void)function;
  int status = builder_tensor(builder, 0, &x);
  above = below = x;
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_SUBTRACT, &above, bias);
  if (status == PYEMU_OK)
    status = compose_number(builder, BINARY_ADD, &below, bias);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, x.element, 0, &rest);
  if (status == PYEMU_OK)
    status = is_beyond(builder, &x, lambda, 0, &made);
  if (status == PYEMU_OK)
    status = compose_select(builder, &made, &above, &rest);
  rest = made;
  if (status == PYEMU_OK)
    status = is_beyond(builder, &x, -lambda, 1, &made);
  if (status == PYEMU_OK)
    status = compose_select(builder, &made, &below, &rest);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Mod --- */

/* sign(x) floor(|x|) */
static int truncate(struct builder *builder, struct view *x) {
  struct view sign = *x;
  int status = compose_unary(builder, UNARY_SIGN, &sign);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_ABSOLUTE, x);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_FLOOR, x);
  return status == PYEMU_OK ? compose_binary(builder, BINARY_MULTIPLY, x, &sign) : status;
}

/* a - trunc(a / b) b, exact in float64 for a of less than 2^29 b; and a itself if |a| < |b|, which
 * may be infinite. */
static int find_rest(struct builder *builder, const struct view *a, const struct view *b,
                     struct view *made) {
  struct view size_of_a = *a, size_of_b = *b, is_rest, rest = *a, part = *a;
  int status = compose_binary(builder, BINARY_DIVIDE, &part, b);
  if (status == PYEMU_OK)
    status = truncate(builder, &part);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_MULTIPLY, &part, b);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_SUBTRACT, &rest, &part);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_ABSOLUTE, &size_of_a);
  if (status == PYEMU_OK)
    status = compose_unary(builder, UNARY_ABSOLUTE, &size_of_b);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_LESS, &size_of_a, &size_of_b, &is_rest);
  *made = is_rest;
  return status == PYEMU_OK ? compose_select(builder, made, a, &rest) : status;
}

static int plan_modulo(struct builder *builder, int function) {
  struct view a, b, made;
  (void)function;
  if (integers_of(builder, 0) && integers_of(builder, 1))
    return integers_modulo(builder);
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status != PYEMU_OK)
    return status;
  if (model_integer(builder->node, "fmod", 0) == 0 || a.element != ELEMENT_FLOAT32 ||
      b.element != ELEMENT_FLOAT32)
    return builder_fail(builder, "known is fmod=1 for float32, computed in real32");
  status = builder_convert(builder, &a, ELEMENT_FLOAT64);
  if (status == PYEMU_OK)
    status = builder_convert(builder, &b, ELEMENT_FLOAT64);
  if (status == PYEMU_OK)
    status = find_rest(builder, &a, &b, &made);
  if (status == PYEMU_OK)
    status = builder_convert(builder, &made, ELEMENT_FLOAT32);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Types --- */

static int is_known_type(int64_t type) {
  return type == ONNX_DOUBLE || type == ONNX_INT32 || type == ONNX_FLOAT || type == ONNX_BOOL;
}

static int cast(struct builder *builder, const struct view *in, int64_t type) {
  const enum element to = builder_element(builder, type);
  struct view made = *in;
  int status = PYEMU_OK;
  if (!is_known_type(type) || (to == ELEMENT_INT32 && in->element != ELEMENT_INT32))
    return builder_fail(builder,
                        "a tensor becomes ONNX's type %lld; known are float32, float64 and "
                        "logical",
                        (long long)type);
  if (to != in->element)
    status = builder_convert(builder, &made, to);
  if (status == PYEMU_OK && type == ONNX_BOOL) {
    status = compose_unary(builder, UNARY_NOT, &made);
    if (status == PYEMU_OK)
      status = compose_unary(builder, UNARY_NOT, &made);
  }
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

static int plan_cast(struct builder *builder, int function) {
  const int64_t type = model_integer(builder->node, "to", 0);
  struct view in;
  (void)function;
  if (builder_has_input(builder, 0)) {
    const struct value *value = &builder->values[builder->node->inputs[0]];
    if (value->kind == VALUE_INTEGERS && (type == ONNX_INT64 || type == ONNX_INT32))
      return builder_set_integers(builder, 0, &value->integers);
  }
  int status = builder_tensor(builder, 0, &in);
  return status == PYEMU_OK ? cast(builder, &in, type) : status;
}

static int plan_cast_like(struct builder *builder, int function) {
  const int32_t types[] = {ONNX_FLOAT, ONNX_DOUBLE, ONNX_INT32};
  struct view in, like;
  (void)function;
  int status = builder_tensor(builder, 0, &in);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &like);
  return status == PYEMU_OK ? cast(builder, &in, types[like.element]) : status;
}

const struct planner elementwise_planners[] = {
    {"Neg", plan_unary, UNARY_NEGATE, 1, 1},
    {"Abs", plan_unary, UNARY_ABSOLUTE, 1, 1},
    {"Reciprocal", plan_unary, UNARY_RECIPROCAL, 1, 1},
    {"Sqrt", plan_unary, UNARY_SQUARE_ROOT, 1, 1},
    {"Floor", plan_unary, UNARY_FLOOR, 1, 1},
    {"Ceil", plan_unary, UNARY_CEILING, 1, 1},
    {"Round", plan_unary, UNARY_ROUND, 1, 1},
    {"Sign", plan_unary, UNARY_SIGN, 1, 1},
    {"Not", plan_unary, UNARY_NOT, 1, 1},
    {"IsNaN", plan_unary, UNARY_IS_NAN, 1, 1},
    {"Relu", plan_relu, UNARY_RELU, 1, 1},
    {"Exp", plan_unary, UNARY_EXPONENTIAL, 1, 1},
    {"Log", plan_unary, UNARY_LOGARITHM, 1, 1},
    {"Sigmoid", plan_unary, UNARY_SIGMOID, 1, 1},
    {"Tanh", plan_unary, UNARY_TANH, 1, 1},
    {"Softplus", plan_unary, UNARY_SOFTPLUS, 1, 1},
    {"Erf", plan_unary, UNARY_ERROR_FUNCTION, 1, 1},
    {"Sin", plan_unary, UNARY_SINE, 1, 1},
    {"Cos", plan_unary, UNARY_COSINE, 1, 1},
    {"Tan", plan_unary, UNARY_TANGENT, 1, 1},
    {"Asin", plan_unary, UNARY_ARC_SINE, 1, 1},
    {"Acos", plan_unary, UNARY_ARC_COSINE, 1, 1},
    {"Atan", plan_unary, UNARY_ARC_TANGENT, 1, 1},
    {"Sinh", plan_unary, UNARY_HYPERBOLIC_SINE, 1, 1},
    {"Cosh", plan_unary, UNARY_HYPERBOLIC_COSINE, 1, 1},
    {"Asinh", plan_unary, UNARY_AREA_SINE, 1, 1},
    {"Acosh", plan_unary, UNARY_AREA_COSINE, 1, 1},
    {"Atanh", plan_unary, UNARY_AREA_TANGENT, 1, 1},
    {"LeakyRelu", plan_leaky_relu, UNARY_LEAKY_RELU, 1, 1},
    {"Elu", plan_elu, UNARY_ELU, 1, 1},
    {"Selu", plan_selu, UNARY_ELU, 1, 1},
    {"HardSigmoid", plan_hard_sigmoid, UNARY_HARD_SIGMOID, 1, 1},
    {"Celu", plan_celu, UNARY_ELU, 1, 1},
    {"ThresholdedRelu", plan_thresholded_relu, 0, 1, 1},
    {"Shrink", plan_shrink, 0, 1, 1},
    {"PRelu", plan_parametric_relu, 0, 2, 2},
    {"Gelu", plan_gelu, 0, 1, 1},
    {"Swish", plan_product_of, SWISH, 1, 1},
    {"Mish", plan_product_of, MISH, 1, 1},
    {"HardSwish", plan_product_of, HARD_SWISH, 1, 1},
    {"Softsign", plan_product_of, SOFTSIGN, 1, 1},
    {"Add", plan_binary, BINARY_ADD, 2, 2},
    {"Sub", plan_binary, BINARY_SUBTRACT, 2, 2},
    {"Mul", plan_binary, BINARY_MULTIPLY, 2, 2},
    {"Div", plan_binary, BINARY_DIVIDE, 2, 2},
    {"Mod", plan_modulo, 0, 2, 2},
    {"Pow", plan_power, BINARY_POWER, 2, 2},
    {"Less", plan_binary, BINARY_LESS, 2, 2},
    {"LessOrEqual", plan_binary, BINARY_LESS_OR_EQUAL, 2, 2},
    {"Greater", plan_swapped, BINARY_LESS, 2, 2},
    {"GreaterOrEqual", plan_swapped, BINARY_LESS_OR_EQUAL, 2, 2},
    {"Equal", plan_binary, BINARY_EQUAL, 2, 2},
    {"And", plan_binary, BINARY_AND, 2, 2},
    {"Or", plan_binary, BINARY_OR, 2, 2},
    {"Xor", plan_binary, BINARY_XOR, 2, 2},
    {"Min", plan_many, BINARY_MINIMUM, 1, 1 << 20},
    {"Max", plan_many, BINARY_MAXIMUM, 1, 1 << 20},
    {"Sum", plan_many, BINARY_ADD, 1, 1 << 20},
    {"Mean", plan_mean, BINARY_ADD, 1, 1 << 20},
    {"Clip", plan_clip, 0, 1, 3},
    {"Where", plan_where, 0, 3, 3},
    {"Cast", plan_cast, 0, 1, 1},
    {"CastLike", plan_cast_like, 0, 2, 2},
    {NULL, NULL, 0, 0, 0},
};
