/* Run takes no memory of our own after the first call: every allocation in the process passes
 * through here and is counted for the library that asks for it. Those inside an engine's runtime
 * library are reported, not judged. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "toy.h"

static atomic_int is_counting;
static atomic_llong ours, engines;

/* Who called: a library of ours, or another. */
static void count(const void *caller) {
  Dl_info info;
  if (!is_counting)
    return;
  int found = dladdr(caller, &info) && info.dli_fname;
  if (found && strstr(info.dli_fname, "libpyemu"))
    atomic_fetch_add(&ours, 1);
  else
    atomic_fetch_add(&engines, 1);
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  count(__builtin_return_address(0));
  return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
  count(__builtin_return_address(0));
  return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
  count(__builtin_return_address(0));
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count(__builtin_return_address(0));
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count(__builtin_return_address(0));
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

static char message[1024];

static void count_runs(const char *directory, const char *engine) {
  enum { RUNS = 100 };
  static struct toy toy;
  pyemu_emulator *e = toy_open(directory, "toy.onnx", engine);
  pyemu_counters counters = {.sizeof_counters = sizeof counters};
  toy_fill(&toy, 37, 0);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  ours = engines = 0;
  is_counting = 1;
  for (int step = 2; step < 2 + RUNS; ++step) {
    int status = pyemu_run(e, step, message, sizeof message);
    if (status != PYEMU_OK)
      break;
  }
  is_counting = 0;
  CHECK(ours == 0);
  CHECK_STATUS(pyemu_report(e, &counters, message, sizeof message), PYEMU_OK, "");
  CHECK(counters.calls == RUNS + 1 && counters.allocations == 1);
  printf("%s: %lld allocations of libpyemu and %.1f of the engine's library per run\n", engine,
         (long long)ours, (double)engines / RUNS);
  /* The counter counts: a handle of its own must be seen. */
  is_counting = 1;
  pyemu_emulator *other = toy_open(directory, "toy.onnx", engine);
  is_counting = 0;
  CHECK(ours > 0);
  pyemu_close(&other, NULL, 0);
  pyemu_close(&e, NULL, 0);
}

int main(int argc, char **argv) {
  (void)argc;
  count_runs(argv[1], "stub");
  count_runs(argv[1], "onnxruntime");
  return check_result();
}
