#include "plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engines/native/native.h"
#include "engines/stub/stub.h"

enum { MAX_PATH_LENGTH = 4096, MAX_ENGINE_NAME = 40 };

/* A name becomes part of a file name: letters, digits and underscores only. */
static int name_is_plain(const char *name) {
  size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return length > 0 && name[length] == '\0' && length <= MAX_ENGINE_NAME;
}

/* Directory of the shared library this code is in; an empty string if it cannot be told. */
static void own_directory(char *directory, size_t size) {
  Dl_info info;
  directory[0] = '\0';
  if (!dladdr((const void *)(uintptr_t)pyemu_version, &info) || !info.dli_fname)
    return;
  const char *slash = strrchr(info.dli_fname, '/');
  int length = slash ? (int)(slash - info.dli_fname) : 0;
  if (slash && (size_t)length < size)
    snprintf(directory, size, "%.*s", length ? length : 1, info.dli_fname);
}

/* Find the plugin's file in a list of directories separated by colons; 0 if it is in none. */
static int find_file(const char *directories, const char *name, char *path, size_t size) {
  for (const char *at = directories; *at;) {
    size_t length = strcspn(at, ":");
    int written = snprintf(path, size, "%.*s/libpyemu_engine_%s.so", (int)length, at, name);
    if (length > 0 && written > 0 && (size_t)written < size && access(path, R_OK) == 0)
      return 1;
    at += length + (at[length] == ':');
  }
  return 0;
}

/* The library that holds an engine is named after it, but for engines that share one. */
static const char *library_name(const char *engine) {
  static const char *const shared[][2] = {{"aoti", "torch"}, {"torchscript", "torch"}};
  for (size_t i = 0; i < sizeof shared / sizeof shared[0]; ++i)
    if (strcmp(engine, shared[i][0]) == 0)
      return shared[i][1];
  return engine;
}

static int load_library(struct plugin *plugin, const char *path, const char *name,
                        const struct error *error) {
  plugin->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!plugin->library)
    return fail(error, PYEMU_ERR_ENGINE, "cannot load the engine plugin: %s", dlerror());
  pyemu_engine_function *get = NULL;
  void *symbol = dlsym(plugin->library, PYEMU_ENGINE_SYMBOL);
  memcpy(&get, &symbol, sizeof get);
  plugin->engine = get ? get(name) : NULL;
  if (plugin->engine && plugin->engine->interface == PYEMU_ENGINE_INTERFACE)
    return PYEMU_OK;
  int found = plugin->engine ? plugin->engine->interface : 0;
  plugin_unload(plugin);
  if (get && !found)
    return fail(error, PYEMU_ERR_ENGINE, "'%s' holds no engine '%s'", path, name);
  return fail(
      error, PYEMU_ERR_ENGINE,
      "'%s' has engine interface %d, libpyemu %s needs %d: install both from the same release",
      path, found, pyemu_version(), PYEMU_ENGINE_INTERFACE);
}

int plugin_load(struct plugin *plugin, const char *name, const struct error *error) {
  char own[MAX_PATH_LENGTH], path[MAX_PATH_LENGTH];
  *plugin = (struct plugin){NULL, NULL};
  if (!name_is_plain(name))
    return fail(
        error, PYEMU_ERR_ARGUMENT,
        "'%.*s' is no engine name: expected letters, digits and underscores, as in 'onnxruntime' "
        "or 'stub'",
        MAX_ENGINE_NAME, name);
  const struct engine *const built_in[] = {&native_engine, &stub_engine};
  for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; ++i)
    if (strcmp(name, built_in[i]->name) == 0) {
      plugin->engine = built_in[i];
      return PYEMU_OK;
    }
  const char *directories = getenv("PYEMU_ENGINE_PATH");
  if (!directories || !*directories) {
    own_directory(own, sizeof own);
    directories = own;
  }
  if (!find_file(directories, library_name(name), path, sizeof path))
    return fail(error, PYEMU_ERR_ENGINE,
                "engine '%s' not found: no libpyemu_engine_%s.so in '%s'; check the name, or set "
                "PYEMU_ENGINE_PATH",
                name, library_name(name), directories);
  return load_library(plugin, path, name, error);
}

void plugin_unload(struct plugin *plugin) {
  if (plugin->library)
    dlclose(plugin->library);
  *plugin = (struct plugin){NULL, NULL};
}
