#include "tensors.h"

#include <stdlib.h>

#include "dtype.h"

/* Tensors start on their own cache line. */
enum { ALIGNMENT = 64 };

void tensors_free(pyemu_emulator *e) {
  if (e->is_engines_memory)
    e->plugin.engine->release(e->engine_state, e->memory);
  else
    free(e->memory);
  e->memory = NULL;
  e->memory_size = 0;
}

/* 1 if every variable goes through a tensor of ours. */
static int is_staged(const pyemu_emulator *e) { return e->guard || e->blends.is_any; }

int tensors_are_arrays(const pyemu_emulator *e) {
  return e->plugin.engine->run_arrays && !e->has_overlap && !is_staged(e) && !e->is_recorded;
}

/* 1 if some run has tensors. */
static int needs_tensors(const pyemu_emulator *e) {
  return !tensors_are_arrays(e) || record_is_on(e->record);
}

int tensor_is_direct(const pyemu_emulator *e, int64_t i) {
  return e->bindings[i].is_direct && !is_staged(e);
}

static int check_bound(const pyemu_emulator *e, const struct error *error) {
  int missing = 0;
  for (int64_t i = 0; i < e->card.n_variables; ++i) {
    const struct variable *v = &e->card.variables[i];
    if (e->bindings[i].is_bound || v->noise.distribution || v->partner >= 0)
      continue;
    if (!missing++)
      fail(error, PYEMU_ERR_NOT_BOUND, "run needs an array bound to every variable; missing:");
    error_append(error, "%s %s '%s'", missing > 1 ? "," : "",
                 v->direction == PYEMU_INPUT ? "input" : "output", v->name);
  }
  return missing ? PYEMU_ERR_NOT_BOUND : PYEMU_OK;
}

static int spans_meet(const struct layout *a, const struct layout *b) {
  const char *a_first, *a_end, *b_first, *b_end;
  layout_span(a, &a_first, &a_end);
  layout_span(b, &b_first, &b_end);
  return (uintptr_t)a_first < (uintptr_t)b_end && (uintptr_t)b_first < (uintptr_t)a_end;
}

/*
 * Two outputs must not start at the same address. An output that the engine would write directly
 * and that lies over another bound array goes through a tensor of ours instead, so that no input
 * changes while the graph still reads it.
 */
static int check_aliases(pyemu_emulator *e, const struct error *error) {
  e->has_overlap = 0;
  for (int64_t i = e->card.n_inputs; i < e->card.n_variables; ++i) {
    struct binding *output = &e->bindings[i];
    for (int64_t j = 0; j < e->card.n_variables; ++j) {
      const struct layout *other = &e->bindings[j].layout;
      if (j == i || !spans_meet(&output->layout, other))
        continue;
      if (j >= e->card.n_inputs && output->layout.data == other->data)
        return fail(error, PYEMU_ERR_LAYOUT, "outputs '%s' and '%s' are bound to the same memory",
                    e->card.variables[i].name, e->card.variables[j].name);
      if (output->is_on_device)
        return fail(error, PYEMU_ERR_LAYOUT,
                    "output '%s' lies on the device, over the array for '%s'; give it memory of "
                    "its own",
                    e->card.variables[i].name, e->card.variables[j].name);
      output->is_direct = 0;
      e->has_overlap = 1;
    }
  }
  return PYEMU_OK;
}

/* Bytes of the tensor of variable 'i', rounded up to the alignment; 0 if they do not fit. */
static int tensor_size(const pyemu_emulator *e, int64_t i, int64_t *size) {
  const struct variable *v = &e->card.variables[i];
  int64_t count;
  if (!multiply_sizes(tensor_items(v, e->columns), v->width, &count) ||
      !multiply_sizes(count, (int64_t)dtype_size(card_tensor_dtype(&e->card, v)), size) ||
      *size > INT64_MAX - ALIGNMENT)
    return 0;
  *size = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return 1;
}

/* Have at least 'size' bytes for tensors. The old ones hold nothing that is still needed. */
static int reserve(pyemu_emulator *e, int64_t size, const struct error *error) {
  if (size <= e->memory_size)
    return PYEMU_OK;
  const struct engine *engine = e->plugin.engine;
  tensors_free(e);
  e->counters.allocations += 1;
  e->memory = engine->allocate ? engine->allocate(e->engine_state, (size_t)size) : NULL;
  e->is_engines_memory = e->memory != NULL;
  if (!e->memory)
    e->memory = aligned_alloc(ALIGNMENT, (size_t)size);
  if (!e->memory)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the %lld bytes of tensors of %lld columns",
                (long long)size, (long long)e->columns);
  e->memory_size = size;
  return PYEMU_OK;
}

