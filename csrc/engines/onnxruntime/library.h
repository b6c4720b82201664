/* library.h - finding libonnxruntime and taking its function table. */
#ifndef PYEMU_ORT_LIBRARY_H
#define PYEMU_ORT_LIBRARY_H

#include "error.h"
#include "ort_api.h"

/* Load the library and fill '*api'. 'path' is a file, or a directory that holds one, or NULL to
 * search. The library is never unloaded: it keeps state of its own. Errors: ENGINE. */
int ort_library_load(struct ort_api *api, const char *path, const struct error *error);

#endif
