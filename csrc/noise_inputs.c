#include "noise_inputs.h"

#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "emulator.h"
#include "environment.h"
#include "ids.h"

/* Arrays start on their own cache line. */
enum { ALIGNMENT = 64 };

/* Columns of a part, and numbers from which on parts go over the team: fewer are made before a
 * second thread has woken. */
enum { PART_COLUMNS = 256, SHARED_NUMBERS = 1 << 14 };

int noise_inputs_make(struct noise_inputs *noise, const struct card *card,
                      const struct error *error) {
  int64_t n = 0;
  for (int64_t i = 0; i < card->n_inputs; ++i)
    n += card->variables[i].noise.distribution != 0;
  if (n == 0)
    return PYEMU_OK;
  noise->inputs = calloc((size_t)n, sizeof *noise->inputs);
  if (!noise->inputs)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the emulator's noise");
  for (int64_t i = 0; i < card->n_inputs; ++i) {
    const struct variable *v = &card->variables[i];
    const int64_t width = v->noise.ar1 > 0 ? v->width : 0;
    if (v->noise.distribution)
      noise->inputs[noise->n_inputs++] =
          (struct noise_input){.variable = i, .memory = memory_of(width, dtype_size(v->dtype))};
  }
  return noise_maker_find(&noise->maker, error);
}

void noise_inputs_free(struct noise_inputs *noise) {
  for (int64_t i = 0; i < noise->n_inputs; ++i) {
    memory_free(&noise->inputs[i].memory);
    free(noise->inputs[i].values);
  }
  free(noise->inputs);
  free(noise->numbers);
  free(noise->rows);
}

int noise_inputs_bind_ids(struct noise_inputs *noise, const pyemu_array *ids,
                          const struct error *error) {
  struct layout layout;
  int status = ids_make(&layout, ids, error);
  if (status != PYEMU_OK)
    return status;
  noise->ids = layout;
  noise->has_ids = 1;
  return PYEMU_OK;
}

int noise_inputs_set(struct noise_inputs *noise, int64_t seed, int64_t member,
                     const struct error *error) {
  int status = noise_check_number("member", member, error);
  if (status != PYEMU_OK)
    return status;
  if (!noise->has_key || seed != noise->seed || member != noise->member)
    for (int64_t i = 0; i < noise->n_inputs; ++i)
      memory_forget(&noise->inputs[i].memory);
  noise->seed = seed;
  noise->member = member;
  noise->has_key = 1;
  return PYEMU_OK;
}

/* --- Arrays --- */

/* Old numbers are not needed. */
static int reserve_numbers(struct noise_inputs *noise, int64_t columns, const struct error *error) {
  int64_t bytes;
  if (columns <= noise->n_numbers)
    return PYEMU_OK;
  noise->n_numbers = 0;
  noise->allocations += 1;
  free(noise->numbers);
  free(noise->rows);
  noise->numbers = noise->rows = NULL;
  if (multiply_sizes(columns, (int64_t)sizeof(int64_t), &bytes)) {
    noise->numbers = malloc((size_t)bytes);
    noise->rows = malloc((size_t)bytes);
  }
  if (!noise->numbers || !noise->rows)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the ids of %lld columns",
                (long long)columns);
  noise->n_numbers = columns;
  return PYEMU_OK;
}

static int reserve_values(struct noise_inputs *noise, struct noise_input *input,
                          const struct variable *v, int64_t columns, const struct error *error) {
  int64_t count, size;
  int fits = multiply_sizes(columns, v->width, &count) &&
             multiply_sizes(count, (int64_t)dtype_size(v->dtype), &size) &&
             size <= INT64_MAX - ALIGNMENT;
  if (fits && size <= input->size)
    return PYEMU_OK;
  free(input->values);
  input->size = 0;
  noise->allocations += 1;
  size = fits ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : 0;
  input->values = fits ? aligned_alloc(ALIGNMENT, (size_t)size) : NULL;
  if (!input->values)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the noise '%s' of %lld columns", v->name,
                (long long)columns);
  input->size = size;
  return PYEMU_OK;
}

int noise_inputs_place(struct noise_inputs *noise, const struct card *card,
                       struct binding *bindings, int64_t columns, int is_by_element,
                       const struct error *error) {
  int status = PYEMU_OK;
  for (int64_t i = 0; i < noise->n_inputs && status == PYEMU_OK; ++i) {
    struct noise_input *input = &noise->inputs[i];
    const struct variable *v = &card->variables[input->variable];
    struct binding *binding = &bindings[input->variable];
    if (binding->is_bound)
      continue;
    status = reserve_numbers(noise, columns, error);
    if (status == PYEMU_OK)
      status = reserve_values(noise, input, v, columns, error);
    /* The columns of an element adjacent: so noise is made, and so the engine 'native' reads. */
    const struct layout layout = is_by_element
                                     ? layout_by_element(input->values, v->dtype, columns, v->width)
                                     : layout_of_tensor(input->values, v->dtype, columns, v->width);
    *binding = (struct binding){.layout = layout, .is_filled = 1, .is_direct = !is_by_element};
  }
  return status;
}

/* --- Numbers --- */

