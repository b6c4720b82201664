/*
 * bench_runtime.c - what a run costs through libpyemu, beside ONNX Runtime alone on tensors that
 * lie ready.
 *
 *     bench_runtime FILE NET FLOPS RUNTIME
 *
 * FILE is an emulator file, NET its name in the rows, FLOPS the floating-point operations of one
 * column, RUNTIME ONNX Runtime's library or its directory. Prints one JSON object a line: for every
 * batch and layout the time of a run (us), the same of ONNX Runtime alone (bare_us) and the time
 * the operations would take at the measured peak of one core (floor_us); one row for the cost of a
 * bind; one row for that peak.
 *
 * Contestants are timed in turn, in many short blocks, so that other work on the machine touches
 * all alike.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dtype.h"
#include "engines/onnxruntime/library.h"
#include "pyemu.h"

enum { MAX_VARIABLES = 64, N_BLOCKS = 25, N_LAYOUTS = 4 };

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

/* One emulator, its arrays in one layout, and its variables. */
struct host {
  pyemu_emulator *emulator;
  int64_t n_variables;
  pyemu_variable variables[MAX_VARIABLES];
  pyemu_array arrays[MAX_VARIABLES];
  int level_dims[MAX_VARIABLES];
};

/* An array of 'columns' columns in the layout of the host. */
static pyemu_array make_array(const pyemu_variable *v, int32_t dtype, int64_t columns,
                              int level_first) {
  int64_t size = (int64_t)dtype_size(dtype);
  pyemu_array a = {NULL, dtype, 1, {columns}, {size}};
  a.data = calloc((size_t)(columns * v->level_size), (size_t)size);
  check(!a.data, "memory");
  if (!v->level_name)
    return a;
  a.rank = 2;
  a.shape[level_first] = columns;
  a.shape[!level_first] = v->level_size;
  a.strides[0] = size;
  a.strides[1] = size * a.shape[0];
  return a;
}

/* Fill with the first reference column, so that every number is in the range of the net. */
static void fill(struct host *h, int64_t i) {
  const pyemu_variable *v = &h->variables[i];
  pyemu_array *a = &h->arrays[i];
  int64_t n = pyemu_reference_count(h->emulator),
          columns = a->rank == 2 && h->level_dims[i] == 0 ? a->shape[1] : a->shape[0];
  double *values = malloc((size_t)(n * v->level_size) * sizeof *values);
  pyemu_array recorded = {values, PYEMU_FLOAT64, 1, {n}, {8 * v->level_size}};
  if (v->level_name) {
    recorded.rank = 2;
    recorded.shape[1] = v->level_size;
    recorded.strides[1] = 8;
  }
  check(pyemu_reference(h->emulator, v->name, &recorded, -1, message, sizeof message), v->name);
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t l = 0; l < v->level_size; ++l) {
      int first = h->level_dims[i] == 0;
      char *at = (char *)a->data + c * a->strides[first] + l * a->strides[!first];
      if (a->dtype == PYEMU_FLOAT64)
        *(double *)at = values[l];
      else
        *(float *)at = (float)values[l];
    }
  free(values);
}

static void bind_all(struct host *h) {
  for (int64_t i = 0; i < h->n_variables; ++i)
    check(pyemu_bind(h->emulator, h->variables[i].name, &h->arrays[i], h->variables[i].units,
                     h->level_dims[i], message, sizeof message),
          h->variables[i].name);
}

static void make_host(struct host *h, const char *path, const char *runtime, int64_t columns,
                      int layout) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.runtime_library = runtime;
  check(pyemu_open(path, &options, &h->emulator, message, sizeof message), path);
  h->n_variables = pyemu_variable_count(h->emulator);
  check(h->n_variables > MAX_VARIABLES, "too many variables");
  for (int64_t i = 0; i < h->n_variables; ++i) {
    int level_first = layout % 2;
    h->variables[i].sizeof_variable = sizeof h->variables[i];
    pyemu_variable_info(h->emulator, i, &h->variables[i], NULL, 0);
    h->level_dims[i] = h->variables[i].level_name && level_first ? 0 : PYEMU_LAST_DIM;
    h->arrays[i] = make_array(&h->variables[i], layout_dtypes[layout], columns, level_first);
    if (h->variables[i].direction == PYEMU_INPUT)
      fill(h, i);
  }
  bind_all(h);
}

static void free_host(struct host *h) {
  for (int64_t i = 0; i < h->n_variables; ++i)
    free(h->arrays[i].data);
  pyemu_close(&h->emulator, NULL, 0);
}

/* ONNX Runtime alone, on tensors bound once. */
struct bare {
  struct ort_api ort;
  OrtEnv *env;
  OrtSession *session;
  OrtIoBinding *binding;
};

static void ok(const struct bare *b, OrtStatus *status) {
  if (status)
    snprintf(message, sizeof message, "%s", b->ort.GetErrorMessage(status));
  check(status != NULL, "ONNX Runtime");
}

static void make_session(struct bare *b, const char *path, const char *runtime) {
  struct error error = error_in(message, sizeof message);
  OrtSessionOptions *options;
  FILE *file = fopen(path, "rb");
  check(!file, path);
  char *bytes = malloc(1 << 28);
  size_t size = fread(bytes, 1, 1 << 28, file);
  fclose(file);
  check(ort_library_load(&b->ort, runtime, &error), "ONNX Runtime");
  ok(b, b->ort.CreateEnv(ORT_LOGGING_FATAL, "bench", &b->env));
  ok(b, b->ort.CreateSessionOptions(&options));
  ok(b, b->ort.SetIntraOpNumThreads(options, 1));
  ok(b, b->ort.CreateSessionFromArray(b->env, bytes, size, options, &b->session));
  b->ort.ReleaseSessionOptions(options);
  free(bytes);
  ok(b, b->ort.CreateIoBinding(b->session, &b->binding));
}

