/*
 * bench_runtime.c - what a run from Fortran costs, beside the same engine alone on tensors that lie
 * ready.
 *
 *     bench_runtime FILE NET FLOPS ENGINE RUNTIME THREADS [BATCH...]
 *     bench_runtime --engines
 *
 * FILE is an emulator file of float32 variables that ENGINE reads, NET its name in the rows, FLOPS
 * the floating-point operations of one column, RUNTIME the engine's library or its directory, or
 * empty to search. Prints one JSON object a line: for every batch and layout the median time of a
 * run (us), the same of the contestant 'bare' (bare_us), the median of their ratio, and the time
 * the operations would take at the measured peak of the cores (floor_us); without BATCH one row for
 * the cost of a bind; one row for that peak. The second form prints the names of the engines, one a
 * line.
 *
 * Contestants are timed in turn, in many short blocks of one process, so that other work on the
 * machine and the state of the process's memory touch all alike.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bare.h"
#include "dtype.h"
#include "pyemu.h"

enum { MAX_VARIABLES = 64, N_BLOCKS = 25, N_LAYOUTS = 4 };

/* Of the layouts below that of a graph's own tensor, and that of most hosts in its type. */
enum { FLOAT32_ADJACENT = 3, FLOAT32_APART = 2 };

static const char *const layout_names[N_LAYOUTS] = {"ncol,nlay", "nlay,ncol", "ncol,nlay",
                                                    "nlay,ncol"};
static const int32_t layout_dtypes[N_LAYOUTS] = {PYEMU_FLOAT64, PYEMU_FLOAT64, PYEMU_FLOAT32,
                                                 PYEMU_FLOAT32};

static char message[2048];

static void check(int failed, const char *what) {
  if (!failed)
    return;
  fprintf(stderr, "%s: %s\n", what, message);
  exit(EXIT_FAILURE);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* From bench_host.f90: slots count from 1. */
void host_open(int slot, const char *path, const char *engine, const char *runtime, int threads);
void host_bind_real32(int slot, const char *name, void *data, int rank, const int *sizes,
                      int level_dim);
void host_bind_real64(int slot, const char *name, void *data, int rank, const int *sizes,
                      int level_dim);
void host_run(int slot);
double host_report(int slot);
void host_close(int slot);

/* What is benched: the file, and what it says of its variables. */
struct net {
  const char *path;
  const char *name;
  const char *engine;
  const char *runtime;
  double flops; /* of one column */
  int threads;
  pyemu_emulator *emulator; /* only asked, never run */
  int64_t n_variables;
  pyemu_variable variables[MAX_VARIABLES];
};

/* The arrays of a host in one layout. */
struct host {
  int slot;
  void *data[MAX_VARIABLES];
};

static int is_field(const struct net *net) { return net->variables[0].n_dims > 1; }

static int64_t width(const pyemu_variable *v) {
  int64_t product = 1;
  for (int i = 0; i < v->n_dims; ++i)
    product *= v->dim_sizes[i];
  return product;
}

static void open_net(struct net *net) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = "stub";
  check(pyemu_open(net->path, &options, &net->emulator, message, sizeof message), net->path);
  net->n_variables = pyemu_variable_count(net->emulator);
  check(net->n_variables > MAX_VARIABLES, "too many variables");
  for (int64_t i = 0; i < net->n_variables; ++i) {
    net->variables[i].sizeof_variable = sizeof net->variables[i];
    pyemu_variable_info(net->emulator, i, &net->variables[i], NULL, 0);
  }
}

/* Recorded values in the order (column, element), so that every number is in the range of the net.
 */
static double *recorded_values(const struct net *net, const pyemu_variable *v) {
  int64_t n = pyemu_reference_count(net->emulator), stride = 8;
  double *values = malloc((size_t)(n * width(v)) * sizeof *values);
  pyemu_array recorded = {.data = values, .dtype = PYEMU_FLOAT64, .rank = v->n_dims + 1};
  for (int i = v->n_dims; i >= 0; --i) {
    recorded.shape[i] = i ? v->dim_sizes[i - 1] : n;
    recorded.strides[i] = stride;
    stride *= recorded.shape[i];
  }
  check(pyemu_reference(net->emulator, v->name, &recorded, PYEMU_LAST_DIM, message, sizeof message),
        v->name);
  return values;
}

