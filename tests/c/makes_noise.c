/*
 * Noise: Philox gives the published words, streams give the same bits on every kind of processor,
 * in any array, column by column or all at once, and whatever arithmetic the host has chosen. The
 * memory finds the rows of columns.
 */
#include <fenv.h>
#include <stdint.h>

#include "check.h"
#include "environment.h"
#include "ids.h"
#include "memory.h"
#include "noise.h"

static char message[1024];
static const char *const kinds[] = {"avx512", "avx2", "neon", "scalar"};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

/* --- Philox --- */

/* The lines "philox4x32 10" of the file kat_vectors of Random123, by the authors of the paper. */
static void check_published_words(void) {
  static const struct {
    uint32_t counter[4], key[2], words[4];
  } known[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    uint32_t words[4];
    philox_block(known[i].counter, known[i].key, words);
    CHECK(memcmp(words, known[i].words, sizeof words) == 0);
  }
}

static struct noise_maker makers[N_KINDS];
static int n_makers;

/* All kinds that this processor has. */
static void find_makers(void) {
  struct error error = error_in(message, sizeof message);
  for (int i = 0; i < N_KINDS; ++i) {
    setenv("PYEMU_NATIVE_KERNELS", kinds[i], 1);
    if (noise_maker_find(&makers[n_makers], &error) == PYEMU_OK)
      printf("%s\n", makers[n_makers++].kernels.name);
  }
  setenv("PYEMU_NATIVE_KERNELS", "abacus", 1);
  CHECK_STATUS(noise_maker_find(&makers[0], &error), PYEMU_ERR_ARGUMENT, "expected avx512");
  unsetenv("PYEMU_NATIVE_KERNELS");
  CHECK(n_makers >= 1);
}

static void check_blocks(void) {
  static struct philox_counters counters;
  static uint32_t words[4][PHILOX_MOST], block[4];
  const uint32_t key[2] = {0xdeadbeef, 42};
  for (uint64_t i = 0; i < PHILOX_MOST; ++i) {
    counters.low[i % 2][i / 2] = i * UINT64_C(0x123456789abcdef);
    counters.high[i % 2][i / 2] = ~i << (i % 64);
  }
  for (int kind = 0; kind < n_makers; ++kind) {
    makers[kind].blocks(&counters, PHILOX_MOST, key, words);
    for (int i = 0; i < PHILOX_MOST; ++i) {
      const uint64_t low = counters.low[i % 2][i / 2], high = counters.high[i % 2][i / 2];
      const uint32_t counter[4] = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high,
                                   (uint32_t)(high >> 32)};
      philox_block(counter, key, block);
      for (int k = 0; k < 4; ++k)
        CHECK(words[k][i] == block[k]);
    }
  }
}

/* --- Streams --- */

/* The first three elements of three columns. tests/python/philox.py makes the same numbers from the
 * paper, the normal ones but for the last bits. */
