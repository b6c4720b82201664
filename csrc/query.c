/* query.c - what can be asked of an open emulator. */
#include <string.h>

#include "emulator.h"

int64_t pyemu_variable_count(const pyemu_emulator *emulator) {
  return emulator ? emulator->card.n_variables : 0;
}

int pyemu_variable_info(const pyemu_emulator *emulator, int64_t index, pyemu_variable *variable,
                        char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!variable || variable->sizeof_variable < sizeof variable->sizeof_variable)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'variable' is NULL, or its sizeof_variable is not set to sizeof(pyemu_variable)");
  if (index < 0 || index >= emulator->card.n_variables)
    return fail(&error, PYEMU_ERR_ARGUMENT, "there is no variable %lld; expected 0 to %lld",
                (long long)index, (long long)emulator->card.n_variables - 1);
  const struct variable *v = &emulator->card.variables[index];
  size_t known = variable->sizeof_variable;
  pyemu_variable full = {.sizeof_variable = known,
                         .name = v->name,
                         .standard_name = v->standard_name,
                         .units = v->units,
                         .level_name = v->is_level ? v->dims[0].name : NULL,
                         .level_size = v->is_level ? v->width : 1,
                         .dtype = v->dtype,
                         .direction = v->direction,
                         .is_bound = emulator->bindings[index].is_bound,
                         .has_batch = v->has_batch,
                         .n_dims = v->n_dims,
                         .noise = v->noise.distribution,
                         .noise_stream = v->noise.stream,
                         .noise_ar1 = v->noise.ar1};
  for (int i = 0; i < v->n_dims; ++i) {
    full.dim_names[i] = v->dims[i].name;
    full.dim_sizes[i] = v->dims[i].size;
  }
  memcpy(variable, &full, known < sizeof full ? known : sizeof full);
  return PYEMU_OK;
}

int pyemu_variable_find(const pyemu_emulator *emulator, const char *name, int64_t *index,
                        char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!name || !index)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'%s' is NULL", name ? "index" : "name");
  int64_t found = card_find(&emulator->card, name);
  if (found < 0)
    return card_fail_name(&emulator->card, name, &error);
  *index = found;
  return PYEMU_OK;
}

int64_t pyemu_column_count(const pyemu_emulator *emulator) {
  return emulator ? emulator->columns : -1;
}

const char *pyemu_card(const pyemu_emulator *emulator) {
  return emulator ? emulator->card.text : NULL;
}

const char *pyemu_engine(const pyemu_emulator *emulator) {
  return emulator ? emulator->plugin.engine->name : NULL;
}

int64_t pyemu_reference_count(const pyemu_emulator *emulator) {
  return emulator ? emulator->reference.columns : 0;
}

int pyemu_reference(const pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                    int level_dim, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct layout layout;
  int64_t index = 0;
  if (emulator && name && !array)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'array' is NULL");
  int status = pyemu_variable_find(emulator, name, &index, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  struct variable v = emulator->card.variables[index];
  v.direction = PYEMU_OUTPUT; /* the array is written to */
  status = layout_make(&layout, array, &v, level_dim, &error);
  if (status != PYEMU_OK)
    return status;
  if (emulator->reference.columns == 0)
    return fail(&error, PYEMU_ERR_UNSUPPORTED, "a raw graph has no reference columns");
  if (v.has_batch && layout.columns != emulator->reference.columns)
    return fail(
        &error, PYEMU_ERR_SIZE,
        "the array for the reference columns of '%s' has %lld columns, but %lld are recorded", name,
        (long long)layout.columns, (long long)emulator->reference.columns);
  layout_scatter(&layout, 0, layout.columns, emulator->reference.values[index], v.dtype);
  return PYEMU_OK;
}

int pyemu_report(const pyemu_emulator *emulator, pyemu_counters *counters, char *errmsg,
                 size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!counters || counters->sizeof_counters < sizeof counters->sizeof_counters)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'counters' is NULL, or its sizeof_counters is not set to sizeof(pyemu_counters)");
  const struct counters *c = &emulator->counters;
  size_t known = counters->sizeof_counters;
  pyemu_counters full = {.sizeof_counters = known,
                         .calls = c->calls,
                         .columns = c->columns,
                         .copied_bytes = c->copied_bytes,
                         .allocations = c->allocations + emulator->noise.allocations,
                         .open_seconds = c->open_seconds,
                         .pack_seconds = c->pack_seconds,
                         .engine_seconds = c->engine_seconds,
                         .unpack_seconds = c->unpack_seconds};
  memcpy(counters, &full, known < sizeof full ? known : sizeof full);
  return PYEMU_OK;
}

const char *pyemu_device(const pyemu_emulator *emulator) {
  if (!emulator)
    return NULL;
  const char *(*device)(void *) = emulator->plugin.engine->device;
  return device ? device(emulator->engine_state) : emulator->device;
}

const char *pyemu_engine_version(const pyemu_emulator *emulator) {
  const char *(*version)(void *) = emulator ? emulator->plugin.engine->version : NULL;
  return version ? version(emulator->engine_state) : "";
}
