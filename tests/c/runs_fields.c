/* Fields and values for all columns: dimensions in the order of C or of Fortran, sizes never
 * broadcast, partly filled blocks, and what a handle counts. */
#include "toy.h"

enum { SAMPLES = 3, CHANNELS = 2, NY = 3, NX = 4, ITEM = CHANNELS * NY * NX };

static char message[2048];
static const char *directory;

/* The formula of make_emulators.py. */
static double expected(double field, int element, double factor, double mask) {
  return factor * field * (element + 1) + mask;
}

/* Strides of (sample, channel, y, x) or (x, y, channel, sample), densely packed either way. */
static pyemu_array field_array(float *data, int reversed) {
  const int64_t shape[4] = {SAMPLES, CHANNELS, NY, NX};
  pyemu_array array = {.data = data, .dtype = PYEMU_FLOAT32, .rank = 4};
  int64_t stride = sizeof *data;
  for (int i = 3; i >= 0; --i) {
    int at = reversed ? 3 - i : i;
    array.shape[at] = shape[i];
    array.strides[at] = stride;
    stride *= shape[i];
  }
  return array;
}

static int bind(pyemu_emulator *e, const char *name, const pyemu_array *array, int dims) {
  return pyemu_bind(e, name, array, NULL, dims, message, sizeof message);
}

/* Both orders describe the same memory here: the results must be the same, without a copy. */
static void check_orders(int reversed) {
  static float field[SAMPLES * ITEM], result[SAMPLES * ITEM];
  double mask[NY * NX], factor = 3;
  pyemu_emulator *e = toy_open(directory, "field.onnx", NULL);
  pyemu_counters counters = {.sizeof_counters = sizeof counters};
  for (int i = 0; i < SAMPLES * ITEM; ++i)
    field[i] = (float)(i % 17);
  for (int i = 0; i < NY * NX; ++i)
    mask[i] = 100 * i;
  pyemu_array array = field_array(field, reversed);
  const int dims = reversed ? PYEMU_REVERSED_DIMS : PYEMU_LAST_DIM;
  CHECK_STATUS(bind(e, "field", &array, dims), PYEMU_OK, "");
  array = field_array(result, reversed);
  CHECK_STATUS(bind(e, "result", &array, dims), PYEMU_OK, "");
  pyemu_array plane = {mask, PYEMU_FLOAT64, 2, {NY, NX}, {8 * NX, 8}};
  if (reversed)
    plane = (pyemu_array){mask, PYEMU_FLOAT64, 2, {NX, NY}, {8, 8 * NX}};
  CHECK_STATUS(bind(e, "mask", &plane, dims), PYEMU_OK, "");
  pyemu_array one = {&factor, PYEMU_FLOAT64, 0, {0}, {0}};
  CHECK_STATUS(bind(e, "factor", &one, PYEMU_LAST_DIM), PYEMU_OK, "");
  CHECK(pyemu_column_count(e) == SAMPLES);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  double error = 0;
  for (int i = 0; i < SAMPLES * ITEM; ++i)
    error =
        fmax(error, fabs(result[i] - expected(field[i], i % ITEM, factor, mask[i % (NY * NX)])));
  CHECK(error < 1e-3);
  CHECK_STATUS(pyemu_report(e, &counters, message, sizeof message), PYEMU_OK, "");
  CHECK(counters.calls == 1 && counters.columns == SAMPLES && counters.allocations == 1);
  CHECK(counters.copied_bytes == 4 * (NY * NX + 1)); /* mask and factor, for their type */
  CHECK(counters.open_seconds > 0 && counters.engine_seconds > 0);
  pyemu_close(&e, NULL, 0);
}

