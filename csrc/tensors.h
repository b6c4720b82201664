/* tensors.h - where the tensors of the bound variables lie: in the caller's arrays, or in ours. */
#ifndef PYEMU_TENSORS_H
#define PYEMU_TENSORS_H

#include "emulator.h"

/*
 * After bindings have changed: check them together, and give every variable the memory of its
 * tensor. Errors: NOT_BOUND, LAYOUT, UNSUPPORTED, MEMORY, those of the engine.
 */
int tensors_prepare(pyemu_emulator *e, const struct error *error);
void tensors_free(pyemu_emulator *e);

/* 1 if the engine reads and writes the caller's arrays itself, and there are no tensors. A run that
 * is recorded has them: an array of the caller may hold less than the engine computes. */
int tensors_are_arrays(const pyemu_emulator *e);

/* 1 if the caller's array is the tensor of variable 'i'. What a guard looks at is always a copy: it
 * may change inputs, and hold outputs back, as a blend may. */
int tensor_is_direct(const pyemu_emulator *e, int64_t i);

/* Items in the tensor of a variable when the emulator runs on so many columns. */
static inline int64_t tensor_items(const struct variable *v, int64_t columns) {
  return v->has_batch ? columns : 1;
}

#endif
