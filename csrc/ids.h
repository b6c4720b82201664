/* ids.h - the numbers of columns in the whole model, in an array of the caller. */
#ifndef PYEMU_IDS_H
#define PYEMU_IDS_H

#include "array.h"

/* Describe an int32 or int64 array of any rank: every dimension enumerates columns, the first
 * fastest. Errors: ARGUMENT, KIND, SIZE. */
int ids_make(struct layout *ids, const pyemu_array *array, const struct error *error);

/* Copy the ids of 'columns' columns from 'first' on. */
void ids_read(const struct layout *ids, int64_t first, int64_t columns, int64_t *to);

/* Those of the first 'columns' columns of a run, of which 'bound' are bound: there must be as many
 * ids. Errors: SIZE, ARGUMENT. */
int ids_take(const struct layout *ids, int64_t columns, int64_t bound, int64_t *to,
             const struct error *error);

/* Ids must be 0 or more: 'first' is the place of the first one, for the message. Errors: ARGUMENT.
 */
int ids_check(const int64_t *ids, int64_t first, int64_t columns, const struct error *error);

#endif
