#include "engines/stub/stub.h"

#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "error.h"

/* One output: its recorded rows. */
struct recording {
  const char *rows;
  size_t row_size;
  int has_batch;
};

struct stub {
  int64_t columns; /* recorded */
  int64_t n_inputs;
  int64_t n_outputs;
  struct recording outputs[];
};

static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int64_t n_outputs = source->n_tensors - source->n_inputs;
  struct stub *stub = malloc(sizeof *stub + (size_t)n_outputs * sizeof stub->outputs[0]);
  if (!stub)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the stub engine");
  stub->columns = source->reference_columns;
  stub->n_inputs = source->n_inputs;
  stub->n_outputs = n_outputs;
  for (int64_t i = 0; i < n_outputs; ++i) {
    const struct engine_tensor *tensor = &source->tensors[source->n_inputs + i];
    stub->outputs[i].rows = source->reference_values[source->n_inputs + i];
    stub->outputs[i].row_size = (size_t)tensor->width * dtype_size(tensor->dtype);
    stub->outputs[i].has_batch = tensor->rank > 0 && tensor->shape[0] < 0;
  }
  *state = stub;
  return PYEMU_OK;
}

/* Column i gets the recorded outputs of reference column i mod n. */
static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  const struct stub *stub = state;
  error_in(errmsg, errlen);
  for (int64_t i = 0; i < stub->n_outputs; ++i) {
    const struct recording *output = &stub->outputs[i];
    char *row = tensors[stub->n_inputs + i];
    const int64_t rows = output->has_batch ? columns : 1;
    for (int64_t column = 0; column < rows; ++column, row += output->row_size)
      memcpy(row, output->rows + (size_t)(column % stub->columns) * output->row_size,
             output->row_size);
  }
  return PYEMU_OK;
}

static const char *version(void *state) {
  (void)state;
  return pyemu_version();
}

const struct engine stub_engine = {.interface = PYEMU_ENGINE_INTERFACE,
                                   .name = "stub",
                                   .create = create,
                                   .run = run,
                                   .destroy = free,
                                   .version = version};
