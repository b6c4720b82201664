/* kernels_avx512.c - vectors of 64 bytes. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engines/native/kernels.h"
#include "wide.h"

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))),    \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
#endif
#include <immintrin.h>

#define VECTOR_BYTES 64
#define BLOCK_ROWS 8
#define FUSED_float(a, b, c)                                                                       \
  ((vector_real_float)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define FUSED_double(a, b, c)                                                                      \
  ((vector_real_double)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define ROOT_float(a) ((vector_real_float)_mm512_sqrt_ps((__m512)(a)))
#define ROOT_double(a) ((vector_real_double)_mm512_sqrt_pd((__m512d)(a)))
#define ANY_double(m) (_mm512_movepi64_mask((__m512i)(m)) != 0)

#define KIND avx512
#include "engines/native/kernels_both.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
