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

static void check_open(const char *directory, int threads) {
  char path[4096], message[1024];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  int status = PYEMU_ERR_MEMORY;
  options.engine = "stub";
  options.threads = threads;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
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

int main(int argc, char **argv) {
  const char *directory = argc > 1 ? argv[1] : ".";
  check_open(directory, 1);
  check_open(directory, 3);
  check_run(directory);
  return check_result();
}