static void check_known_numbers(void) {
  static const float uniform[9] = {0x1.f48894p-2f, 0x1.ae58f4p-2f, 0x1.0cad50p-4f,
                                   0x1.6f41d4p-2f, 0x1.0350ecp-2f, 0x1.b23a52p-1f,
                                   0x1.84242cp-2f, 0x1.c772c0p-6f, 0x1.2e93aap-1f};
  static const float normal[9] = {0x1.263e32p-1f,  0x1.0ca808p+0f, 0x1.208fdcp-7f,
                                  -0x1.dd6228p-6f, 0x1.6e8896p+0f, 0x1.0cc43ap-1f,
                                  0x1.5f2906p+0f,  0x1.efb9fap-3f, 0x1.0cf044p-2f};
  static const double uniform_double[9] = {
      0x1.f48896ddae58ep-2, 0x1.0cad483c02758p-4, 0x1.269896b151ef5p-1,
      0x1.6f41d4650350ep-2, 0x1.b23a506c21f27p-1, 0x1.e7a8304710f3ep-2,
      0x1.8424293c1c772p-2, 0x1.2e93aacd9519dp-1, 0x1.4c90465aed215p-1};
  static const double normal_double[9] = {
      0x1.1d3644c2d1b6ap+0,  -0x1.bec48c0d4cc6cp-2, -0x1.db83dd68c2314p-1,
      -0x1.ed54832923180p-3, -0x1.6962c899e4c26p+0, -0x1.3613a9e70e864p-3,
      -0x1.5c77338dbcd37p+0, 0x1.2ea77f43f2171p-2,  0x1.45e1363646c8ep-1};
  static const struct {
    int32_t distribution, dtype;
    const void *numbers;
  } known[] = {{PYEMU_UNIFORM, PYEMU_FLOAT32, uniform},
               {PYEMU_NORMAL, PYEMU_FLOAT32, normal},
               {PYEMU_UNIFORM, PYEMU_FLOAT64, uniform_double},
               {PYEMU_NORMAL, PYEMU_FLOAT64, normal_double}};
  int64_t numbers[3] = {0, 1, INT64_C(12345678901)};
  const pyemu_array ids = {numbers, PYEMU_INT64, 1, {3}, {8}};
  for (int i = 0; i < 4; ++i) {
    const int64_t size = known[i].dtype == PYEMU_FLOAT32 ? 4 : 8;
    char found[9 * 8];
    const pyemu_array array = {found, known[i].dtype, 2, {3, 3}, {3 * size, size}};
    CHECK_STATUS(pyemu_fill_noise(known[i].distribution, 42, 3, 7, 5, &ids, &array, PYEMU_LAST_DIM,
                                  message, sizeof message),
                 PYEMU_OK, "");
    CHECK(memcmp(found, known[i].numbers, (size_t)(9 * size)) == 0);
  }
}

enum { COLUMNS = 301, ELEMENTS = 37, COUNT = COLUMNS * ELEMENTS };

static int64_t numbers[COLUMNS];

/* So many columns and elements by one kind of processor, in a dense tensor. */
static void fill_dense(const struct noise_maker *maker, int32_t distribution, int32_t dtype,
                       int64_t columns, int64_t elements, void *to) {
  const struct noise_key key = noise_key_of(1, 2, 3, 4);
  const struct layout layout = layout_of_tensor(to, dtype, columns, elements);
  noise_fill(maker, distribution, &key, numbers, &layout, 0, columns, NULL);
}

/* Every kind of processor, and every number of columns and elements, gives the same bits. */
static void check_kinds(int32_t distribution, int32_t dtype) {
  static char all[COUNT * 8], found[COUNT * 8];
  static const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 16, 36};
  const size_t size = dtype == PYEMU_FLOAT32 ? 4 : 8;
  for (int64_t i = 0; i < COLUMNS; ++i)
    numbers[i] = i * i * 7919 + (i % 3 << 40);
  fill_dense(&makers[n_makers - 1], distribution, dtype, COLUMNS, ELEMENTS, all);
  for (int kind = 0; kind < n_makers; ++kind) {
    fill_dense(&makers[kind], distribution, dtype, COLUMNS, ELEMENTS, found);
    CHECK(memcmp(found, all, COUNT * size) == 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
      for (int64_t columns = 1; columns <= COLUMNS; columns += columns < 20 ? 1 : 93) {
        fill_dense(&makers[kind], distribution, dtype, columns, sizes[i], found);
        for (int64_t c = 0; c < columns; ++c)
          CHECK(memcmp(found + (size_t)(c * sizes[i]) * size, all + (size_t)(c * ELEMENTS) * size,
                       (size_t)sizes[i] * size) == 0);
      }
  }
}

static pyemu_array array_of(void *data, int64_t column_stride, int64_t element_stride) {
  return (pyemu_array){
      data, PYEMU_FLOAT32, 2, {COLUMNS, ELEMENTS}, {column_stride, element_stride}};
}

/* Any strides, ids of both types and any rank, any of the dimensions that of the elements; and
 * nothing beside the array is touched. */
