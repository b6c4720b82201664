/* plugin.h - finding and loading an engine by name. */
#ifndef PYEMU_PLUGIN_H
#define PYEMU_PLUGIN_H

#include "engine.h"
#include "error.h"

/* An engine and the shared library it came from (NULL if it is built in). */
struct plugin {
  const struct engine *engine;
  void *library;
};

/* Errors: ENGINE, ARGUMENT. */
int plugin_load(struct plugin *plugin, const char *name, const struct error *error);
void plugin_unload(struct plugin *plugin);

#endif
