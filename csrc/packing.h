/* packing.h - the way of numbers from the caller's arrays into tensors, and back. */
#ifndef PYEMU_PACKING_H
#define PYEMU_PACKING_H

#include "emulator.h"

/* Fill the tensors of all inputs for the first 'columns' columns, and let the guard look at them.
 * Errors: NOT_FINITE, GUARD. */
int packing_gather(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error);

/* Let the guard look at the outputs, and hand them to the caller. Errors: GUARD. */
int packing_scatter(pyemu_emulator *e, int64_t columns, const struct error *error);

#endif
