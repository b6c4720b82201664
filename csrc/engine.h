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
enum { PYEMU_ENGINE_INTERFACE = 5 };

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

/* The option 'device', taken apart. */
struct engine_device {
  int is_cuda;     /* else the CPU */
  int index;       /* of the card, from 0 */
  int may_use_cpu; /* for what CUDA cannot do, all of it if there is no CUDA */
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
  struct engine_device where;
  void *stream; /* the host's, of type cudaStream_t; or NULL */
  int threads;
  const char *runtime_library; /* or NULL */
  int64_t reference_columns;
  void *const *reference_values; /* by tensor: (reference_columns, width) */
  int is_real64;                 /* float32 of the graph is float64 in tensors and between them */
};

struct layout;
struct team;

/* What an engine may be asked for: to run on "cuda:N", there on a stream of the host, to leave to
 * the CPU what CUDA cannot do, and to compute float32 in float64. */
enum { ENGINE_CUDA = 1, ENGINE_STREAM = 2, ENGINE_CPU_TOO = 4, ENGINE_REAL64 = 8 };

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
  int abilities; /* sum of the constants above; more is refused before 'create' */
  /* Where the engine runs in fact: "cpu" or "cuda:N"; lives as long as the state. NULL: where it
   * was asked to. */
  const char *(*device)(void *state);
  /* Host memory for the tensors that the core fills, if the engine can reach some kind of it
   * faster; NULL is no error: the core then takes its own. Both members or neither. */
  void *(*allocate)(void *state, size_t size);
  void (*release)(void *state, void *memory);
  /* From the next run on, the tensors whose entry in 'on_device' is 1 lie in the memory of the
   * device, at the addresses in 'tensors', all others in the host's.
   * An engine without this member takes tensors in host memory only. */
  int (*place)(void *state, const char *on_device, void *const *tensors, char *errmsg,
               size_t errlen);
  /*
   * Run on the caller's arrays as they lie ('arrays' by tensor, see array.h), over the team: for
   * engines that are built in. The core has checked the inputs, no output lies over an input, and
   * the floating-point environment is the default.
   * An engine with this member is asked for 'run' only where they do.
   */
  int (*run_arrays)(void *state, int64_t columns, const struct layout *const *arrays,
                    struct team *team, char *errmsg, size_t errlen);
};

/* The function a plugin exports: the engine of that name, or NULL if it has none. */
typedef const struct engine *pyemu_engine_function(const char *name);
#define PYEMU_ENGINE_SYMBOL "pyemu_engine_plugin"

#endif
