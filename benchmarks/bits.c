/*
 * bits.c - the engine 'native' against itself, bit by bit: what bits.py has drawn, in every way.
 *
 *   bits FOLDER [LIBRARY]
 *
 * FOLDER/cases.txt has a line "number columns types" for each emulator; number.onnx is its file
 * and number.in holds its inputs, one variable after the other, columns slowest. LIBRARY has the
 * functions that pyemu compile has made of them. Writes the outputs of the whole batch to
 * number.out, and prints one line for each case: number, columns, values, those that are NaN,
 * infinite and tiny (less than the least normal number), then for each check the values that
 * differ and the NaNs of another sign or payload, "0+0", or '-' if it was not made.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pyemu.h>

enum { MAX_VARIABLES = 6, MAX_PATH = 4096, NOT_MADE = -1 };

/* Columns behind the last one of an array in which columns are adjacent. */
enum { SPARE = 3 };

static const int64_t splits[] = {1, 7, 16, 33, 128, 1000};
static const char *const kinds[] = {"avx512", "avx2", "neon", "scalar"};
enum { N_SPLITS = sizeof splits / sizeof splits[0], N_KINDS = sizeof kinds / sizeof kinds[0] };
enum { MOST_THREADS = 4 };

/* The checks, in the order in which they are printed. */
enum {
  KIND = 0,
  SPLIT = KIND + N_KINDS,
  THREADS = SPLIT + N_SPLITS,
  PERMUTED = THREADS + MOST_THREADS - 1,
  ADJACENT,
  C_COLUMN,
  C_COLUMNS,
  N_CHECKS
};

/* A variable of the emulator: its values for the whole batch, and another place for them. */
struct variable {
  pyemu_variable info;
  char name[64];
  size_t item;    /* bytes of an element */
  int64_t width;  /* elements of a column */
  int64_t count;  /* of the whole batch, or of one value for all columns */
  char *values;   /* inputs, and outputs as they should be */
  char *found;    /* outputs of a check */
  char *adjacent; /* the same with adjacent columns */
};

struct trial {
  int number;
  int64_t columns;
  char path[MAX_PATH];
  int n_variables;
  struct variable variables[MAX_VARIABLES];
  int64_t differing[N_CHECKS]; /* or NOT_MADE */
  int64_t nan_bits[N_CHECKS];
};

static void stop(const struct trial *trial, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "case %d: ", trial ? trial->number : -1);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

static void *take(const struct trial *trial, size_t size) {
  void *memory = malloc(size + 1);
  if (!memory)
    stop(trial, "no memory for %zu bytes", size);
  return memory;
}

/* --- Emulators --- */

/* 'kernels' is NULL for the best of this processor. Returns NULL if it has none of that kind. */
static pyemu_emulator *open_with(const struct trial *trial, const char *kernels, int threads) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *emulator = NULL;
  char message[1024];
  options.engine = "native";
  options.threads = threads;
  options.check_finite = 0;
  if (kernels)
    setenv("PYEMU_NATIVE_KERNELS", kernels, 1);
  else
    unsetenv("PYEMU_NATIVE_KERNELS");
  if (pyemu_open(trial->path, &options, &emulator, message, sizeof message) != PYEMU_OK &&
      !(kernels && strstr(message, "names no kernels")))
    stop(trial, "%s", message);
  return emulator;
}

static void close_it(const struct trial *trial, pyemu_emulator *emulator) {
  char message[1024];
  if (pyemu_close(&emulator, message, sizeof message) != PYEMU_OK)
    stop(trial, "%s", message);
}

/* An array of 'n' columns, one behind the other, or adjacent with 'stride' columns to an element.
 */
static pyemu_array array_of(const struct variable *v, void *data, int64_t n, int64_t stride) {
  pyemu_array array = {.data = data, .dtype = v->info.dtype, .rank = v->info.n_dims};
  const int first = v->info.has_batch;
  int64_t step = (int64_t)v->item * (stride && first ? stride : 1);
  array.rank += first;
  for (int i = v->info.n_dims - 1; i >= 0; --i) {
    array.shape[i + first] = v->info.dim_sizes[i];
    array.strides[i + first] = step;
    step *= v->info.dim_sizes[i];
  }
  if (first) {
    array.shape[0] = n;
    array.strides[0] = stride ? (int64_t)v->item : step;
  }
  return array;
}