static void check_arrays(void) {
  static float dense[COUNT], other[2 * COUNT + 2];
  static int32_t narrow[COLUMNS * 2];
  for (int64_t i = 0; i < COLUMNS; ++i)
    narrow[2 * i] = (int32_t)(numbers[i] = 5 * i + 1);
  const pyemu_array ids = {numbers, PYEMU_INT64, 1, {COLUMNS}, {8}};
  const pyemu_array strided_ids = {narrow, PYEMU_INT32, 3, {7, 1, COLUMNS / 7}, {8, 4, 56}};
  pyemu_array array = array_of(dense, ELEMENTS * 4, 4);
  CHECK_STATUS(pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &ids, &array, PYEMU_LAST_DIM, message,
                                sizeof message),
               PYEMU_OK, "");
  for (int64_t i = 0; i < 2 * COUNT + 2; ++i)
    other[i] = -999;
  array = array_of(other + 1, 8, 8 * COLUMNS);
  CHECK_STATUS(
      pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &strided_ids, &array, 1, message, sizeof message),
      PYEMU_OK, "");
  for (int64_t c = 0; c < COLUMNS; ++c)
    for (int64_t e = 0; e < ELEMENTS; ++e)
      CHECK(other[1 + 2 * (c + COLUMNS * e)] == dense[c * ELEMENTS + e] &&
            other[2 * (c + COLUMNS * e)] == -999);
  const pyemu_array blocks = {
      other, PYEMU_FLOAT32, 3, {7, ELEMENTS, COLUMNS / 7}, {4, 28, 28 * ELEMENTS}};
  CHECK_STATUS(
      pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &ids, &blocks, 1, message, sizeof message),
      PYEMU_OK, "");
  for (int64_t c = 0; c < COLUMNS; ++c)
    for (int64_t e = 0; e < ELEMENTS; ++e)
      CHECK(other[c % 7 + 7 * (e + ELEMENTS * (c / 7))] == dense[c * ELEMENTS + e]);
  const pyemu_array single = {other, PYEMU_FLOAT32, 2, {7, COLUMNS / 7}, {4, 28}};
  CHECK_STATUS(pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &ids, &single, PYEMU_LAST_DIM, message,
                                sizeof message),
               PYEMU_OK, "");
  for (int64_t c = 0; c < COLUMNS; ++c)
    CHECK(other[c] == dense[c * ELEMENTS]);
}

/* Rounding and the treatment of tiny numbers are the library's while it works, and the host's
 * after. */
static void check_arithmetic(void) {
  static float plain[COUNT], other[COUNT];
  const pyemu_array ids = {numbers, PYEMU_INT64, 1, {COLUMNS}, {8}};
  pyemu_array array = array_of(plain, ELEMENTS * 4, 4);
  pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &ids, &array, PYEMU_LAST_DIM, NULL, 0);
  array.data = other;
  fesetround(FE_UPWARD);
  pyemu_fill_noise(PYEMU_NORMAL, 9, 0, 1, 0, &ids, &array, PYEMU_LAST_DIM, NULL, 0);
  CHECK(fegetround() == FE_UPWARD);
  fesetround(FE_TONEAREST);
  CHECK(memcmp(plain, other, sizeof plain) == 0);
}

static void check_refusals(void) {
  float values[12] = {-999};
  int64_t four[4] = {1, 2, 3, 4};
  pyemu_array ids = {four, PYEMU_INT64, 1, {4}, {8}};
  pyemu_array array = {values, PYEMU_FLOAT32, 2, {4, 3}, {12, 4}};
#define FILL(DISTRIBUTION, MEMBER, STREAM, IDS, ARRAY, LEVEL)                                      \
  pyemu_fill_noise(DISTRIBUTION, 1, MEMBER, 1, STREAM, IDS, ARRAY, LEVEL, message, sizeof message)
  CHECK_STATUS(FILL(3, 0, 0, &ids, &array, -1), PYEMU_ERR_ARGUMENT, "distribution has number 3");
  CHECK_STATUS(FILL(1, -1, 0, &ids, &array, -1), PYEMU_ERR_ARGUMENT, "'member' is -1; expected 0");
  CHECK_STATUS(FILL(1, 0, INT64_C(1) << 31, &ids, &array, -1), PYEMU_ERR_ARGUMENT,
               "'stream' is 2147483648; expected 0 to 2147483647");
  CHECK_STATUS(FILL(1, 0, 0, NULL, &array, -1), PYEMU_ERR_ARGUMENT, "'ids' is NULL");
  CHECK_STATUS(FILL(1, 0, 0, &ids, NULL, -1), PYEMU_ERR_ARGUMENT, "'array' is NULL");
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, 2), PYEMU_ERR_ARGUMENT, "after the last");
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, 0), PYEMU_ERR_SIZE,
               "has 3 columns of 4 elements, but there are 4 ids");
  CHECK_STATUS(FILL(1, 0, 0, &array, &array, -1), PYEMU_ERR_KIND, "expected int32 or int64");
  ids.dtype = PYEMU_FLOAT64;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_KIND, "expected int32 or int64");
  ids.dtype = PYEMU_INT64;
  array.dtype = PYEMU_INT32;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_KIND, "expected a float32 or float64");
  array.dtype = PYEMU_FLOAT32;
  array.strides[0] = 0;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_LAYOUT, "share memory");
  array.strides[0] = 12;
  array.rank = 8;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_SIZE, "rank 8");
  array.rank = -1;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_SIZE, "rank -1");
  array.rank = 2;
  array.shape[0] = INT64_MAX;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_SIZE, "too large to address");
  array.shape[0] = 4;
  ids.data = NULL;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_ARGUMENT, "'ids' has no memory");
  ids.data = four;
  four[2] = -7;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_ERR_ARGUMENT,
               "the id of column 3 (counted from 1) is -7; expected");
  CHECK(values[0] == -999);
  ids.shape[0] = array.shape[0] = 0;
  CHECK_STATUS(FILL(1, 0, 0, &ids, &array, -1), PYEMU_OK, "");
  CHECK(values[0] == -999);
}

