#include "noise.h"

#include <math.h>
#include <string.h>

#include "dtype.h"
#include "environment.h"
#include "ids.h"
#include "wide.h"

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

/* --- Words to numbers --- */

/* Odd multiples of 2^-24, from 2^-24 to 1 - 2^-24. */
WIDE static void uniform_floats(const uint32_t *words, float *out, int n) {
  for (int i = 0; i < n; ++i)
    out[i] = (float)(int32_t)(words[i] >> 8 | 1) * 0x1p-24f;
}

/* The first 52 of 64 bits as the fraction of a number from 1 to 2. */
ALWAYS_INLINE double one_and_fraction(uint64_t word) {
  const uint64_t bits = word >> 12 | UINT64_C(0x3FF0000000000000);
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* Odd multiples of 2^-53, from 2^-53 to 1 - 2^-53. */
WIDE static void uniform_doubles(const uint32_t *high, const uint32_t *low, double *out, int n) {
  for (int i = 0; i < n; ++i)
    out[i] = one_and_fraction((uint64_t)high[i] << 32 | low[i]) - (1 - 0x1p-53);
}

/* The same with a finer step near zero, 2^-32, from which large normal numbers are made; the
 * largest is 1. */
WIDE static void radius_floats(const uint32_t *words, float *out, int n) {
  for (int i = 0; i < n; ++i)
    out[i] = ((float)(int32_t)(words[i] >> 1) + 0.5f) * 0x1p-31f;
}

/*
 * Cosine and sine of a random angle: two bits are its quadrant, all others an odd multiple of the
 * finest step between -pi/4 and pi/4, for which the series is short. The library's own sine knows
 * nothing of the range and takes five times as long.
 */
#define DEFINE_QUADRANT(REAL, BITS, SIGN)                                                          \
  ALWAYS_INLINE void quadrant_##REAL(BITS quadrant, REAL c, REAL s, REAL *cosine, REAL *sine) {    \
    const BITS swaps = (BITS)0 - (quadrant & 1);                                                   \
    BITS a, b;                                                                                     \
    memcpy(&a, &c, sizeof a);                                                                      \
    memcpy(&b, &s, sizeof b);                                                                      \
    const BITS differ = (a ^ b) & swaps;                                                           \
    a ^= differ ^ ((quadrant ^ quadrant >> 1) & 1) << SIGN;                                        \
    b ^= differ ^ (quadrant >> 1) << SIGN;                                                         \
    memcpy(cosine, &a, sizeof a);                                                                  \
    memcpy(sine, &b, sizeof b);                                                                    \
  }

DEFINE_QUADRANT(float, uint32_t, 31)
DEFINE_QUADRANT(double, uint64_t, 63)

/* 1 / n! with the sign that it has in both series. */
#define TERM(n, factorial) ((n) % 4 < 2 ? 1.0 / factorial : -1.0 / factorial)

WIDE static void angle_floats(const uint32_t *words, float *cosine, float *sine, int n) {
  static const float step = (float)(0x1.921fb54442d18p-1 * 0x1p-23); /* pi/4 * 2^-23 */
  for (int i = 0; i < n; ++i) {
    const float x = (float)((int32_t)(words[i] << 2) >> 8 | 1) * step, y = x * x;
    float s = (float)TERM(9, 362880.0), c = (float)TERM(10, 3628800.0);
    s = s * y + (float)TERM(7, 5040.0);
    s = s * y + (float)TERM(5, 120.0);
    s = s * y + (float)TERM(3, 6.0);
    c = c * y + (float)TERM(8, 40320.0);
    c = c * y + (float)TERM(6, 720.0);
    c = c * y + (float)TERM(4, 24.0);
    c = c * y - 0.5f;
    quadrant_float(words[i] >> 30, c * y + 1, s * y * x + x, &cosine[i], &sine[i]);
  }
}

WIDE static void angle_doubles(const uint32_t *high, const uint32_t *low, double *cosine,
                               double *sine, int n) {
  static const double half_pi = 0x1.921fb54442d18p+0;
  for (int i = 0; i < n; ++i) {
    const uint64_t word = (uint64_t)high[i] << 32 | low[i];
    const double x = (one_and_fraction(word << 2) - (1.5 - 0x1p-53)) * half_pi, y = x * x;
    double s = TERM(17, 355687428096000.0), c = TERM(18, 6402373705728000.0);
    s = s * y + TERM(15, 1307674368000.0);
    s = s * y + TERM(13, 6227020800.0);
    s = s * y + TERM(11, 39916800.0);
    s = s * y + TERM(9, 362880.0);
    s = s * y + TERM(7, 5040.0);
    s = s * y + TERM(5, 120.0);
    s = s * y + TERM(3, 6.0);
    c = c * y + TERM(16, 20922789888000.0);
    c = c * y + TERM(14, 87178291200.0);
    c = c * y + TERM(12, 479001600.0);
    c = c * y + TERM(10, 3628800.0);
    c = c * y + TERM(8, 40320.0);
    c = c * y + TERM(6, 720.0);
    c = c * y + TERM(4, 24.0);
    c = c * y - 0.5;
    quadrant_double(word >> 62, c * y + 1, s * y * x + x, &cosine[i], &sine[i]);
  }
}