static void bind(const struct trial *trial, pyemu_emulator *emulator, const struct variable *v,
                 pyemu_array array) {
  char message[1024];
  if (pyemu_bind(emulator, v->name, &array, NULL, PYEMU_LAST_DIM, message, sizeof message) !=
      PYEMU_OK)
    stop(trial, "%s", message);
}

static void unbind(const struct trial *trial, pyemu_emulator *emulator) {
  char message[1024];
  if (pyemu_unbind(emulator, message, sizeof message) != PYEMU_OK)
    stop(trial, "%s", message);
}

static void run(const struct trial *trial, pyemu_emulator *emulator) {
  char message[1024];
  if (pyemu_run(emulator, 0, message, sizeof message) != PYEMU_OK)
    stop(trial, "%s", message);
}

static int64_t row_bytes(const struct variable *v) {
  return v->info.has_batch ? (int64_t)v->item * v->width : 0;
}

/* Columns 'first' to 'first + n', inputs from one place and outputs to another. */
static void run_block(struct trial *trial, pyemu_emulator *emulator, int64_t first, int64_t n) {
  unbind(trial, emulator);
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    char *data = v->info.direction == PYEMU_INPUT ? v->values : v->found;
    bind(trial, emulator, v, array_of(v, data + first * row_bytes(v), n, 0));
  }
  run(trial, emulator);
}

/* --- Comparison --- */

/* 0 if bits differ, 1 if they are the same, 2 if both are NaN of different bits. */
static int compare(int32_t dtype, const char *a, const char *b) {
  float af, bf;
  double ad, bd;
  if (memcmp(a, b, dtype == PYEMU_FLOAT64 ? 8 : 4) == 0)
    return 1;
  memcpy(&af, a, sizeof af);
  memcpy(&bf, b, sizeof bf);
  if (dtype == PYEMU_FLOAT32)
    return isnan(af) && isnan(bf) ? 2 : 0;
  if (dtype != PYEMU_FLOAT64)
    return 0;
  memcpy(&ad, a, sizeof ad);
  memcpy(&bd, b, sizeof bd);
  return isnan(ad) && isnan(bd) ? 2 : 0;
}

/* Count values of an output that differ: element e of column c is found at c and e times its
 * stride. It should be that of column 'order' of c. */
static void count_differing(struct trial *trial, int which, const struct variable *v,
                            const char *found, int64_t column_stride, int64_t element_stride,
                            const int64_t *order) {
  for (int64_t c = 0; c < trial->columns; ++c)
    for (int64_t e = 0; e < v->width; ++e) {
      const int64_t expected = (order ? order[c] : c) * v->width + e;
      const int same = compare(v->info.dtype, found + c * column_stride + e * element_stride,
                               v->values + expected * (int64_t)v->item);
      trial->differing[which] += same == 0;
      trial->nan_bits[which] += same == 2;
    }
}

enum { IN_ROWS, IN_ADJACENT };

/* All outputs; then they are made wrong, so that what is not written shows. */
static void check(struct trial *trial, int which, int layout, const int64_t *order) {
  const int64_t stride = trial->columns + SPARE;
  if (trial->differing[which] == NOT_MADE)
    trial->differing[which] = 0;
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    const int64_t item = (int64_t)v->item;
    if (v->info.direction == PYEMU_INPUT)
      continue;
    if (layout == IN_ROWS)
      count_differing(trial, which, v, v->found, row_bytes(v), item, order);
    else
      count_differing(trial, which, v, v->adjacent, item, stride * item, order);
    memset(v->found, 0x5A, v->item * (size_t)v->count);
    memset(v->adjacent, 0x5A, v->item * (size_t)(v->width * stride));
  }
}

/* --- Checks --- */

static void check_splits(struct trial *trial, pyemu_emulator *emulator, int from, int to, int which,
                         int is_each) {
  for (int i = from; i < to; ++i) {
    if (splits[i] >= trial->columns)
      continue;
    for (int64_t first = 0; first < trial->columns; first += splits[i]) {
      const int64_t left = trial->columns - first;
      run_block(trial, emulator, first, left < splits[i] ? left : splits[i]);
    }
    check(trial, is_each ? which + i : which, IN_ROWS, NULL);
  }
}

