/*
 * engine.h - what the core asks of an engine, built in or loaded as a plugin.
 *
 * A plugin is a shared library libpyemu_engine_<library>.so that exports one function,
 * pyemu_engine_plugin, and holds one engine or more. An engine never exits, prints or throws: every
 * error is a status of pyemu.h and a message in the caller's buffer.
 */
#ifndef PYEMU_ENGINE_H
#define PYEMU_ENGINE_H

#include "pyemu.h"

/* Raised when the structures below change: a plugin of another number is refused. */
enum { PYEMU_ENGINE_INTERFACE = 2 };

/* The highest rank of a tensor: that of an array, and the columns. */
enum { ENGINE_MAX_RANK = PYEMU_MAX_RANK + 1 };

/*
 * One input or output of the graph as the card declares it. shape[0] is -1 if the first dimension
 * enumerates columns (or the members of a batch of fields); all other sizes are 1 or more. 'width'
 * is the number of elements of one column: the product of the sizes that are known.
 */
struct engine_tensor {
  const char *name;
  int32_t dtype;
  int32_t direction;
  int32_t rank;
  int64_t shape[ENGINE_MAX_RANK];
  int64_t width;
};

/* What an engine is made from. All of it is only valid during 'create', but for the reference
 * values, which live as long as the engine. With 'is_raw' there is no card: 'tensors' is NULL, and
 * the engine is asked to describe the graph's own. */
struct engine_source {
  const void *bytes; /* the emulator file */
  size_t size;
  const char *path; /* where the bytes were read from; NULL if they came from memory */
  int is_raw;
  const struct engine_tensor *tensors; /* inputs, then outputs */
  int64_t n_tensors;
  int64_t n_inputs;
  const char *device; /* never NULL */
  int threads;
  const char *runtime_library; /* or NULL */
  int64_t reference_columns;
  void *const *reference_values; /* by tensor: (reference_columns, width) */
};

/* Members that an engine does not have are NULL; 'create', 'run' and 'destroy' are required. */
struct engine {
  int interface; /* PYEMU_ENGINE_INTERFACE */
  const char *name;
  /* Make '*state', ready to run, after the graph has been compared with the card. */
  int (*create)(const struct engine_source *source, void **state, char *errmsg, size_t errlen);
  /* Run on 'columns' columns (1 or more). 'tensors' holds the address of each tensor's memory,
   * inputs then outputs; it stays valid until the next run or destroy. */
  int (*run)(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen);
  void (*destroy)(void *state);
  /* The version of the runtime library behind the engine; lives as long as the state. */
  const char *(*version)(void *state);
  /* The inputs, then the outputs of a raw graph; valid until the next call to the engine. */
  int (*describe)(void *state, const struct engine_tensor **tensors, int64_t *n_tensors,
                  int64_t *n_inputs, char *errmsg, size_t errlen);
};

/* The function a plugin exports: the engine of that name, or NULL if it has none. */
typedef const struct engine *pyemu_engine_function(const char *name);
#define PYEMU_ENGINE_SYMBOL "pyemu_engine_plugin"

#endif
