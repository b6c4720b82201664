/* product.c - sums of products with constant weights: Gemm, MatMul, Conv, ConvTranspose. */
#include "engines/native/product.h"

#include <string.h>

#include "engines/native/window.h"

/* One number of a constant, by its place from the view's offset. */
static double number_at(const struct builder *builder, const struct view *view, int64_t distance) {
  const struct constant *constant = &builder->plan->constants[CONSTANT_PLACE(view->place)];
  const int64_t at = view->offset + distance;
  return constant->element == ELEMENT_FLOAT64 ? ((const double *)constant->values)[at]
                                              : ((const float *)constant->values)[at];
}

static void put(enum element element, void *to, int64_t index, double value) {
  if (element == ELEMENT_FLOAT64)
    ((double *)to)[index] = value;
  else
    ((float *)to)[index] = (float)value;
}

/* Where the weight of an input for an output is packed, of 'padded' outputs in blocks of so many.
 */
static int64_t packed_at(int64_t i, int64_t o, int64_t n_inputs, int64_t padded, int64_t block) {
  const int64_t first = o / block * block, left = padded - first;
  return first * n_inputs + i * (left < block ? left : block) + o - first;
}

/* An axis whose elements lie at equal distances, which a copy has. */
static int make_regular(struct builder *builder, struct view *view, int axis) {
  int status = view_is_one_factor(view, axis) ? PYEMU_OK : builder_pack(builder, view);
  if (status == PYEMU_OK && !view_is_one_factor(view, axis))
    return builder_fail(builder, "its weights depend on the number of columns");
  return status;
}

/* Packed twice: see plan.h. */
static int pack_regular(struct builder *builder, const struct view *weights,
                        const struct view *bias, double scale, struct product *product) {
  const int64_t n_inputs = view_extent(weights, 0).count, n_outputs = view_extent(weights, 1).count;
  const int64_t padded = (n_outputs + PRODUCT_BLOCK - 1) / PRODUCT_BLOCK * PRODUCT_BLOCK;
  const enum element element = weights->element;
  const size_t size = element_bytes(element);
  void *packed = arena_take(builder->arena, (size_t)(padded * n_inputs), size);
  void *single = arena_take(builder->arena, (size_t)(padded * n_inputs), size);
  void *biases = arena_take(builder->arena, (size_t)padded, size);
  if (!packed || !single || !biases)
    return builder_fail_memory(builder);
  const int64_t i_stride = view_stride(weights, 0), o_stride = view_stride(weights, 1);
  for (int64_t o = 0; o < n_outputs; ++o) {
    for (int64_t i = 0; i < n_inputs; ++i) {
      const double given = number_at(builder, weights, i * i_stride + o * o_stride);
      const double weight = scale == 1 ? given : scale * given;
      put(element, packed, packed_at(i, o, n_inputs, padded, PRODUCT_BLOCK), weight);
      put(element, single, packed_at(i, o, n_inputs, padded, SINGLE_BLOCK), weight);
    }
    if (bias)
      put(element, biases, o, number_at(builder, bias, o * view_stride(bias, 0)));
  }
  product->n_inputs = n_inputs;
  product->n_outputs = n_outputs;
  product->weights = packed;
  product->single_weights = single;
  product->bias = biases;
  return PYEMU_OK;
}

int product_pack(struct builder *builder, const struct view *given_weights,
                 const struct view *given_bias, double scale, struct product *product) {
  struct view weights = *given_weights, bias = {.n_axes = 0};
  int status = make_regular(builder, &weights, 0);
  if (status == PYEMU_OK)
    status = make_regular(builder, &weights, 1);
  if (status == PYEMU_OK && given_bias) {
    bias = *given_bias;
    status = make_regular(builder, &bias, 0);
  }
  return status == PYEMU_OK
             ? pack_regular(builder, &weights, given_bias ? &bias : NULL, scale, product)
             : status;
}

/* The step of a product whose inputs and outputs lie along no axis of the views. */
static int emit(struct builder *builder, const struct product *product, const struct view *in,
                const struct view *out) {
  struct product *kept = arena_take(builder->arena, 1, sizeof *kept);
  struct step step = {.kind = STEP_PRODUCT, .element = in->element, .product = kept};
  if (!kept)
    return builder_fail_memory(builder);
  *kept = *product;
  return builder_emit(builder, &step, out, in, 1);
}