/* --- Memory --- */

enum { MANY = 5000 };

static void check_memory(void) {
  static int64_t ids[MANY], rows[MANY], again[MANY];
  struct error error = error_in(message, sizeof message);
  struct memory memory = memory_of(2, sizeof(double));
  int64_t allocations = 0;
  for (int64_t i = 0; i < MANY; ++i) /* adjacent, far apart, with the same lower or upper bits */
    ids[i] = i % 3 == 0 ? i : i % 3 == 1 ? i << 40 : INT64_MAX - i * 4096;
  CHECK_STATUS(memory_find(&memory, ids, MANY, rows, &allocations, &error), PYEMU_OK, "");
  for (int64_t i = 0; i < MANY; ++i) {
    CHECK(rows[i] == i && !memory.is_made[i]);
    memory.is_made[i] = 1;
    for (int k = 0; k < 2; ++k) {
      const double value = (double)(ids[i] / 4 - k);
      memcpy(memory_at(&memory, i, k), &value, sizeof value);
    }
  }
  const int64_t taken = allocations;
  CHECK(taken > 0 && taken < 20);
  for (int64_t i = 0; i < MANY; ++i)
    again[i] = ids[(i * 2711) % MANY];
  CHECK_STATUS(memory_find(&memory, again, MANY, rows, &allocations, &error), PYEMU_OK, "");
  for (int64_t i = 0; i < MANY; ++i) {
    double found[2];
    for (int k = 0; k < 2; ++k)
      memcpy(&found[k], memory_at(&memory, rows[i], k), sizeof found[k]);
    CHECK(ids[rows[i]] == again[i] && memory.is_made[rows[i]]);
    CHECK(found[0] == (double)(again[i] / 4) && found[1] == (double)(again[i] / 4 - 1));
  }
  CHECK(allocations == taken && memory.n_rows == MANY);
  again[MANY - 1] = again[17];
  CHECK_STATUS(memory_find(&memory, again, MANY, rows, &allocations, &error), PYEMU_ERR_ARGUMENT,
               "columns 18 and 5000 (counted from 1) have the same id");
  CHECK_STATUS(memory_find(&memory, ids, 3, rows, &allocations, &error), PYEMU_OK, "");
  memory_forget(&memory);
  CHECK(memory.n_rows == 0);
  CHECK_STATUS(memory_find(&memory, ids, 3, rows, &allocations, &error), PYEMU_OK, "");
  CHECK(rows[2] == 2 && !memory.is_made[2] && allocations == taken);
  memory_free(&memory);
}

int main(void) {
  check_published_words();
  check_known_numbers();
  find_makers();
  check_blocks();
  check_kinds(PYEMU_NORMAL, PYEMU_FLOAT32);
  check_kinds(PYEMU_UNIFORM, PYEMU_FLOAT32);
  check_kinds(PYEMU_NORMAL, PYEMU_FLOAT64);
  check_kinds(PYEMU_UNIFORM, PYEMU_FLOAT64);
  check_arrays();
  check_arithmetic();
  check_refusals();
  check_memory();
  return check_result();
}
