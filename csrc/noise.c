#include "noise.h"

#include <math.h>
#include <string.h>

#include "dtype.h"
#include "environment.h"
#include "ids.h"

/* What is rounded once stays rounded, in builds without our options too. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

enum { MOST = PHILOX_MOST };

union numbers {
  float floats[MOST];
  double doubles[MOST];
};

/*
 * Some columns' numbers. Those of counter b of column c are in place b * columns + c of every row:
 * row k holds the elements k, n_rows + k, 2 * n_rows + k, ..., if the first counter is 0.
 */
struct tile {
  int real;   /* REAL_FLOAT32, REAL_FLOAT64 */
  int n_rows; /* numbers made of one counter: 4, 2; */
  int n_used; /* the first so many are wanted */
  int64_t columns;
  int64_t first_counter;
  int64_t counters; /* of each column */
  int n;            /* columns * counters */
  uint32_t words[4][MOST];
  union numbers rows[4];
};

int noise_maker_find(struct noise_maker *maker, const struct error *error) {
  if (!kernels_find(&maker->kernels))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the environment variable PYEMU_NATIVE_KERNELS asks for kernels that this "
                "processor does not have; expected avx512, avx2, neon or scalar, or nothing");
  maker->blocks = philox_find(maker->kernels.name);
  return PYEMU_OK;
}

struct noise_key noise_key_of(int64_t seed, int64_t member, int64_t step, uint32_t stream) {
  const uint32_t counter[4] = {(uint32_t)member, (uint32_t)step, (uint32_t)((uint64_t)step >> 32),
                               stream};
  const uint32_t key[2] = {(uint32_t)seed, (uint32_t)((uint64_t)seed >> 32)};
  uint32_t words[4];
  philox_block(counter, key, words);
  return (struct noise_key){{words[0], words[1]}};
}

int noise_check_number(const char *name, int64_t number, const struct error *error) {
  if (number >= 0 && number <= INT32_MAX)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is %lld; expected 0 to %lld", name,
              (long long)number, (long long)INT32_MAX);
}

/* --- Words --- */

static void make_words(const struct noise_maker *maker, const struct noise_key *key,
                       const int64_t *ids, struct tile *tile) {
  struct philox_counters counters;
  int n = 0;
  for (int64_t b = 0; b < tile->counters; ++b)
    for (int64_t c = 0; c < tile->columns; ++c, ++n) {
      counters.low[n % 2][n / 2] = (uint64_t)ids[c];
      counters.high[n % 2][n / 2] = (uint64_t)(tile->first_counter + b);
    }
  tile->n = n;
  for (; n % PHILOX_GROUP != 0; ++n)
    counters.low[n % 2][n / 2] = counters.high[n % 2][n / 2] = 0;
  maker->blocks(&counters, n, key->words, tile->words);
}

/* --- Words to numbers: all of it is exact, but for products with a circle --- */

static const double circle = 6.283185307179586;

/* Odd multiples of 2^-24, from 2^-24 to 1 - 2^-24. */
static void uniform_floats(const uint32_t *words, float *out, int n) {
  for (int i = 0; i < n; ++i)
    out[i] = (float)(int32_t)(words[i] >> 8 | 1) * 0x1p-24f;
}

/* Odd multiples of 2^-53: 52 bits are the fraction of a number from 1 to 2, less 1 - 2^-53. */
static void uniform_doubles(const uint32_t *high, const uint32_t *low, double *out, int n) {
  for (int i = 0; i < n; ++i) {
    const uint64_t bits = ((uint64_t)high[i] << 32 | low[i]) >> 12 | UINT64_C(0x3FF0000000000000);
    double number;
    memcpy(&number, &bits, sizeof number);
    out[i] = number - (1 - 0x1p-53);
  }
}

/* The same with a finer step near zero, 2^-32, from which large normal numbers are made; the
 * largest is 1. */
static void radius_floats(const uint32_t *words, float *out, int n) {
  for (int i = 0; i < n; ++i)
    out[i] = ((float)(int32_t)(words[i] >> 1) + 0.5f) * 0x1p-31f;
}

static void scale(const struct kernels *kernels, int real, void *values, double by, int n) {
  const float single = (float)by;
  kernels->binary[real][BINARY_MULTIPLY](values, values, 1,
                                         real == REAL_FLOAT32 ? (const void *)&single : &by, 0, n);
}

/*
 * Two uniform numbers become two normal ones (Box and Muller 1958, doi:10.1214/aoms/1177706645):
 * sqrt(-2 log u) times cosine and sine of the angle.
 */