int product_apply(struct builder *builder, const struct view *given, int axis,
                  const struct product *packed, struct view *made) {
  struct product product = *packed;
  struct view in = *given, shape = {.element = in.element}, out;
  int status = PYEMU_OK;
  if (!view_is_one_factor(&in, axis))
    status = builder_pack(builder, &in);
  if (status != PYEMU_OK)
    return status;
  if (!view_is_one_factor(&in, axis) || view_extent(&in, axis).count != product.n_inputs)
    return builder_fail(builder, "the tensor has %lld inputs, the weights %lld",
                        (long long)view_extent(&in, axis).count, (long long)product.n_inputs);
  for (int i = 0; i < in.n_axes; ++i)
    if (!(i == axis ? view_add_axis(&shape, (struct extent){product.n_outputs, 0})
                    : view_add_like(&shape, &in, i)))
      return builder_fail(builder, "a tensor has too many dimensions");
  status = builder_new(builder, &shape, in.element, view_is_constant(&in), made);
  if (status != PYEMU_OK)
    return status;
  product.in_stride = view_stride(&in, axis);
  product.out_stride = product.n_outputs > 1 ? view_stride(made, axis) : 1;
  out = *made;
  view_slice(&in, axis, 0, 1, 1);
  view_slice(&out, axis, 0, 1, 1);
  return emit(builder, &product, &in, &out);
}

int product_along(struct builder *builder, const struct view *in, int axis,
                  const struct view *weights, const struct view *bias, double scale,
                  struct view *made) {
  struct product product = {.n_inputs = 0};
  if (!view_is_constant(weights) || weights->n_axes != 2 || weights->element != in->element ||
      in->element == ELEMENT_INT32)
    return builder_fail(builder, "its factors have different types, or weights are not constant");
  int status = product_pack(builder, weights, bias, scale, &product);
  return status == PYEMU_OK ? product_apply(builder, in, axis, &product, made) : status;
}

/* --- MatMul and Gemm --- */

/* Both factors depend on the data: multiply all pairs, then add up. */
static int product_of_tensors(struct builder *builder, const struct view *a, const struct view *b,
                              struct view *made) {
  struct view left = *a, right = *b, pairs;
  if (!view_insert(&left, left.n_axes) || !view_insert(&right, right.n_axes - 2))
    return builder_fail(builder, "a tensor has too many dimensions");
  int status = builder_binary(builder, BINARY_MULTIPLY, &left, &right, &pairs);
  if (status == PYEMU_OK)
    status = builder_sum(builder, &pairs, pairs.n_axes - 2);
  if (status == PYEMU_OK)
    view_remove(&pairs, pairs.n_axes - 2);
  *made = pairs;
  return status;
}

static void swap_last(struct view *view) {
  int axes[VIEW_MAX_AXES];
  for (int i = 0; i < view->n_axes; ++i)
    axes[i] = i;
  axes[view->n_axes - 1] = view->n_axes - 2;
  axes[view->n_axes - 2] = view->n_axes - 1;
  view_transpose(view, axes);
}

/* a (..., rows, inputs) times b (..., inputs, outputs), of two axes or more each. */
static int multiply(struct builder *builder, const struct view *a, const struct view *b,
                    double scale, const struct view *bias, struct view *made) {
  if (view_is_constant(b) && b->n_axes == 2)
    return product_along(builder, a, a->n_axes - 1, b, bias, scale, made);
  if (view_is_constant(a) && a->n_axes == 2 && !bias) {
    struct view weights = *a;
    swap_last(&weights);
    return product_along(builder, b, b->n_axes - 2, &weights, NULL, scale, made);
  }
  if (scale != 1 || bias)
    return builder_fail(builder, "neither factor is constant");
  return product_of_tensors(builder, a, b, made);
}

static int plan_matrix_product(struct builder *builder, int function) {
  struct view a, b, made;
  (void)function;
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status != PYEMU_OK)
    return status;
  const int is_row = a.n_axes == 1, is_column = b.n_axes == 1;
  if (a.n_axes == 0 || b.n_axes == 0)
    return builder_fail(builder, "a factor is one number");
  if (is_row)
    view_insert(&a, 0);
  if (is_column)
    view_insert(&b, 1);
  status = multiply(builder, &a, &b, 1, NULL, &made);
  if (status != PYEMU_OK)
    return status;
  if (is_column)
    view_remove(&made, made.n_axes - 1);
  if (is_row)
    view_remove(&made, made.n_axes - (is_column ? 1 : 2));
  builder_set(builder, 0, &made);
  return PYEMU_OK;
}

