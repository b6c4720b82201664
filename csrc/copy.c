#include "copy.h"

#include <stdlib.h>
#include <string.h>

#include "pyemu.h"
#include "wide.h"

/* Rows of a tile, and elements of a vector. */
enum { TILE = 4 };

/* Elements that a transposition goes along before it takes the next rows: the other side's part of
 * such a stretch stays in the first-level cache, and the memory's prefetcher sees a stream. */
enum { STRETCH = 64 };

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector) && __has_builtin(__builtin_convertvector)
#define HAS_VECTORS 1
#endif
#endif

#ifdef HAS_VECTORS
typedef float vector_float __attribute__((vector_size(TILE * sizeof(float))));
typedef double vector_double __attribute__((vector_size(TILE * sizeof(double))));
typedef int32_t vector_int32_t __attribute__((vector_size(TILE * sizeof(int32_t))));

/* Transpose a tile of 4 by 4: load its rows, convert, exchange elements, store its columns. */
#define DEFINE_TILE(NAME, S, D)                                                                    \
  ALWAYS_INLINE void tile_##NAME(char *dst, int64_t dst_a, const char *src, int64_t src_b) {       \
    vector_##S s0, s1, s2, s3;                                                                     \
    memcpy(&s0, src, sizeof s0);                                                                   \
    memcpy(&s1, src + src_b, sizeof s1);                                                           \
    memcpy(&s2, src + 2 * src_b, sizeof s2);                                                       \
    memcpy(&s3, src + 3 * src_b, sizeof s3);                                                       \
    vector_##D r0 = __builtin_convertvector(s0, vector_##D);                                       \
    vector_##D r1 = __builtin_convertvector(s1, vector_##D);                                       \
    vector_##D r2 = __builtin_convertvector(s2, vector_##D);                                       \
    vector_##D r3 = __builtin_convertvector(s3, vector_##D);                                       \
    vector_##D low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);                                \
    vector_##D low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);                                \
    vector_##D high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);                               \
    vector_##D high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);                               \
    vector_##D c0 = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);                             \
    vector_##D c1 = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);                             \
    vector_##D c2 = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);                           \
    vector_##D c3 = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);                           \
    memcpy(dst, &c0, sizeof c0);                                                                   \
    memcpy(dst + dst_a, &c1, sizeof c1);                                                           \
    memcpy(dst + 2 * dst_a, &c2, sizeof c2);                                                       \
    memcpy(dst + 3 * dst_a, &c3, sizeof c3);                                                       \
  }
#else
#define DEFINE_TILE(NAME, S, D)                                                                    \
  ALWAYS_INLINE void tile_##NAME(char *dst, int64_t dst_a, const char *src, int64_t src_b) {       \
    for (int64_t b = 0; b < TILE; ++b)                                                             \
      for (int64_t a = 0; a < TILE; ++a)                                                           \
        element_##NAME(dst + a * dst_a + b * (int64_t)sizeof(D),                                   \
                       src + b * src_b + a * (int64_t)sizeof(S));                                  \
  }
#endif

/*
 * For each pair of types: a row copy, a transposition by tiles, and a plain strided copy. Elements
 * go through memcpy because the caller's strides may leave them unaligned; compilers make plain,
 * and where elements are adjacent vector, loads and stores of it.
 *
 * The transposition reads along 'a', where the source is adjacent, and writes along 'b', where the
 * destination is: dst[a][b] = src[b][a]. It goes along the adjacent direction of the side whose
 * rows lie farther apart.
 */
