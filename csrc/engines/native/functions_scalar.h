/*
 * functions_scalar.h - elementary functions of single numbers, in plain C99: exponential_float,
 * exponential_double and so on; see functions.inc.
 *
 * They give the same bits as the kernels do, if nothing is fused or reordered by the compiler:
 * -ffp-contract=off, no -ffast-math, and no wider type for intermediate results.
 */
#ifndef NATIVE_FUNCTIONS_SCALAR_H
#define NATIVE_FUNCTIONS_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FUNCTION static inline
#define LARGE_FUNCTION static inline
#define UNROLL
#define ANY_double(m) ((m) != 0)
#define WIDENED(f, x) ((float)f((double)(x)))
#define WIDENED_2(f, x, y) ((float)f((double)(x), (double)(y)))

/* What functions.inc asks for. Masks are -1 or 0; sums and shifts go by way of unsigned integers,
 * which cannot overflow. */
#define DEFINE_HELPERS(REAL, BITS, UNSIGNED_BITS, FMA)                                             \
  static inline REAL fused_##REAL(REAL a, REAL b, REAL c) { return FMA(a, b, c); }                 \
  static inline REAL all_##REAL(REAL value) { return value; }                                      \
  static inline BITS all_bits_##REAL(BITS value) { return value; }                                 \
  static inline BITS bits_##REAL(REAL x) {                                                         \
    BITS bits;                                                                                     \
    memcpy(&bits, &x, sizeof bits);                                                                \
    return bits;                                                                                   \
  }                                                                                                \
  static inline REAL of_bits_##REAL(BITS bits) {                                                   \
    REAL x;                                                                                        \
    memcpy(&x, &bits, sizeof x);                                                                   \
    return x;                                                                                      \
  }                                                                                                \
  static inline BITS less_##REAL(REAL a, REAL b) { return -(BITS)(a < b); }                        \
  static inline BITS equal_##REAL(REAL a, REAL b) { return -(BITS)(a == b); }                      \
  static inline REAL choose_##REAL(BITS m, REAL yes, REAL no) { return m ? yes : no; }             \
  static inline BITS add_bits_##REAL(BITS a, BITS b) {                                             \
    return (BITS)((UNSIGNED_BITS)a + (UNSIGNED_BITS)b);                                            \
  }                                                                                                \
  static inline BITS subtract_bits_##REAL(BITS a, BITS b) {                                        \
    return (BITS)((UNSIGNED_BITS)a - (UNSIGNED_BITS)b);                                            \
  }                                                                                                \
  static inline BITS shift_up_##REAL(BITS a, int by) { return (BITS)((UNSIGNED_BITS)a << by); }    \
  static inline BITS shift_down_##REAL(BITS a, int by) { return a >> by; }

DEFINE_HELPERS(float, int32_t, uint32_t, fmaf)
DEFINE_HELPERS(double, int64_t, uint64_t, fma)

#define REAL_IS_DOUBLE 1
#define REAL double
#define BITS int64_t
#define UNSIGNED_BITS uint64_t
#define vector double
#define mask int64_t
#define NAME(name) name##_double
#define FUSED fused_double
#define ROOT sqrt
#include "functions.inc"
#undef REAL_IS_DOUBLE
#undef REAL
#undef BITS
#undef UNSIGNED_BITS
#undef vector
#undef mask
#undef NAME
#undef FUSED
#undef ROOT

#define REAL_IS_DOUBLE 0
#define REAL float
#define BITS int32_t
#define UNSIGNED_BITS uint32_t
#define vector float
#define mask int32_t
#define NAME(name) name##_float
#define FUSED fused_float
#define ROOT sqrtf
#include "functions.inc"
#undef REAL_IS_DOUBLE
#undef REAL
#undef BITS
#undef UNSIGNED_BITS
#undef vector
#undef mask
#undef NAME
#undef FUSED
#undef ROOT

#undef DEFINE_HELPERS
#undef FUNCTION
#undef LARGE_FUNCTION
#undef UNROLL
#undef ANY_double
#undef WIDENED
#undef WIDENED_2

#endif
