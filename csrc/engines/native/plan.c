#include "engines/native/plan.h"

#include <string.h>

#include "engines/native/builder.h"
#include "engines/native/places.h"

/* The workspace of one lane: what a tile of a hundred columns needs stays below 32 GiB. */
static const int64_t most_units = INT64_C(1) << 28;

/* --- Values that are known from the start --- */

static int set_integers(struct builder *builder, struct value *value,
                        const struct model_tensor *tensor) {
  struct integers integers = {.rank = tensor->rank, .count = tensor->count};
  memcpy(integers.dims, tensor->dims, sizeof integers.dims);
  integers.at = arena_take(builder->arena, (size_t)tensor->count + 1, sizeof *integers.at);
  if (!integers.at)
    return builder_fail_memory(builder);
  for (int64_t i = 0; i < tensor->count; ++i)
    integers.at[i].count = ((const int64_t *)tensor->values)[i];
  *value = (struct value){.kind = VALUE_INTEGERS, .integers = integers};
  return PYEMU_OK;
}

static double real_at(const struct model_tensor *tensor, int64_t i) {
  return tensor->type == ONNX_BOOL ? ((const uint8_t *)tensor->values)[i]
                                   : ((const float *)tensor->values)[i];
}

/* Elements of a constant in one of our types. */
static void convert(const struct model_tensor *tensor, enum element element, void *to) {
  const int is_wider = element == ELEMENT_FLOAT64 && tensor->type != ONNX_DOUBLE;
  if (!is_wider && tensor->type != ONNX_BOOL)
    memcpy(to, tensor->values, (size_t)tensor->count * element_bytes(element));
  else if (is_wider)
    for (int64_t i = 0; i < tensor->count; ++i)
      ((double *)to)[i] = real_at(tensor, i);
  else
    for (int64_t i = 0; i < tensor->count; ++i)
      ((float *)to)[i] = (float)real_at(tensor, i);
}

int plan_set_constant(struct builder *builder, int value, const struct model_tensor *tensor) {
  if (value == NO_VALUE || !tensor->values || (tensor->count == 0 && tensor->type != ONNX_INT64))
    return PYEMU_OK; /* who uses it will say that it is missing */
  if (tensor->type == ONNX_INT64)
    return set_integers(builder, &builder->values[value], tensor);
  const enum element element = builder_element(builder, tensor->type);
  struct view shape = {.element = element}, made;
  for (int i = 0; i < tensor->rank; ++i)
    view_add_axis(&shape,
                  (struct extent){tensor->dims[i], 0}); /* ranks are checked: there is room */
  int status = builder_new(builder, &shape, element, 1, &made);
  if (status != PYEMU_OK)
    return status;
  convert(tensor, element, builder->plan->constants[CONSTANT_PLACE(made.place)].values);
  builder->values[value] = (struct value){.kind = VALUE_TENSOR, .view = made};
  return PYEMU_OK;
}

static int fail_port(const struct builder *builder, const struct model_port *port,
                     const char *reason) {
  const struct text *name = &builder->model->names[port->value];
  return fail(builder->error, PYEMU_ERR_UNSUPPORTED,
              "the engine 'native' cannot run the graph: '%.*s' %s; open the file with engine "
              "'onnxruntime'",
              (int)(name->size < 60 ? name->size : 60), name->at, reason);
}

/* The axes of an input: the batch may only be the first. */
static int add_input(struct builder *builder, const struct model_port *port, struct view *view) {
  const enum element element = builder_element(builder, port->type);
  struct view shape = {.element = element};
  if (port->type != ONNX_FLOAT && port->type != ONNX_DOUBLE && port->type != ONNX_INT32)
    return fail_port(builder, port, "is not of type float32, float64 or int32");
  for (int i = 0; i < port->rank; ++i) {
    const int is_batch = port->dims[i] < 0;
    if (is_batch && i > 0)
      return fail_port(builder, port,
                       "has a size that is not known in a dimension behind the first");
    if (port->dims[i] == 0)
      return fail_port(builder, port, "has no elements");
    view_add_axis(&shape, is_batch ? (struct extent){1, 1} : (struct extent){port->dims[i], 0});
  }
  int status = builder_new(builder, &shape, element, 0, view);
  builder->values[port->value] = (struct value){.kind = VALUE_TENSOR, .view = *view};
  return status;
}

/* --- Nodes --- */

static const struct planner *find_planner(const struct text *type) {
  const struct planner *const families[] = {
      elementwise_planners, shape_planners, reduce_planners, normal_planners, product_planners,
      recurrent_planners,   space_planners, pool_planners,   resize_planners};
  for (size_t family = 0; family < sizeof families / sizeof families[0]; ++family)
    for (const struct planner *p = families[family]; p->type; ++p)
      if (text_is(type, p->type))
        return p;
  return NULL;
}

