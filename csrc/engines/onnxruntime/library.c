#include "library.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Directory of ONNX Runtime's library when libpyemu was configured; may be empty. */
#ifndef PYEMU_ORT_DIR
#define PYEMU_ORT_DIR ""
#endif

enum { MAX_PATH_LENGTH = 4096 };

/* Fill the table from the library. Returns 0, or a reason that it will not do. */
static const char *take_api(void *library, struct ort_api *api) {
  struct ort_api_base *(*get_base)(void) = NULL;
  void *symbol = dlsym(library, "OrtGetApiBase");
  memcpy(&get_base, &symbol, sizeof get_base);
  if (!get_base)
    return "it has no OrtGetApiBase, so it is not ONNX Runtime";
  const char *table = get_base()->get_api(ORT_API_VERSION);
  if (!table)
    return "it is too old: version 1.16 or newer is needed";
#define ORT_TAKE(slot, name, result, arguments)                                                    \
  memcpy(&api->name, table + (slot) * sizeof(void (*)(void)), sizeof api->name);
  ORT_SLOTS(ORT_TAKE)
#undef ORT_TAKE
  api->version = get_base()->get_version();
  return NULL;
}

static int load_file(struct ort_api *api, const char *file, const struct error *error) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library)
    return fail(error, PYEMU_ERR_ENGINE, "cannot load ONNX Runtime: %s", dlerror());
  const char *reason = take_api(library, api);
  return reason ? fail(error, PYEMU_ERR_ENGINE, "cannot use '%s' as ONNX Runtime: %s", file, reason)
                : PYEMU_OK;
}

static int is_library_name(const char *name) {
  const char stem[] = "libonnxruntime.so";
  size_t length = sizeof stem - 1;
  return strncmp(name, stem, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

/* The wheel's library has its whole version in its name and no link without: look for it. */
static int find_in_directory(const char *directory, char *file, size_t size) {
  DIR *entries = opendir(directory);
  int found = 0;
  if (!entries)
    return 0;
  for (struct dirent *entry; !found && (entry = readdir(entries));) {
    if (!is_library_name(entry->d_name))
      continue;
    int written = snprintf(file, size, "%s/%s", directory, entry->d_name);
    found = written > 0 && (size_t)written < size;
  }
  closedir(entries);
  return found;
}

/* What the caller or PYEMU_ORT names must work: nothing else is tried in its place. */
static int load_named(struct ort_api *api, const char *path, const char *origin,
                      const struct error *error) {
  char file[MAX_PATH_LENGTH];
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
    if (!find_in_directory(path, file, sizeof file))
      return fail(error, PYEMU_ERR_ENGINE, "%s is '%s', a directory without libonnxruntime.so",
                  origin, path);
    path = file;
  }
  int status = load_file(api, path, error);
  if (status != PYEMU_OK)
    error_append(error, " (%s)", origin);
  return status;
}

/* The wheel of onnxruntime lies beside the wheel of pyemu, whose lib directory this plugin is in.
 */
static void wheel_directory(char *directory, size_t size) {
  Dl_info info;
  directory[0] = '\0';
  if (!dladdr((const void *)(uintptr_t)ort_library_load, &info) || !info.dli_fname)
    return;
  const char *slash = strrchr(info.dli_fname, '/');
  int length = slash ? (int)(slash - info.dli_fname) : 1;
  int written = snprintf(directory, size, "%.*s/../../onnxruntime/capi", length,
                         slash ? info.dli_fname : ".");
  if (written < 0 || (size_t)written >= size)
    directory[0] = '\0';
}

int ort_library_load(struct ort_api *api, const char *path, const struct error *error) {
  char wheel[MAX_PATH_LENGTH], file[MAX_PATH_LENGTH];
  const char *named = getenv("PYEMU_ORT");
  if (path)
    return load_named(api, path, "the option runtime_library", error);
  if (named && *named)
    return load_named(api, named, "the environment variable PYEMU_ORT", error);
  wheel_directory(wheel, sizeof wheel);
  if (find_in_directory(wheel, file, sizeof file) && load_file(api, file, error) == PYEMU_OK)
    return PYEMU_OK;
  if (find_in_directory(PYEMU_ORT_DIR, file, sizeof file) &&
      load_file(api, file, error) == PYEMU_OK)
    return PYEMU_OK;
  if (load_file(api, "libonnxruntime.so.1", error) == PYEMU_OK ||
      load_file(api, "libonnxruntime.so", error) == PYEMU_OK)
    return PYEMU_OK;
  error_append(error,
               "; also looked in '%s' and '%s'. Install it with 'pip install onnxruntime', or set "
               "PYEMU_ORT to the file",
               wheel, PYEMU_ORT_DIR);
  return PYEMU_ERR_ENGINE;
}
