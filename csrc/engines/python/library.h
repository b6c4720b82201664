/* library.h - finding a Python, and the part of this engine that calls it. */
#ifndef PYTHON_LIBRARY_H
#define PYTHON_LIBRARY_H

#include "engine.h"
#include "error.h"

/* The engine, with an interpreter that runs. 'path' is the option runtime_library (a libpython), or
 * NULL. What is loaded stays until the process ends. Errors: ENGINE. */
int python_library_load(const char *path, const struct engine **engine, const struct error *error);

#endif
