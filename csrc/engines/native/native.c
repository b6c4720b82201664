/*
 * native.c - the engine "native": ONNX graphs on the CPU, without any other library.
 *
 * A plan of the graph is made when the file is opened. A run carries one tile of columns after the
 * other through all its steps, so that what is between them stays in the caches.
 */
#include "engines/native/native.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "dtype.h"
#include "engines/native/plan.h"
#include "environment.h"
#include "error.h"
#include "team.h"

/* A tile has a multiple of so many columns, or one. */
enum { LANES = 16, MOST_LANES = 64 };

/* Up to so many columns go one by one, with outputs in the lanes instead of columns. */
enum { FEW_COLUMNS = 4 };

/* Of a large field 16 members would go through memory beyond all caches: they go one by one, with
 * rows of the field in the lanes. */
enum { LARGE_WORKSPACE = 4 * 1024 * 1024 };

/* The workspace of a tile should stay in the second-level cache, as far as it can. */
enum { WORKSPACE = 1024 * 1024 };

/* The workspace of one thread. */
struct bench {
  atomic_int is_taken;
  char *workspace;
  struct prepared *prepared; /* by step, for one lane */
  char **places;             /* by port, for one lane */
};

/* An input or output of the plan as a run needs it. */
struct port {
  int tensor; /* of the card */
  int has_batch;
  int32_t dtype;
};

struct native {
  struct arena arena;
  struct plan plan;
  struct engine_tensor *tensors; /* inputs, then outputs, as the graph has them */
  int64_t n_tensors;
  struct port *ports;   /* by input and output of the plan */
  struct layout *dense; /* by tensor of the card, and their addresses: for 'run' */
  const struct layout **dense_arrays;
  int64_t most_lanes;
  int n_benches;
  struct bench *benches; /* one for each thread */
};

/* --- The graph and the card --- */

static int32_t dtype_of(int32_t onnx) {
  return onnx == ONNX_FLOAT    ? PYEMU_FLOAT32
         : onnx == ONNX_DOUBLE ? PYEMU_FLOAT64
         : onnx == ONNX_INT32  ? PYEMU_INT32
                               : 0;
}

static const char *side_name(int32_t direction) {
  return direction == PYEMU_INPUT ? "input" : "output";
}

/* An input or output of the graph as the core describes tensors. */
static int describe_port(struct native *native, const struct model *model,
                         const struct model_port *port, int32_t direction,
                         struct engine_tensor *tensor, const struct error *error) {
  const struct text *text = port->value == NO_VALUE ? NULL : &model->names[port->value];
  char *name = arena_take(&native->arena, text ? text->size + 1 : 1, 1);
  if (!name)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  if (text)
    memcpy(name, text->at, text->size);
  *tensor = (struct engine_tensor){.name = name,
                                   .dtype = dtype_of(port->type),
                                   .direction = direction,
                                   .rank = port->rank,
                                   .width = 1};
  if (!tensor->dtype)
    return fail(error, PYEMU_ERR_UNSUPPORTED, "%s '%s' is not of type float32, float64 or int32",
                side_name(direction), name);
  for (int i = 0; i < port->rank; ++i) {
    tensor->shape[i] = port->dims[i];
    if (port->dims[i] == 0 || (port->dims[i] < 0 && i > 0) ||
        (port->dims[i] > 0 && tensor->width > INT64_MAX / 16 / port->dims[i]))
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "%s '%s' has no size, or an impossible one, in dimension %d",
                  side_name(direction), name, i + 1);
    tensor->width *= port->dims[i] < 0 ? 1 : port->dims[i];
  }
  return PYEMU_OK;
}

