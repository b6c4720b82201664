/* recurrent.c - RNN, GRU and LSTM, one step of the plan after the other along the sequence. */
#include <string.h>

#include "engines/native/compose.h"
#include "engines/native/product.h"

enum { RNN, GRU, LSTM };

enum { MAX_ACTIVATIONS = 3 };

/* A recurrent layer: sizes, and its inputs as the operator has them. */
struct layer {
  int kind;
  int n_gates;
  int64_t length; /* of the sequence */
  int64_t hidden;
  int n_directions;
  int is_reverse;       /* of the only direction */
  int is_linear_before; /* GRU: the reset gate is applied behind the product */
  int is_batch_first;   /* layout 1: columns before the sequence, and before directions */
  enum unary activations[2][MAX_ACTIVATIONS]; /* by direction */
  struct view x, weights, recurrence, bias;
  int has_bias;
  struct view peepholes; /* LSTM: from the cell to the gates i, o, f */
  int has_peepholes;
};

/* Part 'index' of an axis that holds 'count' elements a part. */
static struct view part_of(const struct view *view, int axis, int64_t index, int64_t count) {
  struct view part = *view;
  view_slice(&part, axis, index * count, 1, count);
  return part;
}

static int apply(struct builder *builder, enum binary function, const struct view *a,
                 const struct view *b, struct view *made) {
  return builder_binary(builder, function, a, b, made);
}

/* --- Reading --- */

static int check_attributes(struct builder *builder) {
  const char *const names[] = {"activation_alpha", "activation_beta", "clip"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (model_attribute(builder->node, names[i]))
      return builder_fail(builder, "it has %s", names[i]);
  if (model_integer(builder->node, "input_forget", 0) != 0)
    return builder_fail(builder, "its input and forget gates are one");
  if (builder_has_input(builder, 4))
    return builder_fail(builder, "its sequences have different lengths");
  return PYEMU_OK;
}

/* Functions of the gates and of the state; by default sigmoids and tanh. */
static int read_activations(struct builder *builder, struct layer *layer) {
  static const char *const names[] = {"Sigmoid", "Tanh", "Relu", "Softplus"};
  static const enum unary functions[] = {UNARY_SIGMOID, UNARY_TANH, UNARY_RELU, UNARY_SOFTPLUS};
  const struct model_attribute *found = model_attribute(builder->node, "activations");
  const int count = layer->kind == RNN ? 1 : layer->kind == GRU ? 2 : 3;
  if (found && found->n_texts != count * layer->n_directions)
    return builder_fail(builder, "it has %d activations; expected %d", found->n_texts,
                        count * layer->n_directions);
  for (int i = 0; i < count * layer->n_directions; ++i) {
    enum unary *function = &layer->activations[i / count][i % count];
    size_t k = 0;
    *function = layer->kind != RNN && i % count == 0 ? UNARY_SIGMOID : UNARY_TANH;
    if (!found)
      continue;
    while (k < sizeof names / sizeof names[0] && !text_is(&found->texts[i], names[k]))
      ++k;
    if (k == sizeof names / sizeof names[0])
      return builder_fail(builder, "activation %d is not Sigmoid, Tanh, Relu or Softplus", i + 1);
    *function = functions[k];
  }
  return PYEMU_OK;
}

static int read_direction(struct builder *builder, struct layer *layer) {
  const struct model_attribute *found = model_attribute(builder->node, "direction");
  layer->n_directions = found && text_is(&found->text, "bidirectional") ? 2 : 1;
  layer->is_reverse = found && text_is(&found->text, "reverse");
  if (found && layer->n_directions == 1 && !layer->is_reverse && !text_is(&found->text, "forward"))
    return builder_fail(builder, "its direction is not known");
  return PYEMU_OK;
}

static int check_sizes(struct builder *builder, const struct layer *layer) {
  const int64_t rows = layer->n_gates * layer->hidden;
  const int64_t expected[4][3] = {{layer->n_directions, rows, view_extent(&layer->x, 2).count},
                                  {layer->n_directions, rows, layer->hidden},
                                  {layer->n_directions, 2 * rows, 1},
                                  {layer->n_directions, 3 * layer->hidden, 1}};
  const struct view *const views[4] = {&layer->weights, &layer->recurrence, &layer->bias,
                                       &layer->peepholes};
  const int inputs[4] = {2, 3, 4, 8}, is_given[4] = {1, 1, layer->has_bias, layer->has_peepholes};
  for (int i = 0; i < 4; ++i) {
    const int rank = i < 2 ? 3 : 2;
    if (!is_given[i])
      continue;
    if (!view_is_constant(views[i]) || views[i]->n_axes != rank ||
        views[i]->element != layer->x.element)
      return builder_fail(builder, "input %d is not constant, or has another shape or type",
                          inputs[i]);
    for (int axis = 0; axis < rank; ++axis)
      if (view_extent(views[i], axis).count != expected[i][axis])
        return builder_fail(builder, "dimension %d of input %d has %lld elements; expected %lld",
                            axis + 1, inputs[i], (long long)view_extent(views[i], axis).count,
                            (long long)expected[i][axis]);
  }
  return PYEMU_OK;
}

/* Parts are cut out of axes that are one factor each, as those of a dense copy are. */
static int make_regular(struct builder *builder, struct view *view) {
  int status = PYEMU_OK;
  for (int axis = 0; status == PYEMU_OK && axis < view->n_axes; ++axis)
    if (view->starts[axis + 1] - view->starts[axis] > 1 && !view_extent(view, axis).has_batch)
      status = builder_pack(builder, view);
  return status;
}

static int read_inputs(struct builder *builder, struct layer *layer) {
  layer->has_bias = builder_has_input(builder, 3);
  layer->has_peepholes = builder_has_input(builder, 7);
  int status = builder_tensor(builder, 0, &layer->x);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 1, &layer->weights);
  if (status == PYEMU_OK)
    status = builder_tensor(builder, 2, &layer->recurrence);
  if (status == PYEMU_OK && layer->has_bias)
    status = builder_tensor(builder, 3, &layer->bias);
  if (status == PYEMU_OK && layer->has_peepholes)
    status = builder_tensor(builder, 7, &layer->peepholes);
  return status;
}

