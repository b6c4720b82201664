/* Arrays go to the tensors and back over several threads exactly as over one: every byte, every
 * error, every count, whatever the layout and the rounding; also in a process that was forked. */
#include <dirent.h>
#include <fenv.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "toy.h"

enum { NX = 331, NY = 113, COLUMNS = NX * NY, MAX_VARIABLES = 8, GAP = 24 };
enum layout { TRANSPOSED, SPLIT, TENSOR, N_LAYOUTS };

static char message[1024];
static const char *directory;

/* A handle and an array for each variable. */
struct host {
  pyemu_emulator *emulator;
  int64_t n_variables;
  pyemu_variable variables[MAX_VARIABLES];
  pyemu_array arrays[MAX_VARIABLES];
  char *blocks[MAX_VARIABLES];
  size_t sizes[MAX_VARIABLES];
  pyemu_counters counters;
};

static void add_dim(pyemu_array *array, int64_t extent, int64_t *stride) {
  array->shape[array->rank] = extent;
  array->strides[array->rank++] = *stride;
  *stride *= extent;
}

/* Columns are (column, level) with either fastest, or (x, level, y) with gaps between rows; fields
 * (x, y, channel, sample). Returns 'level_dim'. */
static int describe(const pyemu_variable *v, enum layout layout, pyemu_array *array,
                    int64_t *stride) {
  if (v->n_dims > 1 || !v->has_batch) {
    for (int i = v->n_dims - 1; i >= 0; --i)
      add_dim(array, v->dim_sizes[i], stride);
    if (v->has_batch)
      add_dim(array, COLUMNS, stride);
    return PYEMU_REVERSED_DIMS;
  }
  if (layout == SPLIT) {
    add_dim(array, NX, stride);
    *stride += GAP;
    if (v->n_dims == 1)
      add_dim(array, v->dim_sizes[0], stride);
    *stride += GAP;
    add_dim(array, NY, stride);
    return v->n_dims == 1 ? 1 : PYEMU_LAST_DIM;
  }
  if (layout == TENSOR && v->n_dims == 1) {
    add_dim(array, v->dim_sizes[0], stride);
    add_dim(array, COLUMNS, stride);
    return 0;
  }
  add_dim(array, COLUMNS, stride);
  if (v->n_dims == 1)
    add_dim(array, v->dim_sizes[0], stride);
  return PYEMU_LAST_DIM;
}

/* Thirds, so that a conversion has to round. */
static void fill(struct host *h, int64_t i) {
  const int64_t size = h->arrays[i].dtype == PYEMU_FLOAT64 ? 8 : 4;
  memset(h->blocks[i], 0x5A, h->sizes[i]);
  if (h->variables[i].direction == PYEMU_OUTPUT)
    return;
  for (int64_t k = 0; (k + 1) * size <= (int64_t)h->sizes[i]; ++k) {
    double value = 200 + (double)(k * 37 % 1001) / 3;
    float single = (float)value;
    memcpy(h->blocks[i] + k * size, size == 8 ? (void *)&value : (void *)&single, (size_t)size);
  }
}

/* 'dtype' 0: that of the graph. */
static struct host open_host(const char *file, const char *engine, enum layout layout,
                             int32_t dtype, int threads) {
  struct host h = {.counters = {.sizeof_counters = sizeof h.counters}};
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = engine;
  options.threads = threads;
  snprintf(path, sizeof path, "%s/%s", directory, file);
  CHECK_STATUS(pyemu_open(path, &options, &h.emulator, message, sizeof message), PYEMU_OK, "");
  h.n_variables = pyemu_variable_count(h.emulator);
  for (int64_t i = 0; i < h.n_variables; ++i) {
    pyemu_variable *v = &h.variables[i];
    v->sizeof_variable = sizeof *v;
    pyemu_variable_info(h.emulator, i, v, NULL, 0);
    pyemu_array *a = &h.arrays[i];
    a->dtype = dtype ? dtype : v->dtype;
    int64_t stride = a->dtype == PYEMU_FLOAT64 ? 8 : 4;
    const int level_dim = describe(v, layout, a, &stride);
    h.sizes[i] = (size_t)stride;
    h.blocks[i] = a->data = malloc(h.sizes[i]);
    fill(&h, i);
    CHECK_STATUS(pyemu_bind(h.emulator, v->name, a, NULL, level_dim, message, sizeof message),
                 PYEMU_OK, "");
  }
  return h;
}

static void close_host(struct host *h) {
  CHECK_STATUS(pyemu_close(&h->emulator, message, sizeof message), PYEMU_OK, "");
  for (int64_t i = 0; i < h->n_variables; ++i)
    free(h->blocks[i]);
}

static int run(struct host *h, int64_t columns) {
  int status = pyemu_run_columns(h->emulator, 1, columns, message, sizeof message);
  pyemu_report(h->emulator, &h->counters, NULL, 0);
  return status;
}

static int is_same(const struct host *a, const struct host *b) {
  int same = a->counters.copied_bytes == b->counters.copied_bytes &&
             a->counters.allocations == b->counters.allocations &&
             a->counters.columns == b->counters.columns;
  for (int64_t i = 0; i < a->n_variables; ++i)
    same &= memcmp(a->blocks[i], b->blocks[i], a->sizes[i]) == 0;
  return same;
}

static void run_twice(struct host *h, int rounding) {
  fesetround(rounding);
  CHECK_STATUS(run(h, COLUMNS), PYEMU_OK, "");
  CHECK_STATUS(run(h, COLUMNS), PYEMU_OK, "");
  fesetround(FE_TONEAREST);
}

