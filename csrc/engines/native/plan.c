#include "engines/native/plan.h"

#include <string.h>

#include "engines/native/builder.h"

/* The first bytes of a buffer lie on a cache line, for one lane too. */
enum { UNIT_ALIGNMENT = 16 };

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

/* --- Memory --- */

static int root_of(const struct plan *plan, int place, int64_t *offset) {
  while (plan->buffers[place].parent >= 0) {
    if (offset)
      *offset += plan->buffers[place].parent_offset;
    place = plan->buffers[place].parent;
  }
  return place;
}

static void use(struct plan *plan, int place, int step) {
  if (place < 0)
    return;
  struct buffer *buffer = &plan->buffers[root_of(plan, place, NULL)];
  if (buffer->first < 0)
    buffer->first = step;
  buffer->last = step;
}

static int n_step_inputs(const struct step *step) {
  return step->kind == STEP_BINARY ? 2 : step->kind == STEP_SELECT ? 3 : 1;
}

/* Steps count from 1: inputs are there before them, outputs after. */
static void find_lifetimes(struct plan *plan) {
  for (int i = 0; i < plan->n_inputs; ++i)
    use(plan, plan->inputs[i].place, 0);
  for (int i = 0; i < plan->n_steps; ++i) {
    use(plan, plan->steps[i].out.place, i + 1);
    for (int k = 0; k < n_step_inputs(&plan->steps[i]); ++k)
      use(plan, plan->steps[i].in[k].place, i + 1);
  }
  for (int i = 0; i < plan->n_outputs; ++i)
    use(plan, plan->outputs[i].place, plan->n_steps + 1);
}

/* Free memory of the workspace, sorted by place. */
struct gap {
  int64_t start, end;
};

struct gaps {
  struct gap *list;
  int count;
};

static int64_t units_of(const struct buffer *buffer) {
  const int64_t units = buffer->count * (int64_t)element_bytes(buffer->element) / 4;
  return (units + UNIT_ALIGNMENT - 1) / UNIT_ALIGNMENT * UNIT_ALIGNMENT;
}

/* The smallest gap that is large enough; the last one has no end. */
static int64_t take_units(struct gaps *gaps, int64_t units) {
  int best = -1;
  for (int i = 0; i < gaps->count; ++i) {
    const int64_t size = gaps->list[i].end - gaps->list[i].start;
    if (size >= units && (best < 0 || size < gaps->list[best].end - gaps->list[best].start))
      best = i;
  }
  struct gap *gap = &gaps->list[best];
  const int64_t start = gap->start;
  gap->start += units;
  if (gap->start == gap->end) {
    memmove(gap, gap + 1, (size_t)(gaps->count - best - 1) * sizeof *gap);
    --gaps->count;
  }
  return start;
}

static void give_units(struct gaps *gaps, int64_t start, int64_t units) {
  int at = 0;
  while (at < gaps->count && gaps->list[at].start < start)
    ++at;
  struct gap *next = at < gaps->count ? &gaps->list[at] : NULL;
  struct gap *before = at > 0 ? &gaps->list[at - 1] : NULL;
  const int meets_next = next && next->start == start + units;
  if (before && before->end == start) {
    before->end = meets_next ? next->end : start + units;
    if (!meets_next)
      return;
    memmove(next, next + 1, (size_t)(gaps->count - at - 1) * sizeof *next);
    --gaps->count;
  } else if (meets_next) {
    next->start = start;
  } else {
    memmove(&gaps->list[at + 1], &gaps->list[at], (size_t)(gaps->count - at) * sizeof *next);
    gaps->list[at] = (struct gap){start, start + units};
    ++gaps->count;
  }
}

static int lies_like(const struct step *step, const struct operand *in) {
  return in->offset == step->out.offset &&
         memcmp(in->strides, step->out.strides, (size_t)step->n_loops * sizeof in->strides[0]) == 0;
}

/* 1 if the step may write its output over an input: each element is read just before it is
 * written, by whatever input reads it. */
static int may_be_in_place(const struct plan *plan, const struct step *step,
                           const struct operand *in, int number) {
  if (in->place < 0 || step->kind > STEP_SELECT || step->out.offset != 0)
    return 0;
  for (int i = 0; i < n_step_inputs(step); ++i)
    if (step->in[i].place == in->place && !lies_like(step, &step->in[i]))
      return 0;
  const struct buffer *from = &plan->buffers[in->place], *to = &plan->buffers[step->out.place];
  return from->parent < 0 && to->parent < 0 && from->last == number && to->first == number &&
         from->count == to->count && from->element == to->element;
}

/* The buffer of an input that dies in this step and whose memory the output takes; or -1. */
static int find_in_place(const struct plan *plan, const struct step *step, int number) {
  for (int i = 0; i < n_step_inputs(step); ++i)
    if (may_be_in_place(plan, step, &step->in[i], number))
      return step->in[i].place;
  return -1;
}