static int read_layer(struct builder *builder, int kind, struct layer *layer) {
  const int axes[VIEW_MAX_AXES] = {1, 0, 2};
  *layer = (struct layer){.kind = kind, .n_gates = kind == RNN ? 1 : kind == GRU ? 3 : 4};
  layer->hidden = model_integer(builder->node, "hidden_size", 0);
  layer->is_linear_before = model_integer(builder->node, "linear_before_reset", 0) != 0;
  layer->is_batch_first = model_integer(builder->node, "layout", 0) != 0;
  if (layer->hidden < 1 || layer->hidden > (1 << 20))
    return builder_fail(builder, "hidden_size is %lld", (long long)layer->hidden);
  int status = check_attributes(builder);
  if (status == PYEMU_OK)
    status = read_direction(builder, layer);
  if (status == PYEMU_OK)
    status = read_activations(builder, layer);
  if (status == PYEMU_OK)
    status = read_inputs(builder, layer);
  if (status != PYEMU_OK)
    return status;
  if (layer->x.n_axes == 3 && layer->is_batch_first)
    view_transpose(&layer->x, axes);
  if (layer->x.n_axes != 3 || view_extent(&layer->x, 0).has_batch || view_is_constant(&layer->x))
    return builder_fail(builder, "its input is not (sequence, column, value)");
  layer->length = view_extent(&layer->x, 0).count;
  status = check_sizes(builder, layer);
  if (status == PYEMU_OK)
    status = make_regular(builder, &layer->x);
  if (status == PYEMU_OK)
    status = make_regular(builder, &layer->weights);
  if (status == PYEMU_OK)
    status = make_regular(builder, &layer->recurrence);
  if (status == PYEMU_OK && layer->has_peepholes)
    status = make_regular(builder, &layer->peepholes);
  return status == PYEMU_OK && layer->has_bias ? make_regular(builder, &layer->bias) : status;
}

/* --- One direction --- */

/* The matrix (inputs, gates) of a direction. */
static struct view matrix_of(const struct view *weights, int direction) {
  int axes[VIEW_MAX_AXES] = {1, 0};
  struct view matrix = part_of(weights, 0, direction, 1);
  view_remove(&matrix, 0);
  view_transpose(&matrix, axes);
  return matrix;
}

