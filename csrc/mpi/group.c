/* group.c - the engine 'group': the ranks of a group share the engine of one of them. */
#include "mpi/group.h"

#include <string.h>

#include "engine.h"
#include "error.h"

/* The rank that groups know a tensor by: 2 for a profile and 1 for one value per column, 0 for an
 * input that is one value for all columns; -1 if it is none of these. */
static int rank_in_group(const struct engine_tensor *tensor, int is_input) {
  if (tensor->rank > 0 && tensor->shape[0] < 0)
    return tensor->rank <= 2 ? tensor->rank : -1;
  return is_input && tensor->width == 1 ? 0 : -1;
}

/* The group is owned by the shared emulator of module pyemu_mpi, which lives longer. */
static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  void *group = pyemu_mpi_opening();
  if (!group)
    return fail(&error, PYEMU_ERR_ENGINE,
                "engine 'group' belongs to shared emulators: open one with open_shared of the "
                "Fortran module pyemu_mpi, or choose another engine");
  for (int64_t i = 0; i < source->n_tensors; ++i) {
    const struct engine_tensor *tensor = &source->tensors[i];
    int is_input = i < source->n_inputs, rank = rank_in_group(tensor, is_input);
    if (rank < 0)
      return fail(&error, PYEMU_ERR_UNSUPPORTED,
                  "'%s' is no variable of columns: only emulators of columns can be shared, open "
                  "this emulator on every rank",
                  tensor->name);
    pyemu_mpi_add_tensor(group, tensor->dtype, rank, tensor->width, is_input);
  }
  *state = group;
  return PYEMU_OK;
}

static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  error_in(errmsg, errlen);
  return pyemu_mpi_exchange(state, columns, tensors, errmsg, errlen);
}

static void destroy(void *state) { (void)state; }

static const struct engine group_engine = {
    .interface = PYEMU_ENGINE_INTERFACE,
    .name = "group",
    .create = create,
    .run = run,
    .destroy = destroy,
};

__attribute__((visibility("default"))) pyemu_engine_function pyemu_engine_plugin;

const struct engine *pyemu_engine_plugin(const char *name) {
  return strcmp(name, group_engine.name) == 0 ? &group_engine : NULL;
}
