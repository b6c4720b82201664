/* emulator.h - what an open emulator holds. */
#ifndef PYEMU_EMULATOR_H
#define PYEMU_EMULATOR_H

#include <stdatomic.h>

#include "array.h"
#include "blend.h"
#include "card.h"
#include "carried.h"
#include "clock.h"
#include "environment.h"
#include "guard.h"
#include "noise_inputs.h"
#include "plugin.h"
#include "record.h"
#include "sha256.h"
#include "team.h"

/* The caller's array behind one variable. */
struct binding {
  struct layout layout;
  int is_bound;
  int is_filled;    /* not bound: what the library makes or carries, in memory of its own */
  int is_direct;    /* the engine uses the caller's memory itself */
  int is_on_device; /* it is memory of the device, which only the engine can reach */
};

/* What pyemu_report tells, since open. */
struct counters {
  int64_t calls;
  int64_t columns;
  int64_t copied_bytes;
  int64_t allocations;
  double open_seconds;
  struct steady_clock clock; /* of what follows */
  int64_t pack_ticks;
  int64_t engine_ticks;
  int64_t unpack_ticks;
};

struct pyemu_emulator {
  atomic_int busy;
  struct card card;
  struct reference reference;
  struct plugin plugin;
  void *engine_state;
  struct team *team; /* for packing; NULL for one thread */
  int check_finite;
  char device[16];          /* as asked for: "cpu", "cuda:N" */
  struct binding *bindings; /* by variable */
  int64_t columns;          /* of the bound arrays, -1 if there are none */
  int is_prepared;          /* the bindings are those that 'tensors' was made for */
  void **tensors;           /* by variable: memory of its tensor, inside 'memory' or the caller's */
  char *on_device;          /* by variable: as in the bindings, for the engine */
  int has_device_arrays;    /* the engine has been told so */
  const struct layout **arrays; /* by variable: the caller's own */
  int has_overlap;              /* an output lies over an input */
  struct guard *guard;          /* NULL: none */
  struct blends blends;
  struct record *record;        /* NULL: none */
  int is_recorded;              /* the run that is under way is */
  char sha256[SHA256_TEXT];     /* of the file */
  const struct layout **dense;  /* by variable: the tensors as arrays, */
  struct layout *dense_layouts; /* which these are */
  void *memory;
  int is_engines_memory; /* 'memory' is the engine's to release */
  int64_t memory_size;
  struct noise_inputs noise;
  struct carried carried;
  struct counters counters;
};

/* Take the handle for this thread, and give it back with a status. Errors: CLOSED, BUSY. */
int emulator_enter(pyemu_emulator *e, const struct error *error);
int emulator_leave(pyemu_emulator *e, int status);

/* The same with the caller's floating-point environment held off in between. */
int emulator_hold(pyemu_emulator *e, struct environment *environment, const struct error *error);
int emulator_release(pyemu_emulator *e, const struct environment *environment, int status);

/* Returns CLOSED. */
int emulator_fail_closed(const struct error *error);

#endif
