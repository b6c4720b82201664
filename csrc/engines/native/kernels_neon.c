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

#define KIND neon
#include "engines/native/kernels_both.inc"
#endif