static void make_normal(const struct kernels *kernels, int real, void *u, void *angle, int n) {
  static const double none[2] = {0, 0};
  unary_kernel *const *unary = kernels->unary[real];
  binary_kernel *multiply = kernels->binary[real][BINARY_MULTIPLY];
  union numbers cosine;
  unary[UNARY_LOGARITHM](u, u, 1, n, none);
  scale(kernels, real, u, -2, n);
  unary[UNARY_SQUARE_ROOT](u, u, 1, n, none);
  unary[UNARY_COSINE](&cosine, angle, 1, n, none);
  unary[UNARY_SINE](angle, angle, 1, n, none);
  multiply(angle, angle, 1, u, 1, n);
  multiply(u, u, 1, &cosine, 1, n);
}

static void make_uniform_numbers(struct tile *tile) {
  if (tile->real == REAL_FLOAT64) {
    for (int k = 0; k < tile->n_used; ++k)
      uniform_doubles(tile->words[2 * k], tile->words[2 * k + 1], tile->rows[k].doubles, tile->n);
    return;
  }
  for (int k = 0; k < tile->n_used; ++k)
    uniform_floats(tile->words[k], tile->rows[k].floats, tile->n);
}

/* Rows 2 k and 2 k + 1 are made together. */
static void make_normal_numbers(const struct kernels *kernels, struct tile *tile) {
  tile->n_used = (tile->n_used + 1) / 2 * 2;
  if (tile->real == REAL_FLOAT64) {
    make_uniform_numbers(tile);
  } else {
    for (int k = 0; k < tile->n_used; k += 2) {
      radius_floats(tile->words[k], tile->rows[k].floats, tile->n);
      uniform_floats(tile->words[k + 1], tile->rows[k + 1].floats, tile->n);
    }
  }
  for (int k = 0; k < tile->n_used; k += 2) {
    scale(kernels, tile->real, &tile->rows[k + 1], circle, tile->n);
    make_normal(kernels, tile->real, &tile->rows[k], &tile->rows[k + 1], tile->n);
  }
}

/* --- Numbers to arrays --- */

/* The elements of an array that row k of the tile holds; 0 if there are none. */
static int find_elements(const struct tile *tile, int k, const struct layout *array,
                         struct layout *elements) {
  const int64_t first = tile->first_counter * tile->n_rows + k;
  const int64_t n = (array->width - first + tile->n_rows - 1) / tile->n_rows;
  if (first >= array->width)
    return 0;
  *elements = *array;
  elements->data += first * array->item_strides[0];
  elements->item_strides[0] *= tile->n_rows;
  elements->item_shape[0] = elements->width = n < tile->counters ? n : tile->counters;
  return 1;
}

static void write_tile(const struct tile *tile, const struct layout *array, int64_t first) {
  struct layout elements;
  for (int k = 0; k < tile->n_rows; ++k)
    if (find_elements(tile, k, array, &elements))
      layout_scatter_tile(&elements, first, tile->columns, &tile->rows[k], tile->columns,
                          array->dtype);
}

/* Advance the process by the noise in the tile. */
static void advance(const struct kernels *kernels, struct tile *tile, const struct layout *memory,
                    double coefficient) {
  const double amplitude = sqrt((1 - coefficient) * (1 + coefficient));
  struct layout elements;
  union numbers before = {.doubles = {0}};
  for (int k = 0; k < tile->n_rows; ++k) {
    if (!find_elements(tile, k, memory, &elements))
      continue;
    layout_gather_tile(&elements, 0, tile->columns, &before, tile->columns, memory->dtype);
    scale(kernels, tile->real, &before, coefficient, tile->n);
    scale(kernels, tile->real, &tile->rows[k], amplitude, tile->n);
    kernels->binary[tile->real][BINARY_ADD](&tile->rows[k], &before, 1, &tile->rows[k], 1, tile->n);
  }
}

/* The columns of 'array' from 'first' on and of 'memory' from its first on, so many as a tile has.
 */
static void fill_tile(const struct noise_maker *maker, int32_t distribution,
                      const struct noise_key *key, const int64_t *ids, struct tile *tile,
                      const struct layout *array, int64_t first, const struct layout *memory,
                      const struct noise_memory *process) {
  make_words(maker, key, ids, tile);
  if (distribution == PYEMU_NORMAL)
    make_normal_numbers(&maker->kernels, tile);
  else
    make_uniform_numbers(tile);
  if (process && !process->is_new)
    advance(&maker->kernels, tile, memory, process->coefficient);
  if (process)
    write_tile(tile, memory, 0);
  write_tile(tile, array, first);
}