static int compare(const struct engine_tensor *graph, const struct engine_tensor *card,
                   const struct error *error) {
  const char *what = side_name(card->direction);
  const int has_batch = card->rank > 0 && card->shape[0] < 0;
  if (graph->dtype != card->dtype)
    return fail(error, PYEMU_ERR_GRAPH, "%s '%s' is %s in the graph but %s on the card", what,
                card->name, dtype_name(graph->dtype), dtype_name(card->dtype));
  if (graph->rank != card->rank)
    return fail(error, PYEMU_ERR_GRAPH, "%s '%s' has %d dimensions in the graph but %d on the card",
                what, card->name, (int)graph->rank, (int)card->rank);
  if (has_batch && graph->shape[0] >= 0)
    return fail(error, PYEMU_ERR_GRAPH,
                "%s '%s' has a fixed number of columns (%lld) in the graph; export it with the "
                "first dimension left open",
                what, card->name, (long long)graph->shape[0]);
  for (int32_t i = has_batch; i < card->rank; ++i)
    if (graph->shape[i] != card->shape[i])
      return fail(error, PYEMU_ERR_GRAPH,
                  "%s '%s' has size %lld in dimension %d of the graph but %lld on the card", what,
                  card->name, (long long)graph->shape[i], (int)i + 1, (long long)card->shape[i]);
  return PYEMU_OK;
}

/* The tensor of the card for each of the graph; both must have the same. */
static int match(struct native *native, const struct engine_source *source,
                 const struct error *error) {
  for (int64_t i = 0; i < native->n_tensors; ++i) {
    const struct engine_tensor *graph = &native->tensors[i];
    int64_t at = 0;
    while (at < source->n_tensors && (source->tensors[at].direction != graph->direction ||
                                      strcmp(source->tensors[at].name, graph->name) != 0))
      ++at;
    if (at == source->n_tensors)
      return fail(error, PYEMU_ERR_GRAPH, "the graph has %s '%s', which the card does not list",
                  side_name(graph->direction), graph->name);
    int status = compare(graph, &source->tensors[at], error);
    if (status != PYEMU_OK)
      return status;
    native->ports[i].tensor = (int)at;
  }
  for (int64_t at = 0; at < source->n_tensors; ++at) {
    int64_t i = 0;
    while (i < native->n_tensors && native->ports[i].tensor != at)
      ++i;
    if (i == native->n_tensors)
      return fail(error, PYEMU_ERR_GRAPH, "the card lists %s '%s', which the graph does not have",
                  side_name(source->tensors[at].direction), source->tensors[at].name);
  }
  return PYEMU_OK;
}

static int describe_graph(struct native *native, const struct model *model,
                          const struct error *error) {
  const int n = model->n_inputs + model->n_outputs;
  native->tensors = arena_take(&native->arena, (size_t)n + 1, sizeof *native->tensors);
  native->ports = arena_take(&native->arena, (size_t)n + 1, sizeof *native->ports);
  native->dense = arena_take(&native->arena, (size_t)n + 1, sizeof *native->dense);
  native->dense_arrays = arena_take(&native->arena, (size_t)n + 1, sizeof *native->dense_arrays);
  if (!native->tensors || !native->ports || !native->dense || !native->dense_arrays)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  for (int i = 0; i < n; ++i) {
    const int is_input = i < model->n_inputs;
    const struct model_port *port =
        is_input ? &model->inputs[i] : &model->outputs[i - model->n_inputs];
    int status = describe_port(native, model, port, is_input ? PYEMU_INPUT : PYEMU_OUTPUT,
                               &native->tensors[i], error);
    if (status != PYEMU_OK)
      return status;
    native->ports[i].tensor = i;
  }
  native->n_tensors = n;
  return PYEMU_OK;
}

/* --- Create --- */

static const int32_t dtypes[] = {PYEMU_FLOAT32, PYEMU_FLOAT64, PYEMU_INT32};

static const struct view *view_of_port(const struct plan *plan, int64_t index) {
  return index < plan->n_inputs ? &plan->inputs[index] : &plan->outputs[index - plan->n_inputs];
}

static void describe_ports(struct native *native) {
  for (int64_t i = 0; i < native->n_tensors; ++i) {
    const struct view *view = view_of_port(&native->plan, i);
    native->ports[i].has_batch = view_has_batch(view);
    native->ports[i].dtype = dtypes[view->element];
  }
}

static int take_bench_memory(struct native *native, struct bench *bench, size_t bytes) {
  const struct plan *plan = &native->plan;
  bench->prepared = arena_take(&native->arena, (size_t)plan->n_steps, sizeof *bench->prepared);
  bench->places = arena_take(&native->arena, (size_t)native->n_tensors, sizeof *bench->places);
  bench->workspace =
      bench->prepared && bench->places ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
  if (!bench->workspace)
    return 0;
  plan_prepare(plan, bench->workspace, bench->prepared);
  for (int64_t i = 0; i < native->n_tensors; ++i) {
    const struct view *view = view_of_port(plan, i);
    bench->places[i] =
        plan_address(plan, view->place, view->offset, view->element, bench->workspace, 1);
  }
  return 1;
}

