/*
 * descriptor.c - from the Fortran compiler's array descriptor to the neutral pyemu_array.
 *
 * The layout of the descriptor and its type codes differ between compilers, so this one file is
 * compiled with the Fortran compiler's own ISO_Fortran_binding.h and goes into the Fortran library.
 */
#include <ISO_Fortran_binding.h>
#include <stdio.h>

#include "pyemu.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int pyemu_fortran_bind(pyemu_emulator *emulator, const char *name, const CFI_cdesc_t *array,
                              const char *units, int level_dim, char *errmsg, size_t errlen);
EXPORT int pyemu_fortran_bind_device(pyemu_emulator *emulator, const char *name, void *address,
                                     const CFI_cdesc_t *mold, const char *units, int level_dim,
                                     char *errmsg, size_t errlen);
EXPORT int pyemu_fortran_reference(const pyemu_emulator *emulator, const char *name,
                                   const CFI_cdesc_t *array, int level_dim, char *errmsg,
                                   size_t errlen);

EXPORT int pyemu_fortran_bind_ids(pyemu_emulator *emulator, const CFI_cdesc_t *ids, char *errmsg,
                                  size_t errlen);
EXPORT int pyemu_fortran_bind_weight(pyemu_emulator *emulator, const char *name,
                                     const CFI_cdesc_t *weights, char *errmsg, size_t errlen);
EXPORT int pyemu_fortran_bind_aside(pyemu_emulator *emulator, const char *name,
                                    const CFI_cdesc_t *array, const char *units, int level_dim,
                                    char *errmsg, size_t errlen);
EXPORT int pyemu_fortran_fill_noise(int32_t distribution, int64_t seed, int64_t member,
                                    int64_t step, int64_t stream, const CFI_cdesc_t *ids,
                                    const CFI_cdesc_t *array, int level_dim, char *errmsg,
                                    size_t errlen);

/* The element type, or 0 if emulators cannot use it. */
static int32_t element_type(const CFI_cdesc_t *array) {
  if (array->type == CFI_type_float)
    return PYEMU_FLOAT32;
  if (array->type == CFI_type_double)
    return PYEMU_FLOAT64;
  if (array->type == CFI_type_int32_t || (array->type == CFI_type_int && sizeof(int) == 4))
    return PYEMU_INT32;
  return 0;
}

/* What the type is called, for the message. Codes that a compiler lacks are negative. */
static const char *type_name(CFI_type_t type) {
  static const struct {
    CFI_type_t type;
    const char *name;
  } names[] = {
      {CFI_type_int8_t, "integer(int8)"},
      {CFI_type_int16_t, "integer(int16)"},
      {CFI_type_int64_t, "integer(int64)"},
      {CFI_type_float_Complex, "complex(real32)"},
      {CFI_type_double_Complex, "complex(real64)"},
      {CFI_type_Bool, "logical(c_bool)"},
      {CFI_type_char, "character"},
      {CFI_type_struct,
       "of a derived type (a component of an array of it? then bind a pointer to it)"},
  };
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (names[i].type == type && type >= 0)
      return names[i].name;
  return "of another type (logical, or a real kind other than real32 and real64?)";
}

static int refuse(int status, char *errmsg, size_t errlen, const char *name, const char *reason,
                  const char *advice) {
  if (errmsg && errlen > 0)
    snprintf(errmsg, errlen, "the array for '%s' is %s; %s", name, reason, advice);
  return status;
}

/* Describe shape and strides. The extent of an assumed-size array is unknown: it is refused. */
static int describe_shape(const CFI_cdesc_t *from, pyemu_array *to, const char *name, char *errmsg,
                          size_t errlen) {
  to->data = from->base_addr;
  to->rank = from->rank;
  if (from->rank > PYEMU_MAX_RANK)
    return refuse(PYEMU_ERR_SIZE, errmsg, errlen, name, "of rank 8 or more", "bind rank 0 to 7");
  for (int i = 0; i < from->rank; ++i) {
    if (from->dim[i].extent < 0)
      return refuse(PYEMU_ERR_SIZE, errmsg, errlen, name, "of assumed size, a(*)",
                    "declare its last dimension, or bind a section with an upper bound");
    to->shape[i] = from->dim[i].extent;
    to->strides[i] = from->dim[i].sm;
  }
  return PYEMU_OK;
}