static void scale(const struct kernels *kernels, int real, void *values, double by, int n) {
  const float single = (float)by;
  kernels->binary[real][BINARY_MULTIPLY](values, values, 1,
                                         real == REAL_FLOAT32 ? (const void *)&single : &by, 0, n);
}

/*
 * A uniform number and a direction become two normal numbers (Box and Muller 1958,
 * doi:10.1214/aoms/1177706645): sqrt(-2 log u) times cosine and sine.
 */
static void make_normal(const struct kernels *kernels, int real, void *u, void *cosine, void *sine,
                        int n) {
  static const double none[2] = {0, 0};
  unary_kernel *const *unary = kernels->unary[real];
  binary_kernel *multiply = kernels->binary[real][BINARY_MULTIPLY];
  unary[UNARY_LOGARITHM](u, u, 1, n, none);
  scale(kernels, real, u, -2, n);
  unary[UNARY_SQUARE_ROOT](u, u, 1, n, none);
  multiply(cosine, cosine, 1, u, 1, n);
  multiply(sine, sine, 1, u, 1, n);
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
  for (int k = 0; k < tile->n_used; k += 2) {
    union numbers *cosine = &tile->rows[k], *sine = &tile->rows[k + 1], u;
    if (tile->real == REAL_FLOAT64) {
      uniform_doubles(tile->words[0], tile->words[1], u.doubles, tile->n);
      angle_doubles(tile->words[2], tile->words[3], cosine->doubles, sine->doubles, tile->n);
    } else {
      radius_floats(tile->words[k], u.floats, tile->n);
      angle_floats(tile->words[k + 1], cosine->floats, sine->floats, tile->n);
    }
    make_normal(kernels, tile->real, &u, cosine, sine, tile->n);
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

/* --- Processes --- */

/* The numbers of one element of adjacent columns: in the tile, and in the memory. */
#define DEFINE_REMEMBER(REAL)                                                                      \
  WIDE static void remember_##REAL(REAL *tile, REAL *memory, int64_t n, enum noise_deed deed,      \
                                   REAL coefficient, REAL amplitude) {                             \
    if (deed == NOISE_ADVANCE)                                                                     \
      for (int64_t i = 0; i < n; ++i)                                                              \
        tile[i] = coefficient * memory[i] + amplitude * tile[i];                                   \
    if (deed == NOISE_REPEAT)                                                                      \
      memcpy(tile, memory, (size_t)n * sizeof(REAL));                                              \
    else                                                                                           \
      memcpy(memory, tile, (size_t)n * sizeof(REAL));                                              \
  }

DEFINE_REMEMBER(float)
DEFINE_REMEMBER(double)

/* 'first' is the tile's first column of those that the memory is for. */
static void remember(struct tile *tile, int64_t width, int64_t first,
                     const struct noise_memory *memory) {
  const double a = memory->coefficient, b = sqrt((1 - a) * (1 + a));
  for (int64_t counter = 0; counter < tile->counters; ++counter)
    for (int k = 0; k < tile->n_rows; ++k) {
      const int64_t element = (tile->first_counter + counter) * tile->n_rows + k;
      const int64_t to = element * memory->stride + first, from = counter * tile->columns;
      if (element >= width)
        continue;
      if (tile->real == REAL_FLOAT64)
        remember_double(tile->rows[k].doubles + from, (double *)memory->rows + to, tile->columns,
                        memory->deed, a, b);
      else
        remember_float(tile->rows[k].floats + from, (float *)memory->rows + to, tile->columns,
                       memory->deed, (float)a, (float)b);
    }
}

static void make_tile(const struct noise_maker *maker, int32_t distribution,
                      const struct noise_key *key, const int64_t *ids, struct tile *tile) {
  make_words(maker, key, ids, tile);
  if (distribution == PYEMU_NORMAL)
    make_normal_numbers(&maker->kernels, tile);
  else
    make_uniform_numbers(tile);
}

void noise_fill(const struct noise_maker *maker, int32_t distribution, const struct noise_key *key,
                const int64_t *ids, const struct layout *array, int64_t first, int64_t columns,
                const struct noise_memory *memory) {
  struct tile tile;
  tile.real = array->dtype == PYEMU_FLOAT64 ? REAL_FLOAT64 : REAL_FLOAT32;
  tile.n_rows = tile.real == REAL_FLOAT64 ? 2 : 4;
  tile.n_used = array->width < tile.n_rows ? (int)array->width : tile.n_rows;
  const int64_t counters = (array->width + tile.n_rows - 1) / tile.n_rows;
  for (int64_t c = 0; c < columns; c += tile.columns) {
    tile.columns = columns - c < MOST ? columns - c : MOST;
    const int64_t most = MOST / tile.columns;
    for (tile.first_counter = 0; tile.first_counter < counters;
         tile.first_counter += tile.counters) {
      const int64_t rest = counters - tile.first_counter;
      tile.counters = rest < most ? rest : most;
      if (!memory || memory->deed != NOISE_REPEAT)
        make_tile(maker, distribution, key, ids + c, &tile);
      if (memory)
        remember(&tile, array->width, c, memory);
      write_tile(&tile, array, first + c);
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