static int take_benches(struct native *native, int threads, const struct error *error) {
  const int64_t bytes = native->plan.units * 4;
  native->most_lanes = bytes > 0 ? WORKSPACE / bytes / LANES * LANES : MOST_LANES;
  if (native->most_lanes < LANES)
    native->most_lanes = LANES;
  if (native->most_lanes > MOST_LANES)
    native->most_lanes = MOST_LANES;
  describe_ports(native);
  native->benches = arena_take(&native->arena, (size_t)threads, sizeof *native->benches);
  for (; native->benches && native->n_benches < threads; ++native->n_benches) {
    struct bench *bench = &native->benches[native->n_benches];
    if (!take_bench_memory(native, bench, (size_t)(bytes * native->most_lanes + 64)))
      break;
  }
  return native->n_benches == threads
             ? PYEMU_OK
             : fail(error, PYEMU_ERR_MEMORY, "no memory for a tile of columns of each thread");
}

static int make(struct native *native, const struct engine_source *source,
                const struct error *error) {
  struct model model;
  int status = model_read(&model, &native->arena, source->bytes, source->size, error);
  if (status == PYEMU_OK)
    status = describe_graph(native, &model, error);
  if (status == PYEMU_OK && !source->is_raw)
    status = match(native, source, error);
  if (status == PYEMU_OK)
    status = plan_make(&native->plan, &model, source->is_real64 ? ELEMENT_FLOAT64 : ELEMENT_FLOAT32,
                       &native->arena, error);
  return status == PYEMU_OK ? take_benches(native, source->threads, error) : status;
}

static void destroy(void *state) {
  struct native *native = state;
  for (int i = 0; i < native->n_benches; ++i)
    free(native->benches[i].workspace);
  arena_free(&native->arena);
  free(native);
}

static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct native *native = calloc(1, sizeof *native);
  if (!native)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the engine");
  environment_use_default(); /* for steps of constants, which are run now */
  int status = make(native, source, &error);
  if (status == PYEMU_OK)
    *state = native;
  else
    destroy(native);
  return status;
}

static int describe(void *state, const struct engine_tensor **tensors, int64_t *n_tensors,
                    int64_t *n_inputs, char *errmsg, size_t errlen) {
  const struct native *native = state;
  error_in(errmsg, errlen);
  *tensors = native->tensors;
  *n_tensors = native->n_tensors;
  *n_inputs = native->plan.n_inputs;
  return PYEMU_OK;
}

/* --- Run --- */

/* Columns 'first' to 'first + columns' of a run, as a tile. */
struct tile {
  int64_t first;
  int64_t columns;
  int64_t lanes; /* columns, filled up */
  char *workspace;
  const struct prepared *prepared; /* of one lane, else NULL; so are the places */
  char **places;
};

/* One run: the caller's arrays, and how its columns are cut into tiles. */
struct run {
  struct native *native;
  const struct layout *const *arrays;
  int64_t columns;
  int64_t tile_columns;
};

/* The lanes behind the last column repeat it. */
static void fill_lanes(char *rows, int64_t count, int64_t columns, int64_t lanes, size_t size) {
  for (int64_t row = 0; row < count; ++row, rows += lanes * (int64_t)size)
    for (int64_t lane = columns; lane < lanes; ++lane)
      memcpy(rows + lane * (int64_t)size, rows + (columns - 1) * (int64_t)size, size);
}

static char *place_of(const struct run *run, int index, const struct tile *tile) {
  const struct plan *plan = &run->native->plan;
  if (tile->places)
    return tile->places[index];
  const struct view *view = view_of_port(plan, index);
  return plan_address(plan, view->place, view->offset, view->element, tile->workspace, tile->lanes);
}

