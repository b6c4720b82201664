/* A graph, read and planned by the engine "native", and run if it is small. */
#include "engines/native/plan.h"
#include "fuzz.h"

/* Less than the engine allows itself, so that many graphs are tried in a second. */
enum { MOST_MEMORY = 16 << 20, MOST_WORKSPACE = 1 << 20, MOST_WORK = 1 << 20, MOST_LANES = 16 };

/* Numbers that the steps read and make for one column; -1 if they are many. */
static int64_t count_work(const struct plan *plan) {
  int64_t all = 0;
  for (int i = 0; i < plan->n_steps; ++i) {
    const struct step *step = &plan->steps[i];
    int64_t work = 1;
    for (int k = 0; k < step->n_loops && work < MOST_WORK; ++k)
      work *= step->sizes[k];
    if (step->kind == STEP_REDUCE && work < MOST_WORK)
      work *= step->n_reduced;
    if (step->kind == STEP_PRODUCT && work < MOST_WORK)
      work *= step->product->n_inputs * step->product->n_outputs;
    all += work;
    if (all > MOST_WORK)
      return -1;
  }
  return all;
}

/* A host gives memory by what the graph says of a port. */
static void check_port(const struct plan *plan, const struct model_port *port,
                       const struct view *view) {
  int64_t count = 1;
  int has_batch = 0;
  for (int i = 0; i < port->rank; ++i) {
    PROMISE(port->dims[i] > 0 || (port->dims[i] < 0 && i == 0));
    has_batch |= port->dims[i] < 0;
    count *= port->dims[i] < 0 ? 1 : port->dims[i];
  }
  PROMISE(view->place >= 0 && view->place < plan->n_buffers && view->offset >= 0);
  PROMISE(view_count(view) == count && view_has_batch(view) == has_batch && view_is_packed(view));
  const struct buffer *buffer = &plan->buffers[view->place];
  PROMISE(buffer->start >= 0 && view->offset + count <= buffer->count);
}

static void run(const struct plan *plan, int64_t lanes, float value) {
  const size_t bytes = (size_t)(plan->units * 4 * lanes);
  char *workspace = NULL;
  /* Exactly as large as is promised to do. */
  if (posix_memalign((void **)&workspace, 64, bytes ? bytes : 1) != 0)
    return;
  for (size_t i = 0; i < bytes / 4; ++i)
    memcpy(workspace + 4 * i, &value, sizeof value);
  struct prepared *prepared =
      lanes == 1 ? calloc((size_t)plan->n_steps + 1, sizeof *prepared) : NULL;
  if (prepared)
    plan_prepare(plan, workspace, prepared);
  plan_run(plan, workspace, lanes, prepared);
  free(prepared);
  /* All of an output can be read. */
  unsigned sum = 0;
  for (int i = 0; i < plan->n_outputs; ++i) {
    const struct view *view = &plan->outputs[i];
    const unsigned char *at = (unsigned char *)plan_address(plan, view->place, view->offset,
                                                            view->element, workspace, lanes);
    const size_t size = (size_t)(view_count(view) * lanes) * element_bytes(view->element);
    for (size_t k = 0; k < size; ++k)
      sum += at[k];
    PROMISE(sum <= 255 * size || i > 0);
  }
  free(workspace);
}

/* Read, plan and run the graph with float32 computed in 'real'. */
static void try(const uint8_t *data, size_t size, enum element real) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct arena arena = {.most = MOST_MEMORY};
  struct model model;
  struct plan plan;
  int status = model_read(&model, &arena, data, size, &error);
  PROMISE_STATUS(status, message);
  if (status == PYEMU_OK) {
    status = plan_make(&plan, &model, real, &arena, &error);
    PROMISE_STATUS(status, message);
  }
  if (status == PYEMU_OK) {
    for (int i = 0; i < plan.n_inputs; ++i)
      check_port(&plan, &model.inputs[i], &plan.inputs[i]);
    for (int i = 0; i < plan.n_outputs; ++i)
      check_port(&plan, &model.outputs[i], &plan.outputs[i]);
    if (plan.units * 4 * MOST_LANES <= MOST_WORKSPACE && count_work(&plan) >= 0) {
      run(&plan, 1, 0);
      run(&plan, 5, 1);
      run(&plan, MOST_LANES, -1.5f);
    }
  }
  PROMISE(arena.taken <= MOST_MEMORY);
  arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try(data, size, ELEMENT_FLOAT32);
  try(data, size, ELEMENT_FLOAT64);
  return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static unsigned next(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* What graphs are made of is small numbers: sizes, axes, steps. Every other time some of them
 * become others, which no message's length notices. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  enum { SMALL = 16, TRIES = 64 };
  unsigned changes = 1 + next(&seed) % 3;
  if (size == 0 || next(&seed) % 2)
    return LLVMFuzzerMutate(data, size, most);
  for (int i = 0; i < TRIES && changes > 0; ++i) {
    uint8_t *at = &data[next(&seed) % size];
    if (*at >= SMALL)
      continue;
    *at = (uint8_t)(next(&seed) % (SMALL / 2));
    --changes;
  }
  return size;
}
#endif
