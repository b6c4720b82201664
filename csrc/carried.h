/* carried.h - what an emulator hands itself from step to step: an output that is the next input. */
#ifndef PYEMU_CARRIED_H
#define PYEMU_CARRIED_H

#include "array.h"
#include "memory.h"

struct binding;

/* One output that becomes an input. A row of its memory holds what the last run of the column read,
 * and then what it wrote: a run that is tried again reads the same. */
struct carried_state {
  int64_t input;
  int64_t output;
  int is_kept; /* neither is bound: the library carries it */
  struct memory memory;
  int64_t *rows;  /* of the columns of a run in the memory */
  int64_t n_rows; /* room for so many */
  void *read;     /* what the engine reads, and writes, while that is so */
  void *written;
  int64_t size; /* bytes of each */
};

struct carried {
  struct carried_state *states;
  int64_t n_states;
  int64_t *numbers; /* the ids of the columns of a run */
  int64_t n_numbers;
  int64_t allocations;
};

/* Find what the card says is carried. Errors: MEMORY. */
int carried_make(struct carried *carried, const struct card *card, const struct error *error);
void carried_free(struct carried *carried);

/* Let the bindings of what is not bound be arrays of the library's own. Errors: NOT_BOUND (one of
 * the two is), MEMORY. */
int carried_place(struct carried *carried, const struct card *card, struct binding *bindings,
                  int64_t columns, int is_by_element, const struct error *error);

/* Fill them for a run; 'ids' is NULL if none are bound. Errors: ARGUMENT, SIZE, MEMORY. */
int carried_begin(struct carried *carried, const struct card *card, const struct binding *bindings,
                  const struct layout *ids, int64_t step, int64_t columns, int64_t bound,
                  const struct error *error);

/* The run has succeeded: remember. */
void carried_end(struct carried *carried, const struct binding *bindings, int64_t step,
                 int64_t columns);

#endif