/* Fill an array with the first recorded value, whatever the layout: levels are adjacent or not. */
static void fill(const struct net *net, const pyemu_variable *v, void *data, int layout,
                 int64_t columns) {
  double *values = recorded_values(net, v);
  int64_t n = width(v);
  int adjacent = is_field(net) || layout % 2;
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t l = 0; l < n; ++l) {
      int64_t at = adjacent ? c * n + l : l * columns + c;
      if (layout_dtypes[layout] == PYEMU_FLOAT64)
        ((double *)data)[at] = values[l];
      else
        ((float *)data)[at] = (float)values[l];
    }
  free(values);
}

/* Sizes in Fortran's order: (ncol, nlay), (nlay, ncol), or a field with the batch last. */
static int host_sizes(const struct net *net, const pyemu_variable *v, int layout, int columns,
                      int *sizes) {
  if (is_field(net)) {
    for (int i = 0; i < v->n_dims; ++i)
      sizes[i] = (int)v->dim_sizes[v->n_dims - 1 - i];
    sizes[v->n_dims] = columns;
    return v->n_dims + 1;
  }
  sizes[layout % 2] = columns;
  if (v->n_dims == 0) {
    sizes[0] = columns;
    return 1;
  }
  sizes[!(layout % 2)] = (int)v->dim_sizes[0];
  return 2;
}

static void bind_host(const struct net *net, const struct host *h, int layout, int columns) {
  for (int64_t i = 0; i < net->n_variables; ++i) {
    const pyemu_variable *v = &net->variables[i];
    int sizes[8] = {0}, rank = host_sizes(net, v, layout, columns, sizes);
    (layout_dtypes[layout] == PYEMU_FLOAT64 ? host_bind_real64 : host_bind_real32)(
        h->slot, v->name, h->data[i], rank, sizes, layout % 2 ? 1 : 2);
  }
}

static void make_host(const struct net *net, struct host *h, int slot, int layout,
                      int64_t columns) {
  h->slot = slot;
  host_open(slot, net->path, net->engine, net->runtime, net->threads);
  for (int64_t i = 0; i < net->n_variables; ++i) {
    const pyemu_variable *v = &net->variables[i];
    h->data[i] = calloc((size_t)(columns * width(v)), dtype_size(layout_dtypes[layout]));
    check(!h->data[i], "memory");
    if (v->direction == PYEMU_INPUT)
      fill(net, v, h->data[i], layout, columns);
  }
  bind_host(net, h, layout, (int)columns);
}

static void free_host(const struct net *net, struct host *h) {
  host_close(h->slot);
  for (int64_t i = 0; i < net->n_variables; ++i)
    free(h->data[i]);
}

/* Memory of the graph's own type, ready for the engines alone. */
struct ready {
  struct bare_tensor tensors[MAX_VARIABLES];
};

/* Contestants that have opened the file. */
struct open_bare {
  const struct bare *bare;
  void *state;
  struct ready ready;
};

static void ok(const struct open_bare *b, const char *problem) {
  if (problem)
    snprintf(message, sizeof message, "%s", problem);
  check(problem != NULL, b->bare->name);
}

static void make_ready(const struct net *net, struct ready *ready, int64_t columns) {
  for (int64_t i = 0; i < net->n_variables; ++i) {
    const pyemu_variable *v = &net->variables[i];
    struct bare_tensor *t = &ready->tensors[i];
    *t = (struct bare_tensor){.name = v->name,
                              .is_input = v->direction == PYEMU_INPUT,
                              .rank = v->n_dims + 1,
                              .shape = {columns},
                              .size = (size_t)(columns * width(v)) * sizeof(float)};
    for (int k = 0; k < v->n_dims; ++k)
      t->shape[k + 1] = v->dim_sizes[k];
    t->data = aligned_alloc(64, (t->size + 63) / 64 * 64);
    snprintf(message, sizeof message, "the benchmark wants nets of float32, and memory for them");
    check(v->dtype != PYEMU_FLOAT32 || !t->data, v->name);
    memset(t->data, 0, t->size);
    if (t->is_input)
      fill(net, v, t->data, FLOAT32_ADJACENT, columns);
  }
}

