#include "library.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bridge.h"

/* Directory of torch's libraries when libpyemu was configured; may be empty. */
#ifndef PYEMU_TORCH_DIR
#define PYEMU_TORCH_DIR ""
#endif

enum { MAX_PATH_LENGTH = 4096 };

/* libtorch.so draws in all of torch, with CUDA if it was built with it; libtorch_cpu.so is always
 * part of it. */
static const char torch_name[] = "libtorch.so", torch_cpu_name[] = "libtorch_cpu.so";

/* Put "directory/name" into 'path'; 0 if it is too long. */
static int join(char *path, size_t size, const char *directory, const char *name) {
  int written = snprintf(path, size, "%s/%s", directory, name);
  return written > 0 && (size_t)written < size;
}

/* The directory this plugin is in, followed by 'relative'; an empty string if it cannot be told. */
static void own_directory(char *directory, size_t size, const char *relative) {
  Dl_info info;
  directory[0] = '\0';
  if (!dladdr((const void *)(uintptr_t)torch_library_load, &info) || !info.dli_fname)
    return;
  const char *slash = strrchr(info.dli_fname, '/');
  int length = slash ? (int)(slash - info.dli_fname) : 1;
  int written = snprintf(directory, size, "%.*s%s", length, slash ? info.dli_fname : ".", relative);
  if (written < 0 || (size_t)written >= size)
    directory[0] = '\0';
}

/* Local: torch exports MKL's sgemm_ and the like, which must not become the host's. Not DEEPBIND:
 * that would part torch from a malloc that the host brings along. */
static void *load(const char *file) { return dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); }

static int load_file(void **torch, const char *file, const struct error *error) {
  *torch = load(file);
  return *torch ? PYEMU_OK
                : fail(error, PYEMU_ERR_ENGINE, "cannot load torch's library: %s", dlerror());
}

/* What the caller or PYEMU_TORCH names must work: nothing else is tried in its place. */
static int load_named(void **torch, const char *path, const char *origin,
                      const struct error *error) {
  char file[MAX_PATH_LENGTH];
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    if (!join(file, sizeof file, path, torch_name) || stat(file, &info) != 0)
      return fail(error, PYEMU_ERR_ENGINE, "%s is '%s', a directory without %s", origin, path,
                  torch_name);
    path = file;
  }
  int status = load_file(torch, path, error);
  if (status != PYEMU_OK)
    error_append(error, " (%s)", origin);
  return status;
}

static int load_from_directory(void **torch, const char *directory, const struct error *error) {
  char file[MAX_PATH_LENGTH];
  if (!directory[0] || !join(file, sizeof file, directory, torch_name))
    return PYEMU_ERR_ENGINE;
  return load_file(torch, file, error);
}

/* A process holds one torch: a second copy would share some symbols of the first and not others. */
static int find_torch(void **torch, const char *path, const struct error *error) {
  char wheel[MAX_PATH_LENGTH];
  const char *named = getenv("PYEMU_TORCH");
  *torch = dlopen(torch_cpu_name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (*torch)
    return PYEMU_OK;
  if (path)
    return load_named(torch, path, "the option runtime_library", error);
  if (named && *named)
    return load_named(torch, named, "the environment variable PYEMU_TORCH", error);
  /* The wheel of torch lies beside the wheel of pyemu, whose lib directory this plugin is in. */
  own_directory(wheel, sizeof wheel, "/../../torch/lib");
  if (load_from_directory(torch, wheel, error) == PYEMU_OK ||
      load_from_directory(torch, PYEMU_TORCH_DIR, error) == PYEMU_OK ||
      load_file(torch, torch_name, error) == PYEMU_OK)
    return PYEMU_OK;
  error_append(error,
               "; also looked in '%s' and '%s'. Install it with 'pip install torch==%s', or set "
               "PYEMU_TORCH to its directory of libraries",
               wheel, PYEMU_TORCH_DIR, PYEMU_TORCH_VERSION);
  return PYEMU_ERR_ENGINE;
}

/* torch promises no stable binary interface between releases, so the version must be the same. */
static int check_version(void *torch, const struct error *error) {
  uint64_t (*abi_version)(void) = NULL;
  void *symbol = dlsym(torch, "aoti_torch_abi_version");
  memcpy(&abi_version, &symbol, sizeof abi_version);
  if (!abi_version)
    return fail(error, PYEMU_ERR_ENGINE,
                "the torch found does not say its version: it is older than 2.9, or not torch; the "
                "torch engines of libpyemu were built with torch %s and need that version",
                PYEMU_TORCH_VERSION);
  char found[32];
  uint64_t number = abi_version();
  snprintf(found, sizeof found, "%d.%d.%d", (int)(number >> 56), (int)(number >> 48 & 255),
           (int)(number >> 40 & 255));
  if (strcmp(found, PYEMU_TORCH_VERSION) == 0)
    return PYEMU_OK;
  Dl_info info;
  const char *file = dladdr(symbol, &info) && info.dli_fname ? info.dli_fname : "another library";
  return fail(error, PYEMU_ERR_ENGINE,
              "torch %s found in '%s', but the torch engines of libpyemu were built with torch %s "
              "and need that version: install it, or build libpyemu again",
              found, file, PYEMU_TORCH_VERSION);
}

static int load_bridge(const char *name, const struct engine **engine, const struct error *error) {
  char file[MAX_PATH_LENGTH];
  own_directory(file, sizeof file, "/libpyemu_torch.so");
  void *bridge = load(file);
  if (!bridge)
    return fail(error, PYEMU_ERR_ENGINE, "cannot load the torch engines: %s", dlerror());
  torch_bridge_function *get = NULL;
  void *symbol = dlsym(bridge, TORCH_BRIDGE_SYMBOL);
  memcpy(&get, &symbol, sizeof get);
  *engine = get ? get(name) : NULL;
  if (*engine && (*engine)->interface == PYEMU_ENGINE_INTERFACE)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ENGINE,
              "'%s' does not belong to this plugin: install all of libpyemu from the same release",
              file);
}

int torch_library_load(const char *name, const char *path, const struct engine **engine,
                       const struct error *error) {
  void *torch = NULL;
  int status = find_torch(&torch, path, error);
  if (status == PYEMU_OK)
    status = check_version(torch, error);
  return status == PYEMU_OK ? load_bridge(name, engine, error) : status;
}
