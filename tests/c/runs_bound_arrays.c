/* Run reads the bound inputs and writes the bound outputs, at every step, as they then are. */
#include <fenv.h>

#include "toy.h"

static char message[2048];
static const char *directory;
static struct toy toy, other;

static void check_run_follows_the_arrays(void) {
  pyemu_emulator *e = toy_open(directory, "toy.onnx", NULL);
  CHECK(strcmp(pyemu_engine(e), "onnxruntime") == 0);
  toy_fill(&toy, 37, 0);
  toy_bind(e, &toy);
  CHECK(pyemu_column_count(e) == 37);
  for (int step = 1; step <= 5; ++step) {
    toy_fill(&toy, 37, step);
    CHECK_STATUS(pyemu_run(e, step, message, sizeof message), PYEMU_OK, "");
    CHECK(toy_error(&toy) < 1e-15);
    CHECK(!toy_is_untouched(&toy));
  }
  toy_fill(&other, 37, 9);
  toy_fill(&toy, 37, 0);
  toy_bind(e, &other);
  CHECK_STATUS(pyemu_run(e, 6, message, sizeof message), PYEMU_OK, "");
  CHECK(toy_error(&other) < 1e-15 && toy_is_untouched(&toy));
  pyemu_close(&e, NULL, 0);
}

static void check_columns_can_change(void) {
  static const int64_t counts[] = {3, 64, 1, 0, 64, 2};
  pyemu_emulator *e = toy_open(directory, "toy.onnx", NULL);
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; ++i) {
    toy_fill(&toy, counts[i], (int)i);
    CHECK_STATUS(pyemu_unbind(e, message, sizeof message), PYEMU_OK, "");
    toy_bind(e, &toy);
    CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
    CHECK(toy_error(&toy) < 1e-15);
  }
  pyemu_close(&e, NULL, 0);
}

static void check_missing_bindings_are_named(void) {
  pyemu_emulator *e = toy_open(directory, "toy.onnx", "stub");
  toy_fill(&toy, 4, 0);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_BOUND,
               "missing: input 'air_temperature', input 'air_pressure_at_interfaces', input "
               "'surface_temperature', output 'upwelling");
  pyemu_array array = toy_scalar(toy.surface, 4);
  pyemu_bind(e, TOY_SURFACE, &array, NULL, -1, NULL, 0);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_BOUND,
               "input 'air_temperature'");
  CHECK(!strstr(message, TOY_SURFACE));
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  pyemu_unbind(e, NULL, 0);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_BOUND, TOY_SURFACE);
  pyemu_close(&e, NULL, 0);
}

static void check_inputs_that_are_not_finite(void) {
  pyemu_emulator *e = toy_open(directory, "toy.onnx", NULL);
  toy_fill(&toy, 8, 0);
  toy_bind(e, &toy);
  toy.temperature[3 * 8 + 6] = (double)NAN;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_FINITE,
               "input 'air_temperature' is nan in column 7, layer 4 (counted from 1)");
  toy_fill(&toy, 8, 0);
  toy.surface[2] = -(double)INFINITY;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_FINITE,
               "input 'surface_temperature' is -inf in column 3 (counted from 1)");
  toy_fill(&toy, 8, 0);
  toy.temperature[0] = 1e39;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_FINITE,
               "is 1e+39 in column 1, layer 1 (counted from 1); that is too large for float32");
  CHECK(toy_is_untouched(&toy));
  toy_fill(&toy, 8, 0);
  toy.pressure[0] = 1e39; /* a float64 input: no reason to refuse it */
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  pyemu_close(&e, NULL, 0);
}

static void check_the_check_can_be_switched_off(void) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  char path[4096];
  options.check_finite = 0;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_OK, "");
  toy_fill(&toy, 4, 0);
  toy_bind(e, &toy);
  toy.surface[1] = (double)NAN;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(isnan(toy.flux[1]) && isfinite(toy.flux[0]));
  pyemu_close(&e, NULL, 0);
}

static void check_engine_threads(void) {
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  char path[4096];
  options.threads = 2;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_OK, "");
  toy_fill(&toy, 50, 0);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(toy_error(&toy) < 1e-15);
  pyemu_close(&e, NULL, 0);
}

static void bind_rows(pyemu_emulator *e, const char *name, float *data, int64_t columns) {
  pyemu_array array = {data, PYEMU_FLOAT32, 2, {columns, 5}, {20, 4}};
  CHECK_STATUS(pyemu_bind(e, name, &array, "1", -1, message, sizeof message), PYEMU_OK, "");
}

static int is_scaled(const float *y, const float *x, int64_t columns) {
  int right = 1;
  for (int64_t i = 0; i < 5 * columns; ++i)
    right &= y[i] == x[i] * (float)(i % 5 + 1);
  return right;
}

