/*
 * Run takes no memory of our own after the first call, also if the host's arrays move. Every
 * allocation in the process passes through here and is counted for the library that asks for it:
 * libraries that only pass a request on, as the C++ one does for 'new', are skipped. Those inside
 * an engine's runtime library are reported, not judged.
 */
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>

#include "toy.h"

static atomic_int is_counting;
static atomic_llong ours, engines;
static atomic_llong bridges;        /* those of ours that C++ code asked for with 'new' */
static _Thread_local int is_within; /* an allocation of the counter itself is not counted */

/* The library at an address. dladdr would look for the symbol too, which takes long in torch. */
struct place {
  uintptr_t address;
  const char *library; /* empty for the program itself; NULL: none */
};

static int is_at(struct dl_phdr_info *info, size_t size, void *found) {
  struct place *place = found;
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    if (part->p_type != PT_LOAD || place->address - info->dlpi_addr < part->p_vaddr ||
        place->address - info->dlpi_addr - part->p_vaddr >= part->p_memsz)
      continue;
    place->library = info->dlpi_name;
    return 1;
  }
  return 0;
}

/* 1 if a library takes memory for others: this program, whose 'malloc' is called, the C and C++
 * libraries, and the dynamic loader. */
static int passes_on(const char *library) {
  static const char *const names[] = {"libc.so", "libstdc++.so", "libgcc_s.so", "ld-linux"};
  const char *slash = strrchr(library, '/'), *name = slash ? slash + 1 : library;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (strncmp(name, names[i], strlen(names[i])) == 0)
      return 1;
  return *name == '\0';
}

static int is_ours(void) {
  void *frames[24];
  int n = backtrace(frames, sizeof frames / sizeof frames[0]);
  for (int i = 0; i < n; ++i) {
    struct place place = {(uintptr_t)frames[i] - 1, NULL};
    dl_iterate_phdr(is_at, &place);
    if (!place.library || passes_on(place.library))
      continue;
    if (strstr(place.library, "libpyemu_torch"))
      atomic_fetch_add(&bridges, 1);
    return strstr(place.library, "libpyemu") != NULL;
  }
  return 0;
}

static void count(void) {
  if (!is_counting || is_within)
    return;
  is_within = 1;
  atomic_fetch_add(is_ours() ? &ours : &engines, 1);
  is_within = 0;
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

enum { COLUMNS = 37, RUNS = 100 };

static char message[1024];

static pyemu_emulator *open_file(const char *path, const char *engine) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  options.engine = engine;
  options.allow_code = 1;
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_OK, "");
  return e;
}

/* Bind two arrays that the engine uses in place: levels adjacent, in the graph's own type. */
static void bind_in_place(pyemu_emulator *e, struct toy *toy) {
  const char *const names[] = {TOY_PRESSURE, TOY_FLUX};
  double *data[] = {toy->pressure, toy->flux};
  for (int i = 0; i < 2; ++i) {
    pyemu_array array = {data[i],
                         PYEMU_FLOAT64,
                         2,
                         {TOY_LAYERS + 1, COLUMNS},
                         {8, (TOY_LAYERS + 1) * (int64_t)sizeof(double)}};
    CHECK_STATUS(pyemu_bind(e, names[i], &array, NULL, 0, message, sizeof message), PYEMU_OK, "");
  }
}

/* Run again and again, on arrays that move from one run to the next, or on the same. */
static void run_often(pyemu_emulator *e, struct toy *toys, int n_toys) {
  for (int step = 0; step < RUNS; ++step) {
    if (n_toys > 1)
      bind_in_place(e, &toys[step % n_toys]);
    if (pyemu_run(e, step, message, sizeof message) != PYEMU_OK)
      break;
  }
}

/* Returns the bytes that the library copied. */
static int64_t count_runs(pyemu_emulator *e, struct toy *toys, int n_toys, const char *engine) {
  pyemu_counters counters = {.sizeof_counters = sizeof counters}, before = counters;
  CHECK_STATUS(pyemu_report(e, &before, message, sizeof message), PYEMU_OK, "");
  ours = engines = 0;
  is_counting = 1;
  run_often(e, toys, n_toys);
  is_counting = 0;
  CHECK(ours == 0);
  CHECK_STATUS(pyemu_report(e, &counters, message, sizeof message), PYEMU_OK, "");
  CHECK(counters.calls == before.calls + RUNS && counters.allocations == before.allocations);
  printf("%s, %s: %lld allocations of libpyemu and %.1f of the engine's library per run\n", engine,
         n_toys > 1 ? "arrays that move" : "the same arrays", (long long)ours,
         (double)engines / RUNS);
  return counters.copied_bytes - before.copied_bytes;
}

