/* The plugin of the engine "python" looks at the Python it is given before it calls it:
 * finds_python ENGINES FAKE, a directory and a library that says it is another version. */
#include "check.h"
#include "plugin.h"

static char message[4096];

static int create(const char *library) {
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
  int status = plugin_load(&plugin, "python", &error);
  CHECK(status != PYEMU_OK || plugin.engine->abilities == 0); /* the core then asks for the CPU */
  if (status == PYEMU_OK)
    status = plugin.engine->create(&source, &state, message, sizeof message);
  CHECK(status != PYEMU_OK && !state);
  plugin_unload(&plugin);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return EXIT_FAILURE;
  setenv("PYEMU_ENGINE_PATH", argv[1], 1);
  CHECK_STATUS(create("/no/such/library.so"), PYEMU_ERR_ENGINE,
               "cannot load Python's library: /no/such/library.so");
  CHECK(strstr(message, "(the option runtime_library)"));
  CHECK_STATUS(create(argv[2]), PYEMU_ERR_ENGINE,
               "Python 3.1.4 is in this process, but the engine 'python' of libpyemu was built");
  return check_result();
}
