/*
 * noise.h - random numbers that depend on what they are for, and on nothing else.
 *
 * A stream is what one seed, member, step and stream number give: a key of Philox 4x32-10. Element
 * e of column c of the stream is made of the words of one counter, (c, e / 4) for float32 and
 * (c, e / 2) for float64. No number depends on another, and all kernels (see kernels.h) give the
 * same bits, so neither do blocks, threads, ranks or machines matter.
 */
#ifndef PYEMU_NOISE_H
#define PYEMU_NOISE_H

#include "array.h"
#include "engines/native/kernels.h"
#include "philox.h"

/* What makes noise on this processor. */
struct noise_maker {
  struct kernels kernels;
  philox_blocks *blocks;
};

/* Errors: ARGUMENT (the environment asks for kernels that this processor does not have). */
int noise_maker_find(struct noise_maker *maker, const struct error *error);

/* What a number is for, but for its column and element. */
struct noise_key {
  uint32_t words[2];
};

struct noise_key noise_key_of(int64_t seed, int64_t member, int64_t step, uint32_t stream);

/* Members and streams are 0 to 2^31 - 1, which every language has. Errors: ARGUMENT. */
int noise_check_number(const char *name, int64_t number, const struct error *error);

/* What is to be done with columns that remember: begin with the noise itself; go on, with x =
 * coefficient * x + sqrt(1 - coefficient^2) * noise; or show once more what was made last. */
enum noise_deed { NOISE_BEGIN, NOISE_ADVANCE, NOISE_REPEAT };

struct noise_memory {
  void *rows;     /* of the columns to be filled: those of an element adjacent */
  int64_t stride; /* numbers from one element to the next */
  enum noise_deed deed;
  double coefficient;
};

/*
 * Fill all elements of 'columns' columns of an array, from 'first' on, whose ids are in 'ids', with
 * numbers of a distribution (PYEMU_NORMAL, PYEMU_UNIFORM). The items of the array have one
 * dimension at most; it has the element type of the noise, float32 or float64. 'memory' may be
 * NULL. Takes no memory. Needs the default arithmetic (see environment.h).
 */
void noise_fill(const struct noise_maker *maker, int32_t distribution, const struct noise_key *key,
                const int64_t *ids, const struct layout *array, int64_t first, int64_t columns,
                const struct noise_memory *memory);

#endif
