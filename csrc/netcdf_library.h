/* netcdf_library.h - the few functions of netcdf-c that a recording needs, found at run time. */
#ifndef PYEMU_NETCDF_LIBRARY_H
#define PYEMU_NETCDF_LIBRARY_H

#include "error.h"

/* Numbers of netcdf.h: how a file is created, its types, and what belongs to no variable. */
enum { NETCDF_NOCLOBBER = 0x0004, NETCDF_CDF5 = 0x0020, NETCDF_NOFILL = 0x0100 };
enum {
  NETCDF_CHAR = 2,
  NETCDF_INT = 4,
  NETCDF_FLOAT = 5,
  NETCDF_DOUBLE = 6,
  NETCDF_INT64 = 10,
  NETCDF_GLOBAL = -1
};

/* Each returns 0, or a number that 'text' explains. */
struct netcdf {
  int (*create)(const char *path, int mode, size_t initial, size_t *chunk, int *file);
  int (*def_dim)(int file, const char *name, size_t size, int *dim);
  int (*def_var)(int file, const char *name, int type, int n_dims, const int *dims, int *variable);
  int (*put_att)(int file, int variable, const char *name, int type, size_t length, const void *);
  int (*set_fill)(int file, int mode, int *old);
  int (*enddef)(int file);
  int (*put_vara)(int file, int variable, const size_t *start, const size_t *count, const void *);
  int (*sync)(int file);
  int (*close)(int file);
  int (*abort)(int file);
  const char *(*text)(int status);
};

/*
 * Find netcdf-c once for the process: the file 'library', else the one that PYEMU_NETCDF names,
 * else what the process has loaded already, else the system's. Call it with the lock. Errors:
 * UNSUPPORTED.
 */
int netcdf_find(const struct netcdf **netcdf, const char *library, const struct error *error);

/* netcdf-c may be used by one thread at a time. */
void netcdf_lock(void);
void netcdf_unlock(void);

#endif
