/* kernels_neon.c - vectors of 16 bytes of 64-bit ARM. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engines/native/kernels.h"
#include "wide.h"

#if defined(__aarch64__) && defined(__GNUC__)
#include <arm_neon.h>

#define VECTOR_BYTES 16
#define BLOCK_ROWS 8
#define FUSED_float(a, b, c)                                                                       \
  ((vector_real_float)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define FUSED_double(a, b, c)                                                                      \
  ((vector_real_double)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#define ROOT_float(a) ((vector_real_float)vsqrtq_f32((float32x4_t)(a)))
#define ROOT_double(a) ((vector_real_double)vsqrtq_f64((float64x2_t)(a)))
#define ANY_double(m) (vmaxvq_u32((uint32x4_t)(m)) != 0)

/* Products are rounded before they are added to, unless fused in so many words. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

#define REAL_IS_DOUBLE 1
#include "engines/native/kernels.inc"
#define REAL_IS_DOUBLE 0
#include "engines/native/kernels.inc"

void kernels_neon(struct kernels *kernels) {
  kernels->name = "neon";
  fill_table_float(kernels);
  fill_table_double(kernels);
}
#endif