static void bind_tensors(struct bare *b, const struct host *h, int64_t columns) {
  OrtMemoryInfo *memory;
  ok(b, b->ort.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &memory));
  for (int64_t i = 0; i < h->n_variables; ++i) {
    const pyemu_variable *v = &h->variables[i];
    const int64_t shape[2] = {columns, v->level_size};
    size_t size = (size_t)(columns * v->level_size) * dtype_size(v->dtype);
    OrtValue *value;
    int type = v->dtype == PYEMU_FLOAT32   ? ORT_FLOAT
               : v->dtype == PYEMU_FLOAT64 ? ORT_DOUBLE
                                           : ORT_INT32;
    ok(b, b->ort.CreateTensorWithDataAsOrtValue(memory, calloc(size, 1), size, shape,
                                                v->level_name ? 2 : 1, type, &value));
    ok(b, v->direction == PYEMU_INPUT ? b->ort.BindInput(b->binding, v->name, value)
                                      : b->ort.BindOutput(b->binding, v->name, value));
  }
}

/* Multiply-adds on as many independent sums as the registers hold: what this core can do at best.
 */
typedef float lanes __attribute__((vector_size(64)));

__attribute__((target_clones("avx512f", "avx2,fma", "default"), noinline)) static float
multiply_add(int64_t n) {
  lanes sums[12], factor = {0};
  memset(sums, 0, sizeof sums);
  for (int i = 0; i < 16; ++i)
    factor[i] = 0.999f;
  for (int64_t step = 0; step < n; ++step)
    for (int i = 0; i < 12; ++i)
      sums[i] = sums[i] * factor + factor;
  for (int i = 1; i < 12; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

static double peak_gflops(void) {
  const int64_t n = 200000;
  volatile float keep;
  double best = 0;
  for (int i = 0; i < 30; ++i) {
    double start = now_us();
    keep = multiply_add(n);
    double gflops = 2.0 * 16 * 12 * (double)n / (now_us() - start) * 1e-3;
    best = gflops > best ? gflops : best;
  }
  (void)keep;
  return best;
}

/* The best block: on a machine with other work, what is above it was taken by that work. */
static double best(const double *values, int n) {
  double least = values[0];
  for (int i = 1; i < n; ++i)
    least = values[i] < least ? values[i] : least;
  return least;
}

/* Mean time of a run in a block of about 2 ms. */
static double block(struct host *h, struct bare *b) {
  int calls = 0;
  double start = now_us(), end;
  do {
    if (h)
      check(pyemu_run(h->emulator, 1, message, sizeof message), "run");
    else
      ok(b, b->ort.RunWithBinding(b->session, NULL, b->binding));
    ++calls;
    end = now_us();
  } while (end - start < 2000);
  return (end - start) / calls;
}

static void bench_batch(const char *path, const char *net, double flops, const char *runtime,
                        int64_t columns, double peak) {
  struct host hosts[N_LAYOUTS];
  struct bare bare;
  double times[N_LAYOUTS + 1][N_BLOCKS];
  for (int l = 0; l < N_LAYOUTS; ++l)
    make_host(&hosts[l], path, runtime, columns, l);
  make_session(&bare, path, runtime);
  bind_tensors(&bare, &hosts[0], columns);
  for (int round = -2; round < N_BLOCKS; ++round)
    for (int l = 0; l <= N_LAYOUTS; ++l)
      times[l][round < 0 ? 0 : round] = block(l < N_LAYOUTS ? &hosts[l] : NULL, &bare);
  double bare_us = best(times[N_LAYOUTS], N_BLOCKS);
  for (int l = 0; l < N_LAYOUTS; ++l) {
    printf("{\"net\": \"%s\", \"batch\": %lld, \"threads\": 1, \"dtype\": \"%s\", \"layout\": "
           "\"%s\", \"engine\": "
           "\"onnxruntime\", \"us\": %.3f, \"bare_us\": %.3f, \"floor_us\": %.3f}\n",
           net, (long long)columns, layout_dtypes[l] == PYEMU_FLOAT64 ? "real64" : "real32",
           layout_names[l], best(times[l], N_BLOCKS), bare_us,
           flops * (double)columns / peak * 1e-3);
    free_host(&hosts[l]);
  }
}

/* Time of one bind, of all variables in turn. */
static void bench_bind(const char *path, const char *net, const char *runtime) {
  struct host h;
  double times[N_BLOCKS];
  make_host(&h, path, runtime, 256, 0);
  for (int round = 0; round < N_BLOCKS; ++round) {
    double start = now_us();
    for (int i = 0; i < 1000; ++i)
      bind_all(&h);
    times[round] = (now_us() - start) / (1000 * (double)h.n_variables);
  }
  printf("{\"net\": \"%s\", \"batch\": 256, \"threads\": 1, \"dtype\": \"real64\", \"layout\": "
         "\"ncol,nlay\", "
         "\"engine\": \"bind\", \"us\": %.4f, \"bare_us\": null, \"floor_us\": null}\n",
         net, best(times, N_BLOCKS));
  free_host(&h);
}

int main(int argc, char **argv) {
  static const int64_t batches[] = {1, 16, 64, 256, 1024};
  if (argc != 5) {
    fprintf(stderr, "usage: bench_runtime FILE NET FLOPS RUNTIME\n");
    return 2;
  }
  double peak = peak_gflops();
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; ++i)
    bench_batch(argv[1], argv[2], atof(argv[3]), argv[4], batches[i], peak);
  bench_bind(argv[1], argv[2], argv[4]);
  printf("{\"peak_gflops\": %.1f, \"threads\": 1, \"dtype\": \"float32\"}\n", peak);
  return 0;
}