/* beta C as one bias for each output; 'is_bias' is 0 if it cannot be one. */
static int read_bias(struct builder *builder, const struct view *given, double beta,
                     int64_t n_outputs, struct view *bias, int *is_bias) {
  struct view shape = {.element = given->element}, from = *given, number, product;
  while (from.n_axes > 1 && view_extent(&from, 0).count == 1 && !view_extent(&from, 0).has_batch)
    view_remove(&from, 0);
  *is_bias = view_is_constant(&from) && from.n_axes <= 1;
  if (!*is_bias)
    return PYEMU_OK;
  view_add_axis(&shape, (struct extent){n_outputs, 0});
  int status = builder_new(builder, &shape, given->element, 1, bias);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, given->element, beta, &number);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_MULTIPLY, &from, &number, &product);
  return status == PYEMU_OK ? builder_copy(builder, &product, bias) : status;
}

static int add_scaled(struct builder *builder, const struct view *c, double beta,
                      struct view *made) {
  struct view number, scaled, sum = *made;
  int status = builder_scalar(builder, c->element, beta, &number);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_MULTIPLY, c, &number, &scaled);
  if (status == PYEMU_OK)
    status = builder_binary(builder, BINARY_ADD, made, &scaled, &sum);
  *made = sum;
  return status;
}

