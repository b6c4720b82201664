/* Every function answers NULL and nonsense with a status and a message, and goes on. */
#include "toy.h"

static char message[2048];
static const char *directory;

static pyemu_emulator *open_stub(void) { return toy_open(directory, "toy.onnx", "stub"); }

static void check_null(void) {
  pyemu_emulator *e = open_stub(), *none = NULL;
  pyemu_array array = {0};
  pyemu_variable variable = {.sizeof_variable = sizeof variable};
  int64_t index;
  const size_t n = sizeof message;
  CHECK_STATUS(pyemu_open(NULL, NULL, &none, message, n), PYEMU_ERR_ARGUMENT, "'path' is NULL");
  CHECK_STATUS(pyemu_open("x", NULL, NULL, message, n), PYEMU_ERR_ARGUMENT, "'emulator' is NULL");
  CHECK_STATUS(pyemu_open_memory(NULL, 9, NULL, &none, message, n), PYEMU_ERR_ARGUMENT, "'bytes'");
  CHECK_STATUS(pyemu_open_memory("x", 1, NULL, NULL, message, n), PYEMU_ERR_ARGUMENT, "'emulator'");
  CHECK_STATUS(pyemu_bind(NULL, "x", &array, NULL, -1, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_bind(e, NULL, &array, NULL, -1, message, n), PYEMU_ERR_ARGUMENT,
               "'name' is NULL");
  CHECK_STATUS(pyemu_bind(e, "x", NULL, NULL, -1, message, n), PYEMU_ERR_ARGUMENT,
               "'array' is NULL");
  CHECK_STATUS(pyemu_unbind(NULL, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_run(NULL, 1, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_close(NULL, message, n), PYEMU_OK, "");
  CHECK_STATUS(pyemu_close(&none, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_variable_info(NULL, 0, &variable, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_variable_info(e, 0, NULL, message, n), PYEMU_ERR_ARGUMENT, "sizeof_variable");
  CHECK_STATUS(pyemu_variable_info(e, 6, &variable, message, n), PYEMU_ERR_ARGUMENT,
               "expected 0 to 5");
  CHECK_STATUS(pyemu_variable_info(e, -1, &variable, message, n), PYEMU_ERR_ARGUMENT,
               "no variable -1");
  CHECK_STATUS(pyemu_variable_find(NULL, "x", &index, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_variable_find(e, NULL, &index, message, n), PYEMU_ERR_ARGUMENT, "'name'");
  CHECK_STATUS(pyemu_variable_find(e, "x", NULL, message, n), PYEMU_ERR_ARGUMENT, "'index'");
  CHECK_STATUS(pyemu_reference(NULL, "x", &array, -1, message, n), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_reference(e, NULL, &array, -1, message, n), PYEMU_ERR_ARGUMENT, "'name'");
  CHECK_STATUS(pyemu_reference(e, TOY_SURFACE, NULL, -1, message, n), PYEMU_ERR_ARGUMENT,
               "'array'");
  CHECK(pyemu_variable_count(NULL) == 0 && pyemu_column_count(NULL) == -1);
  CHECK(!pyemu_card(NULL) && !pyemu_engine(NULL) && pyemu_reference_count(NULL) == 0);
  CHECK(strcmp(pyemu_status_name(12345), "PYEMU_ERR_UNKNOWN") == 0);
  CHECK(strcmp(pyemu_status_name(PYEMU_ERR_UNITS), "PYEMU_ERR_UNITS") == 0);
  CHECK_STATUS(pyemu_close(&e, message, n), PYEMU_OK, "");
  CHECK_STATUS(pyemu_close(&e, message, n), PYEMU_ERR_CLOSED, "closed already");
}

/* Any message buffer will do, or none. */
static void check_message_buffers(void) {
  char small[8] = "xxxxxxx";
  pyemu_emulator *e = NULL;
  CHECK(pyemu_open("no_such_file", NULL, &e, NULL, 0) == PYEMU_ERR_FILE);
  CHECK(pyemu_open("no_such_file", NULL, &e, NULL, 100) == PYEMU_ERR_FILE);
  CHECK(pyemu_open("no_such_file", NULL, &e, small, 0) == PYEMU_ERR_FILE && small[0] == 'x');
  CHECK(pyemu_open("no_such_file", NULL, &e, small, 1) == PYEMU_ERR_FILE && small[0] == '\0');
  CHECK(small[1] == 'x');
  CHECK(pyemu_open("no_such_file", NULL, &e, small, 6) == PYEMU_ERR_FILE && strlen(small) == 5);
  CHECK(small[6] == 'x');
  char path[4096];
  snprintf(path, sizeof path, "%s/no_card.onnx", directory);
  CHECK(pyemu_open(path, NULL, &e, small, 6) == PYEMU_ERR_NO_CARD && strlen(small) == 5);
}

static int open_with(pyemu_options options) {
  char path[4096];
  pyemu_emulator *e = NULL;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  int status = pyemu_open(path, &options, &e, message, sizeof message);
  if (e)
    pyemu_close(&e, NULL, 0);
  return status;
}

/* The form of a device, and that this engine has none. */
static void check_devices(pyemu_options options) {
  static const char *const unknown[] = {"", "tpu", "gpu:0", "Cuda", " cuda"};
  static const char *const malformed[] = {"cuda0",     "cuda:",       "cuda:-1",
                                          "cuda:1x",   "cuda:12345",  "cpu:0",
                                          "cuda,cpu,", "cuda:0,cuda", "cuda, cpu"};
  static const char *const good[] = {"cuda", "cuda:0", "cuda:4095", "cuda,cpu", "cuda:3,cpu"};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; ++i) {
    options.device = unknown[i];
    CHECK_STATUS(open_with(options), PYEMU_ERR_UNSUPPORTED, "runs on 'cpu', and on 'cuda:N' with");
  }
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; ++i) {
    options.device = malformed[i];
    CHECK_STATUS(open_with(options), PYEMU_ERR_ARGUMENT, "is not understood; expected 'cpu', ");
  }
  for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i) {
    options.device = good[i];
    CHECK_STATUS(open_with(options), PYEMU_ERR_UNSUPPORTED,
                 "engine 'stub' does not run on device 'cuda");
  }
  options.device = "cpu";
  CHECK_STATUS(open_with(options), PYEMU_OK, "");
  options.stream = &options;
  CHECK_STATUS(open_with(options), PYEMU_ERR_UNSUPPORTED, "a stream was given, but engine 'stub'");
}

static void check_precisions(pyemu_options options) {
  options.precision = "real32";
  CHECK_STATUS(open_with(options), PYEMU_OK, "");
  options.precision = "real64";
  CHECK_STATUS(open_with(options), PYEMU_ERR_UNSUPPORTED,
               "engine 'stub' computes in the types of the graph; precision 'real64' needs an ONNX "
               "file and engine 'native'");
  options.precision = "quadruple";
  CHECK_STATUS(open_with(options), PYEMU_ERR_ARGUMENT,
               "precision is 'quadruple'; expected 'real32' or 'real64'");
  options.sizeof_options = offsetof(pyemu_options, precision);
  CHECK_STATUS(open_with(options), PYEMU_OK, "");
  options = (pyemu_options)PYEMU_OPTIONS_INIT;
  options.engine = "native";
  options.precision = "real64";
  CHECK_STATUS(open_with(options), PYEMU_OK, "");
}

static void check_options(void) {
  pyemu_options good = PYEMU_OPTIONS_INIT, bad;
  good.engine = "stub";
  CHECK_STATUS(open_with(good), PYEMU_OK, "");
  bad = good;
  bad.sizeof_options = 0;
  CHECK_STATUS(open_with(bad), PYEMU_ERR_ARGUMENT, "PYEMU_OPTIONS_INIT");
  bad = good;
  bad.sizeof_options = 1 << 30;
  CHECK_STATUS(open_with(bad), PYEMU_ERR_ARGUMENT, "PYEMU_OPTIONS_INIT");
  check_devices(good);
  bad = good;
  bad.threads = 0;
  CHECK_STATUS(open_with(bad), PYEMU_ERR_ARGUMENT, "0 threads");
  check_precisions(good);
  /* A program compiled before 'threads' was there: what it does not know is not looked at. */
  bad = good;
  bad.sizeof_options = offsetof(pyemu_options, threads);
  bad.threads = -7;
  CHECK_STATUS(open_with(bad), PYEMU_OK, "");
}

static void check_names_and_units(pyemu_emulator *e) {
  double data[20] = {0};
  pyemu_array array = toy_profile(data, 4, 5);
  const size_t n = sizeof message;
  CHECK_STATUS(pyemu_bind(e, "air_temperatur", &array, "K", -1, message, n), PYEMU_ERR_NAME,
               "no variable 'air_temperatur'; its inputs are 'air_temperature', ");
  CHECK(strstr(message, "its outputs are 'upwelling"));
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, "degC", -1, message, n), PYEMU_ERR_UNITS,
               "'air_temperature' is given in 'degC', but the emulator needs 'K'");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, "", -1, message, n), PYEMU_ERR_UNITS, "''");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, " K  ", -1, message, n), PYEMU_OK, "");
  CHECK_STATUS(pyemu_unbind(e, message, n), PYEMU_OK, "");
}

