#include "carried.h"

#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "emulator.h"
#include "ids.h"

/* Arrays start on their own cache line. */
enum { ALIGNMENT = 64 };

int carried_make(struct carried *carried, const struct card *card, const struct error *error) {
  carried->states = calloc((size_t)card->n_inputs, sizeof *carried->states);
  if (!carried->states)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for what the emulator carries");
  for (int64_t i = 0; i < card->n_inputs; ++i) {
    const struct variable *v = &card->variables[i];
    if (v->partner < 0)
      continue;
    carried->states[carried->n_states++] = (struct carried_state){
        .input = i,
        .output = v->partner,
        .memory = memory_of(2 * v->width, dtype_size(card_tensor_dtype(card, v)))};
  }
  return PYEMU_OK;
}

void carried_free(struct carried *carried) {
  for (int64_t i = 0; i < carried->n_states; ++i) {
    memory_free(&carried->states[i].memory);
    free(carried->states[i].rows);
    free(carried->states[i].read);
    free(carried->states[i].written);
  }
  free(carried->states);
  free(carried->numbers);
}

/* --- Arrays --- */

/* Have room for so many numbers; 0 if there is no memory. Old contents are not needed, nor below.
 */
static int reserve_numbers(int64_t **numbers, int64_t *room, int64_t count, int64_t *allocations) {
  if (count <= *room)
    return 1;
  free(*numbers);
  *numbers = calloc((size_t)count, sizeof **numbers);
  *room = *numbers ? count : 0;
  *allocations += 1;
  return *numbers != NULL;
}

static int reserve(struct carried *carried, struct carried_state *state, int64_t columns,
                   const struct error *error) {
  const int64_t row = state->memory.width / 2 * (int64_t)state->memory.size;
  int64_t size;
  if (!multiply_sizes(columns, row, &size) || size > INT64_MAX - ALIGNMENT)
    return fail(error, PYEMU_ERR_MEMORY, "what %lld columns carry is too large to address",
                (long long)columns);
  size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (size > state->size) {
    free(state->read);
    free(state->written);
    state->read = aligned_alloc(ALIGNMENT, (size_t)size);
    state->written = aligned_alloc(ALIGNMENT, (size_t)size);
    state->size = state->read && state->written ? size : 0;
    carried->allocations += 1;
  }
  if (reserve_numbers(&carried->numbers, &carried->n_numbers, columns, &carried->allocations) &&
      reserve_numbers(&state->rows, &state->n_rows, columns, &carried->allocations) &&
      state->size >= size)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_MEMORY, "no memory for what %lld columns carry", (long long)columns);
}

static struct binding binding_of(void *data, int32_t dtype, int64_t columns, int64_t width,
                                 int is_by_element) {
  return (struct binding){
      .layout = (is_by_element ? layout_by_element : layout_of_tensor)(data, dtype, columns, width),
      .is_filled = 1,
      .is_direct = !is_by_element};
}

int carried_place(struct carried *carried, const struct card *card, struct binding *bindings,
                  int64_t columns, int is_by_element, const struct error *error) {
  int status = PYEMU_OK;
  for (int64_t i = 0; i < carried->n_states && status == PYEMU_OK; ++i) {
    struct carried_state *state = &carried->states[i];
    const struct variable *in = &card->variables[state->input];
    struct binding *read = &bindings[state->input], *written = &bindings[state->output];
    state->is_kept = !read->is_bound && !written->is_bound;
    if (read->is_bound != written->is_bound)
      return fail(error, PYEMU_ERR_NOT_BOUND,
                  "'%s' is carried to '%s' at the next step, but only one of them is bound; bind "
                  "both, or neither and the library carries it",
                  card->variables[state->output].name, in->name);
    if (!state->is_kept)
      continue;
    const int32_t dtype = card_tensor_dtype(card, in);
    status = reserve(carried, state, columns, error);
    *read = binding_of(state->read, dtype, columns, in->width, is_by_element);
    *written = binding_of(state->written, dtype, columns, in->width, is_by_element);
  }
  return status;
}

/* --- Rows --- */

/* Which of the two parts of a row a run at 'step' reads. */
static int64_t part_read(const struct memory *memory, int64_t row, int64_t step) {
  return memory->is_made[row] && memory->steps[row] == step ? 0 : memory->width / 2;
}

