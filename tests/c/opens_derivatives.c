/* The derivatives that a file carries are emulators of their own: opened, asked, bound and run.
 * What is damaged, or not there, is refused. */
#include <math.h>
#include <stddef.h>

#include "check.h"
#include "pyemu.h"

enum { LAYERS = 5, MAX_VALUES = 64 };

static const char *directory;
static char message[2048];

static int open_file(const char *file, const char *engine, const char *derivative,
                     pyemu_emulator **e) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.engine = engine;
  options.derivative = derivative;
  snprintf(path, sizeof path, "%s/%s", directory, file);
  return pyemu_open(path, &options, e, message, sizeof message);
}

static void check_variable(const pyemu_emulator *e, int64_t index, const char *name,
                           const char *units, int direction) {
  pyemu_variable v = {.sizeof_variable = sizeof v};
  CHECK_STATUS(pyemu_variable_info(e, index, &v, message, sizeof message), PYEMU_OK, "");
  CHECK(strcmp(v.name, name) == 0 && strcmp(v.units, units) == 0);
  CHECK(v.direction == direction && v.level_size == LAYERS && v.dtype == PYEMU_FLOAT32);
}

/* Bind the recorded inputs, run, and compare with the recorded result. */
static void check_replays(pyemu_emulator *e) {
  float values[3][MAX_VALUES], recorded[MAX_VALUES];
  const int64_t columns = pyemu_reference_count(e);
  CHECK(pyemu_variable_count(e) == 3 && columns == 4);
  for (int64_t i = 0; i < 3; ++i) {
    pyemu_variable v = {.sizeof_variable = sizeof v};
    pyemu_array array = {values[i], PYEMU_FLOAT32, 2, {columns, LAYERS}, {4 * LAYERS, 4}};
    pyemu_variable_info(e, i, &v, message, sizeof message);
    CHECK_STATUS(pyemu_reference(e, v.name, &array, PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
    CHECK_STATUS(pyemu_bind(e, v.name, &array, v.units, PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
  }
  memcpy(recorded, values[2], sizeof recorded);
  memset(values[2], 0, sizeof values[2]);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  for (int64_t i = 0; i < columns * LAYERS; ++i)
    CHECK(fabsf(values[2][i] - recorded[i]) < 1e-5f);
}

static void check_whole(const char *engine) {
  pyemu_emulator *e;
  CHECK_STATUS(open_file("derivable.onnx", engine, "vjp", &e), PYEMU_OK, "");
  check_variable(e, 0, "x", "K", PYEMU_INPUT);
  check_variable(e, 1, "adjoint_of_y", "W-1 m2", PYEMU_INPUT);
  check_variable(e, 2, "adjoint_of_x", "K-1", PYEMU_OUTPUT);
  check_replays(e);
  pyemu_close(&e, NULL, 0);
  CHECK_STATUS(open_file("derivable.onnx", engine, "jvp", &e), PYEMU_OK, "");
  check_variable(e, 1, "tangent_of_x", "K", PYEMU_INPUT);
  check_variable(e, 2, "tangent_of_y", "W m-2", PYEMU_OUTPUT);
  check_replays(e);
  pyemu_close(&e, NULL, 0);
  CHECK_STATUS(open_file("derivable.onnx", engine, NULL, &e), PYEMU_OK, "");
  CHECK(pyemu_variable_count(e) == 2);
  pyemu_close(&e, NULL, 0);
}

/* The digest is that of the file, and a caller of an older header knows no derivatives. */
static void check_options(void) {
  size_t size;
  unsigned char *bytes = check_read(directory, "derivable.onnx", &size);
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e;
  char *found;
  options.engine = "native";
  options.derivative = "vjp";
  options.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
  CHECK_STATUS(pyemu_open_memory(bytes, size, &options, &e, message, sizeof message),
               PYEMU_ERR_CODE, "the file has SHA-256 ");
  char digest[65] = {0};
  found = strstr(message, "SHA-256 ");
  if (found)
    memcpy(digest, found + 8, 64);
  options.sha256 = digest;
  CHECK_STATUS(pyemu_open_memory(bytes, size, &options, &e, message, sizeof message), PYEMU_OK, "");
  CHECK(pyemu_variable_count(e) == 3);
  pyemu_close(&e, NULL, 0);
  options.sizeof_options = offsetof(pyemu_options, derivative);
  CHECK_STATUS(pyemu_open_memory(bytes, size, &options, &e, message, sizeof message), PYEMU_OK, "");
  CHECK(pyemu_variable_count(e) == 2);
  pyemu_close(&e, NULL, 0);
  options = (pyemu_options)PYEMU_OPTIONS_INIT;
  options.engine = "native";
  options.derivative = "vjp";
  options.raw = 1;
  CHECK_STATUS(pyemu_open_memory(bytes, size, &options, &e, message, sizeof message),
               PYEMU_ERR_UNSUPPORTED, "the file is opened raw, which carries none");
  free(bytes);
}

static void check_refusals(void) {
  static const struct {
    const char *file, *derivative;
    int status;
    const char *piece;
  } bad[] = {
      {"derivable.onnx", "hessian", PYEMU_ERR_ARGUMENT,
       "derivative is 'hessian'; expected 'vjp' or 'jvp'"},
      {"toy.onnx", "vjp", PYEMU_ERR_ARGUMENT, "the file has no derivative 'vjp'; it has none; wri"},
      {"derivative_jvp_only.onnx", "vjp", PYEMU_ERR_ARGUMENT, "it has 'jvp'; write it with 'pyemu"},
      {"toy.pt", "vjp", PYEMU_ERR_UNSUPPORTED, "the file is a TorchScript archive, which carries"},
      {"toy.pt2", "jvp", PYEMU_ERR_UNSUPPORTED, "the file is an AOTInductor package, which carri"},
      {"toy.py", "vjp", PYEMU_ERR_UNSUPPORTED, "the file is a Python module, which carries none"},
      {"derivative_not_base64.onnx", "vjp", PYEMU_ERR_FORMAT, "it is not base64"},
      {"derivative_uneven.onnx", "vjp", PYEMU_ERR_FORMAT, "it is not base64"},
      {"derivative_empty.onnx", "vjp", PYEMU_ERR_FORMAT, "it has no graph, or more than one"},
      {"derivative_cut.onnx", "vjp", PYEMU_ERR_FORMAT, "it is cut short"},
      {"derivative_two_graphs.onnx", "vjp", PYEMU_ERR_FORMAT, "it has no graph, or more than one"},
      {"derivative_twice.onnx", "vjp", PYEMU_ERR_FORMAT, "it is there twice"},
      {"derivative_no_card.onnx", "vjp", PYEMU_ERR_NO_CARD, "the derivative 'vjp' in the file: th"},
      {"derivative_unknown_weight.onnx", "vjp", PYEMU_ERR_FORMAT,
       "takes tensor 'third' from the emulator's graph, which has none of that name"},
      {"derivative_weight_twice.onnx", "vjp", PYEMU_ERR_FORMAT,
       "takes tensor 'first' from the emulator's graph, for the second time"},
      {"derivative_still_outside.onnx", "vjp", PYEMU_ERR_UNSUPPORTED,
       "tensor 'first' keeps its data outside the file"},
      {"derivative_is_archive.onnx", "vjp", PYEMU_ERR_FORMAT,
       "the derivative 'vjp' in the file is "},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    pyemu_emulator *e = (pyemu_emulator *)&message;
    CHECK_STATUS(open_file(bad[i].file, "stub", bad[i].derivative, &e), bad[i].status,
                 bad[i].piece);
    CHECK(!e);
  }
  pyemu_emulator *e;
  CHECK_STATUS(open_file("derivative_graph_of_other_card.onnx", "native", "vjp", &e),
               PYEMU_ERR_GRAPH, "the derivative 'vjp' in the file: ");
}

/* Open a copy of exactly that size, so that a byte more is seen. */
static int open_copy(const unsigned char *bytes, size_t size) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  unsigned char *exact = malloc(size ? size : 1);
  memcpy(exact, bytes, size);
  options.engine = "native";
  options.derivative = "vjp";
  int status = pyemu_open_memory(exact, size, &options, &e, message, sizeof message);
  free(exact);
  CHECK((status == PYEMU_OK) == (e != NULL));
  if (e)
    pyemu_close(&e, NULL, 0);
  return status;
}

static void check_damage_is_survived(void) {
  static const unsigned char masks[] = {0x01, 0x80, 0x22};
  size_t size;
  unsigned char *bytes = check_read(directory, "derivable.onnx", &size);
  for (size_t length = 0; length < size; length += 3)
    CHECK(open_copy(bytes, length) != PYEMU_OK);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] ^= masks[i % 3];
    const int status = open_copy(bytes, size);
    CHECK(status >= PYEMU_OK && status <= PYEMU_ERR_CODE);
    bytes[i] ^= masks[i % 3];
  }
  free(bytes);
}

int main(int n_arguments, char **arguments) {
  directory = n_arguments > 1 ? arguments[1] : ".";
  check_whole("native");
  check_whole("stub");
  check_options();
  check_refusals();
  check_damage_is_survived();
  return check_result();
}
