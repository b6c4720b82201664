/* noise_inputs.h - the inputs of an emulator that the library fills with noise. */
#ifndef PYEMU_NOISE_INPUTS_H
#define PYEMU_NOISE_INPUTS_H

#include "array.h"
#include "memory.h"
#include "noise.h"
#include "team.h"

struct binding;

/* One variable that is noise. */
struct noise_input {
  int64_t variable;
  struct memory memory; /* of its AR(1) process; without one its rows are empty */
  void *values;         /* what the engine reads while no array is bound */
  int64_t size;         /* bytes */
};

struct noise_inputs {
  struct noise_input *inputs;
  int64_t n_inputs;
  struct noise_maker maker;
  int has_key;
  int64_t seed;
  int64_t member;
  int has_ids;
  struct layout ids;   /* the caller's */
  int64_t *numbers;    /* of the columns of a run: their ids, */
  int64_t *rows;       /* and their rows in the memory */
  int64_t n_numbers;   /* room for so many */
  int64_t allocations; /* times that a run took memory */
};

/* Find the noise on a card. Errors: ARGUMENT (kernels), MEMORY. */
int noise_inputs_make(struct noise_inputs *noise, const struct card *card,
                      const struct error *error);
void noise_inputs_free(struct noise_inputs *noise);

/* Errors: ARGUMENT, KIND, SIZE. */
int noise_inputs_bind_ids(struct noise_inputs *noise, const pyemu_array *ids,
                          const struct error *error);
int noise_inputs_set(struct noise_inputs *noise, int64_t seed, int64_t member,
                     const struct error *error);

/*
 * Let the bindings of noise that is not bound be arrays of the library's own: dense tensors, or
 * with 'is_by_element' such in which the columns of an element are adjacent. Errors: MEMORY.
 */
int noise_inputs_place(struct noise_inputs *noise, const struct card *card,
                       struct binding *bindings, int64_t columns, int is_by_element,
                       const struct error *error);

/* Fill those arrays for the first 'columns' of 'bound' columns, over the team. Errors: ARGUMENT,
 * SIZE, MEMORY. */
int noise_inputs_fill(struct noise_inputs *noise, const struct card *card,
                      const struct binding *bindings, int64_t step, int64_t columns, int64_t bound,
                      struct team *team, const struct error *error);

#endif