/* What the steps of one direction share. */
struct direction {
  int index;
  int is_reverse;
  struct view from_inputs;   /* weights times inputs, for the whole sequence */
  struct product recurrence; /* of the state, all gates but that of 'reset' */
  struct product reset;      /* GRU: of the state times the reset gate */
  const enum unary *functions;
};

/* Pack the recurrent weights of gates 'first' to 'first + count'. */
static int pack_gates(struct builder *builder, const struct layer *layer, const struct view *matrix,
                      const struct view *bias, int first, int count, struct product *packed) {
  struct view part = *matrix, part_of_bias = {.n_axes = 0};
  view_slice(&part, 1, first * layer->hidden, 1, count * layer->hidden);
  if (bias) {
    part_of_bias = *bias;
    view_slice(&part_of_bias, 0, first * layer->hidden, 1, count * layer->hidden);
  }
  return product_pack(builder, &part, bias ? &part_of_bias : NULL, 1, packed);
}

static int make_direction(struct builder *builder, const struct layer *layer, int index,
                          struct direction *made) {
  const int64_t rows = layer->n_gates * layer->hidden;
  const struct view weights = matrix_of(&layer->weights, index);
  const struct view recurrence = matrix_of(&layer->recurrence, index);
  const int splits_reset = layer->kind == GRU && !layer->is_linear_before;
  struct view first = {.n_axes = 0}, second = {.n_axes = 0};
  *made = (struct direction){.index = index,
                             .is_reverse = layer->is_reverse || index == 1,
                             .functions = layer->activations[index]};
  if (layer->has_bias) {
    struct view both = part_of(&layer->bias, 0, index, 1);
    view_remove(&both, 0);
    first = part_of(&both, 0, 0, rows);
    second = part_of(&both, 0, 1, rows);
  }
  const struct view *bias = layer->has_bias ? &second : NULL;
  int status = pack_gates(builder, layer, &recurrence, bias, 0, splits_reset ? 2 : layer->n_gates,
                          &made->recurrence);
  if (status == PYEMU_OK && splits_reset)
    status = pack_gates(builder, layer, &recurrence, bias, 2, 1, &made->reset);
  if (status != PYEMU_OK)
    return status;
  return product_along(builder, &layer->x, 2, &weights, layer->has_bias ? &first : NULL, 1,
                       &made->from_inputs);
}

static struct view gate(const struct layer *layer, const struct view *gates, int first, int count) {
  struct view part = *gates;
  view_slice(&part, 1, first * layer->hidden, 1, count * layer->hidden);
  return part;
}

/* Elman (1990), doi:10.1207/s15516709cog1402_1: the new state is tanh(W x + R h). */
static int step_rnn(struct builder *builder, const struct direction *d, const struct view *x,
                    struct view *h) {
  struct view from_state;
  int status = product_apply(builder, h, 1, &d->recurrence, &from_state);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_ADD, x, &from_state, h);
  return status == PYEMU_OK ? compose_unary(builder, d->functions[0], h) : status;
}

/*
 * Cho et al. (2014), arXiv:1406.1078, as ONNX writes it: update and reset gates are sigmoids,
 * n = tanh(W x + r (R h)), or tanh(W x + R (r h)), and the new state is (1 - z) n + z h.
 */
static int step_gru(struct builder *builder, const struct layer *layer, const struct direction *d,
                    const struct view *x, struct view *h) {
  struct view one, both, from_state, sum, n, part, rest, kept;
  struct view in = gate(layer, x, 0, 2);
  int status = product_apply(builder, h, 1, &d->recurrence, &from_state);
  if (status != PYEMU_OK)
    return status;
  part = gate(layer, &from_state, 0, 2);
  status = apply(builder, BINARY_ADD, &in, &part, &both);
  if (status == PYEMU_OK)
    status = compose_unary(builder, d->functions[0], &both);
  const struct view z = gate(layer, &both, 0, 1), r = gate(layer, &both, 1, 1);
  if (status == PYEMU_OK && layer->is_linear_before) {
    part = gate(layer, &from_state, 2, 1);
    status = apply(builder, BINARY_MULTIPLY, &r, &part, &rest);
  } else if (status == PYEMU_OK) {
    status = apply(builder, BINARY_MULTIPLY, &r, h, &part);
    if (status == PYEMU_OK)
      status = product_apply(builder, &part, 1, &d->reset, &rest);
  }
  in = gate(layer, x, 2, 1);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_ADD, &in, &rest, &n);
  if (status == PYEMU_OK)
    status = compose_unary(builder, d->functions[1], &n);
  if (status == PYEMU_OK)
    status = builder_scalar(builder, n.element, 1, &one);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_SUBTRACT, &one, &z, &kept);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_MULTIPLY, &kept, &n, &sum);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_MULTIPLY, &z, h, &kept);
  return status == PYEMU_OK ? apply(builder, BINARY_ADD, &sum, &kept, h) : status;
}

