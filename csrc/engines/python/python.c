/*
 * python.c - the plugin of the engine "python", which calls a function of a Python module.
 *
 * The plugin is not linked to Python. In a process that is Python it uses the interpreter there; in
 * any other it loads Python's library, and only then libpyemu_python.so, which calls it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "error.h"
#include "library.h"

/* The engine in libpyemu_python.so, and its state. */
struct session {
  const struct engine *engine;
  void *state;
};

static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the engine");
  int status = python_library_load(source->runtime_library, &s->engine, &error);
  if (status == PYEMU_OK)
    status = s->engine->create(source, &s->state, errmsg, errlen);
  if (status == PYEMU_OK)
    *state = s;
  else
    free(s);
  return status;
}

static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  struct session *s = state;
  return s->engine->run(s->state, columns, tensors, errmsg, errlen);
}

static void destroy(void *state) {
  struct session *s = state;
  s->engine->destroy(s->state);
  free(s);
}

static const char *version(void *state) {
  struct session *s = state;
  return s->engine->version(s->state);
}

__attribute__((visibility("default"))) const struct engine *pyemu_engine_plugin(const char *name);

const struct engine *pyemu_engine_plugin(const char *name) {
  static const struct engine engine = {.interface = PYEMU_ENGINE_INTERFACE,
                                       .name = "python",
                                       .create = create,
                                       .run = run,
                                       .destroy = destroy,
                                       .version = version};
  return strcmp(name, engine.name) == 0 ? &engine : NULL;
}