static int plan_gemm(struct builder *builder, int function) {
  const double alpha = model_number(builder->node, "alpha", 1);
  const double beta = model_number(builder->node, "beta", 1);
  struct view a, b, c, bias, made;
  int is_bias = 0;
  (void)function;
  int status = builder_tensor(builder, 0, &a);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &b);
  if (status != PYEMU_OK)
    return status;
  if (a.n_axes != 2 || b.n_axes != 2)
    return builder_fail(builder, "its factors have %d and %d dimensions; expected 2", a.n_axes,
                        b.n_axes);
  if (model_integer(builder->node, "transA", 0))
    swap_last(&a);
  if (model_integer(builder->node, "transB", 0))
    swap_last(&b);
  const int has_c = builder_has_input(builder, 2);
  if (has_c)
    status = builder_tensor(builder, 2, &c);
  if (status == PYEMU_OK && has_c && view_is_constant(&b) && c.element == b.element)
    status = read_bias(builder, &c, beta, view_extent(&b, 1).count, &bias, &is_bias);
  if (status == PYEMU_OK)
    status = multiply(builder, &a, &b, alpha, is_bias ? &bias : NULL, &made);
  if (status == PYEMU_OK && has_c && !is_bias)
    status = add_scaled(builder, &c, beta, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- Conv --- */

/* The tensor at the first element of the window, wherever the window is placed. */
static int first_elements(struct builder *builder, const struct window *w, struct view *view) {
  for (int i = 0; i < w->n_space; ++i) {
    const int64_t count = window_places(w, view, i);
    if (count < 1)
      return builder_fail(builder, "the window is larger than the tensor");
    if (!view_slice(view, i + 2, 0, w->strides[i], count))
      return builder_fail(builder, "its dimensions mix columns");
  }
  return PYEMU_OK;
}

/* Distances of the elements of a window from its first, in all channels of a group. */
static int64_t *window_offsets(struct builder *builder, const struct window *w,
                               const struct view *in, int64_t channels, int64_t *count) {
  *count = channels;
  for (int i = 0; i < w->n_space; ++i)
    *count *= w->kernel[i];
  int64_t *offsets = arena_take(builder->arena, (size_t)*count, sizeof *offsets);
  for (int64_t k = 0; offsets && k < *count; ++k) {
    int64_t index = k;
    for (int i = w->n_space - 1; i >= 0; --i) {
      offsets[k] += index % w->kernel[i] * w->dilations[i] * view_stride(in, i + 2);
      index /= w->kernel[i];
    }
    offsets[k] += index * view_stride(in, 1);
  }
  return offsets;
}

/* The weights of a group as (inputs, outputs). */
static int group_weights(struct builder *builder, const struct view *weights, int64_t outputs,
                         int64_t group, struct view *made) {
  struct extent extents[2] = {{outputs, 0}, {1, 0}};
  *made = *weights;
  view_slice(made, 0, group * outputs, 1, outputs);
  extents[1].count = view_count(made) / outputs;
  if (!view_reshape(made, extents, 2)) {
    int status = builder_pack(builder, made);
    if (status != PYEMU_OK)
      return status;
    view_reshape(made, extents, 2);
  }
  swap_last(made);
  return PYEMU_OK;
}

static int convolve_group(struct builder *builder, const struct window *w,
                          const struct view *padded, const struct view *weights,
                          const struct view *bias, int64_t group, const struct view *made) {
  const int64_t outputs = view_extent(made, 1).count / w->groups;
  const int64_t channels = view_extent(padded, 1).count / w->groups;
  struct product product = {.n_inputs = 0};
  struct view in = *padded, out = *made, matrix, part;
  int status = group_weights(builder, weights, outputs, group, &matrix);
  if (bias) {
    part = *bias;
    view_slice(&part, 0, group * outputs, 1, outputs);
  }
  if (status == PYEMU_OK)
    status = product_pack(builder, &matrix, bias ? &part : NULL, 1, &product);
  if (status != PYEMU_OK)
    return status;
  int64_t count;
  product.offsets = window_offsets(builder, w, &in, channels, &count);
  product.out_stride = outputs > 1 ? view_stride(&out, 1) : 1;
  if (!product.offsets)
    return builder_fail_memory(builder);
  status = first_elements(builder, w, &in);
  view_slice(&in, 1, group * channels, 1, 1);
  view_slice(&out, 1, group * outputs, 1, 1);
  return status == PYEMU_OK ? emit(builder, &product, &in, &out) : status;
}

/* 1 if channels and all dimensions of space lie at equal distances, as those of a dense copy do. */
static int is_dense_field(const struct view *in) {
  for (int axis = 1; axis < in->n_axes; ++axis)
    if (!view_is_one_factor(in, axis))
      return 0;
  return view_is_packed(in);
}

/* Weights (outputs, channels of a group, kernel...). */
static int convolve(struct builder *builder, const struct window *w, struct view *in,
                    const struct view *weights, const struct view *bias, struct view *made) {
  const struct extent outputs = view_extent(weights, 0);
  struct view shape = {.element = in->element};
  int status = window_pad(builder, w, 0, in);
  if (status == PYEMU_OK && !is_dense_field(in))
    status = builder_pack(builder, in);
  if (status != PYEMU_OK)
    return status;
  const struct extent channels = view_extent(in, 1);
  if (w->groups < 1 || outputs.count % w->groups != 0 || channels.has_batch ||
      channels.count != view_extent(weights, 1).count * w->groups ||
      (bias && (bias->n_axes != 1 || view_extent(bias, 0).count != outputs.count)))
    return builder_fail(builder, "%lld channels in %lld groups do not fit the weights",
                        (long long)channels.count, (long long)w->groups);
  view_add_like(&shape, in, 0);
  view_add_axis(&shape, outputs);
  for (int i = 0; i < w->n_space; ++i)
    if (!view_add_axis(&shape, (struct extent){window_places(w, in, i), 0}))
      return builder_fail(builder, "a tensor has too many dimensions");
  status = builder_new(builder, &shape, in->element, 0, made);
  for (int64_t group = 0; status == PYEMU_OK && group < w->groups; ++group)
    status = convolve_group(builder, w, in, weights, bias, group, made);
  return status;
}

/* Tensor, weights and bias ('*bias' is NULL if there is none) of a convolution. */
static int read_convolution(struct builder *builder, struct view *in, struct view *weights,
                            struct view *space, const struct view **bias, struct window *window) {
  int64_t kernel[WINDOW_MAX_SPACE];
  int status = builder_tensor(builder, 0, in);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, weights);
  *bias = NULL;
  if (status == PYEMU_OK && builder_has_input(builder, 2)) {
    status = builder_tensor(builder, 2, space);
    *bias = space;
  }
  if (status != PYEMU_OK)
    return status;
  const int is_known =
      view_is_constant(weights) &&
      (!*bias || (view_is_constant(*bias) && (*bias)->element == weights->element));
  if (!is_known || view_is_constant(in) || weights->n_axes != in->n_axes ||
      weights->element != in->element || in->element == ELEMENT_INT32)
    return builder_fail(builder, "its weights are not constant, or do not fit the tensor");
  if (in->n_axes > WINDOW_MAX_SPACE + 2)
    return builder_fail(builder, "too many dimensions");
  for (int i = 2; i < weights->n_axes; ++i)
    kernel[i - 2] = view_extent(weights, i).count;
  return window_read(builder, in, kernel, window);
}

