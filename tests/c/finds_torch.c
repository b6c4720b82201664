/* The plugin of the torch engines looks at torch before it loads it: what it finds has a reason. */
#include "check.h"
#include "plugin.h"

static char message[4096];

static int create(const char *engine, const char *library) {
  const struct engine_tensor tensor = {"x", PYEMU_FLOAT32, PYEMU_INPUT, 1, {-1}, 1};
  struct engine_source source = {.bytes = "",
                                 .tensors = &tensor,
                                 .n_tensors = 1,
                                 .n_inputs = 1,
                                 .threads = 1,
                                 .runtime_library = library};
  struct error error = error_in(message, sizeof message);
  struct plugin plugin;
  void *state = NULL;
  int status = plugin_load(&plugin, engine, &error);
  if (status == PYEMU_OK)
    status = plugin.engine->create(&source, &state, message, sizeof message);
  CHECK(status != PYEMU_OK && !state);
  plugin_unload(&plugin);
  return status;
}

static void check_versions(const char *engine, const char *fakes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/other", fakes);
  CHECK_STATUS(create(engine, path), PYEMU_ERR_ENGINE, "torch 1.2.3 found in '");
  CHECK(strstr(message, "but the torch engines of libpyemu were built with torch 2."));
  CHECK(strstr(message, path));
  snprintf(path, sizeof path, "%s/old/libtorch.so", fakes);
  CHECK_STATUS(create(engine, path), PYEMU_ERR_ENGINE, "it is older than 2.9, or not torch");
  setenv("PYEMU_TORCH", path, 1);
  CHECK_STATUS(create(engine, NULL), PYEMU_ERR_ENGINE, "it is older than 2.9, or not torch");
  setenv("PYEMU_TORCH", "/no/such/library.so", 1);
  CHECK_STATUS(create(engine, NULL), PYEMU_ERR_ENGINE, "cannot load torch's library: ");
  CHECK(strstr(message, "(the environment variable PYEMU_TORCH)"));
  unsetenv("PYEMU_TORCH");
  CHECK_STATUS(create(engine, fakes), PYEMU_ERR_ENGINE, "a directory without libtorch.so");
  CHECK(strstr(message, "the option runtime_library is '"));
  CHECK_STATUS(create(engine, "/no/such/library.so"), PYEMU_ERR_ENGINE,
               "(the option runtime_library)");
}

/* A copy of the plugin alone, without the part that is built against torch. */
static void check_incomplete(const char *alone) {
  setenv("PYEMU_ENGINE_PATH", alone, 1);
  CHECK_STATUS(create("aoti", NULL), PYEMU_ERR_ENGINE, "cannot load the torch engines: ");
}

int main(int argc, char **argv) {
  if (argc != 4)
    return EXIT_FAILURE;
  setenv("PYEMU_ENGINE_PATH", argv[1], 1);
  check_versions("aoti", argv[2]);
  check_versions("torchscript", argv[2]);
  check_incomplete(argv[3]);
  return check_result();
}