/* Every kind of kernels on the whole batch and all its splits. */
static void check_kinds(struct trial *trial) {
  for (int i = 0; i < N_KINDS; ++i) {
    pyemu_emulator *emulator = open_with(trial, kinds[i], 1);
    if (!emulator)
      continue;
    run_block(trial, emulator, 0, trial->columns);
    check(trial, KIND + i, IN_ROWS, NULL);
    check_splits(trial, emulator, 0, N_SPLITS, SPLIT, 1);
    close_it(trial, emulator);
  }
}

/* The whole batch, and blocks of 33 and 128 columns. */
static void check_threads(struct trial *trial) {
  for (int threads = 2; threads <= MOST_THREADS; ++threads) {
    pyemu_emulator *emulator = open_with(trial, NULL, threads);
    run_block(trial, emulator, 0, trial->columns);
    check(trial, THREADS + threads - 2, IN_ROWS, NULL);
    check_splits(trial, emulator, 3, 5, THREADS + threads - 2, 0);
    close_it(trial, emulator);
  }
}

/* The next of a sequence of 64-bit numbers: Vigna's splitmix64. */
static uint64_t draw(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static int64_t *draw_order(const struct trial *trial) {
  int64_t *order = take(trial, (size_t)trial->columns * sizeof *order);
  uint64_t state = (uint64_t)trial->number;
  for (int64_t i = 0; i < trial->columns; ++i) {
    const int64_t at = (int64_t)(draw(&state) % (uint64_t)(i + 1));
    order[i] = order[at];
    order[at] = i;
  }
  return order;
}

/* Columns in another order. */
static void check_permuted(struct trial *trial, pyemu_emulator *emulator) {
  int64_t *order = draw_order(trial);
  char *copies[MAX_VARIABLES] = {0};
  unbind(trial, emulator);
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    const int64_t row = row_bytes(v);
    char *data = v->info.direction == PYEMU_INPUT ? v->values : v->found;
    if (v->info.direction == PYEMU_INPUT && v->info.has_batch) {
      data = copies[i] = take(trial, v->item * (size_t)v->count);
      for (int64_t c = 0; c < trial->columns; ++c)
        memcpy(data + c * row, v->values + order[c] * row, (size_t)row);
    }
    bind(trial, emulator, v, array_of(v, data, trial->columns, 0));
  }
  run(trial, emulator);
  check(trial, PERMUTED, IN_ROWS, order);
  for (int i = 0; i < MAX_VARIABLES; ++i)
    free(copies[i]);
  free(order);
}

/* Arrays as Fortran has them: columns adjacent, and room for more. */
static void check_adjacent(struct trial *trial, pyemu_emulator *emulator) {
  unbind(trial, emulator);
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    char *data = v->info.has_batch ? v->adjacent : v->values;
    bind(trial, emulator, v, array_of(v, data, trial->columns, trial->columns + SPARE));
  }
  run(trial, emulator);
  check(trial, ADJACENT, IN_ADJACENT, NULL);
}

/* --- Generated C --- */

typedef void column_function_2(void *, void *);
typedef void column_function_3(void *, void *, void *);
typedef void column_function_4(void *, void *, void *, void *);
typedef void columns_function_2(int64_t, int64_t, void *, void *);
typedef void columns_function_3(int64_t, int64_t, void *, void *, void *);
typedef void columns_function_4(int64_t, int64_t, void *, void *, void *, void *);

static void *symbol_of(const struct trial *trial, void *library, const char *suffix) {
  char name[64];
  snprintf(name, sizeof name, "net_%d%s", trial->number, suffix);
  void *symbol = dlsym(library, name);
  if (!symbol)
    stop(trial, "%s", dlerror());
  return symbol;
}

static void call_column(const struct trial *trial, void *symbol, void **a) {
  if (trial->n_variables == 2)
    ((column_function_2 *)symbol)(a[0], a[1]);
  else if (trial->n_variables == 3)
    ((column_function_3 *)symbol)(a[0], a[1], a[2]);
  else
    ((column_function_4 *)symbol)(a[0], a[1], a[2], a[3]);
}

