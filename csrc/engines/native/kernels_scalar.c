/* kernels_scalar.c - any processor: fused multiply-adds are those of the C library. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engines/native/kernels.h"
#include "wide.h"

#define VECTOR_BYTES 16
#define BLOCK_ROWS 4
#define FUSED_float(a, b, c)                                                                       \
  ({                                                                                               \
    const vector_real_float fa = (a), fb = (b), fc = (c);                                          \
    (vector_real_float){fmaf(fa[0], fb[0], fc[0]), fmaf(fa[1], fb[1], fc[1]),                      \
                        fmaf(fa[2], fb[2], fc[2]), fmaf(fa[3], fb[3], fc[3])};                     \
  })
#define FUSED_double(a, b, c)                                                                      \
  ({                                                                                               \
    const vector_real_double fa = (a), fb = (b), fc = (c);                                         \
    (vector_real_double){fma(fa[0], fb[0], fc[0]), fma(fa[1], fb[1], fc[1])};                      \
  })
#define ROOT_float(a)                                                                              \
  ({                                                                                               \
    const vector_real_float ra = (a);                                                              \
    (vector_real_float){sqrtf(ra[0]), sqrtf(ra[1]), sqrtf(ra[2]), sqrtf(ra[3])};                   \
  })
#define ROOT_double(a)                                                                             \
  ({                                                                                               \
    const vector_real_double ra = (a);                                                             \
    (vector_real_double){sqrt(ra[0]), sqrt(ra[1])};                                                \
  })
#define ANY_double(m) ((m)[0] != 0 || (m)[1] != 0)

#define KIND scalar
#include "engines/native/kernels_both.inc"