/* The contestant's own file, beside that of the engine: another suffix. */
static const char *file_of(const struct net *net, const char *bare, char *path, size_t size) {
  const char *suffix = strcmp(bare, "aoti") == 0          ? ".pt2"
                       : strcmp(bare, "torchscript") == 0 ? ".pt"
                                                          : ".onnx";
  const char *dot = strrchr(net->path, '.');
  snprintf(path, size, "%.*s%s", (int)(dot ? dot - net->path : 0), net->path, suffix);
  return path;
}

/* Returns what went wrong, or NULL. */
static const char *try_bare(const struct net *net, struct open_bare *b, int64_t columns) {
  char path[4096];
  const char *ort = getenv("BENCH_ORT");
  const int is_ort = strcmp(b->bare->name, "onnxruntime") == 0;
  make_ready(net, &b->ready, columns);
  struct bare_source source = {.path = file_of(net, b->bare->name, path, sizeof path),
                               .runtime = is_ort && ort ? ort : net->runtime,
                               .threads = net->threads,
                               .tensors = b->ready.tensors,
                               .n_tensors = net->n_variables};
  return b->bare->open(&source, &b->state);
}

static void close_bare(const struct net *net, struct open_bare *b) {
  if (b->state)
    b->bare->close(b->state);
  b->state = NULL;
  for (int64_t i = 0; i < net->n_variables; ++i)
    free(b->ready.tensors[i].data);
}

/* What is compared must be the same work: outputs agree but for rounding. */
static void check_equal(const struct net *net, const struct host *h, const struct open_bare *b) {
  for (int64_t i = 0; i < net->n_variables; ++i) {
    const struct bare_tensor *t = &b->ready.tensors[i];
    const float *found = h->data[i];
    float largest = 0, difference = 0;
    for (size_t k = 0; k < t->size / sizeof *found; ++k) {
      largest = fmaxf(largest, fabsf(t->data[k]));
      difference = fmaxf(difference, fabsf(found[k] - t->data[k]));
    }
    snprintf(message, sizeof message, "a run differs from %s alone by %g of up to %g",
             b->bare->name, difference, largest);
    check(!(difference <= 1e-4f * largest), t->name);
  }
}

/* Fused multiply-adds on as many independent sums as hide their latency: what this core can do at
 * best. Where a vector is wider than the processor's, the compiler splits it. */
typedef float lanes __attribute__((vector_size(64)));
enum { N_SUMS = 12 };

#ifdef __x86_64__
#define FOR_THIS_PROCESSOR                                                                         \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline,           \
                 optimize("fp-contract=fast")))
#else
#define FOR_THIS_PROCESSOR __attribute__((noinline, optimize("fp-contract=fast")))
#endif