/* The counter counts: a handle of its own must be seen, and the session that C++ code makes. */
static void check_counter(const char *path, const char *engine) {
  ours = bridges = 0;
  is_counting = 1;
  pyemu_emulator *e = open_file(path, engine);
  is_counting = 0;
  CHECK(ours > bridges);
  CHECK((bridges > 0) == (strcmp(engine, "aoti") == 0 || strcmp(engine, "torchscript") == 0));
  pyemu_close(&e, NULL, 0);
}

static void count_engine(const char *path, const char *engine) {
  static struct toy toys[2];
  pyemu_emulator *e = open_file(path, engine);
  for (int i = 0; i < 2; ++i)
    toy_fill(&toys[i], COLUMNS, i);
  toy_bind(e, &toys[0]);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  const int64_t copied = count_runs(e, toys, 1, engine);
  bind_in_place(e, &toys[0]);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  const int64_t in_place = RUNS * 2 * (TOY_LAYERS + 1) * COLUMNS * (int64_t)sizeof(double);
  CHECK(count_runs(e, toys, 2, engine) == copied - in_place);
  check_counter(path, engine);
  pyemu_close(&e, NULL, 0);
}

/* Noise: blocks with ids of their own, in turn. Only ids that are new take memory. */
static void count_noise(const char *path, const char *engine) {
  enum { BLOCKS = 3, LEVELS = 5 };
  static double x[COLUMNS], kick[COLUMNS * LEVELS];
  static float memory[COLUMNS * LEVELS], coin[COLUMNS];
  static int64_t ids[BLOCKS * COLUMNS];
  const char *const names[] = {"x", "shown_memory", "shown_kick", "shown_coin"};
  const pyemu_array arrays[] = {{x, PYEMU_FLOAT64, 1, {COLUMNS}, {8}},
                                {memory, PYEMU_FLOAT32, 2, {COLUMNS, LEVELS}, {4 * LEVELS, 4}},
                                {kick, PYEMU_FLOAT64, 2, {COLUMNS, LEVELS}, {8 * LEVELS, 8}},
                                {coin, PYEMU_FLOAT32, 1, {COLUMNS}, {4}}};
  pyemu_counters counters = {.sizeof_counters = sizeof counters}, before = counters;
  pyemu_emulator *e = open_file(path, engine);
  for (int i = 0; i < BLOCKS * COLUMNS; ++i)
    ids[i] = i;
  for (int i = 0; i < 4; ++i)
    pyemu_bind(e, names[i], &arrays[i], NULL, PYEMU_LAST_DIM, NULL, 0);
  pyemu_set_noise(e, 1, 0, NULL, 0);
  for (int step = 0; step < RUNS; ++step) {
    is_counting = step > 0;
    for (int block = 0; block < BLOCKS; ++block) {
      const pyemu_array block_ids = {ids + block * COLUMNS, PYEMU_INT64, 1, {COLUMNS}, {8}};
      pyemu_bind_ids(e, &block_ids, NULL, 0);
      CHECK_STATUS(pyemu_run(e, step, message, sizeof message), PYEMU_OK, "");
    }
    if (step == 0) {
      pyemu_report(e, &before, NULL, 0);
      ours = engines = 0;
    }
  }
  is_counting = 0;
  CHECK(ours == 0);
  pyemu_report(e, &counters, NULL, 0);
  CHECK(before.allocations > 1 && counters.allocations == before.allocations);
  printf("%s, noise: %lld allocations of libpyemu\n", engine, (long long)ours);
  pyemu_close(&e, NULL, 0);
}

/* Arguments: an emulator with noise; an engine and a file it reads, and so on. */
int main(int argc, char **argv) {
  void *frame;
  backtrace(&frame, 1); /* which takes memory in its first call */
  count_noise(argv[1], "native");
  count_noise(argv[1], "onnxruntime");
  for (int i = 2; i + 1 < argc; i += 2)
    count_engine(argv[i + 1], argv[i]);
  return check_result();
}