static void place_output(struct plan *plan, struct gaps *gaps, const struct step *step,
                         int number) {
  struct buffer *buffer = &plan->buffers[root_of(plan, step->out.place, NULL)];
  if (buffer->first != number || buffer->start >= 0)
    return;
  const int in_place = find_in_place(plan, step, number);
  if (in_place >= 0) {
    buffer->start = plan->buffers[in_place].start;
    plan->buffers[in_place].last = -1; /* its memory lives on */
    return;
  }
  buffer->start = take_units(gaps, units_of(buffer));
}

static void release(struct plan *plan, struct gaps *gaps, int place, int number) {
  if (place < 0)
    return;
  struct buffer *buffer = &plan->buffers[root_of(plan, place, NULL)];
  if (buffer->last != number)
    return;
  give_units(gaps, buffer->start, units_of(buffer));
  buffer->last = -1;
}

/* 1 if an input is nowhere yet. */
static int reads_nothing(const struct plan *plan, const struct step *step) {
  for (int i = 0; i < n_step_inputs(step); ++i)
    if (step->in[i].place >= 0 && plan->buffers[root_of(plan, step->in[i].place, NULL)].start < 0)
      return 1;
  return 0;
}

/* Give every buffer its place; buffers that are never used at one time may share it. */
static int place_buffers(struct plan *plan, struct arena *arena, const struct error *error) {
  struct gaps gaps = {arena_take(arena, (size_t)plan->n_buffers + 2, sizeof *gaps.list), 1};
  if (!gaps.list)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the plan of the graph");
  gaps.list[0] = (struct gap){0, INT64_MAX};
  for (int i = 0; i < plan->n_buffers; ++i)
    plan->buffers[i].start = -1;
  find_lifetimes(plan);
  for (int i = 0; i < plan->n_inputs; ++i) {
    struct buffer *buffer = &plan->buffers[plan->inputs[i].place];
    buffer->start = take_units(&gaps, units_of(buffer));
  }
  for (int i = 0; i < plan->n_steps; ++i) {
    const struct step *step = &plan->steps[i];
    if (reads_nothing(plan, step))
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "the engine 'native' cannot run the graph: step %d of its plan reads what is "
                  "written later",
                  i + 1);
    place_output(plan, &gaps, step, i + 1);
    for (int k = 0; k < n_step_inputs(step); ++k)
      release(plan, &gaps, step->in[k].place, i + 1);
    release(plan, &gaps, step->out.place, i + 1);
  }
  for (int i = 0; i < plan->n_buffers; ++i) {
    const struct buffer *buffer = &plan->buffers[i];
    if (buffer->start >= 0 && buffer->start + units_of(buffer) > plan->units)
      plan->units = buffer->start + units_of(buffer);
  }
  return PYEMU_OK;
}

/* Name roots only, so that running need not look for them. */
static void resolve(struct plan *plan, int *place, int64_t *offset) {
  if (*place >= 0)
    *place = root_of(plan, *place, offset);
}

/* --- Loops --- */

static struct operand *operand_of(struct step *step, int i) {
  return i == 0 ? &step->out : &step->in[i - 1];
}

static int can_join(struct step *step, int outer, int inner) {
  for (int i = 0; i <= n_step_inputs(step); ++i) {
    const int64_t *strides = operand_of(step, i)->strides;
    if (strides[outer] != strides[inner] * step->sizes[inner])
      return 0;
  }
  return 1;
}

static void copy_loop(struct step *step, int from, int to) {
  step->sizes[to] = step->sizes[from];
  for (int i = 0; i <= n_step_inputs(step); ++i)
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
  for (int i = 0; i <= n_step_inputs(step); ++i) {
    const struct operand *operand = operand_of(step, i);
    const int64_t wanted = operand->place >= 0;
    if (step->n_loops > 1 || (step->n_loops == 1 && operand->strides[0] != wanted))
      return 0;
  }
  return step->kind <= STEP_SELECT;
}

static void resolve_all(struct plan *plan) {
  for (int i = 0; i < plan->n_steps; ++i) {
    struct step *step = &plan->steps[i];
    resolve(plan, &step->out.place, &step->out.offset);
    for (int k = 0; k < n_step_inputs(step); ++k)
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
  if (status == PYEMU_OK)
    status = place_buffers(plan, arena, error);
  if (status != PYEMU_OK)
    return status;
  resolve_all(plan);
  if (plan->units > most_units)
    return fail(error, PYEMU_ERR_MEMORY, "the graph needs %lld bytes for one column",
                (long long)plan->units * 4);
  return PYEMU_OK;
}