/* One variable's noise for the columns of a run. */
struct filling {
  const struct noise_inputs *noise;
  struct noise_input *input;
  const struct variable *variable;
  const struct layout *array;
  struct noise_key key;
  int64_t step;
  int64_t columns;
  int64_t part_columns;
};

static enum noise_deed deed_for(const struct filling *f, int64_t column) {
  const struct memory *memory = &f->input->memory;
  const int64_t row = f->noise->rows[column];
  return !memory->is_made[row]           ? NOISE_BEGIN
         : memory->steps[row] == f->step ? NOISE_REPEAT
                                         : NOISE_ADVANCE;
}

/* Columns from 'first' on, before 'end', that want the same and have adjacent rows in one block. */
static int64_t stretch_of(const struct filling *f, int64_t first, int64_t end) {
  const int64_t *rows = f->noise->rows;
  int64_t i = first + 1;
  while (i < end && rows[i] == rows[i - 1] + 1 && rows[i] % MEMORY_BLOCK != 0 &&
         deed_for(f, i) == deed_for(f, first))
    ++i;
  return i - first;
}

static void fill_stretch(const struct filling *f, int64_t first, int64_t columns) {
  struct memory *memory = &f->input->memory;
  const struct variable *v = f->variable;
  const int64_t row = f->noise->rows[first];
  const struct noise_memory rows = {.rows = memory_at(memory, row, 0),
                                    .stride = MEMORY_BLOCK,
                                    .deed = deed_for(f, first),
                                    .coefficient = v->noise.ar1};
  noise_fill(&f->noise->maker, v->noise.distribution, &f->key, f->noise->numbers + first, f->array,
             first, columns, &rows);
  for (int64_t i = row; i < row + columns; ++i) {
    memory->steps[i] = f->step;
    memory->is_made[i] = 1;
  }
}

static void fill_part(void *context, int64_t part) {
  const struct filling *f = context;
  const int64_t first = part * f->part_columns, rest = f->columns - first;
  const int64_t columns = rest < f->part_columns ? rest : f->part_columns;
  if (f->variable->noise.ar1 <= 0) {
    noise_fill(&f->noise->maker, f->variable->noise.distribution, &f->key,
               f->noise->numbers + first, f->array, first, columns, NULL);
    return;
  }
  for (int64_t i = first, n; i < first + columns; i += n) {
    n = stretch_of(f, i, first + columns);
    fill_stretch(f, i, n);
  }
}

/* What run needs to know before it can make noise. */
static int check_ready(const struct noise_inputs *noise, const char *name, int64_t step,
                       const struct error *error) {
  if (!noise->has_key)
    return fail(
        error, PYEMU_ERR_ARGUMENT,
        "the input '%s' is noise, but its seed is not known: call pyemu_set_noise (in "
        "Fortran emulator%%set_noise, in Python Emulator.set_noise), or bind an array to it",
        name);
  if (!noise->has_ids)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the input '%s' is noise, but the columns' numbers in the whole model are not "
                "known: call pyemu_bind_ids (in Fortran emulator%%bind_ids, in Python "
                "Emulator.bind_ids), or bind an array to it",
                name);
  if (step == PYEMU_NO_STEP)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the input '%s' is noise, which depends on the time step: give run the step", name);
  return PYEMU_OK;
}

static int fill_input(struct noise_inputs *noise, struct noise_input *input,
                      const struct variable *v, const struct layout *array, int64_t step,
                      int64_t columns, struct team *team, const struct error *error) {
  struct filling filling = {.noise = noise,
                            .input = input,
                            .variable = v,
                            .array = array,
                            .key = noise_key_of(noise->seed, noise->member, step, v->noise.stream),
                            .step = step,
                            .columns = columns,
                            .part_columns = columns};
  int status =
      memory_find(&input->memory, noise->numbers, columns, noise->rows, &noise->allocations, error);
  if (status != PYEMU_OK)
    return status;
  if (team && columns > PART_COLUMNS && v->width > SHARED_NUMBERS / columns)
    filling.part_columns = PART_COLUMNS;
  team_run(team, fill_part, &filling, (columns + filling.part_columns - 1) / filling.part_columns);
  return PYEMU_OK;
}

int noise_inputs_fill(struct noise_inputs *noise, const struct card *card,
                      const struct binding *bindings, int64_t step, int64_t columns, int64_t bound,
                      struct team *team, const struct error *error) {
  struct environment environment;
  int has_ids = 0, status = PYEMU_OK;
  if (noise->n_inputs == 0)
    return PYEMU_OK;
  environment_hold(&environment);
  environment_use_default();
  for (int64_t i = 0; i < noise->n_inputs && status == PYEMU_OK; ++i) {
    struct noise_input *input = &noise->inputs[i];
    const struct variable *v = &card->variables[input->variable];
    const struct binding *binding = &bindings[input->variable];
    if (!binding->is_filled)
      continue;
    status = check_ready(noise, v->name, step, error);
    if (status == PYEMU_OK && !has_ids)
      status = ids_take(&noise->ids, columns, bound, noise->numbers, error);
    has_ids = 1;
    if (status == PYEMU_OK)
      status = fill_input(noise, input, v, &binding->layout, step, columns, team, error);
  }
  environment_restore(&environment);
  return status;
}