FOR_THIS_PROCESSOR static float multiply_add(int64_t n, const float *starts) {
  lanes sums[N_SUMS], factor;
  memcpy(sums, starts, sizeof sums); /* all different, or the compiler would do one for all */
  memcpy(&factor, starts, sizeof factor);
  for (int64_t step = 0; step < n; ++step)
    for (int i = 0; i < N_SUMS; ++i)
      sums[i] = sums[i] * factor + factor;
  for (int i = 1; i < N_SUMS; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

static double peak_gflops(void) {
  const int64_t n = 200000;
  volatile float keep;
  float starts[16 * N_SUMS];
  for (int i = 0; i < 16 * N_SUMS; ++i)
    starts[i] = 0.999f - 1e-4f * (float)i;
  double best = 0;
  for (int i = 0; i < 30; ++i) {
    double start = now_us();
    keep = multiply_add(n, starts);
    double gflops = 2.0 * 16 * N_SUMS * (double)n / (now_us() - start) * 1e-3;
    best = gflops > best ? gflops : best;
  }
  (void)keep;
  return best;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const double *values) {
  double sorted[N_BLOCKS];
  memcpy(sorted, values, sizeof sorted);
  qsort(sorted, N_BLOCKS, sizeof sorted[0], ascending);
  return sorted[N_BLOCKS / 2];
}

/* Median of the ratios of blocks that stand next to each other in time. */
static double median_ratio(const double *values, const double *others) {
  double ratios[N_BLOCKS];
  for (int i = 0; i < N_BLOCKS; ++i)
    ratios[i] = values[i] / others[i];
  return median(ratios);
}

/* Mean time of a run in a block of about 2 ms. */
static double block(const struct host *h, const struct open_bare *b) {
  int calls = 0;
  double start = now_us(), end;
  do {
    if (h)
      host_run(h->slot);
    else
      ok(b, b->bare->run(b->state));
    ++calls;
    end = now_us();
  } while (end - start < 2000);
  return (end - start) / calls;
}

/* All that take part for one batch, and their times. */
struct contest {
  int first_layout, layout_step;
  struct host hosts[N_LAYOUTS];
  int n_bares;
  struct open_bare bares[BARE_MAX_BARES];
  double host_times[N_LAYOUTS][N_BLOCKS];
  double bare_times[BARE_MAX_BARES][N_BLOCKS];
};

static void run_contest(struct contest *c) {
  for (int round = -2; round < N_BLOCKS; ++round) {
    const int at = round < 0 ? 0 : round;
    for (int k = 0; k < c->n_bares; ++k)
      c->bare_times[k][at] = block(NULL, &c->bares[k]);
    for (int l = c->first_layout; l < N_LAYOUTS; l += c->layout_step)
      c->host_times[l][at] = block(&c->hosts[l], NULL);
  }
}

static void print_row(const struct net *net, const struct contest *c, int l, int k, int64_t columns,
                      double peak) {
  printf("{\"net\": \"%s\", \"batch\": %lld, \"threads\": %d, \"dtype\": \"%s\", \"layout\": "
         "\"%s\", \"engine\": \"%s\", \"bare\": \"%s\", \"us\": %.3f, \"bare_us\": %.3f, "
         "\"ratio\": %.3f, \"floor_us\": %.3f, \"open_ms\": %.2f}\n",
         net->name, (long long)columns, net->threads,
         layout_dtypes[l] == PYEMU_FLOAT64 ? "real64" : "real32",
         is_field(net) ? "..., sample" : layout_names[l], net->engine, c->bares[k].bare->name,
         median(c->host_times[l]), median(c->bare_times[k]),
         median_ratio(c->host_times[l], c->bare_times[k]),
         net->flops * (double)columns / (peak * net->threads) * 1e-3,
         1e3 * host_report(c->hosts[l].slot));
}

/* Of several contestants those stay away that cannot run this net. */
static void open_bares(const struct net *net, struct contest *c, const struct bare *const *found,
                       int64_t columns) {
  const int n = c->n_bares;
  c->n_bares = 0;
  for (int k = 0; k < n; ++k) {
    struct open_bare *b = &c->bares[c->n_bares];
    *b = (struct open_bare){.bare = found[k]};
    const char *problem = try_bare(net, b, columns);
    if (!problem) {
      ++c->n_bares;
      continue;
    }
    if (n == 1)
      ok(b, problem);
    fprintf(stderr, "%s without %s: %s\n", net->name, b->bare->name, problem);
    close_bare(net, b);
  }
}

static void bench_batch(const struct net *net, int64_t columns, double peak) {
  static struct contest c;
  const struct bare *found[BARE_MAX_BARES];
  c.first_layout = is_field(net) ? 1 : 0;
  c.layout_step = is_field(net) ? 2 : 1;
  for (int l = c.first_layout; l < N_LAYOUTS; l += c.layout_step)
    make_host(net, &c.hosts[l], l + 1, l, columns);
  c.n_bares = bare_find(net->engine, found);
  snprintf(message, sizeof message, "nothing to compare this engine with in this build");
  check(c.n_bares == 0, net->engine);
  open_bares(net, &c, found, columns);
  run_contest(&c);
  for (int k = 0; k < c.n_bares; ++k)
    check_equal(net, &c.hosts[FLOAT32_ADJACENT], &c.bares[k]);
  for (int k = 0; k < c.n_bares; ++k)
    for (int l = c.first_layout; l < N_LAYOUTS; l += c.layout_step)
      print_row(net, &c, l, k, columns, peak);
  for (int l = c.first_layout; l < N_LAYOUTS; l += c.layout_step)
    free_host(net, &c.hosts[l]);
  for (int k = 0; k < c.n_bares; ++k)
    close_bare(net, &c.bares[k]);
}

/* The engine alone with one thread and with several, in turn: nobody else's threads wait for work
 * on the cores meanwhile. */
static void bench_threads(const struct net *net, int64_t columns, double peak) {
  struct net one = *net;
  struct host hosts[2];
  double times[2][N_BLOCKS];
  one.threads = 1;
  make_host(&one, &hosts[0], 1, FLOAT32_APART, columns);
  make_host(net, &hosts[1], 2, FLOAT32_APART, columns);
  for (int round = -2; round < N_BLOCKS; ++round)
    for (int k = 0; k < 2; ++k)
      times[k][round < 0 ? 0 : round] = block(&hosts[k], NULL);
  printf("{\"net\": \"%s\", \"batch\": %lld, \"threads\": %d, \"dtype\": \"real32\", \"layout\": "
         "\"%s\", \"engine\": \"threads\", \"us\": %.3f, \"alone_us\": %.3f, \"speedup\": %.3f, "
         "\"floor_us\": %.3f}\n",
         net->name, (long long)columns, net->threads,
         is_field(net) ? "..., sample" : layout_names[FLOAT32_APART], median(times[1]),
         median(times[0]), median_ratio(times[0], times[1]),
         net->flops * (double)columns / (peak * net->threads) * 1e-3);
  free_host(&one, &hosts[0]);
  free_host(net, &hosts[1]);
}

/* Time of one bind, of all variables in turn. */
static void bench_bind(const struct net *net) {
  struct host h;
  double times[N_BLOCKS];
  make_host(net, &h, 1, FLOAT32_ADJACENT, 256);
  for (int round = 0; round < N_BLOCKS; ++round) {
    double start = now_us();
    for (int i = 0; i < 1000; ++i)
      bind_host(net, &h, FLOAT32_ADJACENT, 256);
    times[round] = (now_us() - start) / (1000 * (double)net->n_variables);
  }
  printf(
      "{\"net\": \"%s\", \"batch\": 256, \"threads\": 1, \"dtype\": \"real32\", \"layout\": "
      "\"nlay,ncol\", \"engine\": \"bind\", \"us\": %.4f, \"bare_us\": null, \"floor_us\": null}\n",
      net->name, median(times));
  free_host(net, &h);
}

static int print_engines(void) {
  for (const char *const *name = bare_engines(); *name; ++name)
    puts(*name);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--engines") == 0)
    return print_engines();
  if (argc < 7) {
    fprintf(stderr, "usage: bench_runtime FILE NET FLOPS ENGINE RUNTIME THREADS [BATCH...]\n"
                    "       bench_runtime --engines\n");
    return 2;
  }
  struct net net = {.path = argv[1],
                    .name = argv[2],
                    .flops = atof(argv[3]),
                    .engine = argv[4],
                    .runtime = argv[5],
                    .threads = atoi(argv[6])};
  double peak = peak_gflops();
  open_net(&net);
  const int is_native = strcmp(net.engine, "native") == 0;
  for (int i = 7; i < argc; ++i)
    (is_native && net.threads > 1 ? bench_threads : bench_batch)(&net, atoll(argv[i]), peak);
  if (argc == 7)
    bench_bind(&net);
  pyemu_close(&net.emulator, NULL, 0);
  printf("{\"peak_gflops\": %.1f, \"threads\": 1, \"dtype\": \"float32\"}\n", peak);
  return 0;
}