void noise_fill(const struct noise_maker *maker, int32_t distribution, const struct noise_key *key,
                const int64_t *ids, const struct layout *array, int64_t first, int64_t columns,
                const struct noise_memory *process) {
  struct tile tile;
  struct layout memory = {0};
  tile.real = array->dtype == PYEMU_FLOAT64 ? REAL_FLOAT64 : REAL_FLOAT32;
  tile.n_rows = tile.real == REAL_FLOAT64 ? 2 : 4;
  const int64_t counters = (array->width + tile.n_rows - 1) / tile.n_rows;
  for (int64_t c = 0; c < columns; c += tile.columns) {
    tile.columns = columns - c < MOST ? columns - c : MOST;
    if (process)
      memory = layout_of_tensor((char *)process->rows +
                                    c * array->width * (int64_t)dtype_size(array->dtype),
                                array->dtype, tile.columns, array->width);
    for (int64_t b = 0; b < counters; b += tile.counters) {
      const int64_t most = MOST / tile.columns;
      tile.first_counter = b;
      tile.counters = counters - b < most ? counters - b : most;
      tile.n_used = array->width < tile.n_rows ? (int)array->width : tile.n_rows;
      fill_tile(maker, distribution, key, ids + c, &tile, array, first + c, &memory, process);
    }
  }
}

/* --- Without an emulator --- */

/* Describe the array: all its dimensions enumerate columns if it has as many elements as there are
 * ids; else one of them, 'level_dim', enumerates the elements of a column. */
static int describe(struct layout *layout, const pyemu_array *array, int level_dim, int64_t columns,
                    const struct error *error) {
  static char name[] = "noise", element[] = "element";
  struct variable v = {.name = name, .has_batch = 1, .width = 1, .direction = PYEMU_OUTPUT};
  int64_t count = 1;
  if (!array)
    return fail(error, PYEMU_ERR_ARGUMENT, "'array' is NULL: there is nothing to fill");
  if (array->dtype != PYEMU_FLOAT32 && array->dtype != PYEMU_FLOAT64)
    return fail(error, PYEMU_ERR_KIND,
                "the array for noise is %s; expected a float32 or float64 array",
                dtype_name(array->dtype));
  v.dtype = array->dtype;
  for (int i = 0; i < array->rank && i < PYEMU_MAX_RANK; ++i)
    if (array->shape[i] < 0 || !multiply_sizes(count, array->shape[i], &count))
      count = -1;
  if (level_dim < 0 && count == columns)
    return layout_make(layout, array, &v, level_dim, error);
  const int level = level_dim < 0 ? array->rank - 1 : level_dim;
  if (array->rank >= 1 && array->rank <= PYEMU_MAX_RANK) {
    v.width = level < array->rank ? array->shape[level] : 1;
    v.n_dims = v.is_level = 1;
    v.dims[0] = (struct dimension){element, v.width};
  }
  int status = layout_make(layout, array, &v, level_dim, error);
  if (status != PYEMU_OK || layout->columns == columns)
    return status;
  return fail(error, PYEMU_ERR_SIZE,
              "the array for noise has %lld columns of %lld elements, but there are %lld ids",
              (long long)layout->columns, (long long)layout->width, (long long)columns);
}

static int check_ids(const struct layout *ids, const struct error *error) {
  int64_t some[MOST];
  int status = PYEMU_OK;
  for (int64_t i = 0, n; i < ids->columns && status == PYEMU_OK; i += n) {
    n = ids->columns - i < MOST ? ids->columns - i : MOST;
    ids_read(ids, i, n, some);
    status = ids_check(some, i, n, error);
  }
  return status;
}

int pyemu_fill_noise(int32_t distribution, int64_t seed, int64_t member, int64_t step,
                     int64_t stream, const pyemu_array *ids, const pyemu_array *array,
                     int level_dim, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct environment environment;
  struct noise_maker maker;
  struct layout columns, layout;
  int64_t some[MOST];
  if (distribution != PYEMU_NORMAL && distribution != PYEMU_UNIFORM)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "the distribution has number %d; expected 1 ('normal') or 2 ('uniform')",
                (int)distribution);
  int status = noise_check_number("member", member, &error);
  if (status == PYEMU_OK)
    status = noise_check_number("stream", stream, &error);
  if (status == PYEMU_OK)
    status = ids_make(&columns, ids, &error);
  if (status == PYEMU_OK)
    status = describe(&layout, array, level_dim, columns.columns, &error);
  if (status == PYEMU_OK)
    status = check_ids(&columns, &error);
  if (status == PYEMU_OK)
    status = noise_maker_find(&maker, &error);
  if (status != PYEMU_OK)
    return status;
  const struct noise_key key = noise_key_of(seed, member, step, (uint32_t)stream);
  environment_hold(&environment);
  environment_use_default();
  for (int64_t i = 0, n; i < columns.columns && layout.width > 0; i += n) {
    n = columns.columns - i < MOST ? columns.columns - i : MOST;
    ids_read(&columns, i, n, some);
    noise_fill(&maker, distribution, &key, some, &layout, i, n, NULL);
  }
  environment_restore(&environment);
  return PYEMU_OK;
}