static void check_sizes(pyemu_emulator *e) {
  double data[400] = {0};
  const size_t n = sizeof message;
  pyemu_array array = toy_profile(data, 4, 6), scalar = toy_scalar(data, 4);
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "has 5 layers, but dimension 2 of its array (shape 4, 6) has size 6");
  array = toy_profile(data, 5, 4);
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "level_dim");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, 0, message, n), PYEMU_OK, "");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, 2, message, n), PYEMU_ERR_ARGUMENT,
               "one of its 2 dimensions, found one after the last");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -3, message, n), PYEMU_ERR_ARGUMENT,
               "found one before the first");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, INT32_MAX, message, n),
               PYEMU_ERR_ARGUMENT, "found one after the last");
  CHECK_STATUS(pyemu_bind(e, TOY_SURFACE, &scalar, NULL, 0, message, n), PYEMU_ERR_ARGUMENT,
               "one value per column");
  scalar = toy_scalar(data, 3);
  CHECK_STATUS(
      pyemu_bind(e, TOY_SURFACE, &scalar, NULL, -1, message, n), PYEMU_ERR_SIZE,
      "has 3 columns, but 'air_temperature' is bound with 4; to change the number of columns");
  CHECK(pyemu_column_count(e) == 4);
  array = (pyemu_array){data, PYEMU_FLOAT64, 0, {0}, {0}};
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "scalar");
  array.rank = 8;
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "rank 8");
  array.rank = -1;
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "rank -1");
  array = toy_profile(data, -4, 5);
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "size -4");
  array = toy_profile(data, INT64_MAX / 2, 5);
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "too large");
  array = toy_profile(data, 4, 5);
  array.strides[0] = INT64_MIN;
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_SIZE,
               "too large");
  CHECK_STATUS(pyemu_unbind(e, message, n), PYEMU_OK, "");
  CHECK(pyemu_column_count(e) == -1);
}

