/* Plugins that must be refused: of another interface, or of none. And a library that is no longer
 * new enough. */
#include "engine.h"

const struct engine *pyemu_engine_plugin(void);
const void *OrtGetApiBase(void);

#ifdef OTHER_INTERFACE
const struct engine *pyemu_engine_plugin(void) {
  static const struct engine engine = {99, "other_interface", NULL, NULL, NULL};
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