static int plan_convolution(struct builder *builder, int function) {
  struct view in, weights, space, made;
  const struct view *bias;
  struct window window;
  (void)function;
  int status = read_convolution(builder, &in, &weights, &space, &bias, &window);
  if (status == PYEMU_OK)
    window_pad_for_same(&window, &in);
  if (status == PYEMU_OK)
    status = convolve(builder, &window, &in, &weights, bias, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

/* --- ConvTranspose --- */

/* (channels, outputs of a group, kernel...) as the weights of a convolution, the kernel turned. */
static int turn_weights(struct builder *builder, int64_t groups, struct view *weights) {
  const struct extent channels = view_extent(weights, 0), outputs = view_extent(weights, 1);
  struct view made, part, shape = {.element = weights->element};
  if (groups < 1 || channels.count % groups != 0)
    return builder_fail(builder, "%lld channels in %lld groups", (long long)channels.count,
                        (long long)groups);
  const int64_t each = channels.count / groups;
  view_add_axis(&shape, (struct extent){outputs.count * groups, 0});
  view_add_axis(&shape, (struct extent){each, 0});
  for (int i = 2; i < weights->n_axes; ++i) {
    const int64_t size = view_extent(weights, i).count;
    view_add_axis(&shape, (struct extent){size, 0});
    if (!view_slice(weights, i, size - 1, -1, size))
      return builder_fail(builder, "its weights have dimensions of several parts");
  }
  int status = builder_new(builder, &shape, weights->element, 1, &made);
  for (int64_t group = 0; status == PYEMU_OK && group < groups; ++group) {
    struct view from = *weights;
    int axes[VIEW_MAX_AXES] = {1, 0, 2, 3, 4, 5, 6, 7};
    part = made;
    view_slice(&part, 0, group * outputs.count, 1, outputs.count);
    view_slice(&from, 0, group * each, 1, each);
    view_transpose(&from, axes);
    status = builder_copy(builder, &from, &part);
  }
  *weights = made;
  return status;
}

/* SAME: as many outputs as inputs times the stride; what is more is cut off. */
static void cut_to_same(struct window *w) {
  for (int i = 0; i < w->n_space; ++i) {
    const int64_t span = (w->kernel[i] - 1) * w->dilations[i] + 1;
    const int64_t total =
        span + w->extra[i] > w->strides[i] ? span + w->extra[i] - w->strides[i] : 0;
    w->before[i] = w->same == SAME_LOWER ? total - total / 2 : total / 2;
    w->after[i] = total - w->before[i];
  }
}

/* Every input lies 'stride' apart with zeros between; then it is a convolution with stride one. */
static int plan_transposed_convolution(struct builder *builder, int function) {
  int64_t before[VIEW_MAX_AXES] = {0}, after[VIEW_MAX_AXES] = {0}, gaps[VIEW_MAX_AXES] = {0};
  struct view in, weights, space, spread, made;
  const struct view *bias;
  struct window w;
  (void)function;
  int status = read_convolution(builder, &in, &weights, &space, &bias, &w);
  if (status != PYEMU_OK)
    return status;
  if (model_attribute(builder->node, "output_shape"))
    return builder_fail(builder, "it has an output_shape; known are pads and output_padding");
  if (w.same)
    cut_to_same(&w);
  for (int i = 0; i < w.n_space; ++i) {
    const int64_t span = (w.kernel[i] - 1) * w.dilations[i];
    gaps[i + 2] = w.strides[i] - 1;
    before[i + 2] = span - w.before[i];
    after[i + 2] = span - w.after[i] + w.extra[i];
    w.strides[i] = 1;
    w.before[i] = w.after[i] = 0;
    if (before[i + 2] < 0 || after[i + 2] < 0)
      return builder_fail(builder, "its pads are larger than its kernel");
  }
  status = turn_weights(builder, w.groups, &weights);
  if (status == PYEMU_OK)
    status = window_surround(builder, &in, before, after, gaps, 0, &spread);
  if (status == PYEMU_OK)
    status = convolve(builder, &w, &spread, &weights, bias, &made);
  if (status == PYEMU_OK)
    builder_set(builder, 0, &made);
  return status;
}

const struct planner product_planners[] = {
    {"MatMul", plan_matrix_product, 0, 2, 2},
    {"Gemm", plan_gemm, 0, 2, 3},
    {"Conv", plan_convolution, 0, 2, 3},
    {"ConvTranspose", plan_transposed_convolution, 0, 2, 3},
    {NULL, NULL, 0, 0, 0},
};