static void check_kinds_and_layouts(pyemu_emulator *e) {
  double data[40] = {0};
  const size_t n = sizeof message;
  pyemu_array array = toy_profile(data, 4, 5);
  array.dtype = 77;
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_KIND,
               "number 77");
  array = toy_profile(data, 4, 5);
  array.dtype = PYEMU_INT32;
  CHECK_STATUS(
      pyemu_bind(e, TOY_TENDENCY, &array, NULL, -1, message, n), PYEMU_ERR_KIND,
      "is int32, which cannot serve this output of type float64; bind a float32 or float64 array");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_OK, "");
  array = toy_profile(NULL, 4, 5);
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_ERR_ARGUMENT,
               "no memory");
  array = toy_profile(data, 4, 5);
  array.strides[1] = 0;
  CHECK_STATUS(pyemu_bind(e, TOY_TENDENCY, &array, NULL, -1, message, n), PYEMU_ERR_LAYOUT,
               "share memory");
  CHECK_STATUS(pyemu_bind(e, TOY_TEMPERATURE, &array, NULL, -1, message, n), PYEMU_OK, "");
  CHECK_STATUS(pyemu_unbind(e, message, n), PYEMU_OK, "");
}

static void check_reference(pyemu_emulator *e) {
  double data[40] = {0};
  int32_t numbers[20];
  const size_t n = sizeof message;
  pyemu_array array = toy_profile(data, 4, 5);
  CHECK_STATUS(pyemu_reference(e, TOY_TEMPERATURE, &array, -1, message, n), PYEMU_OK, "");
  CHECK(data[0] >= 200 && data[0] < 300 && data[19] >= 200 && data[20] == 0);
  array = toy_profile(data, 3, 5);
  CHECK_STATUS(pyemu_reference(e, TOY_TEMPERATURE, &array, -1, message, n), PYEMU_ERR_SIZE,
               "has 3 columns, but 4 are recorded");
  array = toy_profile(data, 4, 6);
  CHECK_STATUS(pyemu_reference(e, TOY_TEMPERATURE, &array, -1, message, n), PYEMU_ERR_SIZE,
               "layers");
  array = (pyemu_array){numbers, PYEMU_INT32, 2, {4, 5}, {4, 16}};
  CHECK_STATUS(pyemu_reference(e, TOY_TEMPERATURE, &array, -1, message, n), PYEMU_ERR_KIND,
               "int32");
  CHECK_STATUS(pyemu_reference(e, "x", &array, -1, message, n), PYEMU_ERR_NAME, "no variable 'x'");
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  check_null();
  check_message_buffers();
  check_options();
  pyemu_emulator *e = open_stub();
  check_names_and_units(e);
  check_sizes(e);
  check_kinds_and_layouts(e);
  check_reference(e);
  pyemu_close(&e, message, sizeof message);
  return check_result();
}
