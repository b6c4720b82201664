/*
 * Every request for memory may fail: open then returns PYEMU_ERR_MEMORY and loses nothing. And run
 * asks for none after its first call. Linked with --wrap, so that the core's requests come here.
 */
#include "toy.h"

static long countdown = -1; /* the request that fails, counted down; -1: none */
static long n_requests;

static int is_refused(void) {
  ++n_requests;
  return countdown >= 0 && countdown-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size) { return is_refused() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) {
  return is_refused() ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
  return is_refused() ? NULL : __real_realloc(old, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
  return is_refused() ? NULL : __real_aligned_alloc(alignment, size);
}

static void check_open(const char *directory, const char *name, int threads) {
  char path[4096], message[1024];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  int status = PYEMU_ERR_MEMORY;
  options.engine = "stub";
  options.threads = threads;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  long request = 0;
  for (; status == PYEMU_ERR_MEMORY && request < 1000; ++request) {
    countdown = request;
    status = pyemu_open(path, &options, &e, message, sizeof message);
    CHECK((status == PYEMU_ERR_MEMORY) == (strstr(message, "no memory") != NULL));
    CHECK((status == PYEMU_OK) == (e != NULL));
  }
  CHECK(status == PYEMU_OK && request > 20);
  countdown = -1;
  pyemu_close(&e, NULL, 0);
}

static void check_run(const char *directory) {
  static struct toy toy;
  char message[1024];
  pyemu_emulator *e = toy_open(directory, "toy.onnx", "stub");
  toy_fill(&toy, 32, 0);
  toy_bind(e, &toy);
  countdown = 0;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_MEMORY, "no memory for the");
  CHECK(toy_is_untouched(&toy));
  countdown = -1;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  n_requests = 0;
  for (int step = 0; step < 10; ++step)
    CHECK(pyemu_run(e, step, message, sizeof message) == PYEMU_OK);
  toy_bind(e, &toy);
  CHECK(pyemu_run(e, 1, message, sizeof message) == PYEMU_OK);
  pyemu_unbind(e, NULL, 0);
  toy_fill(&toy, 16, 0);
  toy_bind(e, &toy);
  CHECK(pyemu_run(e, 1, message, sizeof message) == PYEMU_OK);
  CHECK(n_requests == 0);
  pyemu_close(&e, NULL, 0);
}

/* Noise takes memory in its first run with a column: every request may fail, and the next run goes
 * on. */