static void check_sizes_are_never_broadcast(void) {
  static float field[SAMPLES * ITEM];
  pyemu_emulator *e = toy_open(directory, "field.onnx", "stub");
  pyemu_array array = field_array(field, 0);
  CHECK_STATUS(bind(e, "field", &array, PYEMU_REVERSED_DIMS), PYEMU_ERR_SIZE,
               "are the dimensions in another order?");
  CHECK_STATUS(bind(e, "field", &array, 1), PYEMU_ERR_ARGUMENT, "the dimensions of a field");
  array.rank = 2;
  CHECK_STATUS(bind(e, "field", &array, PYEMU_LAST_DIM), PYEMU_ERR_SIZE,
               "has rank 2; expected 3, or one more for the batch");
  pyemu_array plane = {field, PYEMU_FLOAT32, 2, {NY, 1}, {4, 4}};
  CHECK_STATUS(bind(e, "mask", &plane, PYEMU_LAST_DIM), PYEMU_ERR_SIZE, "'mask' has 4 xs");
  plane = (pyemu_array){field, PYEMU_FLOAT32, 1, {2}, {4}};
  CHECK_STATUS(bind(e, "factor", &plane, PYEMU_LAST_DIM), PYEMU_ERR_SIZE,
               "one value for all columns, but its array has 2 elements");
  pyemu_close(&e, NULL, 0);
}

static void check_one_number_for_all_columns(void) {
  double x[5 * 6], y[5 * 6], factor[1] = {4};
  pyemu_emulator *e = toy_open(directory, "global.onnx", NULL);
  pyemu_array one = {factor, PYEMU_FLOAT64, 1, {1}, {8}};
  CHECK_STATUS(bind(e, "factor", &one, PYEMU_LAST_DIM), PYEMU_OK, "");
  pyemu_array array = toy_profile(x, 6, 5);
  CHECK_STATUS(bind(e, "x", &array, PYEMU_LAST_DIM), PYEMU_OK, "");
  array = toy_profile(y, 6, 5);
  CHECK_STATUS(bind(e, "y", &array, PYEMU_LAST_DIM), PYEMU_OK, "");
  CHECK(pyemu_column_count(e) == 6);
  for (int i = 0; i < 30; ++i)
    x[i] = i;
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  int wrong = 0;
  for (int i = 0; i < 30; ++i)
    wrong += y[i] != 4 * x[i];
  CHECK(wrong == 0);
  pyemu_close(&e, NULL, 0);
}

/* (nproma, nlay, nblk), the last block filled by two columns of four: the other two are not read
 * and not written. */
static void check_partly_filled_blocks(void) {
  enum { NPROMA = 4, LAYERS = 5, BLOCKS = 3, USED = 10 };
  static double x[NPROMA * LAYERS * BLOCKS], y[NPROMA * LAYERS * BLOCKS], factor = 2;
  pyemu_emulator *e = toy_open(directory, "global.onnx", NULL);
  pyemu_array one = {&factor, PYEMU_FLOAT64, 0, {0}, {0}};
  pyemu_array array = {
      x, PYEMU_FLOAT64, 3, {NPROMA, LAYERS, BLOCKS}, {8, 8 * NPROMA, 8 * NPROMA * LAYERS}};
  CHECK_STATUS(bind(e, "factor", &one, PYEMU_LAST_DIM), PYEMU_OK, "");
  CHECK_STATUS(bind(e, "x", &array, 1), PYEMU_OK, "");
  array.data = y;
  CHECK_STATUS(bind(e, "y", &array, 1), PYEMU_OK, "");
  for (int i = 0; i < NPROMA * LAYERS * BLOCKS; ++i) {
    int column = i / (NPROMA * LAYERS) * NPROMA + i % NPROMA;
    x[i] = column < USED ? i : NAN;
    y[i] = -999;
  }
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_ERR_NOT_FINITE,
               "is nan in column 11, layer 1");
  CHECK_STATUS(pyemu_run_columns(e, 1, USED, message, sizeof message), PYEMU_OK, "");
  int wrong = 0;
  for (int i = 0; i < NPROMA * LAYERS * BLOCKS; ++i)
    wrong += y[i] != (isnan(x[i]) ? -999 : 2 * x[i]);
  CHECK(wrong == 0);
  CHECK_STATUS(pyemu_run_columns(e, 1, 13, message, sizeof message), PYEMU_ERR_SIZE,
               "13 columns was asked for; expected 0 to 12");
  CHECK_STATUS(pyemu_run_columns(e, 1, -1, message, sizeof message), PYEMU_ERR_SIZE, "-1 columns");
  CHECK_STATUS(pyemu_run_columns(e, 1, 0, message, sizeof message), PYEMU_OK, "");
  pyemu_close(&e, NULL, 0);
}

