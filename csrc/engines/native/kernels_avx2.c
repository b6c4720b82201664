/* kernels_avx2.c - vectors of 32 bytes. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engines/native/kernels.h"
#include "wide.h"

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#include <immintrin.h>

#define VECTOR_BYTES 32
#define BLOCK_ROWS 4
#define FUSED_float(a, b, c)                                                                       \
  ((vector_real_float)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define FUSED_double(a, b, c)                                                                      \
  ((vector_real_double)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define ROOT_float(a) ((vector_real_float)_mm256_sqrt_ps((__m256)(a)))
#define ROOT_double(a) ((vector_real_double)_mm256_sqrt_pd((__m256d)(a)))
#define ANY_double(m) (_mm256_movemask_pd((__m256d)(m)) != 0)

#define KIND avx2
#include "engines/native/kernels_both.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
