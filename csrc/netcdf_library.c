#include "netcdf_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct netcdf found;
static int is_found;

void netcdf_lock(void) { pthread_mutex_lock(&mutex); }

void netcdf_unlock(void) { pthread_mutex_unlock(&mutex); }

/* Returns NULL, or the name of a function that is not there. */
static const char *take(void *library, struct netcdf *netcdf) {
  struct {
    const char *name;
    void *function;
  } const wanted[] = {
      {"nc__create", &netcdf->create},    {"nc_def_dim", &netcdf->def_dim},
      {"nc_def_var", &netcdf->def_var},   {"nc_put_att", &netcdf->put_att},
      {"nc_set_fill", &netcdf->set_fill}, {"nc_enddef", &netcdf->enddef},
      {"nc_put_vara", &netcdf->put_vara}, {"nc_sync", &netcdf->sync},
      {"nc_close", &netcdf->close},       {"nc_abort", &netcdf->abort},
      {"nc_strerror", &netcdf->text},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; ++i) {
    void *symbol = dlsym(library, wanted[i].name);
    if (!symbol)
      return wanted[i].name;
    memcpy(wanted[i].function, &symbol, sizeof symbol);
  }
  return NULL;
}

/* What is named must work: nothing else is tried in its place. */
static int load_named(const char *file, const char *origin, const struct error *error) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "cannot load netCDF, which writes records: %.300s (%s)", dlerror(), origin);
  const char *missing = take(library, &found);
  return missing ? fail(error, PYEMU_ERR_UNSUPPORTED,
                        "'%.300s' is no netcdf-c library: it has no %s (%s)", file, missing, origin)
                 : PYEMU_OK;
}

/* 1 if the system has one that will do. */
static int load_system(void) {
  static const char *const names[] = {"libnetcdf.so",    "libnetcdf.so.22", "libnetcdf.so.20",
                                      "libnetcdf.so.19", "libnetcdf.so.18", "libnetcdf.so.15",
                                      "libnetcdf.so.13"};
  if (!take(RTLD_DEFAULT, &found))
    return 1;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library && !take(library, &found))
      return 1;
  }
  return 0;
}

int netcdf_find(const struct netcdf **netcdf, const char *library, const struct error *error) {
  const char *named = getenv("PYEMU_NETCDF");
  int status = PYEMU_OK;
  *netcdf = &found;
  if (is_found)
    return PYEMU_OK;
  if (library)
    status = load_named(library, "the setting 'library'", error);
  else if (named && *named)
    status = load_named(named, "the environment variable PYEMU_NETCDF", error);
  else if (!load_system())
    status = fail(error, PYEMU_ERR_UNSUPPORTED,
                  "records are written by netCDF, but there is no libnetcdf.so in this process or "
                  "on the library path; install it ('apt install libnetcdf-dev'), or set "
                  "PYEMU_NETCDF to the file");
  is_found = status == PYEMU_OK;
  return status;
}