/* Gate 'index' as a function of its sum and, through a peephole, of the cell. */
static int open_gate(struct builder *builder, const struct layer *layer, const struct direction *d,
                     int index, const struct view *cell, struct view *gate) {
  struct view peephole = part_of(&layer->peepholes, 0, d->index, 1);
  peephole = part_of(&peephole, 1, index, layer->hidden);
  int status = compose_binary(builder, BINARY_MULTIPLY, &peephole, cell);
  if (status == PYEMU_OK)
    status = compose_binary(builder, BINARY_ADD, gate, &peephole);
  return status == PYEMU_OK ? compose_unary(builder, d->functions[0], gate) : status;
}

/* Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; gates i, o, f, c as in ONNX:
 * cell f c + i tanh(g), state o tanh(cell). With peepholes, i and f see the cell before, o the new
 * one: Gers and Schmidhuber (2000), doi:10.1109/IJCNN.2000.861302. */
static int step_lstm(struct builder *builder, const struct layer *layer, const struct direction *d,
                     const struct view *x, struct view *h, struct view *c) {
  enum { I, O, F, CELL };
  struct view from_state, all, gates[3], g, fresh, kept;
  int status = product_apply(builder, h, 1, &d->recurrence, &from_state);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_ADD, x, &from_state, &all);
  g = gate(layer, &all, CELL, 1);
  if (status == PYEMU_OK && !layer->has_peepholes) {
    struct view three = gate(layer, &all, I, 3);
    status = compose_unary(builder, d->functions[0], &three);
    all = three;
  }
  for (int i = I; i < CELL; ++i)
    gates[i] = gate(layer, &all, i, 1);
  for (int i = I; status == PYEMU_OK && layer->has_peepholes && i <= F; i += F)
    status = open_gate(builder, layer, d, i, c, &gates[i]);
  if (status == PYEMU_OK)
    status = compose_unary(builder, d->functions[1], &g);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_MULTIPLY, &gates[F], c, &kept);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_MULTIPLY, &gates[I], &g, &fresh);
  if (status == PYEMU_OK)
    status = apply(builder, BINARY_ADD, &kept, &fresh, c);
  if (status == PYEMU_OK && layer->has_peepholes)
    status = open_gate(builder, layer, d, O, c, &gates[O]);
  fresh = *c;
  if (status == PYEMU_OK)
    status = compose_unary(builder, d->functions[2], &fresh);
  return status == PYEMU_OK ? apply(builder, BINARY_MULTIPLY, &gates[O], &fresh, h) : status;
}

/* The state before the first step (column, hidden): an input, or zero. */
static int first_state(struct builder *builder, const struct layer *layer, int input,
                       const struct direction *d, struct view *state) {
  const int axes[VIEW_MAX_AXES] = {1, 0, 2};
  struct view zero, shape = {.element = layer->x.element};
  if (builder_has_input(builder, input)) {
    int status = builder_tensor(builder, input, state);
    if (status != PYEMU_OK)
      return status;
    if (state->n_axes == 3 && layer->is_batch_first)
      view_transpose(state, axes);
    if (state->n_axes != 3 || view_extent(state, 0).count != layer->n_directions ||
        view_extent(state, 2).count != layer->hidden || state->element != layer->x.element)
      return builder_fail(builder, "its first state has another shape or type");
    *state = part_of(state, 0, d->index, 1);
    view_remove(state, 0);
    if (!view_is_constant(state))
      return PYEMU_OK;
    zero = *state; /* to every column */
  } else {
    int status = builder_scalar(builder, layer->x.element, 0, &zero);
    if (status != PYEMU_OK)
      return status;
  }
  view_add_like(&shape, &layer->x, 1);
  view_add_axis(&shape, (struct extent){layer->hidden, 0});
  int status = builder_new(builder, &shape, shape.element, 0, state);
  return status == PYEMU_OK ? builder_copy(builder, &zero, state) : status;
}

