/* query.c - what can be asked of an open emulator. */
#include <math.h>
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
                         .noise_ar1 = v->noise.ar1,
                         .is_carried = v->partner >= 0};
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
                         .allocations = c->allocations + emulator->noise.allocations +
                                        emulator->carried.allocations,
                         .open_seconds = c->open_seconds,
                         .pack_seconds = clock_duration(&c->clock, c->pack_ticks),
                         .engine_seconds = clock_duration(&c->clock, c->engine_ticks),
                         .unpack_seconds = clock_duration(&c->clock, c->unpack_ticks)};
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

static int fail_unguarded(const struct error *error) {
  return fail(error, PYEMU_ERR_ARGUMENT, "the emulator has no guard: call pyemu_set_guard first");
}

int pyemu_guard_reasons(const pyemu_emulator *emulator, int32_t *reasons, int64_t columns,
                        char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int64_t found;
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!emulator->guard)
    return fail_unguarded(&error);
  const int32_t *from = guard_reasons(emulator->guard, &found);
  if (columns != found)
    return fail(&error, PYEMU_ERR_SIZE, "%lld columns are asked for; the last run had %lld",
                (long long)columns, (long long)found);
  if (!reasons && columns > 0)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'reasons' is NULL");
  if (columns > 0)
    memcpy(reasons, from, (size_t)columns * sizeof *reasons);
  return PYEMU_OK;
}

int64_t pyemu_guard_fallback_count(const pyemu_emulator *emulator) {
  return emulator && emulator->guard ? guard_fallback_count(emulator->guard) : -1;
}

int pyemu_guard_fallback(const pyemu_emulator *emulator, int64_t *columns, int64_t room,
                         char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int64_t n, n_found = 0;
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!emulator->guard)
    return fail_unguarded(&error);
  if (!columns && room > 0)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'columns' is NULL");
  guard_reasons(emulator->guard, &n);
  for (int64_t c = 0; c < n && n_found < room; ++c)
    if (guard_weight(emulator->guard, c) == 0)
      columns[n_found++] = c;
  return PYEMU_OK;
}

int pyemu_guard_counts(const pyemu_emulator *emulator, const char *name, int reason,
                       int64_t *counts, int64_t size, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int64_t index = 0;
  int status = pyemu_variable_find(emulator, name, &index, errmsg, errlen);
  if (status != PYEMU_OK)
    return status;
  if (!emulator->guard)
    return fail_unguarded(&error);
  if (!counts || (reason != PYEMU_REASON_NOT_FINITE && reason != PYEMU_REASON_INVALID &&
                  reason != PYEMU_REASON_NOVEL))
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'counts' is NULL, or reason %d is not one of the PYEMU_REASON_ numbers", reason);
  const int64_t width = emulator->card.variables[index].width;
  if (size != width)
    return fail(&error, PYEMU_ERR_SIZE, "there is room for %lld counts of '%s', which has %lld",
                (long long)size, name, (long long)width);
  memcpy(counts, guard_counts(emulator->guard, index, reason), (size_t)width * sizeof *counts);
  return PYEMU_OK;
}

int64_t pyemu_budget_count(const pyemu_emulator *emulator) {
  return emulator ? emulator->card.n_budgets : 0;
}

int pyemu_budget_report(const pyemu_emulator *emulator, int64_t index, pyemu_budget *budget,
                        char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!budget || budget->sizeof_budget < sizeof budget->sizeof_budget)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'budget' is NULL, or its sizeof_budget is not set to sizeof(pyemu_budget)");
  if (index < 0 || index >= emulator->card.n_budgets)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "there is no budget %lld (counted from 0); the card has %lld", (long long)index,
                (long long)emulator->card.n_budgets);
  const struct tally *tally = emulator->guard ? guard_tally(emulator->guard, index) : NULL;
  if (!tally)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "no guard looks at budgets: set one whose reasons include PYEMU_REASON_BUDGET");
  const struct budget *known = &emulator->card.budgets[index];
  const double n = tally->columns > 0 ? (double)tally->columns : 1;
  const size_t size = budget->sizeof_budget;
  const pyemu_budget full = {.sizeof_budget = size,
                             .name = known->name,
                             .units = known->units,
                             .tolerance = known->tolerance,
                             .columns = tally->columns,
                             .exceeded = tally->exceeded,
                             .mean = tally->sum / n,
                             .rms = sqrt(tally->sum_of_squares / n),
                             .largest = tally->largest,
                             .at_step = tally->at_step,
                             .at_column = tally->at_column};
  memcpy(budget, &full, size < sizeof full ? size : sizeof full);
  return PYEMU_OK;
}

int pyemu_record_report(const pyemu_emulator *emulator, pyemu_recorded *recorded, char *errmsg,
                        size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return emulator_fail_closed(&error);
  if (!recorded || recorded->sizeof_recorded < sizeof recorded->sizeof_recorded)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'recorded' is NULL, or its sizeof_recorded is not set to sizeof(pyemu_recorded)");
  if (!emulator->record)
    return fail(&error, PYEMU_ERR_ARGUMENT, "nothing has been recorded; call pyemu_set_record");
  const size_t known = recorded->sizeof_recorded;
  pyemu_recorded full = record_report(emulator->record);
  full.sizeof_recorded = known;
  memcpy(recorded, &full, known < sizeof full ? known : sizeof full);
  return PYEMU_OK;
}
