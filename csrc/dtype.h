/* dtype.h - element types: sizes and names. */
#ifndef PYEMU_DTYPE_H
#define PYEMU_DTYPE_H

#include "pyemu.h"

/* Bytes of one element; 0 for a number that is no element type. */
static inline size_t dtype_size(int32_t dtype) {
  return dtype == PYEMU_FLOAT64 ? 8 : dtype == PYEMU_FLOAT32 || dtype == PYEMU_INT32 ? 4 : 0;
}

static inline const char *dtype_name(int32_t dtype) {
  return dtype == PYEMU_FLOAT32   ? "float32"
         : dtype == PYEMU_FLOAT64 ? "float64"
         : dtype == PYEMU_INT32   ? "int32"
                                  : "an unknown type";
}

/* a * b into '*product'; 0 if it does not fit. Both must not be negative. */
static inline int multiply_sizes(int64_t a, int64_t b, int64_t *product) {
  if (a != 0 && b > INT64_MAX / a)
    return 0;
  *product = a * b;
  return 1;
}

#endif
