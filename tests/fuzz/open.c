/* A whole emulator file: opened, asked, and run on its own reference columns by the engine "stub".
 */
#include "fuzz.h"

enum { MAX_VALUES = 1 << 12 };

/* Bind memory of our own to one variable, filled with its recorded values; 0 if that is too much.
 */
static int bind(pyemu_emulator *e, int64_t index, void *memory) {
  char message[512];
  pyemu_variable v = {.sizeof_variable = sizeof v};
  const int64_t columns = pyemu_reference_count(e);
  PROMISE(pyemu_variable_info(e, index, &v, message, sizeof message) == PYEMU_OK);
  PROMISE(v.name && v.units && v.standard_name && v.level_size >= 1);
  PROMISE(v.n_dims >= 0 && v.n_dims <= PYEMU_MAX_RANK);
  int64_t stride = v.dtype == PYEMU_FLOAT64 ? 8 : 4, left = MAX_VALUES;
  const int rank = v.n_dims + v.has_batch;
  if (rank > PYEMU_MAX_RANK)
    return 0;
  pyemu_array array = {.data = memory, .dtype = v.dtype, .rank = rank};
  for (int i = rank - 1; i >= 0; --i) {
    const int64_t size = i < v.has_batch ? columns : v.dim_sizes[i - v.has_batch];
    PROMISE(size >= 1);
    array.shape[i] = size;
    array.strides[i] = stride;
    stride *= size;
    left /= size;
    if (left == 0)
      return 0;
  }
  PROMISE_STATUS(pyemu_reference(e, v.name, &array, PYEMU_LAST_DIM, message, sizeof message),
                 message);
  return pyemu_bind(e, v.name, &array, v.units, PYEMU_LAST_DIM, message, sizeof message) ==
         PYEMU_OK;
}

static void run(pyemu_emulator *e) {
  char message[512];
  const int64_t count = pyemu_variable_count(e);
  int is_bound = count <= 64;
  void **memory = calloc((size_t)count, sizeof *memory);
  for (int64_t i = 0; memory && i < count && is_bound; ++i) {
    memory[i] = malloc(8 * MAX_VALUES);
    is_bound = memory[i] && bind(e, i, memory[i]);
  }
  if (memory && is_bound) {
    int status = pyemu_run(e, 1, message, sizeof message);
    PROMISE_STATUS(status, message);
  }
  for (int64_t i = 0; memory && i < count; ++i)
    free(memory[i]);
  free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  options.engine = "stub";
  int status = pyemu_open_memory(data, size, &options, &e, message, sizeof message);
  PROMISE_STATUS(status, message);
  PROMISE((status == PYEMU_OK) == (e != NULL));
  if (!e)
    return 0;
  PROMISE(pyemu_card(e) && pyemu_variable_count(e) >= 2 && pyemu_reference_count(e) >= 1);
  run(e);
  PROMISE(pyemu_close(&e, message, sizeof message) == PYEMU_OK && !e);
  return 0;
}
