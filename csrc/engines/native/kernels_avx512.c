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

#define HAS_CHOICES
#define AT_LEAST_float(x, least) ((vector_real_float)_mm512_max_ps((__m512)(least), (__m512)(x)))
#define AT_LEAST_double(x, least)                                                                  \
  ((vector_real_double)_mm512_max_pd((__m512d)(least), (__m512d)(x)))
#define AT_MOST_float(x, most) ((vector_real_float)_mm512_min_ps((__m512)(most), (__m512)(x)))
#define AT_MOST_double(x, most) ((vector_real_double)_mm512_min_pd((__m512d)(most), (__m512d)(x)))
#define CHOOSE_LESS_float(a, b, yes, no)                                                           \
  ((vector_real_float)_mm512_mask_blend_ps(                                                        \
      _mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LT_OQ), (__m512)(no), (__m512)(yes)))
#define CHOOSE_LESS_double(a, b, yes, no)                                                          \
  ((vector_real_double)_mm512_mask_blend_pd(                                                       \
      _mm512_cmp_pd_mask((__m512d)(a), (__m512d)(b), _CMP_LT_OQ), (__m512d)(no), (__m512d)(yes)))
#define SCALED_float(x, n) ((vector_real_float)_mm512_scalef_ps((__m512)(x), (__m512)(n)))
#define SCALED_double(x, n) ((vector_real_double)_mm512_scalef_pd((__m512d)(x), (__m512d)(n)))

#define KIND avx512
#include "engines/native/kernels_both.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