/* Columns from 'first' on that have adjacent rows in one block and read the same part. */
static int64_t stretch_of(const struct memory *memory, const int64_t *rows, int64_t first,
                          int64_t end, int64_t step) {
  int64_t i = first + 1;
  while (i < end && rows[i] == rows[i - 1] + 1 && rows[i] % MEMORY_BLOCK != 0 &&
         part_read(memory, rows[i], step) == part_read(memory, rows[first], step))
    ++i;
  return i - first;
}

/* Copy numbers of adjacent rows, from 'number' on, from or to columns of an array. */
static void copy_stretch(const struct memory *memory, int64_t row, int64_t number,
                         const struct layout *array, int64_t first, int64_t columns, int is_read) {
  for (int64_t k = 0; k < array->width; ++k) {
    char *inside = memory_at(memory, row, number + k), *outside = layout_at(array, first, k);
    const int64_t size = (int64_t)memory->size, stride = array->strides[0];
    const int64_t n = stride == size ? columns : 1;
    for (int64_t c = 0; c < columns; c += n)
      memcpy(is_read ? outside + c * stride : inside + c * size,
             is_read ? inside + c * size : outside + c * stride, (size_t)(n * size));
  }
}

/* A column begins with zeros. */
static void begin_rows(const struct memory *memory, const int64_t *rows, int64_t columns) {
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t k = 0; !memory->is_made[rows[c]] && k < memory->width; ++k)
      memset(memory_at(memory, rows[c], k), 0, memory->size);
}

static int check_ready(const char *name, const struct layout *ids, int64_t step,
                       const struct error *error) {
  if (!ids)
    return fail(
        error, PYEMU_ERR_ARGUMENT,
        "'%s' is carried from step to step, but the columns' numbers in the whole model are "
        "not known: call pyemu_bind_ids (in Fortran emulator%%bind_ids, in Python "
        "Emulator.bind_ids), or bind arrays to it and to the output it comes from",
        name);
  if (step == PYEMU_NO_STEP)
    return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is carried from step to step: give run the step",
                name);
  return PYEMU_OK;
}

static int begin_state(struct carried *carried, struct carried_state *state,
                       const struct binding *bindings, int64_t step, int64_t columns,
                       const struct error *error) {
  struct memory *memory = &state->memory;
  int64_t *rows = state->rows;
  int status = memory_find(memory, carried->numbers, columns, rows, &carried->allocations, error);
  if (status != PYEMU_OK)
    return status;
  begin_rows(memory, rows, columns);
  for (int64_t c = 0, n; c < columns; c += n) {
    n = stretch_of(memory, rows, c, columns, step);
    const int64_t part = part_read(memory, rows[c], step);
    copy_stretch(memory, rows[c], part, &bindings[state->input].layout, c, n, 1);
    /* What the guard holds back stays as it was. */
    copy_stretch(memory, rows[c], part, &bindings[state->output].layout, c, n, 1);
  }
  return PYEMU_OK;
}

int carried_begin(struct carried *carried, const struct card *card, const struct binding *bindings,
                  const struct layout *ids, int64_t step, int64_t columns, int64_t bound,
                  const struct error *error) {
  int has_ids = 0, status = PYEMU_OK;
  for (int64_t i = 0; i < carried->n_states && status == PYEMU_OK; ++i) {
    struct carried_state *state = &carried->states[i];
    if (!state->is_kept)
      continue;
    status = check_ready(card->variables[state->input].name, ids, step, error);
    if (status == PYEMU_OK && !has_ids)
      status = ids_take(ids, columns, bound, carried->numbers, error);
    has_ids = 1;
    if (status == PYEMU_OK)
      status = begin_state(carried, state, bindings, step, columns, error);
  }
  return status;
}

void carried_end(struct carried *carried, const struct binding *bindings, int64_t step,
                 int64_t columns) {
  for (int64_t i = 0; i < carried->n_states; ++i) {
    struct carried_state *state = &carried->states[i];
    struct memory *memory = &state->memory;
    const int64_t *rows = state->rows;
    if (!state->is_kept)
      continue;
    for (int64_t c = 0, n; c < columns; c += n) {
      n = stretch_of(memory, rows, c, columns, step);
      const int64_t row = rows[c];
      copy_stretch(memory, row, 0, &bindings[state->input].layout, c, n, 0);
      copy_stretch(memory, row, memory->width / 2, &bindings[state->output].layout, c, n, 0);
    }
    for (int64_t c = 0; c < columns; ++c) {
      memory->steps[rows[c]] = step;
      memory->is_made[rows[c]] = 1;
    }
  }
}
