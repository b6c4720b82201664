#include "engines/native/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* No tensor has more elements, and no plan more steps: a file must not take all memory. */
static const int64_t most_elements = INT64_C(1) << 28;
enum { MOST_STEPS = 1 << 20 };

/* Operations on constants: so many for each step, and one for so many bytes that may be taken. */
enum { STEP_WORK = 64, BYTES_PER_OPERATION = 4 };

int builder_fail(struct builder *builder, const char *format, ...) {
  const struct model_node *node = builder->node;
  char reason[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  const struct text *type = &node->type;
  struct text name = {"", 0};
  if (node->n_outputs > 0 && node->outputs[0] != NO_VALUE)
    name = builder->model->names[node->outputs[0]];
  return fail(builder->error, PYEMU_ERR_UNSUPPORTED,
              "the engine 'native' cannot run operator '%.*s' of '%.*s': %s; open the file with "
              "engine 'onnxruntime'",
              (int)(type->size < 60 ? type->size : 60), type->at,
              (int)(name.size < 60 ? name.size : 60), name.at, reason);
}

int builder_fail_memory(struct builder *builder) {
  const struct arena *arena = builder->arena;
  return fail(builder->error, PYEMU_ERR_MEMORY,
              "no memory for the plan of the graph: %zu of at most %zu bytes are taken",
              arena->taken, arena->most);
}

int view_is_constant(const struct view *view) { return view->place < 0; }

/* --- Values --- */

enum element builder_element(const struct builder *builder, int64_t type) {
  return type == ONNX_DOUBLE  ? ELEMENT_FLOAT64
         : type == ONNX_INT32 ? ELEMENT_INT32
                              : builder->plan->real;
}

int builder_has_input(const struct builder *builder, int index) {
  return index < builder->node->n_inputs && builder->node->inputs[index] != NO_VALUE;
}

int builder_has_output(const struct builder *builder, int index) {
  return index < builder->node->n_outputs && builder->node->outputs[index] != NO_VALUE;
}

static int fail_input(struct builder *builder, int index) {
  return builder_fail(builder, "input %d is missing, or is made later", index + 1);
}

static int constant_of_integers(struct builder *builder, const struct integers *integers,
                                struct view *view) {
  const enum element real = builder->plan->real;
  struct view shape = {.element = real};
  for (int i = 0; i < integers->rank; ++i)
    if (!view_add_axis(&shape, (struct extent){integers->dims[i], 0}))
      return builder_fail(builder, "a tensor has too many dimensions");
  int status = builder_new(builder, &shape, real, 1, view);
  if (status != PYEMU_OK)
    return status;
  void *values = builder->plan->constants[CONSTANT_PLACE(view->place)].values;
  for (int64_t i = 0; i < integers->count; ++i) {
    if (integers->at[i].has_batch)
      return builder_fail(builder, "it computes with the number of columns");
    if (i >= view_count(view))
      return builder_fail(builder, "whole numbers do not fit their shape");
    if (real == ELEMENT_FLOAT64)
      ((double *)values)[i] = (double)integers->at[i].count;
    else
      ((float *)values)[i] = (float)integers->at[i].count;
  }
  return PYEMU_OK;
}

int builder_tensor(struct builder *builder, int index, struct view *view) {
  if (!builder_has_input(builder, index))
    return fail_input(builder, index);
  const struct value *value = &builder->values[builder->node->inputs[index]];
  if (value->kind == VALUE_INTEGERS)
    return constant_of_integers(builder, &value->integers, view);
  if (value->kind != VALUE_TENSOR)
    return fail_input(builder, index);
  *view = value->view;
  return PYEMU_OK;
}

int builder_integers(struct builder *builder, int index, const struct integers **integers) {
  if (!builder_has_input(builder, index))
    return fail_input(builder, index);
  const struct value *value = &builder->values[builder->node->inputs[index]];
  if (value->kind != VALUE_INTEGERS)
    return builder_fail(builder, "input %d depends on the data; expected whole numbers known now",
                        index + 1);
  *integers = &value->integers;
  return PYEMU_OK;
}

int builder_list(struct builder *builder, const char *attribute, int input, const int64_t **list,
                 int64_t *count) {
  const struct model_attribute *found = model_attribute(builder->node, attribute);
  const struct integers *integers = NULL;
  *list = NULL;
  *count = -1;
  if (found) {
    *list = found->integers;
    *count = found->n_integers;
    return PYEMU_OK;
  }
  if (input < 0 || !builder_has_input(builder, input))
    return PYEMU_OK;
  int status = builder_integers(builder, input, &integers);
  if (status != PYEMU_OK)
    return status;
  int64_t *numbers = arena_take(builder->arena, (size_t)integers->count + 1, sizeof *numbers);
  if (!numbers)
    return builder_fail_memory(builder);
  for (int64_t i = 0; i < integers->count; ++i) {
    if (integers->at[i].has_batch)
      return builder_fail(builder, "input %d depends on the number of columns", input + 1);
    numbers[i] = integers->at[i].count;
  }
  *list = numbers;
  *count = integers->count;
  return PYEMU_OK;
}

void builder_set(struct builder *builder, int output, const struct view *view) {
  if (!builder_has_output(builder, output))
    return;
  struct value *value = &builder->values[builder->node->outputs[output]];
  *value = (struct value){.kind = VALUE_TENSOR, .view = *view};
}

int builder_set_integers(struct builder *builder, int output, const struct integers *integers) {
  if (builder_has_output(builder, output)) {
    struct value *value = &builder->values[builder->node->outputs[output]];
    *value = (struct value){.kind = VALUE_INTEGERS, .integers = *integers};
  }
  return PYEMU_OK;
}

int builder_axis(struct builder *builder, int64_t given, int n_axes, int *axis) {
  if (given < -n_axes || given >= n_axes)
    return builder_fail(builder, "axis %lld of a tensor with %d", (long long)given, n_axes);
  *axis = (int)(given < 0 ? given + n_axes : given);
  return PYEMU_OK;
}

/* --- Tensors --- */

/* Twice the room when it is full. */
static int grow(struct builder *builder, void **list, int count, int *room, size_t size) {
  if (count < *room)
    return 1;
  const int wanted = *room ? 2 * *room : 64;
  void *larger = arena_take(builder->arena, (size_t)wanted, size);
  if (!larger)
    return 0;
  if (count)
    memcpy(larger, *list, (size_t)count * size);
  *list = larger;
  *room = wanted;
  return 1;
}

static int new_constant(struct builder *builder, enum element element, int64_t count, int *place) {
  struct plan *plan = builder->plan;
  void *list = plan->constants;
  if (!grow(builder, &list, plan->n_constants, &builder->constant_room, sizeof *plan->constants))
    return builder_fail_memory(builder);
  plan->constants = list;
  void *values = arena_take(builder->arena, (size_t)count, element_bytes(element));
  if (!values)
    return builder_fail_memory(builder);
  plan->constants[plan->n_constants] = (struct constant){element, count, values};
  *place = CONSTANT_PLACE(plan->n_constants);
  ++plan->n_constants;
  return PYEMU_OK;
}

static int new_buffer(struct builder *builder, enum element element, int64_t count, int *place) {
  struct plan *plan = builder->plan;
  void *list = plan->buffers;
  if (!grow(builder, &list, plan->n_buffers, &builder->buffer_room, sizeof *plan->buffers))
    return builder_fail_memory(builder);
  plan->buffers = list;
  plan->buffers[plan->n_buffers] =
      (struct buffer){.element = element, .count = count, .parent = -1, .first = -1, .last = -1};
  *place = plan->n_buffers++;
  return PYEMU_OK;
}

int builder_new(struct builder *builder, const struct view *like, enum element element,
                int is_constant, struct view *made) {
  const int64_t count = view_count(like);
  struct view view = *like;
  if (count < 1 || count > most_elements)
    return builder_fail(builder,
                        "a tensor would have %lld elements for one column; expected 1 to %lld",
                        (long long)count, (long long)most_elements);
  view.element = element;
  view.offset = 0;
  view_pack(&view);
  *made = view;
  return is_constant ? new_constant(builder, element, count, &made->place)
                     : new_buffer(builder, element, count, &made->place);
}

int builder_scalar(struct builder *builder, enum element element, double value, struct view *view) {
  const struct view none = {.element = element};
  int status = builder_new(builder, &none, element, 1, view);
  if (status != PYEMU_OK)
    return status;
  void *values = builder->plan->constants[CONSTANT_PLACE(view->place)].values;
  if (element == ELEMENT_FLOAT64)
    *(double *)values = value;
  else if (element == ELEMENT_INT32)
    *(int32_t *)values = value > INT32_MIN && value < INT32_MAX ? (int32_t)value : 0;
  else
    *(float *)values = (float)value;
  return PYEMU_OK;
}

int builder_number(const struct builder *builder, const struct view *view, double *number) {
  if (!view_is_constant(view) || view_count(view) != 1)
    return 0;
  const struct constant *constant = &builder->plan->constants[CONSTANT_PLACE(view->place)];
  *number = constant->element == ELEMENT_FLOAT64 ? ((const double *)constant->values)[view->offset]
            : constant->element == ELEMENT_INT32 ? ((const int32_t *)constant->values)[view->offset]
                                                 : ((const float *)constant->values)[view->offset];
  return 1;
}

/* The factors keep their order: that of the columns and other dimensions cannot be changed. */
int builder_pack(struct builder *builder, struct view *view) {
  struct view packed;
  struct extent extents[VIEW_MAX_AXES];
  int status = builder_new(builder, view, view->element, view_is_constant(view), &packed);
  if (status == PYEMU_OK)
    status = builder_copy(builder, view, &packed);
  for (int i = 0; i < view->n_axes; ++i)
    extents[i] = view_extent(view, i);
  view_reshape(&packed, extents, view->n_axes); /* which joins what is one in memory now */
  *view = packed;
  return status;
}

/* --- Steps --- */

int builder_broadcast(struct builder *builder, const struct view *inputs, int n,
                      struct view *shape) {
  struct view made = {.element = inputs[0].element};
  int n_axes = 0;
  for (int i = 0; i < n; ++i)
    n_axes = inputs[i].n_axes > n_axes ? inputs[i].n_axes : n_axes;
  for (int axis = 0; axis < n_axes; ++axis) {
    struct extent all = {1, 0};
    const struct view *from = NULL;
    int from_axis = 0;
    for (int i = 0; i < n; ++i) {
      const int own = axis - (n_axes - inputs[i].n_axes);
      const struct extent extent = own < 0 ? (struct extent){1, 0} : view_extent(&inputs[i], own);
      if (extent.count == 1 && !extent.has_batch)
        continue;
      if ((all.count != 1 || all.has_batch) &&
          (all.count != extent.count || all.has_batch != extent.has_batch))
        return builder_fail(builder, "sizes %lld and %lld of dimension %d do not match",
                            (long long)all.count, (long long)extent.count, axis + 1);
      all = extent;
      if (!from)
        from_axis = own;
      from = from ? from : &inputs[i];
    }
    if (!view_add_like(&made, from, from_axis))
      return builder_fail(builder, "a tensor has too many dimensions");
  }
  *shape = made;
  return PYEMU_OK;
}

/* The factors of one axis of one operand that are not in a loop yet. */
struct cursor {
  const struct factor *factors;
  int count; /* 0: one element, repeated */
  int is_repeated;
  int64_t left; /* of the first factor */
};

static struct cursor cursor_at(const struct view *view, int axis) {
  struct cursor cursor = {.is_repeated = 1};
  if (axis < 0)
    return cursor;
  cursor.factors = &view->factors[view->starts[axis]];
  cursor.count = view->starts[axis + 1] - view->starts[axis];
  cursor.is_repeated = cursor.count == 0;
  cursor.left = cursor.count ? cursor.factors[0].size : 1;
  return cursor;
}

static void advance(struct cursor *cursor) {
  ++cursor->factors;
  --cursor->count;
  cursor->left = cursor->count ? cursor->factors[0].size : 1;
}

/* One loop over the largest piece that is in no operand more than a factor; 0 if none fits. */
static int add_loop(struct step *step, struct cursor *cursors, int n, struct operand *const *to) {
  int64_t piece = cursors[0].left;
  for (int i = 0; i < n; ++i) {
    if (cursors[i].is_repeated)
      continue;
    if (cursors[i].count == 0 || (cursors[i].left == BATCH) != (cursors[0].left == BATCH))
      return 0;
    piece = cursors[i].left < piece ? cursors[i].left : piece;
  }
  if (piece != BATCH && step->n_loops == STEP_MAX_LOOPS)
    return 0;
  for (int i = 0; i < n; ++i) {
    struct cursor *cursor = &cursors[i];
    if (cursor->is_repeated) {
      to[i]->strides[step->n_loops] = 0;
      continue;
    }
    if (piece != BATCH && cursor->left % piece != 0)
      return 0;
    cursor->left = piece == BATCH ? 1 : cursor->left / piece;
    to[i]->strides[step->n_loops] = cursor->factors[0].stride * cursor->left;
    if (cursor->left == 1)
      advance(cursor);
  }
  if (piece != BATCH)
    step->sizes[step->n_loops++] = piece;
  return 1;
}

/* Loops over all of 'views[0]', the others repeated where they have one element; 0 if their factors
 * do not fit into common loops. */
static int make_loops(struct step *step, const struct view *const *views, int n) {
  struct operand *to[1 + STEP_MAX_INPUTS];
  struct cursor cursors[1 + STEP_MAX_INPUTS];
  const int n_axes = views[0]->n_axes;
  step->n_loops = 0;
  for (int i = 0; i < n; ++i) {
    to[i] = i == 0 ? &step->out : &step->in[i - 1];
    to[i]->place = views[i]->place;
    to[i]->offset = views[i]->offset;
  }
  for (int axis = 0; axis < n_axes; ++axis) {
    for (int i = 0; i < n; ++i)
      cursors[i] = cursor_at(views[i], axis - (n_axes - views[i]->n_axes));
    while (cursors[0].count > 0)
      if (!add_loop(step, cursors, n, to))
        return 0;
    for (int i = 1; i < n; ++i)
      if (cursors[i].count > 0)
        return 0;
  }
  return 1;
}

static int append(struct builder *builder, const struct step *step) {
  struct plan *plan = builder->plan;
  void *list = plan->steps;
  if (plan->n_steps == MOST_STEPS)
    return builder_fail(builder, "the graph needs more than %d steps", MOST_STEPS);
  if (!grow(builder, &list, plan->n_steps, &builder->step_room, sizeof *plan->steps))
    return builder_fail_memory(builder);
  plan->steps = list;
  plan->steps[plan->n_steps++] = *step;
  return PYEMU_OK;
}

static int pack_irregular(struct builder *builder, const struct view **views, struct view *packed,
                          int n) {
  for (int i = 1; i < n; ++i) {
    if (view_is_packed(views[i]))
      continue;
    packed[i] = *views[i];
    int status = builder_pack(builder, &packed[i]);
    if (status != PYEMU_OK)
      return status;
    views[i] = &packed[i];
  }
  return PYEMU_OK;
}

/* 1 if a step of constants may be run now: what is computed is limited, as memory is. */
static int may_run_now(struct builder *builder, const struct step *step) {
  const size_t bytes = builder->arena->most;
  const int64_t most = bytes ? (int64_t)(bytes / BYTES_PER_OPERATION) : INT64_MAX / 2;
  const int is_product = step->kind == STEP_PRODUCT;
  const int64_t rows = is_product ? step->product->n_outputs : 1;
  const int64_t each = is_product                  ? step->product->n_inputs
                       : step->kind == STEP_REDUCE ? step->n_reduced
                                                   : 1;
  int64_t work = each;
  int is_beyond = __builtin_mul_overflow(work, rows, &work);
  for (int i = 0; i < step->n_loops; ++i)
    is_beyond |= __builtin_mul_overflow(work, step->sizes[i], &work);
  if (is_beyond || work > most - builder->work)
    return 0;
  builder->work += work + STEP_WORK;
  return 1;
}

int builder_emit(struct builder *builder, struct step *step, const struct view *out,
                 const struct view *inputs, int n_inputs) {
  const struct view *views[1 + STEP_MAX_INPUTS];
  struct view packed[1 + STEP_MAX_INPUTS];
  views[0] = out;
  for (int i = 0; i < n_inputs; ++i)
    views[i + 1] = &inputs[i];
  if (!make_loops(step, views, n_inputs + 1)) {
    const int is_copy = step->kind == STEP_UNARY && step->function == UNARY_COPY;
    int status = is_copy ? PYEMU_OK : pack_irregular(builder, views, packed, n_inputs + 1);
    if (status != PYEMU_OK)
      return status;
    if (is_copy || !make_loops(step, views, n_inputs + 1))
      return builder_fail(builder, "columns and other dimensions are mixed in another order");
  }
  if (!view_is_constant(out))
    return append(builder, step);
  if (!may_run_now(builder, step))
    return builder_fail(builder, "its constants take too many operations for a file of this size");
  plan_run_step(builder->plan, step, NULL, 1);
  return PYEMU_OK;
}

int builder_apply(struct builder *builder, enum step_kind kind, int function,
                  const struct view *inputs, int n_inputs, struct view *made) {
  struct step step = {.kind = kind, .function = function, .element = inputs[n_inputs - 1].element};
  struct view shape;
  int is_constant = 1;
  for (int i = 0; i < n_inputs; ++i) {
    is_constant &= view_is_constant(&inputs[i]);
    if (inputs[i].element != step.element && !(kind == STEP_SELECT && i == 0))
      return builder_fail(builder, "its inputs have different types");
  }
  if (step.element == ELEMENT_INT32 && !(kind == STEP_UNARY && function == UNARY_COPY))
    return builder_fail(builder, "it computes with 32-bit integers; only Cast is known for them");
  int status = builder_broadcast(builder, inputs, n_inputs, &shape);
  if (status == PYEMU_OK)
    status = builder_new(builder, &shape, step.element, is_constant, made);
  return status == PYEMU_OK ? builder_emit(builder, &step, made, inputs, n_inputs) : status;
}

int builder_unary(struct builder *builder, enum unary function, const struct view *in,
                  struct view *made) {
  return builder_apply(builder, STEP_UNARY, function, in, 1, made);
}

int builder_binary(struct builder *builder, enum binary function, const struct view *a,
                   const struct view *b, struct view *made) {
  const struct view inputs[2] = {*a, *b};
  return builder_apply(builder, STEP_BINARY, function, inputs, 2, made);
}

int builder_copy(struct builder *builder, const struct view *from, const struct view *to) {
  struct step step = {.kind = STEP_UNARY, .function = UNARY_COPY, .element = to->element};
  return builder_emit(builder, &step, to, from, 1);
}

int builder_convert(struct builder *builder, struct view *view, enum element to) {
  struct step step = {.kind = STEP_CONVERT, .element = view->element, .converted = to};
  struct view made;
  if (to == ELEMENT_INT32)
    return builder_fail(builder, "a tensor of real numbers becomes integers");
  int status = builder_new(builder, view, to, view_is_constant(view), &made);
  if (status == PYEMU_OK)
    status = builder_emit(builder, &step, &made, view, 1);
  *view = made;
  return status;
}
