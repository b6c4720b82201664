/* bare.c - which contestants there are, and which of them an engine is compared with. */
#include "bare.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To add an engine: one line here, and one in 'named' if it brings a contestant of its own. */
static const struct {
  const char *engine;
  const char *bares[BARE_MAX_BARES];
} comparisons[] = {
    {"onnxruntime", {"onnxruntime"}},
#ifdef BENCH_TORCH
    {"aoti", {"aoti"}},
    {"torchscript", {"torchscript"}},
    {"native", {"onnxruntime", "sgemm", "aoti", "torchscript"}},
#else
    {"native", {"onnxruntime", "sgemm"}},
#endif
};

enum { N_COMPARISONS = sizeof comparisons / sizeof comparisons[0] };

const char *const *bare_engines(void) {
  static const char *names[N_COMPARISONS + 1];
  for (size_t i = 0; i < N_COMPARISONS; ++i)
    names[i] = comparisons[i].engine;
  return names;
}

#ifdef BENCH_TORCH
/* Beside an engine that is not torch's, torch is loaded from where BENCH_TORCH_LIBRARIES says. */
static void load_torch(void) {
  const char *directory = getenv("BENCH_TORCH_LIBRARIES");
  char path[4096];
  if (directory && snprintf(path, sizeof path, "%s/libtorch_cpu.so", directory) < (int)sizeof path)
    dlopen(path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
}
#endif

/* The part that is linked to torch: it must find torch loaded, as libpyemu's own does. */
static const struct bare *torch_named(const char *name) {
#ifdef BENCH_TORCH
  load_torch();
  void *library = dlopen(BENCH_TORCH, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *symbol = library ? dlsym(library, "bench_torch_bare") : NULL;
  const struct bare *(*find)(const char *) = NULL;
  memcpy(&find, &symbol, sizeof find);
  if (!find)
    fprintf(stderr, "%s\n", dlerror());
  return find ? find(name) : NULL;
#else
  (void)name;
  return NULL;
#endif
}

static const struct bare *named(const char *name) {
  if (strcmp(name, bare_sgemm.name) == 0)
    return &bare_sgemm;
  return strcmp(name, bare_onnxruntime.name) == 0 ? &bare_onnxruntime : torch_named(name);
}

int bare_find(const char *engine, const struct bare *found[BARE_MAX_BARES]) {
  int n = 0;
  for (size_t i = 0; i < N_COMPARISONS; ++i)
    if (strcmp(engine, comparisons[i].engine) == 0)
      for (int k = 0; k < BARE_MAX_BARES && comparisons[i].bares[k]; ++k) {
        found[n] = named(comparisons[i].bares[k]);
        if (!found[n++])
          return 0;
      }
  return n;
}

void *bare_read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  void *bytes = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0 && ftell(file) > 0) {
    *size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(*size);
    if (bytes && fread(bytes, 1, *size, file) != *size) {
      free(bytes);
      bytes = NULL;
    }
  }
  if (file)
    fclose(file);
  return bytes;
}