static int copy_state(struct builder *builder, const struct view *state, const struct view *made,
                      int axis, int index) {
  struct view to = part_of(made, axis, index, 1);
  view_remove(&to, axis);
  return builder_copy(builder, state, &to);
}

/* Outputs of the node: all states (sequence, direction, column, hidden), the last ones. */
struct results {
  struct view all, last, cell;
};

static int run_direction(struct builder *builder, const struct layer *layer, int index,
                         const struct results *results) {
  struct direction d;
  struct view h, c = {.n_axes = 0};
  int status = make_direction(builder, layer, index, &d);
  if (status == PYEMU_OK)
    status = first_state(builder, layer, 5, &d, &h);
  if (status == PYEMU_OK && layer->kind == LSTM)
    status = first_state(builder, layer, 6, &d, &c);
  for (int64_t i = 0; status == PYEMU_OK && i < layer->length; ++i) {
    const int64_t at = d.is_reverse ? layer->length - 1 - i : i;
    struct view x = part_of(&d.from_inputs, 0, at, 1), row = part_of(&results->all, 0, at, 1);
    view_remove(&x, 0);
    view_remove(&row, 0);
    status = layer->kind == RNN   ? step_rnn(builder, &d, &x, &h)
             : layer->kind == GRU ? step_gru(builder, layer, &d, &x, &h)
                                  : step_lstm(builder, layer, &d, &x, &h, &c);
    if (status == PYEMU_OK)
      status = copy_state(builder, &h, &row, 0, index);
  }
  if (status == PYEMU_OK && builder_has_output(builder, 1))
    status = copy_state(builder, &h, &results->last, 0, index);
  if (status == PYEMU_OK && layer->kind == LSTM && builder_has_output(builder, 2))
    status = copy_state(builder, &c, &results->cell, 0, index);
  return status;
}

static int make_results(struct builder *builder, const struct layer *layer,
                        struct results *results) {
  struct view last = {.element = layer->x.element}, all = {.element = layer->x.element};
  view_add_axis(&all, (struct extent){layer->length, 0});
  view_add_axis(&all, (struct extent){layer->n_directions, 0});
  view_add_axis(&last, (struct extent){layer->n_directions, 0});
  view_add_like(&all, &layer->x, 1);
  view_add_like(&last, &layer->x, 1);
  view_add_axis(&all, (struct extent){layer->hidden, 0});
  view_add_axis(&last, (struct extent){layer->hidden, 0});
  int status = builder_new(builder, &all, all.element, 0, &results->all);
  if (status == PYEMU_OK)
    status = builder_new(builder, &last, last.element, 0, &results->last);
  if (status == PYEMU_OK)
    status = builder_new(builder, &last, last.element, 0, &results->cell);
  return status;
}

static int plan_recurrent(struct builder *builder, int kind) {
  const int all_axes[VIEW_MAX_AXES] = {2, 0, 1, 3}, axes[VIEW_MAX_AXES] = {1, 0, 2};
  struct layer layer;
  struct results results;
  int status = read_layer(builder, kind, &layer);
  if (status == PYEMU_OK)
    status = make_results(builder, &layer, &results);
  for (int i = 0; status == PYEMU_OK && i < layer.n_directions; ++i)
    status = run_direction(builder, &layer, i, &results);
  if (status != PYEMU_OK)
    return status;
  if (layer.is_batch_first) {
    view_transpose(&results.all, all_axes);
    view_transpose(&results.last, axes);
    view_transpose(&results.cell, axes);
  }
  builder_set(builder, 0, &results.all);
  builder_set(builder, 1, &results.last);
  if (kind == LSTM)
    builder_set(builder, 2, &results.cell);
  return PYEMU_OK;
}

const struct planner recurrent_planners[] = {
    {"RNN", plan_recurrent, RNN, 3, 6},
    {"GRU", plan_recurrent, GRU, 3, 6},
    {"LSTM", plan_recurrent, LSTM, 3, 8},
    {NULL, NULL, 0, 0, 0},
};