/* Give every variable the memory of its tensor: the caller's own array, or a part of ours. */
static int place_tensors(pyemu_emulator *e, const struct error *error) {
  int64_t total = 0, size;
  for (int pass = 0; pass < 2; ++pass) {
    char *at = e->memory;
    for (int64_t i = 0; i < e->card.n_variables; ++i) {
      if (!tensor_size(e, i, &size) || total > INT64_MAX - size)
        return fail(error, PYEMU_ERR_MEMORY, "the tensors of %lld columns are too large to address",
                    (long long)e->columns);
      if (tensor_is_direct(e, i)) {
        e->tensors[i] = e->bindings[i].layout.data;
      } else if (pass == 0) {
        total += size;
      } else {
        e->tensors[i] = at;
        at += size;
      }
    }
    int status = pass == 0 ? reserve(e, total, error) : PYEMU_OK;
    if (status != PYEMU_OK)
      return status;
  }
  return PYEMU_OK;
}

/* The tensors as arrays. An engine that reads arrays may have them as a host has that keeps the
 * columns of an element adjacent: then nothing is transposed. */
static void describe_dense(pyemu_emulator *e) {
  for (int64_t i = 0; i < e->card.n_variables; ++i) {
    const struct variable *v = &e->card.variables[i];
    const struct layout *host = &e->bindings[i].layout;
    const int is_by_element = is_staged(e) && e->plugin.engine->run_arrays && v->has_batch &&
                              host->strides[0] == (int64_t)dtype_size(host->dtype);
    e->dense_layouts[i] = (is_by_element ? layout_by_element : layout_of_tensor)(
        e->tensors[i], card_tensor_dtype(&e->card, v), tensor_items(v, e->columns), v->width);
    e->dense[i] = &e->dense_layouts[i];
  }
}

/* What is put aside must not lie over an array that a run reads or writes besides. */
static int check_aside(const pyemu_emulator *e, int64_t i, const struct error *error) {
  for (int64_t j = 0; j < e->card.n_variables; ++j) {
    const struct blend *other = &e->blends.of[j];
    if (spans_meet(&e->blends.of[i].aside, &e->bindings[j].layout) ||
        (other->has_columns && spans_meet(&e->blends.of[i].aside, &other->columns)) ||
        (j > i && other->has_aside && spans_meet(&e->blends.of[i].aside, &other->aside)))
      return fail(error, PYEMU_ERR_LAYOUT,
                  "the array aside of '%s' lies over another array, of '%s'; give it memory of its "
                  "own",
                  e->card.variables[i].name, e->card.variables[j].name);
  }
  return PYEMU_OK;
}

/* What the guard cannot look at, and the host cannot mix, is refused. */
static int prepare_stage(pyemu_emulator *e, const struct error *error) {
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    if (e->bindings[i].is_on_device)
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "'%s' is bound on the device, where the guard cannot look at it and the blend "
                  "cannot reach it; bind an array in host memory, or set neither",
                  e->card.variables[i].name);
  int status = e->guard ? guard_reserve(e->guard, e->columns, error) : PYEMU_OK;
  for (int64_t i = 0; i < e->card.n_variables && status == PYEMU_OK; ++i)
    if (e->blends.of[i].has_aside)
      status = check_aside(e, i, error);
  return status == PYEMU_OK
             ? blends_prepare(&e->blends, e->columns, e->guard && guard_has_taper(e->guard), error)
             : status;
}

/* Tell the engine which tensors lie on the device, if any do or did. */
static int tell_places(pyemu_emulator *e, const struct error *error) {
  int any = 0;
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    any |= e->on_device[i] = e->bindings[i].is_on_device != 0;
  if (!any && !e->has_device_arrays)
    return PYEMU_OK;
  e->has_device_arrays = 1; /* also if the engine refuses: it may have noted some */
  int status =
      e->plugin.engine->place(e->engine_state, e->on_device, e->tensors, error->text, error->size);
  if (status == PYEMU_OK)
    e->has_device_arrays = any;
  return status;
}

/* After bindings have changed: check them together and place the tensors. */
int tensors_prepare(pyemu_emulator *e, const struct error *error) {
  int status = check_bound(e, error);
  if (status != PYEMU_OK || e->columns == 0)
    return status;
  status = noise_inputs_place(&e->noise, &e->card, e->bindings, e->columns,
                              e->plugin.engine->run_arrays != NULL, error);
  if (status == PYEMU_OK)
    status = carried_place(&e->carried, &e->card, e->bindings, e->columns,
                           e->plugin.engine->run_arrays != NULL, error);
  if (status == PYEMU_OK)
    status = check_aliases(e, error);
  if (status == PYEMU_OK && is_staged(e))
    status = prepare_stage(e, error);
  if (status == PYEMU_OK && record_is_on(e->record))
    record_prepare(e->record, e);
  if (status == PYEMU_OK && needs_tensors(e))
    status = place_tensors(e, error);
  if (status == PYEMU_OK && needs_tensors(e))
    describe_dense(e);
  if (status == PYEMU_OK)
    status = tell_places(e, error);
  e->is_prepared = status == PYEMU_OK;
  return status;
}