static void check_runs(const char *file, const char *engine, enum layout layout, int32_t dtype,
                       int rounding) {
  struct host one = open_host(file, engine, layout, dtype, 1);
  run_twice(&one, rounding);
  for (int threads = 2; threads <= 5; ++threads) {
    struct host h = open_host(file, engine, layout, dtype, threads);
    run_twice(&h, rounding);
    CHECK(is_same(&one, &h));
    close_host(&h);
  }
  close_host(&one);
}

/* A block that is partly filled leaves the rest of its arrays alone. */
static void check_partly_filled(enum layout layout) {
  const int64_t columns[] = {COLUMNS - 1, 5000, 17, 1};
  for (int i = 0; i < 4; ++i) {
    struct host one = open_host("toy.onnx", "onnxruntime", layout, PYEMU_FLOAT64, 1);
    struct host h = open_host("toy.onnx", "onnxruntime", layout, PYEMU_FLOAT64, 3);
    CHECK_STATUS(run(&one, columns[i]), PYEMU_OK, "");
    CHECK_STATUS(run(&h, columns[i]), PYEMU_OK, "");
    CHECK(is_same(&one, &h));
    close_host(&h);
    close_host(&one);
  }
}

static void spoil(struct host *h, int64_t variable, size_t element) {
  const double bad = HUGE_VAL;
  const float single = HUGE_VALF;
  const int wide = h->arrays[variable].dtype == PYEMU_FLOAT64;
  const size_t size = wide ? 8 : 4;
  memcpy(h->blocks[variable] + size * element, wide ? (void *)&bad : (void *)&single, size);
}

/* Which number is named does not depend on which thread met one first. */
static void check_not_finite(enum layout layout, int32_t dtype) {
  char expected[sizeof message];
  for (int shift = 0; shift < 5; ++shift)
    for (int threads = 1; threads <= 4; ++threads) {
      struct host h = open_host("toy.onnx", "stub", layout, dtype, threads);
      struct host before = open_host("toy.onnx", "stub", layout, dtype, 1);
      spoil(&h, 2, (size_t)(4000 * shift));
      if (shift < 4)
        spoil(&h, 1, (size_t)(9000 * shift + 3));
      if (shift < 3)
        spoil(&h, 0, (size_t)(37000 - 12000 * shift));
      CHECK_STATUS(run(&h, COLUMNS), PYEMU_ERR_NOT_FINITE, "is inf in column ");
      if (threads > 1)
        CHECK(strcmp(message, expected) == 0);
      memcpy(expected, message, sizeof expected);
      for (int64_t i = 3; i < h.n_variables; ++i)
        CHECK(memcmp(h.blocks[i], before.blocks[i], h.sizes[i]) == 0);
      close_host(&before);
      close_host(&h);
    }
}

static void check_fork(void) {
  struct host one = open_host("toy.onnx", "stub", TRANSPOSED, PYEMU_FLOAT64, 1);
  struct host h = open_host("toy.onnx", "stub", TRANSPOSED, PYEMU_FLOAT64, 3);
  CHECK_STATUS(run(&one, COLUMNS), PYEMU_OK, "");
  CHECK_STATUS(run(&h, COLUMNS), PYEMU_OK, "");
  pid_t child = fork();
  int status = -1;
  if (child == 0) {
    alarm(60);
    check_failures = 0;
  }
  CHECK_STATUS(run(&h, COLUMNS), PYEMU_OK, "");
  CHECK_STATUS(run(&one, COLUMNS), PYEMU_OK, "");
  CHECK(is_same(&one, &h));
  close_host(&h);
  close_host(&one);
  if (child == 0)
    _exit(check_failures);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static int count_threads(void) {
  int n = 0;
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks)
    return -1;
  for (struct dirent *entry; (entry = readdir(tasks));)
    n += entry->d_name[0] != '.';
  closedir(tasks);
  return n;
}

static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Threads are there from open to close, only if asked for, and take no time between runs. */
static void check_threads(void) {
  const int before = count_threads();
  if (before < 0)
    return; /* no /proc here */
  struct host h = open_host("toy.onnx", "stub", TRANSPOSED, PYEMU_FLOAT64, 1);
  CHECK_STATUS(run(&h, COLUMNS), PYEMU_OK, "");
  CHECK(count_threads() == before);
  close_host(&h);
  h = open_host("toy.onnx", "stub", TRANSPOSED, PYEMU_FLOAT64, 4);
  CHECK(count_threads() == before + 3);
  CHECK_STATUS(run(&h, COLUMNS), PYEMU_OK, "");
  const double start = processor_seconds();
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  CHECK(processor_seconds() - start < 0.02);
  CHECK(count_threads() == before + 3);
  close_host(&h);
  CHECK(count_threads() == before);
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  for (enum layout layout = TRANSPOSED; layout < N_LAYOUTS; ++layout) {
    check_runs("toy.onnx", "onnxruntime", layout, PYEMU_FLOAT64, FE_TONEAREST);
    check_runs("toy.onnx", "onnxruntime", layout, PYEMU_FLOAT32, FE_TONEAREST);
    check_runs("toy.onnx", "stub", layout, PYEMU_FLOAT32, FE_UPWARD);
    check_runs("global.onnx", "onnxruntime", layout, PYEMU_FLOAT64, FE_TONEAREST);
    check_partly_filled(layout);
    check_not_finite(layout, PYEMU_FLOAT64);
  }
  check_runs("field.onnx", "onnxruntime", TENSOR, PYEMU_FLOAT64, FE_TONEAREST);
  check_runs("toy.onnx", "onnxruntime", TENSOR, 0, FE_TONEAREST);
  check_not_finite(TENSOR, 0);
  check_fork();
  check_threads();
  return check_result();
}
