#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

enum { MAX_PATH_LENGTH = 4096 };

/* Put the path of a file beside this plugin into 'file'; its bare name if that cannot be told. */
static void beside(char *file, size_t size, const char *name) {
  Dl_info info;
  const char *slash = NULL;
  if (dladdr((const void *)(uintptr_t)python_library_load, &info) && info.dli_fname)
    slash = strrchr(info.dli_fname, '/');
  int written =
      slash ? snprintf(file, size, "%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, name)
            : -1;
  if (written < 0 || (size_t)written >= size)
    snprintf(file, size, "%s", name);
}

/* Global: the modules of Python, NumPy's among them, take its functions from the process. */
static int load_python(const char *path, const struct error *error) {
  const int flags = RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE;
  if (dlsym(RTLD_DEFAULT, "Py_IsInitialized"))
    return PYEMU_OK; /* the process is Python, or is linked to it */
  if (path)
    return dlopen(path, flags)
               ? PYEMU_OK
               : fail(error, PYEMU_ERR_ENGINE,
                      "cannot load Python's library: %s (the option runtime_library)", dlerror());
  if (dlopen(PYEMU_LIBPYTHON, flags) || dlopen(PYEMU_LIBPYTHON_NAME, flags))
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ENGINE,
              "cannot load Python's library: %s; also looked for '%s'. Install Python %s with its "
              "shared library, or name the library with the option runtime_library",
              dlerror(), PYEMU_LIBPYTHON, PYEMU_PYTHON_VERSION);
}

/* The bridge is compiled for one minor version: structures differ between them. */
static int check_version(const struct error *error) {
  const char *(*get_version)(void) = NULL;
  void *symbol = dlsym(RTLD_DEFAULT, "Py_GetVersion");
  memcpy(&get_version, &symbol, sizeof get_version);
  if (!get_version)
    return fail(error, PYEMU_ERR_ENGINE, "Python's library in this process has no Py_GetVersion");
  const char *found = get_version();
  const size_t length = strlen(PYEMU_PYTHON_VERSION);
  if (strncmp(found, PYEMU_PYTHON_VERSION, length) == 0 && found[length] == '.')
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ENGINE,
              "Python %.*s is in this process, but the engine 'python' of libpyemu was built for "
              "Python %s: use that version, or build libpyemu again",
              (int)strcspn(found, " "), found, PYEMU_PYTHON_VERSION);
}

/* An environment of another Python version cannot serve: its configuration file tells. */
static int check_environment(const char *executable, const struct error *error) {
  char path[MAX_PATH_LENGTH], line[1024];
  const char *slash = strrchr(executable, '/');
  int length = slash ? (int)(slash - executable) : 0;
  int written = snprintf(path, sizeof path, "%.*s/../pyvenv.cfg", length, executable);
  FILE *file = slash && written > 0 && (size_t)written < sizeof path ? fopen(path, "r") : NULL;
  int status = PYEMU_OK;
  while (file && status == PYEMU_OK && fgets(line, sizeof line, file)) {
    char version[32];
    const size_t expected = strlen(PYEMU_PYTHON_VERSION);
    if (sscanf(line, "version%*[_info] = %31s", version) != 1 &&
        sscanf(line, "version = %31s", version) != 1)
      continue;
    if (strncmp(version, PYEMU_PYTHON_VERSION, expected) != 0 || version[expected] != '.')
      status = fail(error, PYEMU_ERR_ENGINE,
                    "'%s' belongs to Python %s, but the engine 'python' of libpyemu was built for "
                    "Python %s (the environment variable PYEMU_PYTHON)",
                    executable, version, PYEMU_PYTHON_VERSION);
  }
  if (file)
    fclose(file);
  return status;
}

static int load_bridge(const struct python_bridge **bridge, const struct error *error) {
  char file[MAX_PATH_LENGTH];
  beside(file, sizeof file, "libpyemu_python.so");
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    return fail(error, PYEMU_ERR_ENGINE, "cannot load the engine 'python': %s", dlerror());
  python_bridge_function *get = NULL;
  void *symbol = dlsym(library, PYTHON_BRIDGE_SYMBOL);
  memcpy(&get, &symbol, sizeof get);
  *bridge = get ? get() : NULL;
  if (*bridge && (*bridge)->engine->interface == PYEMU_ENGINE_INTERFACE)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ENGINE,
              "'%s' does not belong to this plugin: install all of libpyemu from the same release",
              file);
}

int python_library_load(const char *path, const struct engine **engine, const struct error *error) {
  const struct python_bridge *bridge = NULL;
  const char *named = getenv("PYEMU_PYTHON");
  const char *executable = named && *named ? named : PYEMU_PYTHON_EXECUTABLE;
  int status = load_python(path, error);
  if (status == PYEMU_OK)
    status = check_version(error);
  if (status == PYEMU_OK && named && *named)
    status = check_environment(executable, error);
  if (status == PYEMU_OK)
    status = load_bridge(&bridge, error);
  if (status == PYEMU_OK)
    status = bridge->start(executable, error);
  if (status == PYEMU_OK)
    *engine = bridge->engine;
  return status;
}