static void check_noise(const char *directory) {
  enum { COLUMNS = 200 };
  static double values[4][COLUMNS * TOY_LAYERS];
  static int64_t ids[COLUMNS];
  const char *const names[] = {"x", "shown_coin", "shown_memory", "shown_kick"};
  const pyemu_array id_array = {ids, PYEMU_INT64, 1, {COLUMNS}, {8}};
  char message[1024];
  pyemu_emulator *e = toy_open(directory, "noisy.onnx", "native");
  for (int i = 0; i < 4; ++i) {
    pyemu_array array =
        i < 2 ? toy_scalar(values[i], COLUMNS) : toy_profile(values[i], COLUMNS, TOY_LAYERS);
    CHECK_STATUS(pyemu_bind(e, names[i], &array, NULL, PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
  }
  for (int64_t i = 0; i < COLUMNS; ++i)
    ids[i] = i;
  pyemu_bind_ids(e, &id_array, NULL, 0);
  pyemu_set_noise(e, 1, 0, NULL, 0);
  int status = PYEMU_ERR_MEMORY, failures = 0;
  for (; status == PYEMU_ERR_MEMORY && failures < 100; ++failures) {
    countdown = failures % 2 ? failures / 2 : 0; /* the first request, and a later one */
    status = pyemu_run(e, 1, message, sizeof message);
    CHECK((status == PYEMU_ERR_MEMORY) == (strstr(message, "no memory") != NULL));
  }
  CHECK(status == PYEMU_OK && failures > 10);
  countdown = -1;
  pyemu_close(&e, NULL, 0);
}

/* A recording begins or it does not; lack of memory later ends it, but not the run. */
static void check_record(const char *directory) {
  static struct toy toy;
  char message[1024];
  pyemu_recording recording = PYEMU_RECORDING_INIT;
  pyemu_recorded recorded = {.sizeof_recorded = sizeof recorded};
  pyemu_emulator *e = toy_open(directory, "ranged.onnx", "native");
  recording.path = "survives_lack_of_memory.nc";
  recording.replace = 1;
  toy_fill(&toy, 32, 0);
  toy_bind(e, &toy);
  int status = PYEMU_ERR_MEMORY;
  long request = 0;
  for (; status == PYEMU_ERR_MEMORY && request < 100; ++request) {
    countdown = request;
    status = pyemu_set_record(e, &recording, message, sizeof message);
    CHECK((status == PYEMU_ERR_MEMORY) == (strstr(message, "no memory for the recording") != NULL));
  }
  countdown = -1;
  if (status == PYEMU_ERR_UNSUPPORTED) /* there is no netCDF on this machine */
    return (void)pyemu_close(&e, NULL, 0);
  CHECK(status == PYEMU_OK && request > 10);
  countdown = 0;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  countdown = -1;
  CHECK(!toy_is_untouched(&toy));
  CHECK(pyemu_record_report(e, &recorded, message, sizeof message) == PYEMU_OK);
  CHECK(!recorded.is_on && recorded.status == PYEMU_ERR_MEMORY && recorded.columns == 0);
  CHECK(strstr(recorded.stopped, "no memory for the numbers of 32 columns") != NULL);
  CHECK(pyemu_set_record(e, &recording, message, sizeof message) == PYEMU_OK);
  CHECK(pyemu_run(e, 1, message, sizeof message) == PYEMU_OK);
  n_requests = 0;
  for (int step = 0; step < 10; ++step)
    CHECK(pyemu_run(e, step, message, sizeof message) == PYEMU_OK);
  CHECK(n_requests == 0);
  CHECK(pyemu_record_report(e, &recorded, message, sizeof message) == PYEMU_OK);
  CHECK(recorded.is_on && recorded.columns == 11 * 32 && recorded.calls == 11);
  pyemu_close(&e, NULL, 0);
}

/* A guard is set or it is not; its runs take memory once for a number of columns. */
static void check_guard(const char *directory) {
  static struct toy toy;
  char message[1024];
  pyemu_guard guard = PYEMU_GUARD_INIT;
  pyemu_emulator *e = toy_open(directory, "ranged.onnx", "native");
  guard.mode = PYEMU_GUARD_FALLBACK;
  toy_fill(&toy, 32, 0);
  toy_bind(e, &toy);
  int status = PYEMU_ERR_MEMORY;
  long request = 0;
  for (; status == PYEMU_ERR_MEMORY && request < 100; ++request) {
    countdown = request;
    status = pyemu_set_guard(e, &guard, message, sizeof message);
    CHECK((status == PYEMU_ERR_MEMORY) == (strstr(message, "no memory for the guard") != NULL));
    CHECK((pyemu_guard_fallback_count(e) < 0) == (status != PYEMU_OK));
  }
  CHECK(status == PYEMU_OK && request > 20);
  status = PYEMU_ERR_MEMORY;
  for (request = 0; status == PYEMU_ERR_MEMORY && request < 100; ++request) {
    countdown = request;
    status = pyemu_run(e, 1, message, sizeof message);
    CHECK((status == PYEMU_ERR_MEMORY) == (strstr(message, "no memory") != NULL));
    CHECK(status == PYEMU_OK || toy_is_untouched(&toy));
  }
  CHECK(status == PYEMU_OK && request > 3);
  countdown = -1;
  n_requests = 0;
  for (int step = 0; step < 10; ++step)
    CHECK(pyemu_run(e, step, message, sizeof message) == PYEMU_OK);
  CHECK(n_requests == 0);
  pyemu_close(&e, NULL, 0);
}

int main(int argc, char **argv) {
  const char *directory = argc > 1 ? argv[1] : ".";
  check_open(directory, "toy.onnx", 1);
  check_open(directory, "toy.onnx", 3);
  check_open(directory, "noisy.onnx", 1);
  check_open(directory, "ranged.onnx", 1);
  check_run(directory);
  check_noise(directory);
  check_record(directory);
  check_guard(directory);
  return check_result();
}