static void call_columns(const struct trial *trial, void *symbol, int64_t stride, void **a) {
  if (trial->n_variables == 2)
    ((columns_function_2 *)symbol)(trial->columns, stride, a[0], a[1]);
  else if (trial->n_variables == 3)
    ((columns_function_3 *)symbol)(trial->columns, stride, a[0], a[1], a[2]);
  else
    ((columns_function_4 *)symbol)(trial->columns, stride, a[0], a[1], a[2], a[3]);
}

/* One call for each column, and one for all. */
static void check_generated(struct trial *trial, void *library) {
  void *column = symbol_of(trial, library, ""), *columns = symbol_of(trial, library, "_columns");
  void *arguments[MAX_VARIABLES];
  for (int64_t c = 0; c < trial->columns; ++c) {
    for (int i = 0; i < trial->n_variables; ++i) {
      const struct variable *v = &trial->variables[i];
      char *data = v->info.direction == PYEMU_INPUT ? v->values : v->found;
      arguments[i] = data + c * row_bytes(v);
    }
    call_column(trial, column, arguments);
  }
  check(trial, C_COLUMN, IN_ROWS, NULL);
  for (int i = 0; i < trial->n_variables; ++i) {
    const struct variable *v = &trial->variables[i];
    arguments[i] = v->info.has_batch ? v->adjacent : v->values;
  }
  call_columns(trial, columns, trial->columns + SPARE, arguments);
  check(trial, C_COLUMNS, IN_ADJACENT, NULL);
}

/* --- One case --- */

static void describe(struct trial *trial, pyemu_emulator *emulator) {
  char message[1024];
  trial->n_variables = (int)pyemu_variable_count(emulator);
  if (trial->n_variables < 2 || trial->n_variables > 4)
    stop(trial, "%d variables; expected 2 to 4", trial->n_variables);
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    v->info.sizeof_variable = sizeof v->info;
    if (pyemu_variable_info(emulator, i, &v->info, message, sizeof message) != PYEMU_OK)
      stop(trial, "%s", message);
    snprintf(v->name, sizeof v->name, "%s", v->info.name); /* the emulator will be closed */
    v->item = v->info.dtype == PYEMU_FLOAT64 ? 8 : 4;
    v->width = 1;
    for (int k = 0; k < v->info.n_dims; ++k)
      v->width *= v->info.dim_sizes[k];
    v->count = v->width * (v->info.has_batch ? trial->columns : 1);
    v->values = take(trial, v->item * (size_t)v->count);
    v->found = take(trial, v->item * (size_t)v->count);
    v->adjacent = take(trial, v->item * (size_t)(v->width * (trial->columns + SPARE)));
    memset(v->found, 0x5A, v->item * (size_t)v->count);
  }
}

static void forget(struct trial *trial) {
  for (int i = 0; i < trial->n_variables; ++i) {
    free(trial->variables[i].values);
    free(trial->variables[i].found);
    free(trial->variables[i].adjacent);
  }
}

static void make_adjacent(const struct trial *trial, struct variable *v) {
  const int64_t stride = trial->columns + SPARE, item = (int64_t)v->item;
  memset(v->adjacent, 0x5A, v->item * (size_t)(v->width * stride));
  for (int64_t c = 0; c < trial->columns && v->info.has_batch; ++c)
    for (int64_t e = 0; e < v->width; ++e)
      memcpy(v->adjacent + (e * stride + c) * item, v->values + (c * v->width + e) * item, v->item);
}

static FILE *open_beside(const struct trial *trial, const char *suffix, const char *mode) {
  char path[MAX_PATH];
  snprintf(path, sizeof path, "%.*s%s", (int)strlen(trial->path) - 5, trial->path, suffix);
  FILE *file = fopen(path, mode);
  if (!file)
    stop(trial, "cannot open '%s'", path);
  return file;
}

static void read_inputs(struct trial *trial) {
  FILE *file = open_beside(trial, ".in", "rb");
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    if (v->info.direction == PYEMU_INPUT &&
        fread(v->values, v->item, (size_t)v->count, file) != (size_t)v->count)
      stop(trial, "the file of inputs is too short");
    make_adjacent(trial, v);
  }
  fclose(file);
}

