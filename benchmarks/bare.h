/*
 * bare.h - an engine without libpyemu, called on tensors that lie ready: what a run is compared
 * with.
 *
 * One file for each: bare_onnxruntime.c, bare_sgemm.c, bare_torch.cpp. A new one is named in
 * bare.c.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <stdint.h>

enum { BARE_MAX_RANK = 8, BARE_MAX_BARES = 4 };

/* Memory of float32, filled if it is an input; shape[0] is the number of columns. */
struct bare_tensor {
  const char *name;
  int is_input;
  int rank;
  int64_t shape[BARE_MAX_RANK];
  float *data;
  size_t size; /* in bytes */
};

/* What is opened. All of it stays valid until it is closed. */
struct bare_source {
  const char *path;                  /* emulator file */
  const char *runtime;               /* the engine's library or its directory; empty: search */
  int threads;                       /* of a run */
  const struct bare_tensor *tensors; /* inputs, then outputs */
  int64_t n_tensors;
};

/* Open makes '*state', run leaves the results in the memory of the outputs. Both return NULL, or
 * what went wrong. An engine that takes memory for its results itself copies them in 'run', because
 * a run from Fortran must deliver into the host's arrays too. */
struct bare {
  const char *name;
  const char *(*open)(const struct bare_source *source, void **state);
  const char *(*run)(void *state);
  void (*close)(void *state);
};

/* The engines that can be benched with this build; NULL after the last. */
const char *const *bare_engines(void);

/* The contestants that a run by an engine is compared with. The first call for an engine may load
 * the engine's library, so a handle of the engine should be open, which chooses it. Returns their
 * number; 0 if there are none. */
int bare_find(const char *engine, const struct bare *found[BARE_MAX_BARES]);

extern const struct bare bare_onnxruntime, bare_sgemm;

/* The bytes of a file, to be freed; or NULL. */
void *bare_read_file(const char *path, size_t *size);

/* What bare_torch.cpp exports: the contestant of that name, or NULL. */
#ifdef __cplusplus
extern "C"
#endif
    const struct bare *
    bench_torch_bare(const char *name);

#endif
