/* library.h - finding and loading torch's libraries, and the part of this engine that is built
 * against them. */
#ifndef TORCH_LIBRARY_H
#define TORCH_LIBRARY_H

#include "engine.h"
#include "error.h"

/* The engine of that name out of libpyemu_torch.so, once torch's libraries are there. 'path' is the
 * option runtime_library, or NULL. Libraries once loaded stay until the process ends.
 * Errors: ENGINE. */
int torch_library_load(const char *name, const char *path, const struct engine **engine,
                       const struct error *error);

#endif