static void read_input(const struct run *run, int index, const struct tile *tile) {
  const struct port *port = &run->native->ports[index];
  const int64_t columns = port->has_batch ? tile->columns : 1;
  char *to = place_of(run, index, tile);
  layout_gather_tile(run->arrays[port->tensor], port->has_batch ? tile->first : 0, columns, to,
                     tile->lanes, port->dtype);
  if (columns < tile->lanes)
    fill_lanes(to, view_count(&run->native->plan.inputs[index]), columns, tile->lanes,
               dtype_size(port->dtype));
}

/* What is the same for all columns is written with the first. */
static void write_output(const struct run *run, int index, const struct tile *tile) {
  const struct port *port = &run->native->ports[index];
  if (!port->has_batch && tile->first > 0)
    return;
  layout_scatter_tile(run->arrays[port->tensor], port->has_batch ? tile->first : 0,
                      port->has_batch ? tile->columns : 1, place_of(run, index, tile), tile->lanes,
                      port->dtype);
}

static void run_tile(const struct run *run, const struct tile *tile) {
  const struct plan *plan = &run->native->plan;
  for (int i = 0; i < plan->n_inputs; ++i)
    read_input(run, i, tile);
  plan_run(plan, tile->workspace, tile->lanes, tile->prepared);
  for (int i = 0; i < plan->n_outputs; ++i)
    write_output(run, plan->n_inputs + i, tile);
}

/* A workspace that no other thread uses: there are as many as threads. */
static struct bench *take_bench(struct native *native) {
  for (int i = 0;; i = (i + 1) % native->n_benches)
    if (!atomic_exchange_explicit(&native->benches[i].is_taken, 1, memory_order_acquire))
      return &native->benches[i];
}

static void run_part(void *context, int64_t part) {
  const struct run *run = context;
  const int64_t left = run->columns - part * run->tile_columns;
  struct bench *bench = take_bench(run->native);
  struct tile tile = {.first = part * run->tile_columns, .workspace = bench->workspace};
  tile.columns = left < run->tile_columns ? left : run->tile_columns;
  tile.lanes = run->tile_columns == 1 ? 1 : (tile.columns + LANES - 1) / LANES * LANES;
  if (tile.lanes == 1) {
    tile.prepared = bench->prepared;
    tile.places = bench->places;
  }
  run_tile(run, &tile);
  atomic_store_explicit(&bench->is_taken, 0, memory_order_release);
}

/* Columns of a tile: so many that each thread has one, and no more than fit into the cache. */
static int64_t choose_tile(const struct native *native, int64_t columns, int threads) {
  if (columns <= FEW_COLUMNS || native->plan.units * 4 * LANES > LARGE_WORKSPACE)
    return 1;
  const int64_t share = (columns + threads - 1) / threads;
  const int64_t lanes = (share + LANES - 1) / LANES * LANES;
  return lanes < native->most_lanes ? lanes : native->most_lanes;
}

static int run_arrays(void *state, int64_t columns, const struct layout *const *arrays,
                      struct team *team, char *errmsg, size_t errlen) {
  struct native *native = state;
  struct run run = {native, arrays, columns, choose_tile(native, columns, team_size(team))};
  error_in(errmsg, errlen);
  team_run(team, run_part, &run, (columns + run.tile_columns - 1) / run.tile_columns);
  return PYEMU_OK;
}

/* On dense tensors, one thread alone. */
static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  struct native *native = state;
  environment_use_default();
  for (int64_t i = 0; i < native->n_tensors; ++i) {
    const struct engine_tensor *tensor = &native->tensors[i];
    const int64_t rows = tensor->rank > 0 && tensor->shape[0] < 0 ? columns : 1;
    const int at = native->ports[i].tensor;
    native->dense[at] = layout_of_tensor(tensors[at], native->ports[i].dtype, rows, tensor->width);
    native->dense_arrays[at] = &native->dense[at];
  }
  return run_arrays(state, columns, native->dense_arrays, NULL, errmsg, errlen);
}

static const char *version(void *state) {
  (void)state;
  return pyemu_version();
}

const struct engine native_engine = {.interface = PYEMU_ENGINE_INTERFACE,
                                     .name = "native",
                                     .create = create,
                                     .run = run,
                                     .destroy = destroy,
                                     .version = version,
                                     .describe = describe,
                                     .abilities = ENGINE_REAL64,
                                     .run_arrays = run_arrays};
