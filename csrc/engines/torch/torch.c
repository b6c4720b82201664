/*
 * torch.c - the plugin of the engines "aoti" (AOTInductor packages) and "torchscript".
 *
 * The plugin is not linked to torch. It looks for torch's libraries, compares their version with
 * the one libpyemu was built with, and only then loads libpyemu_torch.so, which does the work: a
 * missing or another torch is an error with a reason, never an undefined symbol.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "error.h"
#include "library.h"

/* The engine in libpyemu_torch.so, and its state. */
struct session {
  const struct engine *engine;
  void *state;
};

static int create(const char *name, const struct engine_source *source, void **state, char *errmsg,
                  size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the engine");
  int status = torch_library_load(name, source->runtime_library, &s->engine, &error);
  if (status == PYEMU_OK)
    status = s->engine->create(source, &s->state, errmsg, errlen);
  if (status == PYEMU_OK)
    *state = s;
  else
    free(s);
  return status;
}

static int create_aoti(const struct engine_source *source, void **state, char *errmsg,
                       size_t errlen) {
  return create("aoti", source, state, errmsg, errlen);
}

static int create_torchscript(const struct engine_source *source, void **state, char *errmsg,
                              size_t errlen) {
  return create("torchscript", source, state, errmsg, errlen);
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
  static const struct engine engines[] = {{.interface = PYEMU_ENGINE_INTERFACE,
                                           .name = "aoti",
                                           .create = create_aoti,
                                           .run = run,
                                           .destroy = destroy,
                                           .version = version,
                                           .abilities = ENGINE_CUDA},
                                          {.interface = PYEMU_ENGINE_INTERFACE,
                                           .name = "torchscript",
                                           .create = create_torchscript,
                                           .run = run,
                                           .destroy = destroy,
                                           .version = version,
                                           .abilities = ENGINE_CUDA}};
  for (size_t i = 0; i < sizeof engines / sizeof engines[0]; ++i)
    if (strcmp(name, engines[i].name) == 0)
      return &engines[i];
  return NULL;
}