static int plan_node(struct builder *builder, const struct model_node *node) {
  const struct planner *planner = find_planner(&node->type);
  builder->node = node;
  if (node->domain.size > 0 && !text_is(&node->domain, "ai.onnx"))
    return builder_fail(builder, "it is not one of ONNX's own");
  if (!planner)
    return builder_fail(builder, "it has no kernel for it");
  if (node->n_inputs < planner->least_inputs || node->n_inputs > planner->most_inputs)
    return builder_fail(builder, "it has %d inputs; expected %d to %d", node->n_inputs,
                        planner->least_inputs, planner->most_inputs);
  return planner->plan(builder, planner->function);
}

/* --- Outputs --- */

/* What is written is as large as the host was told. */
static int has_declared_shape(const struct model_port *port, const struct view *view) {
  if (port->rank != view->n_axes)
    return 0;
  for (int i = 0; i < port->rank; ++i) {
    const struct extent extent = view_extent(view, i);
    const int is_open = port->dims[i] < 0;
    if (is_open != extent.has_batch || extent.count != (is_open ? 1 : port->dims[i]))
      return 0;
  }
  return 1;
}

/* An output is dense, columns first; a constant is copied to every lane. */
static int add_output(struct builder *builder, const struct model_port *port, struct view *view) {
  const struct model_node node = {.type = {"Identity", 8}};
  if (port->value == NO_VALUE || builder->values[port->value].kind != VALUE_TENSOR)
    return fail(builder->error, PYEMU_ERR_UNSUPPORTED,
                "the engine 'native' cannot run the graph: an output is not a tensor of real "
                "numbers; open the file with engine 'onnxruntime'");
  *view = builder->values[port->value].view;
  const int is_known =
      port->type == ONNX_FLOAT || port->type == ONNX_DOUBLE || port->type == ONNX_INT32;
  if (!is_known || builder_element(builder, port->type) != view->element)
    return fail_port(builder, port, "has another type than it is declared with");
  if (!has_declared_shape(port, view))
    return fail_port(builder, port, "has another shape than it is declared with");
  if (view_has_batch(view) && (view->n_axes == 0 || !view_extent(view, 0).has_batch))
    return fail_port(builder, port, "has the columns in another dimension than the first");
  builder->node = &node;
  if (!view_is_constant(view))
    return view_is_packed(view) ? PYEMU_OK : builder_pack(builder, view);
  struct view made;
  int status = builder_new(builder, view, view->element, 0, &made);
  if (status == PYEMU_OK)
    status = builder_copy(builder, view, &made);
  *view = made;
  return status;
}

/* --- Loops --- */

static int root_of(const struct plan *plan, int place, int64_t *offset) {
  while (plan->buffers[place].parent >= 0) {
    if (offset)
      *offset += plan->buffers[place].parent_offset;
    place = plan->buffers[place].parent;
  }
  return place;
}

/* Name roots only, so that running need not look for them. */
static void resolve(struct plan *plan, int *place, int64_t *offset) {
  if (*place >= 0)
    *place = root_of(plan, *place, offset);
}

static struct operand *operand_of(struct step *step, int i) {
  return i == 0 ? &step->out : &step->in[i - 1];
}

static int can_join(struct step *step, int outer, int inner) {
  for (int i = 0; i <= step_n_inputs(step); ++i) {
    const int64_t *strides = operand_of(step, i)->strides;
    if (strides[outer] != strides[inner] * step->sizes[inner])
      return 0;
  }
  return 1;
}

static void copy_loop(struct step *step, int from, int to) {
  step->sizes[to] = step->sizes[from];
  for (int i = 0; i <= step_n_inputs(step); ++i)
    operand_of(step, i)->strides[to] = operand_of(step, i)->strides[from];
}

/* Join loops that are one in the memory of all operands. */
static void join_loops(struct step *step) {
  int kept = 0; /* loops up to 'kept' are done */
  for (int i = 1; i < step->n_loops; ++i) {
    const int64_t outer = step->sizes[kept];
    if (can_join(step, kept, i)) {
      copy_loop(step, i, kept);
      step->sizes[kept] *= outer;
    } else {
      copy_loop(step, i, ++kept);
    }
  }
  step->n_loops = step->n_loops > 0 ? kept + 1 : 0;
}

static int is_dense(struct step *step) {
  for (int i = 0; i <= step_n_inputs(step); ++i) {
    const struct operand *operand = operand_of(step, i);
    const int64_t wanted = operand->place >= 0;
    if (step->n_loops > 1 || (step->n_loops == 1 && operand->strides[0] != wanted))
      return 0;
  }
  return step->kind <= STEP_SELECT;
}

