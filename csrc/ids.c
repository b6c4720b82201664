#include "ids.h"

#include <string.h>

int ids_make(struct layout *ids, const pyemu_array *array, const struct error *error) {
  static char name[] = "ids";
  const struct variable v = {
      .name = name, .has_batch = 1, .width = 1, .dtype = PYEMU_INT32, .direction = PYEMU_INPUT};
  if (!array)
    return fail(error, PYEMU_ERR_ARGUMENT, "'ids' is NULL");
  if (array->dtype != PYEMU_INT32 && array->dtype != PYEMU_INT64)
    return fail(error, PYEMU_ERR_KIND,
                "the ids of columns have element type number %d; expected int32 or int64",
                (int)array->dtype);
  pyemu_array plain = *array; /* only its extents and strides matter */
  plain.dtype = PYEMU_INT32;
  int status = layout_make(ids, &plain, &v, PYEMU_LAST_DIM, error);
  ids->dtype = array->dtype;
  return status;
}

static int64_t id_at(const char *at, int32_t dtype) {
  int32_t narrow;
  int64_t wide;
  if (dtype == PYEMU_INT64) {
    memcpy(&wide, at, sizeof wide);
    return wide;
  }
  memcpy(&narrow, at, sizeof narrow);
  return narrow;
}

/* The address of a column. */
static const char *address_of(const struct layout *ids, int64_t column) {
  const char *at = ids->data;
  for (int i = 0; i < ids->n_dims; ++i) {
    at += column % ids->shape[i] * ids->strides[i];
    column /= ids->shape[i];
  }
  return at;
}

void ids_read(const struct layout *ids, int64_t first, int64_t columns, int64_t *to) {
  for (int64_t done = 0; done < columns;) {
    const char *at = address_of(ids, first + done);
    const int64_t rest = ids->shape[0] - (first + done) % ids->shape[0];
    const int64_t n = columns - done < rest ? columns - done : rest;
    for (int64_t i = 0; i < n; ++i)
      to[done + i] = id_at(at + i * ids->strides[0], ids->dtype);
    done += n;
  }
}

int ids_check(const int64_t *ids, int64_t first, int64_t columns, const struct error *error) {
  for (int64_t i = 0; i < columns; ++i)
    if (ids[i] < 0)
      return fail(error, PYEMU_ERR_ARGUMENT,
                  "the id of column %lld (counted from 1) is %lld; expected the column's number in "
                  "the whole model, 0 or more",
                  (long long)(first + i) + 1, (long long)ids[i]);
  return PYEMU_OK;
}

int ids_take(const struct layout *ids, int64_t columns, int64_t bound, int64_t *to,
             const struct error *error) {
  if (ids->columns != bound)
    return fail(error, PYEMU_ERR_SIZE, "ids are bound for %lld columns, but arrays with %lld",
                (long long)ids->columns, (long long)bound);
  ids_read(ids, 0, columns, to);
  return ids_check(to, 0, columns, error);
}