/* Arrays that are tensors already, and such that lie over one another: y = x * (1, 2, 3, 4, 5). */
static void check_without_copy(void) {
  float x[64], keep[64], y[64];
  pyemu_emulator *e = toy_open(directory, "scale_float32.onnx", NULL);
  for (int i = 0; i < 64; ++i)
    x[i] = keep[i] = (float)(i + 1);
  bind_rows(e, "x", x, 8);
  bind_rows(e, "y", y, 8);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(is_scaled(y, keep, 8) && memcmp(x, keep, sizeof x) == 0);
  bind_rows(e, "x", x + 5, 8);
  CHECK_STATUS(pyemu_run(e, 2, message, sizeof message), PYEMU_OK, "");
  CHECK(is_scaled(y, keep + 5, 8));
  x[7] = (float)NAN;
  CHECK_STATUS(pyemu_run(e, 2, message, sizeof message), PYEMU_ERR_NOT_FINITE, "column 1, layer 3");
  x[7] = keep[7];
  bind_rows(e, "x", x, 8);
  bind_rows(e, "y", x, 8); /* in place */
  CHECK_STATUS(pyemu_run(e, 3, message, sizeof message), PYEMU_OK, "");
  CHECK(is_scaled(x, keep, 8));
  memcpy(x, keep, sizeof x);
  bind_rows(e, "y", x + 3, 8); /* over part of the input */
  CHECK_STATUS(pyemu_run(e, 4, message, sizeof message), PYEMU_OK, "");
  CHECK(is_scaled(x + 3, keep, 8));
  pyemu_close(&e, NULL, 0);
}

static void check_integers_and_scalars(void) {
  int32_t x[15], y[15];
  float one = 21, two = 0;
  pyemu_emulator *e = toy_open(directory, "scale_int32.onnx", NULL);
  pyemu_array ax = {x, PYEMU_INT32, 2, {3, 5}, {4, 12}}, ay = {y, PYEMU_INT32, 2, {3, 5}, {4, 12}};
  for (int i = 0; i < 15; ++i)
    x[i] = i - 7;
  CHECK_STATUS(pyemu_bind(e, "x", &ax, NULL, -1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_bind(e, "y", &ay, NULL, -1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  for (int i = 0; i < 15; ++i)
    CHECK(y[i] == x[i] * (i / 3 + 1));
  pyemu_close(&e, NULL, 0);
  e = toy_open(directory, "scale_scalar.onnx", NULL);
  ax = (pyemu_array){&one, PYEMU_FLOAT32, 0, {0}, {0}};
  ay = (pyemu_array){&two, PYEMU_FLOAT32, 0, {0}, {0}};
  CHECK_STATUS(pyemu_bind(e, "x", &ax, NULL, -1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_bind(e, "y", &ay, NULL, -1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(pyemu_column_count(e) == 1 && two == 42);
  pyemu_close(&e, NULL, 0);
}

static void check_outputs_on_one_memory_are_refused(void) {
  pyemu_emulator *e = toy_open(directory, "toy.onnx", "stub");
  toy_fill(&toy, 4, 0);
  toy_bind(e, &toy);
  pyemu_array array = toy_profile(toy.flux, 4, 5);
  CHECK_STATUS(pyemu_bind(e, TOY_TENDENCY, &array, NULL, -1, message, sizeof message), PYEMU_OK,
               "");
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_LAYOUT,
               "bound to the same memory");
  CHECK(toy_is_untouched(&toy));
  pyemu_close(&e, NULL, 0);
}

/* The graph takes a column by its number: the engine's text comes through, and the handle still
 * works. */
static void check_a_failing_graph(void) {
  float x[10] = {1, 2, 3, 4, 5, 7, 6, 7, 8, 9}, y[10] = {0};
  pyemu_emulator *e = toy_open(directory, "fails.onnx", NULL);
  bind_rows(e, "x", x, 2);
  bind_rows(e, "y", y, 2);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_INFERENCE,
               "ONNX Runtime could not run the graph: ");
  CHECK(strstr(message, "Gather"));
  x[5] = 0;
  CHECK_STATUS(pyemu_run(e, 2, message, sizeof message), PYEMU_OK, "");
  CHECK(y[4] == 9 && y[9] == 5);
  pyemu_close(&e, NULL, 0);
}

/* A host that traps on floating-point errors is not stopped, and its environment is as before. */
static void check_traps_and_flags(void) {
  feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW);
  pyemu_emulator *e = toy_open(directory, "toy.onnx", NULL);
  toy_fill(&toy, 8, 0);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  toy.temperature[5] = 1e39;
  feclearexcept(FE_ALL_EXCEPT);
  CHECK_STATUS(pyemu_run(e, 2, message, sizeof message), PYEMU_ERR_NOT_FINITE, "1e+39");
  CHECK(fetestexcept(FE_ALL_EXCEPT) == 0);
  CHECK(fegetexcept() == (FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW));
  fedisableexcept(FE_ALL_EXCEPT);
  pyemu_close(&e, NULL, 0);
}

static void check_the_stub_replays(void) {
  double recorded[4], expected;
  pyemu_emulator *e = toy_open(directory, "toy.onnx", "stub");
  pyemu_array array = toy_scalar(recorded, 4);
  toy_fill(&toy, 11, 0);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_reference(e, TOY_OUTGOING, &array, -1, message, sizeof message), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  for (int c = 0; c < 11; ++c) {
    expected = recorded[c % 4];
    CHECK(toy.outgoing[c] == expected);
  }
  pyemu_close(&e, NULL, 0);
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  check_run_follows_the_arrays();
  check_columns_can_change();
  check_missing_bindings_are_named();
  check_inputs_that_are_not_finite();
  check_the_check_can_be_switched_off();
  check_engine_threads();
  check_without_copy();
  check_integers_and_scalars();
  check_outputs_on_one_memory_are_refused();
  check_a_failing_graph();
  check_traps_and_flags();
  check_the_stub_replays();
  return check_result();
}
