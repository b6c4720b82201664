/* Plugins that must be refused: of another interface, or of none. And a library that is no longer
 * new enough. */
#include "engine.h"

const struct engine *pyemu_engine_plugin(const char *name);
const void *OrtGetApiBase(void);

#ifdef OTHER_INTERFACE
const struct engine *pyemu_engine_plugin(const char *name) {
  static const struct engine engine = {.interface = 99, .name = "other_interface"};
  (void)name;
  return &engine;
}

static const void *get_api(uint32_t version) {
  (void)version;
  return NULL;
}

const void *OrtGetApiBase(void) {
  static const struct { const void *(*get_api)(uint32_t); } base = {get_api};
  return &base;
}
#endif
