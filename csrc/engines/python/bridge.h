/* bridge.h - what libpyemu_python.so, the part of the engine that calls Python, gives to the
 * plugin, which does not and so can see to it that there is a Python to call. */
#ifndef PYTHON_BRIDGE_H
#define PYTHON_BRIDGE_H

#include "engine.h"
#include "error.h"

/* What it exports. 'start' makes the interpreter ready: the one that runs in this process, or a new
 * one with the packages of the Python program 'executable'. It may be called many times.
 * Errors: ENGINE. */
struct python_bridge {
  int (*start)(const char *executable, const struct error *error);
  const struct engine *engine;
};

typedef const struct python_bridge *python_bridge_function(void);
#define PYTHON_BRIDGE_SYMBOL "pyemu_python_bridge"

#endif
