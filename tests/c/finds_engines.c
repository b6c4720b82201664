/* Engines and their runtime library: found where they should be, refused with a reason otherwise.
 */
#include "toy.h"

static char message[4096];
static const char *directory, *plugins;

static int open_with(const char *engine, const char *library) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  options.engine = engine;
  options.runtime_library = library;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  int status = pyemu_open(path, &options, &e, message, sizeof message);
  CHECK((status == PYEMU_OK) == (e != NULL));
  if (e)
    pyemu_close(&e, NULL, 0);
  return status;
}

static void check_names(void) {
  CHECK_STATUS(open_with("no_such_engine", NULL), PYEMU_ERR_ENGINE,
               "engine 'no_such_engine' not found: no libpyemu_engine_no_such_engine.so in '/");
  CHECK_STATUS(open_with("../onnxruntime", NULL), PYEMU_ERR_ARGUMENT, "is no engine name");
  CHECK_STATUS(open_with("", NULL), PYEMU_ERR_ARGUMENT, "is no engine name");
}

static void check_plugins(void) {
  setenv("PYEMU_ENGINE_PATH", "/no/such/directory::relative", 1);
  CHECK_STATUS(open_with("onnxruntime", NULL), PYEMU_ERR_ENGINE,
               "in '/no/such/directory::relative'");
  CHECK_STATUS(open_with("stub", NULL), PYEMU_OK, "");
  char path[4096];
  snprintf(path, sizeof path, "/no/such/directory:%s", plugins);
  setenv("PYEMU_ENGINE_PATH", path, 1);
  CHECK_STATUS(open_with("other_interface", NULL), PYEMU_ERR_ENGINE, "has engine interface 99");
  CHECK_STATUS(open_with("no_interface", NULL), PYEMU_ERR_ENGINE, "has engine interface 0");
  CHECK_STATUS(open_with("text", NULL), PYEMU_ERR_ENGINE, "cannot load the engine plugin: ");
  unsetenv("PYEMU_ENGINE_PATH");
}

static void check_runtime_library(const char *good) {
  char path[4096];
  CHECK_STATUS(open_with("onnxruntime", good), PYEMU_OK, "");
  CHECK_STATUS(open_with("onnxruntime", "/no/such/library.so"), PYEMU_ERR_ENGINE,
               "cannot load ONNX Runtime: /no/such/library.so");
  CHECK(strstr(message, "(the option runtime_library)"));
  CHECK_STATUS(open_with("onnxruntime", directory), PYEMU_ERR_ENGINE,
               "a directory without libonnxruntime.so");
  snprintf(path, sizeof path, "%s/libpyemu_engine_no_interface.so", plugins);
  CHECK_STATUS(open_with("onnxruntime", path), PYEMU_ERR_ENGINE, "it has no OrtGetApiBase");
  snprintf(path, sizeof path, "%s/libpyemu_engine_other_interface.so", plugins);
  CHECK_STATUS(open_with("onnxruntime", path), PYEMU_ERR_ENGINE, "it is too old");
  setenv("PYEMU_ORT", "/no/such/library.so", 1);
  CHECK_STATUS(open_with("onnxruntime", NULL), PYEMU_ERR_ENGINE,
               "(the environment variable PYEMU_ORT)");
  CHECK_STATUS(open_with("onnxruntime", good), PYEMU_OK, "");
  setenv("PYEMU_ORT", good, 1);
  CHECK_STATUS(open_with("onnxruntime", NULL), PYEMU_OK, "");
  unsetenv("PYEMU_ORT");
}

/* Without CUDA the CPU takes over only if that was allowed. */
static void check_cuda(const char *runtime) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  options.runtime_library = runtime;
  options.device = "cuda:0";
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_ERR_UNSUPPORTED,
               "was built without it: it has ");
  CHECK(strstr(message, "CPUExecutionProvider; install onnxruntime-gpu") && !e);
  options.device = "cuda:0,cpu";
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_OK, "");
  CHECK(e && message[0] == '\0' && strcmp(pyemu_device(e), "cpu") == 0);
  pyemu_close(&e, NULL, 0);
  CHECK(pyemu_device(e) == NULL);
}

/* A graph that disagrees with the card, or that ONNX Runtime refuses: its text is passed on. */
static void check_graphs(void) {
  static const struct {
    const char *file, *piece;
  } bad[] = {
      {"graph_other_name.onnx",
       "the graph has input 'surface_temperature', which the card does not list"},
      {"graph_other_dtype.onnx",
       "'air_pressure_at_interfaces' is float64 in the graph but float32 on the card"},
      {"graph_other_size.onnx",
       "'air_temperature' has size 5 in dimension 2 of the graph but 6 on the card"},
      {"graph_other_rank.onnx",
       "'surface_temperature' has 1 dimensions in the graph but 2 on the card"},
      {"graph_lacks_output.onnx", "the card lists output 'extra', which the graph does not have"},
      {"graph_has_output.onnx",
       "the graph has output 'toa_outgoing_longwave_flux', which the card does"},
      {"fixed_columns.onnx", "has a fixed number of columns (7)"},
      {"graph_broken.onnx", "ONNX Runtime could not load the graph: "},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    char path[4096];
    pyemu_emulator *e = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, bad[i].file);
    CHECK_STATUS(pyemu_open(path, NULL, &e, message, sizeof message), PYEMU_ERR_GRAPH,
                 bad[i].piece);
  }
}

int main(int argc, char **argv) {
  if (argc < 4)
    return EXIT_FAILURE;
  directory = argv[1];
  plugins = argv[2];
  check_names();
  check_plugins();
  check_runtime_library(argv[3]);
  check_graphs();
  check_cuda(argv[3]);
  return check_result();
}