/* Describe the array of a variable. */
static int describe(const CFI_cdesc_t *from, pyemu_array *to, const char *name, char *errmsg,
                    size_t errlen) {
  to->dtype = element_type(from);
  if (to->dtype == 0)
    return refuse(PYEMU_ERR_KIND, errmsg, errlen, name, type_name(from->type),
                  "bind a real(real32), real(real64) or integer(int32) array");
  return describe_shape(from, to, name, errmsg, errlen);
}

/* Describe the ids of columns, which the interface of module pyemu lets be of two kinds. */
static int describe_ids(const CFI_cdesc_t *from, pyemu_array *to, char *errmsg, size_t errlen) {
  to->dtype = from->type == CFI_type_int64_t ? PYEMU_INT64 : element_type(from);
  return describe_shape(from, to, "ids", errmsg, errlen);
}

int pyemu_fortran_bind(pyemu_emulator *emulator, const char *name, const CFI_cdesc_t *array,
                       const char *units, int level_dim, char *errmsg, size_t errlen) {
  pyemu_array neutral;
  int status = describe(array, &neutral, name, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_bind(emulator, name, &neutral, units, level_dim, errmsg, errlen);
}

int pyemu_fortran_bind_device(pyemu_emulator *emulator, const char *name, void *address,
                              const CFI_cdesc_t *mold, const char *units, int level_dim,
                              char *errmsg, size_t errlen) {
  pyemu_array neutral;
  int status = describe(mold, &neutral, name, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  neutral.data = address;
  return pyemu_bind_device(emulator, name, &neutral, units, level_dim, errmsg, errlen);
}

int pyemu_fortran_reference(const pyemu_emulator *emulator, const char *name,
                            const CFI_cdesc_t *array, int level_dim, char *errmsg, size_t errlen) {
  pyemu_array neutral;
  int status = describe(array, &neutral, name, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_reference(emulator, name, &neutral, level_dim, errmsg, errlen);
}

int pyemu_fortran_bind_ids(pyemu_emulator *emulator, const CFI_cdesc_t *ids, char *errmsg,
                           size_t errlen) {
  pyemu_array neutral;
  int status = describe_ids(ids, &neutral, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_bind_ids(emulator, &neutral, errmsg, errlen);
}

int pyemu_fortran_bind_weight(pyemu_emulator *emulator, const char *name,
                              const CFI_cdesc_t *weights, char *errmsg, size_t errlen) {
  pyemu_array neutral;
  int status = describe(weights, &neutral, "weight", errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_bind_weight(emulator, name, &neutral, errmsg, errlen);
}

int pyemu_fortran_bind_aside(pyemu_emulator *emulator, const char *name, const CFI_cdesc_t *array,
                             const char *units, int level_dim, char *errmsg, size_t errlen) {
  pyemu_array neutral;
  int status = describe(array, &neutral, name, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_bind_aside(emulator, name, &neutral, units, level_dim, errmsg, errlen);
}

int pyemu_fortran_fill_noise(int32_t distribution, int64_t seed, int64_t member, int64_t step,
                             int64_t stream, const CFI_cdesc_t *ids, const CFI_cdesc_t *array,
                             int level_dim, char *errmsg, size_t errlen) {
  pyemu_array neutral, neutral_ids;
  int status = describe_ids(ids, &neutral_ids, errmsg, errlen);
  if (status == PYEMU_OK)
    status = describe(array, &neutral, "array", errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  return pyemu_fill_noise(distribution, seed, member, step, stream, &neutral_ids, &neutral,
                          level_dim, errmsg, errlen);
}
