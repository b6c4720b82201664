/* guard.h - which columns of a run are not to be trusted, and why. */
#ifndef PYEMU_GUARD_H
#define PYEMU_GUARD_H

#include "array.h"
#include "error.h"

/*
 * Works on the tensors that the engine reads and writes, by variable: dense, with the numbers of a
 * column or the columns of an element adjacent (array.h). Between 'begin'
 * and the last of the other calls of one run, columns are looked at in parts, perhaps by several
 * threads; what has to do with single columns is done by one.
 */
struct guard;

/* Make a guard for the variables of a card, which must outlive it; '*guard' stays NULL for
 * PYEMU_GUARD_OFF. Errors: ARGUMENT, MEMORY. */
int guard_make(struct guard **guard, const struct card *card, const pyemu_guard *settings,
               const struct error *error);
void guard_free(struct guard *guard);

/* 1 if columns may fade. */
int guard_has_taper(const struct guard *guard);

/* Have room for so many columns. Errors: MEMORY. */
int guard_reserve(struct guard *guard, int64_t columns, const struct error *error);

/* A new run on so many columns, none of which is flagged. */
void guard_begin(struct guard *guard, int64_t columns, int64_t step);

/* Mark the columns 'first' to before 'first + columns' of which variable 'i' has a number outside
 * its bounds. */
void guard_look(struct guard *guard, int64_t i, const struct layout *array, int64_t first,
                int64_t columns);

/* Measure the novelty of columns 'first' to before 'first + columns', all inputs taken together,
 * and mark those that may be beyond the limit. */
void guard_measure(struct guard *guard, const struct layout *const *arrays, int64_t first,
                   int64_t columns);

/* Compute what is left of all budgets in the columns 'first' to before 'first + columns'. */
void guard_sum(struct guard *guard, const struct layout *const *arrays, int64_t first,
               int64_t columns);

/*
 * Look closely at the marked columns, at their inputs or at their outputs: flag, count, and clip if
 * that is the mode. With PYEMU_GUARD_STOP the first flagged column is an error.
 *
 * Errors: GUARD.
 */
int guard_judge(struct guard *guard, const struct layout *const *arrays, int32_t direction,
                const struct error *error);

/* How much of the emulator's output goes to the host, from 0 to 1. */
double guard_weight(const struct guard *guard, int64_t column);

/* 1 if some column of this run has a weight below 1, and how many have 0. */
int guard_holds_back(const struct guard *guard);
int64_t guard_fallback_count(const struct guard *guard);

/* Reasons of the columns of the last run, their number, and the counts since the guard was made:
 * by element of variable 'i'. */
const int32_t *guard_reasons(const struct guard *guard, int64_t *columns);
const int64_t *guard_counts(const struct guard *guard, int64_t i, int reason);

/* What was found of a budget; NULL if the guard does not look for it. */
struct tally {
  int64_t columns;
  int64_t exceeded;
  double sum;
  double sum_of_squares;
  double largest;
  int64_t at_step;
  int64_t at_column;
};
const struct tally *guard_tally(const struct guard *guard, int64_t budget);

/* All that is counted, to be saved and restored: of variable 'i' so many numbers, and the tallies
 * of all budgets. */
int64_t *guard_all_counts(struct guard *guard, int64_t i, int64_t *size);
struct tally *guard_tallies(struct guard *guard);

#endif