static void check_variables_tell_their_dimensions(void) {
  pyemu_emulator *e = toy_open(directory, "field.onnx", "stub");
  pyemu_variable v = {.sizeof_variable = sizeof v};
  CHECK_STATUS(pyemu_variable_info(e, 0, &v, message, sizeof message), PYEMU_OK, "");
  CHECK(v.has_batch && v.n_dims == 3 && v.dim_sizes[0] == CHANNELS && v.dim_sizes[2] == NX);
  CHECK(strcmp(v.dim_names[1], "y") == 0 && !v.level_name);
  CHECK_STATUS(pyemu_variable_info(e, 2, &v, message, sizeof message), PYEMU_OK, "");
  CHECK(!v.has_batch && v.n_dims == 0);
  CHECK(strcmp(pyemu_engine_version(e), pyemu_version()) == 0);
  CHECK_STATUS(pyemu_report(NULL, NULL, message, sizeof message), PYEMU_ERR_CLOSED, "not open");
  CHECK_STATUS(pyemu_report(e, NULL, message, sizeof message), PYEMU_ERR_ARGUMENT, "NULL");
  pyemu_close(&e, NULL, 0);
}

static int open_raw(const char *name, const char *engine, pyemu_emulator **e) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.raw = 1;
  options.engine = engine;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return pyemu_open(path, &options, e, message, sizeof message);
}

/* Without a card the graph's own names and sizes count, and nothing else is known. */
static void check_raw_graph(void) {
  pyemu_emulator *e = NULL;
  pyemu_variable v = {.sizeof_variable = sizeof v};
  static struct toy toy;
  double values[4];
  CHECK_STATUS(open_raw("no_card.onnx", NULL, &e), PYEMU_OK, "");
  CHECK(pyemu_variable_count(e) == 6 && pyemu_reference_count(e) == 0);
  CHECK_STATUS(pyemu_variable_info(e, 0, &v, message, sizeof message), PYEMU_OK, "");
  CHECK(strcmp(v.name, TOY_TEMPERATURE) == 0 && strcmp(v.units, "") == 0);
  CHECK(v.has_batch && v.n_dims == 1 && v.dim_sizes[0] == TOY_LAYERS && !v.level_name);
  toy_fill(&toy, 9, 3);
  toy_bind_without_units(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(toy_error(&toy) < 1e-15);
  pyemu_array array = toy_scalar(values, 4);
  CHECK_STATUS(pyemu_reference(e, TOY_SURFACE, &array, -1, message, sizeof message),
               PYEMU_ERR_UNSUPPORTED, "no reference columns");
  pyemu_close(&e, NULL, 0);
  CHECK_STATUS(open_raw("no_card.onnx", "stub", &e), PYEMU_ERR_UNSUPPORTED,
               "engine 'stub' runs no graph without a card");
  CHECK_STATUS(open_raw("text.onnx", NULL, &e), PYEMU_ERR_FORMAT, "");
  CHECK_STATUS(open_raw("graph_broken.onnx", NULL, &e), PYEMU_ERR_GRAPH,
               "could not load the graph");
}

int main(int argc, char **argv) {
  (void)argc;
  directory = argv[1];
  check_orders(0);
  check_orders(1);
  check_sizes_are_never_broadcast();
  check_one_number_for_all_columns();
  check_partly_filled_blocks();
  check_variables_tell_their_dimensions();
  check_raw_graph();
  return check_result();
}