/* 1 if a step may run together with those from 'first' on: it is of their size, and reads what they
 * write element by element. */
static int may_run_with(const struct plan *plan, int first, int at) {
  const struct step *step = &plan->steps[at], *one = &plan->steps[first];
  if (!one->is_dense || !step->is_dense || step->element != one->element ||
      step_count(step) != step_count(one))
    return 0;
  for (int i = first; i < at; ++i)
    for (int k = 0; k < step_n_inputs(step); ++k)
      if (step->in[k].place == plan->steps[i].out.place &&
          step->in[k].offset != plan->steps[i].out.offset)
        return 0;
  return 1;
}

static void find_together(struct plan *plan) {
  for (int first = 0, n; first < plan->n_steps; first += n) {
    n = 1;
    while (n < MOST_TOGETHER && first + n < plan->n_steps && may_run_with(plan, first, first + n))
      ++n;
    plan->steps[first].together = n;
  }
}

static void resolve_all(struct plan *plan) {
  for (int i = 0; i < plan->n_steps; ++i) {
    struct step *step = &plan->steps[i];
    resolve(plan, &step->out.place, &step->out.offset);
    for (int k = 0; k < step_n_inputs(step); ++k)
      resolve(plan, &step->in[k].place, &step->in[k].offset);
    join_loops(step);
    step->is_dense = is_dense(step);
  }
  for (int i = 0; i < plan->n_outputs; ++i)
    resolve(plan, &plan->outputs[i].place, &plan->outputs[i].offset);
}

static int plan_ports(struct builder *builder) {
  const struct model *model = builder->model;
  struct plan *plan = builder->plan;
  int status = PYEMU_OK;
  for (int i = 0; status == PYEMU_OK && i < model->n_nodes; ++i)
    status = plan_node(builder, &model->nodes[i]);
  for (; status == PYEMU_OK && plan->n_outputs < model->n_outputs; ++plan->n_outputs)
    status = add_output(builder, &model->outputs[plan->n_outputs], &plan->outputs[plan->n_outputs]);
  return status;
}

static void count_uses(struct builder *builder) {
  const struct model *model = builder->model;
  for (int i = 0; i < model->n_nodes; ++i)
    for (int k = 0; k < model->nodes[i].n_inputs; ++k)
      if (model->nodes[i].inputs[k] != NO_VALUE)
        ++builder->uses[model->nodes[i].inputs[k]];
  for (int i = 0; i < model->n_outputs; ++i)
    if (model->outputs[i].value != NO_VALUE)
      ++builder->uses[model->outputs[i].value];
}

static int plan_inputs(struct builder *builder) {
  const struct model *model = builder->model;
  struct plan *plan = builder->plan;
  const struct model_node node = {.type = {"Constant", 8}};
  int status = PYEMU_OK;
  builder->node = &node;
  for (int i = 0; status == PYEMU_OK && i < model->n_constants; ++i)
    status = plan_set_constant(builder, model->constant_values[i], &model->constants[i]);
  for (; status == PYEMU_OK && plan->n_inputs < model->n_inputs; ++plan->n_inputs)
    status = add_input(builder, &model->inputs[plan->n_inputs], &plan->inputs[plan->n_inputs]);
  return status;
}

int plan_make(struct plan *plan, const struct model *model, enum element real, struct arena *arena,
              const struct error *error) {
  struct builder builder = {.plan = plan, .model = model, .arena = arena, .error = error};
  *plan = (struct plan){.real = real};
  if (!kernels_find(&plan->kernels))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "PYEMU_NATIVE_KERNELS names no kernels that this processor can run; expected "
                "'avx512', 'avx2', 'neon' or 'scalar', or leave it unset");
  builder.values = arena_take(arena, (size_t)model->n_values + 1, sizeof *builder.values);
  builder.uses = arena_take(arena, (size_t)model->n_values + 1, sizeof *builder.uses);
  plan->inputs = arena_take(arena, (size_t)model->n_inputs + 1, sizeof *plan->inputs);
  plan->outputs = arena_take(arena, (size_t)model->n_outputs + 1, sizeof *plan->outputs);
  if (!builder.values || !builder.uses || !plan->inputs || !plan->outputs)
    return builder_fail_memory(&builder);
  count_uses(&builder);
  int status = plan_inputs(&builder);
  if (status == PYEMU_OK)
    status = plan_ports(&builder);
  if (status != PYEMU_OK)
    return status;
  resolve_all(plan);
  find_together(plan);
  status = places_find(plan, arena, error);
  if (status != PYEMU_OK)
    return status;
  if (plan->units > most_units)
    return fail(error, PYEMU_ERR_MEMORY, "the graph needs %lld bytes for one column",
                (long long)plan->units * 4);
  return PYEMU_OK;
}
