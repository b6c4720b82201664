/* copy.h - strided, converting copy of a matrix: the inner loops of gather and scatter. */
#ifndef PYEMU_COPY_H
#define PYEMU_COPY_H

#include <stdint.h>

/* A matrix in memory; strides in bytes, of any sign. */
struct matrix {
  char *data;
  int32_t dtype;
  int64_t row_stride;
  int64_t element_stride;
};

/* dst[i][j] = src[i][j] for 'rows' by 'n' elements, converted to the type of 'dst'. The pair of
 * types must be one that copy_is_possible allows. */
void copy_matrix(const struct matrix *dst, const struct matrix *src, int64_t rows, int64_t n);

/* 1 if elements of type 'from' can be converted to type 'to': between reals, and from int32. */
int copy_is_possible(int32_t from, int32_t to);

#endif
