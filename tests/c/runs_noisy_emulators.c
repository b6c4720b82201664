/*
 * Inputs that the library fills with noise: the same numbers in any blocks and order, by any
 * engine, over any team; the memory of a process, retries, noise of the host's own, and what is
 * refused.
 */
#include "toy.h"

enum { COLUMNS = 517, LEVELS = 5, STEPS = 4 };

static const char *directory;
static char message[1024];

/* What a host sees of noisy.onnx, whose outputs are its noise. */
struct host {
  double x[COLUMNS];
  float memory[COLUMNS * LEVELS];
  double kick[COLUMNS * LEVELS];
  float coin[COLUMNS];
};

static int64_t all_ids[COLUMNS]; /* of the whole model */

static int is_same(const struct host *a, const struct host *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* Bind 'columns' columns of the host's arrays from 'first' on: levels adjacent. */
static void bind_block(pyemu_emulator *e, struct host *host, const int64_t *ids, int64_t first,
                       int64_t columns) {
  const pyemu_array arrays[] = {
      {host->x + first, PYEMU_FLOAT64, 1, {columns}, {8}},
      {host->memory + first * LEVELS, PYEMU_FLOAT32, 2, {columns, LEVELS}, {4 * LEVELS, 4}},
      {host->kick + first * LEVELS, PYEMU_FLOAT64, 2, {columns, LEVELS}, {8 * LEVELS, 8}},
      {host->coin + first, PYEMU_FLOAT32, 1, {columns}, {4}}};
  const char *const names[] = {"x", "shown_memory", "shown_kick", "shown_coin"};
  const pyemu_array id_array = {
      (int64_t *)(uintptr_t)(ids + first), PYEMU_INT64, 1, {columns}, {8}};
  pyemu_unbind(e, NULL, 0);
  for (int i = 0; i < 4; ++i)
    CHECK_STATUS(pyemu_bind(e, names[i], &arrays[i], NULL, PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
  CHECK_STATUS(pyemu_bind_ids(e, &id_array, message, sizeof message), PYEMU_OK, "");
}

static void run_step(pyemu_emulator *e, int64_t step) {
  CHECK_STATUS(pyemu_run(e, step, message, sizeof message), PYEMU_OK, "");
}

static void open_noisy(pyemu_emulator **e, const char *name, const char *engine, int threads) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = engine;
  options.threads = threads;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  CHECK_STATUS(pyemu_open(path, &options, e, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_set_noise(*e, 2026, 3, message, sizeof message), PYEMU_OK, "");
}

/* All steps with all columns at once: what every other way must give. */
static struct host expected[STEPS];

static void make_expected(void) {
  pyemu_emulator *e;
  for (int64_t i = 0; i < COLUMNS; ++i)
    all_ids[i] = 1000 + 3 * i;
  open_noisy(&e, "noisy.onnx", "native", 1);
  for (int step = 0; step < STEPS; ++step) {
    bind_block(e, &expected[step], all_ids, 0, COLUMNS);
    run_step(e, step);
    for (int i = 0; i < step; ++i)
      CHECK(memcmp(expected[i].memory, expected[step].memory, sizeof expected[i].memory) != 0 &&
            memcmp(expected[i].kick, expected[step].kick, sizeof expected[i].kick) != 0 &&
            memcmp(expected[i].coin, expected[step].coin, sizeof expected[i].coin) != 0);
  }
  pyemu_close(&e, NULL, 0);
}

/* One handle serves all blocks, in another order each step. */
static void check_blocks(const char *engine, int threads, int64_t block) {
  static struct host host;
  const int64_t blocks = (COLUMNS + block - 1) / block;
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", engine, threads);
  for (int step = 0; step < STEPS; ++step) {
    memset(&host, 0, sizeof host);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t first = (step % 2 ? blocks - 1 - b : b) * block;
      bind_block(e, &host, all_ids, first, COLUMNS - first < block ? COLUMNS - first : block);
      run_step(e, step);
    }
    CHECK(is_same(&host, &expected[step]));
  }
  pyemu_close(&e, NULL, 0);
}

/* Columns change their places from step to step. */
static void check_permuted(const char *engine, int threads) {
  static struct host host, sorted;
  int64_t ids[COLUMNS];
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", engine, threads);
  for (int64_t step = 0; step < STEPS; ++step) {
    for (int64_t i = 0; i < COLUMNS; ++i)
      ids[i] = all_ids[(i * (2 * step + 1) + step) % COLUMNS]; /* 517 is 11 * 47 */
    bind_block(e, &host, ids, 0, COLUMNS);
    run_step(e, step);
    for (int64_t i = 0; i < COLUMNS; ++i) {
      const int64_t to = (ids[i] - 1000) / 3;
      memcpy(sorted.memory + to * LEVELS, host.memory + i * LEVELS, LEVELS * sizeof(float));
      memcpy(sorted.kick + to * LEVELS, host.kick + i * LEVELS, LEVELS * sizeof(double));
      sorted.coin[to] = host.coin[i];
    }
    CHECK(is_same(&sorted, &expected[step]));
  }
  pyemu_close(&e, NULL, 0);
}

/* The first columns of partly filled blocks; ids of the rest are not looked at. */
static void check_some_columns(void) {
  static struct host host;
  int64_t ids[COLUMNS];
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", "native", 1);
  memcpy(ids, all_ids, sizeof ids);
  ids[100] = ids[101] = -1;
  bind_block(e, &host, ids, 0, COLUMNS);
  for (int step = 0; step < STEPS; ++step)
    CHECK_STATUS(pyemu_run_columns(e, step, 100, message, sizeof message), PYEMU_OK, "");
  CHECK(memcmp(host.memory, expected[STEPS - 1].memory, 100 * LEVELS * sizeof(float)) == 0);
  CHECK(memcmp(host.kick, expected[STEPS - 1].kick, 100 * LEVELS * sizeof(double)) == 0);
  CHECK(host.memory[100 * LEVELS] == 0 && host.coin[100] == 0);
  CHECK_STATUS(pyemu_run_columns(e, STEPS, 101, message, sizeof message), PYEMU_ERR_ARGUMENT,
               "the id of column 101 (counted from 1) is -1");
  pyemu_close(&e, NULL, 0);
}

/* A step that is run again, or sub-cycled, has the same noise and advances nothing; also after a
 * run that failed. */
static void check_retries(void) {
  static struct host host;
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", "native", 1);
  bind_block(e, &host, all_ids, 0, COLUMNS);
  for (int step = 0; step < STEPS; ++step)
    for (int again = 0; again < 3; ++again) {
      host.x[5] = again == 0 ? NAN : 0;
      memset(host.memory, 0, sizeof host.memory);
      if (again == 0)
        CHECK_STATUS(pyemu_run(e, step, message, sizeof message), PYEMU_ERR_NOT_FINITE,
                     "input 'x'");
      else
        run_step(e, step);
      CHECK(again == 0 || is_same(&host, &expected[step]));
    }
  pyemu_close(&e, NULL, 0);
}

/* An array that is bound is used as it is; the others go on as if nothing had been. */
static void check_own_noise(const char *engine) {
  static struct host host;
  static float own[COLUMNS * LEVELS];
  const pyemu_array array = {own, PYEMU_FLOAT32, 2, {COLUMNS, LEVELS}, {4 * LEVELS, 4}};
  pyemu_variable variable = {.sizeof_variable = sizeof variable};
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", engine, 1);
  for (int64_t i = 0; i < COLUMNS * LEVELS; ++i)
    own[i] = (float)i;
  bind_block(e, &host, all_ids, 0, COLUMNS);
  pyemu_variable_info(e, 1, &variable, NULL, 0);
  CHECK(!variable.is_bound && variable.noise == PYEMU_NORMAL && variable.noise_ar1 == 0.9);
  CHECK_STATUS(pyemu_bind(e, "memory", &array, NULL, PYEMU_LAST_DIM, message, sizeof message),
               PYEMU_OK, "");
  pyemu_variable_info(e, 1, &variable, NULL, 0);
  CHECK(variable.is_bound);
  run_step(e, 0);
  CHECK(memcmp(host.memory, own, sizeof own) == 0);
  CHECK(memcmp(host.kick, expected[0].kick, sizeof host.kick) == 0);
  bind_block(e, &host, all_ids, 0, COLUMNS);
  run_step(e, 0);
  CHECK(is_same(&host, &expected[0]));
  run_step(e, 1);
  CHECK(is_same(&host, &expected[1]));
  pyemu_close(&e, NULL, 0);
}

/* An output that lies over an input goes through tensors, and so does the noise then. */
static void check_overlap(const char *engine) {
  static struct host host;
  const pyemu_array x = {host.kick + 3, PYEMU_FLOAT64, 1, {COLUMNS}, {8}};
  pyemu_emulator *e;
  memset(&host, 0, sizeof host);
  open_noisy(&e, "noisy.onnx", engine, 1);
  bind_block(e, &host, all_ids, 0, COLUMNS);
  CHECK_STATUS(pyemu_bind(e, "x", &x, NULL, PYEMU_LAST_DIM, message, sizeof message), PYEMU_OK, "");
  run_step(e, 0);
  CHECK(is_same(&host, &expected[0]));
  pyemu_close(&e, NULL, 0);
}

/* With all noise bound nobody asks for ids or a seed. */
static void check_all_own(void) {
  static struct host host, own;
  const pyemu_array arrays[] = {{own.memory, PYEMU_FLOAT32, 2, {COLUMNS, LEVELS}, {4 * LEVELS, 4}},
                                {own.kick, PYEMU_FLOAT64, 2, {COLUMNS, LEVELS}, {8 * LEVELS, 8}},
                                {own.coin, PYEMU_FLOAT32, 1, {COLUMNS}, {4}}};
  const char *const names[] = {"memory", "kick", "coin"};
  int64_t nowhere = 0;
  pyemu_emulator *e = toy_open(directory, "noisy.onnx", "native");
  memcpy(own.kick, expected[2].kick, sizeof own.kick);
  bind_block(e, &host, all_ids, 0, COLUMNS);
  for (int i = 0; i < 3; ++i)
    CHECK_STATUS(pyemu_bind(e, names[i], &arrays[i], NULL, PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
  const pyemu_array none = {&nowhere, PYEMU_INT64, 1, {1}, {8}};
  CHECK_STATUS(pyemu_bind_ids(e, &none, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, PYEMU_NO_STEP, message, sizeof message), PYEMU_OK, "");
  CHECK(is_same(&host, &own));
  pyemu_close(&e, NULL, 0);
}

/* Another seed, member, step or name gives other noise; the same again gives the same, from the
 * beginning. */
static void check_keys(void) {
  static struct host host;
  pyemu_emulator *e;
  for (int other = 0; other < 5; ++other) {
    open_noisy(&e, other == 3 ? "noisy_other.onnx" : "noisy.onnx", "native", 1);
    pyemu_set_noise(e, other == 1 ? 2027 : 2026, other == 2 ? 4 : 3, NULL, 0);
    bind_block(e, &host, all_ids, 0, COLUMNS);
    run_step(e, other == 4 ? INT64_C(1) << 32 : 0);
    CHECK(is_same(&host, &expected[0]) == (other == 0));
    CHECK((memcmp(host.coin, expected[0].coin, sizeof host.coin) == 0) == (other == 0));
    pyemu_close(&e, NULL, 0);
  }
  open_noisy(&e, "noisy.onnx", "native", 1);
  bind_block(e, &host, all_ids, 0, COLUMNS);
  for (int again = 0; again < 2; ++again) {
    pyemu_set_noise(e, 2026, 3, NULL, 0);
    run_step(e, 0);
    pyemu_set_noise(e, 2026, 3, NULL, 0); /* nothing new */
    run_step(e, 1);
    CHECK(is_same(&host, &expected[1]));
    pyemu_set_noise(e, 2026, 4, NULL, 0);
  }
  pyemu_close(&e, NULL, 0);
}

static void check_refusals(void) {
  static struct host host;
  int64_t ids[COLUMNS];
  pyemu_emulator *e = toy_open(directory, "noisy.onnx", "native"), *closed = NULL;
  const pyemu_array few = {ids, PYEMU_INT64, 1, {COLUMNS - 1}, {8}};
  const pyemu_array reals = {host.x, PYEMU_FLOAT64, 1, {COLUMNS}, {8}};
  memcpy(ids, all_ids, sizeof ids);
  host.coin[0] = -999;
  bind_block(e, &host, ids, 0, COLUMNS);
#define RUN(STEP) pyemu_run(e, STEP, message, sizeof message)
  CHECK_STATUS(RUN(1), PYEMU_ERR_ARGUMENT, "'memory' is noise, but its seed is not known");
  CHECK_STATUS(pyemu_set_noise(e, 1, -1, message, sizeof message), PYEMU_ERR_ARGUMENT,
               "'member' is -1; expected 0 to 2147483647");
  pyemu_set_noise(e, -1, 0, NULL, 0);
  CHECK_STATUS(RUN(PYEMU_NO_STEP), PYEMU_ERR_ARGUMENT, "give run the step");
  CHECK_STATUS(pyemu_bind_ids(e, &reals, message, sizeof message), PYEMU_ERR_KIND,
               "expected int32 or int64");
  CHECK_STATUS(pyemu_bind_ids(e, NULL, message, sizeof message), PYEMU_ERR_ARGUMENT,
               "'ids' is NULL");
  CHECK_STATUS(pyemu_bind_ids(e, &few, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(RUN(1), PYEMU_ERR_SIZE, "ids are bound for 516 columns, but arrays with 517");
  bind_block(e, &host, ids, 0, COLUMNS);
  ids[516] = ids[2];
  CHECK_STATUS(RUN(1), PYEMU_ERR_ARGUMENT,
               "columns 3 and 517 (counted from 1) have the same id, 1006");
  ids[516] = -5;
  CHECK_STATUS(RUN(1), PYEMU_ERR_ARGUMENT, "the id of column 517 (counted from 1) is -5");
  CHECK(host.coin[0] == -999);
  ids[516] = all_ids[516];
  CHECK_STATUS(RUN(1), PYEMU_OK, "");
  pyemu_unbind(e, NULL, 0);
  CHECK_STATUS(RUN(1), PYEMU_ERR_NOT_BOUND,
               "missing: input 'x', output 'shown_memory', output 'shown_kick'");
  const pyemu_array long_reals = {ids, PYEMU_INT64, 1, {COLUMNS}, {8}};
  CHECK_STATUS(pyemu_bind(e, "x", &long_reals, NULL, PYEMU_LAST_DIM, message, sizeof message),
               PYEMU_ERR_KIND, "element type number 4");
  CHECK_STATUS(pyemu_bind_ids(closed, &few, message, sizeof message), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_set_noise(closed, 1, 0, message, sizeof message), PYEMU_ERR_CLOSED,
               "not open");
  pyemu_close(&e, NULL, 0);
}

/* Without ids bound. */
static void check_no_ids(void) {
  static struct toy toy;
  pyemu_emulator *e;
  open_noisy(&e, "noisy.onnx", "native", 1);
  static struct host host;
  bind_block(e, &host, all_ids, 0, COLUMNS);
  pyemu_unbind(e, NULL, 0);
  const char *const names[] = {"x", "shown_coin"};
  const char *const profiles[] = {"shown_memory", "shown_kick"};
  for (int i = 0; i < 2; ++i) {
    pyemu_array scalar = toy_scalar(i ? toy.outgoing : toy.surface, 8);
    pyemu_array profile = toy_profile(i ? toy.flux : toy.tendency, 8, LEVELS);
    pyemu_bind(e, names[i], &scalar, NULL, PYEMU_LAST_DIM, NULL, 0);
    pyemu_bind(e, profiles[i], &profile, NULL, PYEMU_LAST_DIM, NULL, 0);
  }
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_ARGUMENT,
               "call pyemu_bind_ids (in Fortran emulator%bind_ids");
  pyemu_close(&e, NULL, 0);
  /* An emulator without noise takes both and needs none. */
  e = toy_open(directory, "toy.onnx", "stub");
  toy_fill(&toy, 8, 0);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_set_noise(e, 1, 1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, PYEMU_NO_STEP, message, sizeof message), PYEMU_OK, "");
  pyemu_close(&e, NULL, 0);
}

static void check_bad_cards(void) {
  static const struct {
    const char *file, *piece;
  } bad[] = {
      {"noise_schema.onnx", "'memory' on the card is noise: that needs a card of schema 2"},
      {"noise_output.onnx", "only an input can be"},
      {"noise_without_batch.onnx", "its 'dims' must begin with \"column\""},
      {"noise_dtype.onnx", "its dtype must be float32 or float64"},
      {"noise_number.onnx", "expected an object"},
      {"noise_no_distribution.onnx", "must be \"normal\" or \"uniform\""},
      {"noise_distribution.onnx", "must be \"normal\" or \"uniform\""},
      {"noise_ar1_one.onnx", "'ar1' must be a number from 0 to less than 1"},
      {"noise_ar1_negative.onnx", "'ar1' must be a number from 0 to less than 1"},
      {"noise_ar1_text.onnx", "'ar1' must be a number from 0 to less than 1"},
      {"noise_ar1_uniform.onnx", "'ar1' needs the distribution \"normal\""},
      {"noise_unknown_member.onnx", "expected only 'distribution' and 'ar1'"},
      {"noise_without_name.onnx", "'name' must be a string, found nothing"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    char path[4096];
    pyemu_emulator *e = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, bad[i].file);
    CHECK_STATUS(pyemu_open(path, NULL, &e, message, sizeof message), PYEMU_ERR_CARD, bad[i].piece);
    CHECK(!e);
  }
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  make_expected();
  static const char *const engines[] = {"native", "onnxruntime"};
  for (int i = 0; i < 2; ++i)
    for (int threads = 1; threads <= 3; threads += 2) {
      check_blocks(engines[i], threads, COLUMNS);
      check_blocks(engines[i], threads, 128);
      check_blocks(engines[i], threads, 7);
      check_blocks(engines[i], threads, 1);
      check_permuted(engines[i], threads);
    }
  check_own_noise("native");
  check_own_noise("onnxruntime");
  check_overlap("native");
  check_overlap("onnxruntime");
  check_some_columns();
  check_retries();
  check_all_own();
  check_keys();
  check_refusals();
  check_no_ids();
  check_bad_cards();
  return check_result();
}
