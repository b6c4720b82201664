#include "copy.h"

#include <string.h>

#include "pyemu.h"

/* Columns and levels of the block that a transposition finishes before it goes on: the block's rows
 * on both sides stay in the first-level cache. */
enum { BLOCK = 16 };

/*
 * For each pair of types: a row copy, a blocked transposition, and a plain strided copy. Elements
 * go through memcpy because the caller's strides may leave them unaligned; compilers make plain,
 * and where elements are adjacent vector, loads and stores of it.
 *
 * The transposition reads along 'a', where the source is adjacent, and writes along 'b', where the
 * destination is: dst[a][b] = src[b][a].
 */
#define DEFINE_COPY(NAME, S, D)                                                                    \
  static inline void element_##NAME(char *dst, const char *src) {                                  \
    S from;                                                                                        \
    memcpy(&from, src, sizeof from);                                                               \
    D to = (D)from;                                                                                \
    memcpy(dst, &to, sizeof to);                                                                   \
  }                                                                                                \
  static void row_##NAME(char *restrict dst, const char *restrict src, int64_t n) {                \
    for (int64_t j = 0; j < n; ++j)                                                                \
      element_##NAME(dst + j * (int64_t)sizeof(D), src + j * (int64_t)sizeof(S));                  \
  }                                                                                                \
  static void transpose_##NAME(char *restrict dst, int64_t dst_a, const char *restrict src,        \
                               int64_t src_b, int64_t na, int64_t nb) {                            \
    for (int64_t a0 = 0; a0 < na; a0 += BLOCK)                                                     \
      for (int64_t b0 = 0; b0 < nb; b0 += BLOCK) {                                                 \
        int64_t a1 = na - a0 < BLOCK ? na : a0 + BLOCK;                                            \
        int64_t b1 = nb - b0 < BLOCK ? nb : b0 + BLOCK;                                            \
        for (int64_t b = b0; b < b1; ++b)                                                          \
          for (int64_t a = a0; a < a1; ++a)                                                        \
            element_##NAME(dst + a * dst_a + b * (int64_t)sizeof(D),                               \
                           src + b * src_b + a * (int64_t)sizeof(S));                              \
      }                                                                                            \
  }                                                                                                \
  static void strided_##NAME(const struct matrix *dst, const struct matrix *src, int64_t rows,     \
                             int64_t n) {                                                          \
    for (int64_t i = 0; i < rows; ++i)                                                             \
      for (int64_t j = 0; j < n; ++j)                                                              \
        element_##NAME(dst->data + i * dst->row_stride + j * dst->element_stride,                  \
                       src->data + i * src->row_stride + j * src->element_stride);                 \
  }                                                                                                \
  static void copy_##NAME(const struct matrix *dst, const struct matrix *src, int64_t rows,        \
                          int64_t n) {                                                             \
    const int64_t s = sizeof(S), d = sizeof(D);                                                    \
    if (dst->element_stride == d && src->element_stride == s)                                      \
      for (int64_t i = 0; i < rows; ++i)                                                           \
        row_##NAME(dst->data + i * dst->row_stride, src->data + i * src->row_stride, n);           \
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