/* The outputs that all others are compared with. */
static void set_reference(struct trial *trial, pyemu_emulator *emulator) {
  FILE *file = open_beside(trial, ".out", "wb");
  run_block(trial, emulator, 0, trial->columns);
  for (int i = 0; i < trial->n_variables; ++i) {
    struct variable *v = &trial->variables[i];
    if (v->info.direction == PYEMU_INPUT)
      continue;
    memcpy(v->values, v->found, v->item * (size_t)v->count);
    memset(v->found, 0x5A, v->item * (size_t)v->count);
    if (fwrite(v->values, v->item, (size_t)v->count, file) != (size_t)v->count)
      stop(trial, "cannot write the outputs");
  }
  if (fclose(file) != 0)
    stop(trial, "cannot write the outputs");
}

/* What kinds of numbers the outputs are: all, NaN, infinite, tiny. */
static void classify(const struct trial *trial, int64_t *counts) {
  for (int i = 0; i < trial->n_variables; ++i) {
    const struct variable *v = &trial->variables[i];
    for (int64_t k = 0; v->info.direction == PYEMU_OUTPUT && k < v->count; ++k) {
      float single = 0;
      double number = 0;
      memcpy(v->item == 8 ? (void *)&number : (void *)&single, v->values + k * (int64_t)v->item,
             v->item);
      const int class = v->item == 8 ? fpclassify(number) : fpclassify(single);
      ++counts[0];
      counts[1] += class == FP_NAN;
      counts[2] += class == FP_INFINITE;
      counts[3] += class == FP_SUBNORMAL;
    }
  }
}

static void print_line(const struct trial *trial) {
  int64_t counts[4] = {0};
  classify(trial, counts);
  printf("%d,%" PRId64, trial->number, trial->columns);
  for (int i = 0; i < 4; ++i)
    printf(",%" PRId64, counts[i]);
  for (int i = 0; i < N_CHECKS; ++i)
    if (trial->differing[i] == NOT_MADE)
      printf(",-");
    else
      printf(",%" PRId64 "+%" PRId64, trial->differing[i], trial->nan_bits[i]);
  printf("\n");
}

static void try_case(const char *folder, int number, int64_t columns, void *library) {
  static struct trial trial;
  trial = (struct trial){.number = number, .columns = columns};
  snprintf(trial.path, sizeof trial.path, "%s/%d.onnx", folder, number);
  for (int i = 0; i < N_CHECKS; ++i)
    trial.differing[i] = NOT_MADE;
  pyemu_emulator *emulator = open_with(&trial, NULL, 1);
  describe(&trial, emulator);
  read_inputs(&trial);
  set_reference(&trial, emulator);
  check_permuted(&trial, emulator);
  check_adjacent(&trial, emulator);
  close_it(&trial, emulator);
  check_kinds(&trial);
  check_threads(&trial);
  if (library)
    check_generated(&trial, library);
  print_line(&trial);
  forget(&trial);
}

static void print_head(void) {
  printf("case,columns,values,nan,infinite,tiny");
  for (int i = 0; i < N_KINDS; ++i)
    printf(",%s", kinds[i]);
  for (int i = 0; i < N_SPLITS; ++i)
    printf(",blocks of %d", (int)splits[i]);
  for (int i = 2; i <= MOST_THREADS; ++i)
    printf(",%d threads", i);
  printf(",other order,columns adjacent,C one column,C all columns\n");
}

int main(int argc, char **argv) {
  char path[MAX_PATH];
  int number;
  int64_t columns;
  if (argc < 2 || argc > 3)
    stop(NULL, "usage: bits FOLDER [LIBRARY]");
  void *library = argc > 2 ? dlopen(argv[2], RTLD_NOW) : NULL;
  if (argc > 2 && !library)
    stop(NULL, "%s", dlerror());
  snprintf(path, sizeof path, "%s/cases.txt", argv[1]);
  FILE *file = fopen(path, "r");
  if (!file)
    stop(NULL, "cannot open '%s'", path);
  print_head();
  while (fscanf(file, "%d %" SCNd64 " %*s", &number, &columns) == 2)
    try_case(argv[1], number, columns, library);
  fclose(file);
  return fflush(stdout) == 0 ? 0 : 1;
}