#define DEFINE_COPY(NAME, S, D)                                                                    \
  ALWAYS_INLINE void element_##NAME(char *dst, const char *src) {                                  \
    S from;                                                                                        \
    memcpy(&from, src, sizeof from);                                                               \
    D to = (D)from;                                                                                \
    memcpy(dst, &to, sizeof to);                                                                   \
  }                                                                                                \
  DEFINE_TILE(NAME, S, D)                                                                          \
  WIDE static void row_##NAME(char *restrict dst, const char *restrict src, int64_t n) {           \
    for (int64_t j = 0; j < n; ++j)                                                                \
      element_##NAME(dst + j * (int64_t)sizeof(D), src + j * (int64_t)sizeof(S));                  \
  }                                                                                                \
  static void strided_##NAME(const struct matrix *dst, const struct matrix *src, int64_t rows,     \
                             int64_t n) {                                                          \
    for (int64_t i = 0; i < rows; ++i)                                                             \
      for (int64_t j = 0; j < n; ++j)                                                              \
        element_##NAME(dst->data + i * dst->row_stride + j * dst->element_stride,                  \
                       src->data + i * src->row_stride + j * src->element_stride);                 \
  }                                                                                                \
  WIDE static void transpose_##NAME(char *dst, int64_t dst_a, const char *src, int64_t src_b,      \
                                    int64_t na, int64_t nb) {                                      \
    const int64_t s = sizeof(S), d = sizeof(D), ta = na - na % TILE, tb = nb - nb % TILE;          \
    if (llabs(src_b) >= llabs(dst_a)) {                                                            \
      for (int64_t a0 = 0; a0 < ta; a0 += STRETCH)                                                 \
        for (int64_t b = 0; b < tb; b += TILE)                                                     \
          for (int64_t a = a0; a < ta && a < a0 + STRETCH; a += TILE)                              \
            tile_##NAME(dst + a * dst_a + b * d, dst_a, src + b * src_b + a * s, src_b);           \
    } else {                                                                                       \
      for (int64_t b0 = 0; b0 < tb; b0 += STRETCH)                                                 \
        for (int64_t a = 0; a < ta; a += TILE)                                                     \
          for (int64_t b = b0; b < tb && b < b0 + STRETCH; b += TILE)                              \
            tile_##NAME(dst + a * dst_a + b * d, dst_a, src + b * src_b + a * s, src_b);           \
    }                                                                                              \
    for (int64_t b = 0; b < nb; ++b)                                                               \
      for (int64_t a = b < tb ? ta : 0; a < na; ++a)                                               \
        element_##NAME(dst + a * dst_a + b * d, src + b * src_b + a * s);                          \
  }                                                                                                \
  static void copy_##NAME(const struct matrix *dst, const struct matrix *src, int64_t rows,        \
                          int64_t n) {                                                             \
    const int64_t s = sizeof(S), d = sizeof(D);                                                    \
    if (dst->element_stride == d && src->element_stride == s)                                      \
      for (int64_t i = 0; i < rows; ++i)                                                           \
        row_##NAME(dst->data + i * dst->row_stride, src->data + i * src->row_stride, n);           \
    else if (dst->row_stride == d && src->row_stride == s)                                         \
      for (int64_t j = 0; j < n; ++j)                                                              \
        row_##NAME(dst->data + j * dst->element_stride, src->data + j * src->element_stride,       \
                   rows);                                                                          \
    else if (dst->element_stride == d && src->row_stride == s)                                     \
      transpose_##NAME(dst->data, dst->row_stride, src->data, src->element_stride, rows, n);       \
    else if (dst->row_stride == d && src->element_stride == s)                                     \
      transpose_##NAME(dst->data, dst->element_stride, src->data, src->row_stride, n, rows);       \
    else                                                                                           \
      strided_##NAME(dst, src, rows, n);                                                           \
  }

DEFINE_COPY(f32_f32, float, float)
DEFINE_COPY(f32_f64, float, double)
DEFINE_COPY(f64_f32, double, float)
DEFINE_COPY(f64_f64, double, double)
DEFINE_COPY(i32_i32, int32_t, int32_t)
DEFINE_COPY(i32_f32, int32_t, float)
DEFINE_COPY(i32_f64, int32_t, double)

typedef void copy_function(const struct matrix *, const struct matrix *, int64_t, int64_t);

/* By the type of the source and the type of the destination, in the order of their numbers. */
static copy_function *const copies[3][3] = {{copy_f32_f32, copy_f32_f64, NULL},
                                            {copy_f64_f32, copy_f64_f64, NULL},
                                            {copy_i32_f32, copy_i32_f64, copy_i32_i32}};

int copy_is_possible(int32_t from, int32_t to) {
  return copies[from - PYEMU_FLOAT32][to - PYEMU_FLOAT32] != NULL;
}

void copy_matrix(const struct matrix *dst, const struct matrix *src, int64_t rows, int64_t n) {
  copies[src->dtype - PYEMU_FLOAT32][dst->dtype - PYEMU_FLOAT32](dst, src, rows, n);
}
