#include "blend.h"

#include <math.h>
#include <stdlib.h>

#include "dtype.h"
#include "settings.h"

int blends_make(struct blends *blends, const struct card *card, const struct error *error) {
  *blends = (struct blends){.card = card};
  blends->of = calloc((size_t)card->n_variables + 1, sizeof *blends->of);
  if (!blends->of)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the blends of %lld variables",
                (long long)card->n_variables);
  for (int64_t i = 0; i < card->n_variables; ++i)
    blends->of[i].weight = 1;
  return PYEMU_OK;
}

void blends_free(struct blends *blends) {
  for (int64_t i = 0; blends->of && i < blends->card->n_variables; ++i) {
    free(blends->of[i].column_weights);
    free(blends->of[i].mixed);
  }
  free(blends->of);
  *blends = (struct blends){0};
}

/* --- Settings --- */

static int is_weight(double x) { return x >= 0 && x <= 1; }

static int read_settings(pyemu_blend *settings, const pyemu_blend *given,
                         const struct error *error) {
  *settings = (pyemu_blend)PYEMU_BLEND_INIT;
  int status = settings_read(settings, sizeof *settings, given, "blend", "BLEND", error);
  if (status != PYEMU_OK)
    return status;
  if (!is_weight(settings->from) || !is_weight(settings->to))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the weights of the blend are %g and %g; expected 0 (the host's numbers) to 1 (the "
                "emulator's)",
                settings->from, settings->to);
  if (settings->last_step < settings->first_step)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the ramp of the blend ends at step %lld, before it begins at %lld",
                (long long)settings->last_step, (long long)settings->first_step);
  return PYEMU_OK;
}

static int is_real(const struct variable *v) {
  return v->dtype == PYEMU_FLOAT32 || v->dtype == PYEMU_FLOAT64;
}

/* 1 if a blend of all outputs includes it: what an emulator hands itself is not the host's. */
static int is_blended(const struct variable *v) { return is_real(v) && v->partner < 0; }

/* What is asked of one output by name must be possible for it. */
static int find_output(const struct blends *blends, const char *name, int64_t *index,
                       const struct error *error) {
  const int64_t i = *index = card_find(blends->card, name);
  if (i < 0)
    return card_fail_name(blends->card, name, error);
  const struct variable *v = &blends->card->variables[i];
  if (v->direction != PYEMU_OUTPUT)
    return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is an input; only outputs are blended", name);
  if (!is_real(v))
    return fail(error, PYEMU_ERR_KIND, "output '%s' is %s, which cannot be mixed", name,
                dtype_name(v->dtype));
  return PYEMU_OK;
}

static void note_any(struct blends *blends) {
  blends->is_any = 0;
  for (int64_t i = 0; i < blends->card->n_variables; ++i) {
    const struct blend *blend = &blends->of[i];
    blends->is_any |= blend->is_set || blend->has_columns || blend->has_aside;
  }
}

static void set(struct blend *blend, const pyemu_blend *settings) {
  blend->is_set = settings != NULL;
  blend->settings = settings ? *settings : (pyemu_blend)PYEMU_BLEND_INIT;
  blend->weight = 1;
}

int blends_set(struct blends *blends, const char *name, const pyemu_blend *given,
               const struct error *error) {
  const struct card *card = blends->card;
  pyemu_blend settings;
  int64_t index = -1;
  int status = given ? read_settings(&settings, given, error) : PYEMU_OK;
  if (status == PYEMU_OK && name)
    status = find_output(blends, name, &index, error);
  if (status != PYEMU_OK)
    return status;
  for (int64_t i = card->n_inputs; i < card->n_variables; ++i)
    if (name ? i == index : is_blended(&card->variables[i]))
      set(&blends->of[i], given ? &settings : NULL);
  note_any(blends);
  return PYEMU_OK;
}

/* --- The caller's arrays --- */

/* Weights are bound as if they were an input of one number a column. */
static int make_weights(struct layout *layout, const pyemu_array *array,
                        const struct error *error) {
  const struct variable weight = {.name = "weight",
                                  .units = "1",
                                  .has_batch = 1,
                                  .width = 1,
                                  .dtype = PYEMU_FLOAT64,
                                  .direction = PYEMU_INPUT};
  return layout_make(layout, array, &weight, PYEMU_LAST_DIM, error);
}

static void set_columns(struct blend *blend, const struct layout *layout) {
  blend->has_columns = layout != NULL;
  if (layout)
    blend->columns = *layout;
}

int blends_bind_weight(struct blends *blends, const char *name, const pyemu_array *array,
                       const struct error *error) {
  const struct card *card = blends->card;
  struct layout layout;
  int64_t index = -1;
  int status = name ? find_output(blends, name, &index, error) : PYEMU_OK;
  if (status == PYEMU_OK && name && !card->variables[index].has_batch)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "output '%s' has one value for all columns and takes no weight for each; set one "
                "with pyemu_set_blend",
                name);
  if (status == PYEMU_OK && array)
    status = make_weights(&layout, array, error);
  if (status != PYEMU_OK)
    return status;
  for (int64_t i = card->n_inputs; i < card->n_variables; ++i) {
    const struct variable *v = &card->variables[i];
    if (name ? i == index : is_blended(v) && v->has_batch)
      set_columns(&blends->of[i], array ? &layout : NULL);
  }
  note_any(blends);
  return PYEMU_OK;
}

int blends_bind_aside(struct blends *blends, int64_t index, const struct layout *layout,
                      const struct error *error) {
  const struct variable *v = &blends->card->variables[index];
  if (v->direction != PYEMU_OUTPUT)
    return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is an input; only outputs are put aside", v->name);
  blends->of[index].has_aside = layout != NULL;
  if (layout)
    blends->of[index].aside = *layout;
  note_any(blends);
  return PYEMU_OK;
}

void blends_unbind(struct blends *blends) {
  for (int64_t i = 0; i < blends->card->n_variables; ++i)
    blends->of[i].has_columns = blends->of[i].has_aside = 0;
  note_any(blends);
}

/* --- Runs --- */

static int check_columns(const struct variable *v, const char *what, const struct layout *layout,
                         int64_t columns, const struct error *error) {
  if (layout->columns == (v->has_batch ? columns : 1))
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_SIZE, "the array %s '%s' has %lld columns; expected %lld, as others",
              what, v->name, (long long)layout->columns, (long long)columns);
}

/* Have room for so many numbers; the old ones are not needed. */
static int reserve(double **numbers, int64_t *room, int64_t count, const struct error *error) {
  int64_t bytes;
  if (count <= *room)
    return PYEMU_OK;
  free(*numbers);
  *numbers =
      multiply_sizes(count, (int64_t)sizeof **numbers, &bytes) ? malloc((size_t)bytes) : NULL;
  *room = *numbers ? count : 0;
  return *numbers ? PYEMU_OK : fail(error, PYEMU_ERR_MEMORY, "no memory for the blend");
}

static int prepare(struct blend *blend, const struct variable *v, int64_t columns, int is_mixed,
                   const struct error *error) {
  const int64_t items = v->has_batch ? columns : 1;
  int64_t count;
  int status = PYEMU_OK;
  if (blend->has_aside)
    status = check_columns(v, "aside of", &blend->aside, columns, error);
  if (status == PYEMU_OK && blend->has_columns)
    status = check_columns(v, "of weights of", &blend->columns, columns, error);
  if (status == PYEMU_OK && blend->has_columns)
    status = reserve(&blend->column_weights, &blend->n_weights, columns, error);
  if (status == PYEMU_OK && (is_mixed || blend->has_columns || blend->is_set))
    status = multiply_sizes(items, v->width, &count)
                 ? reserve(&blend->mixed, &blend->n_mixed, count, error)
                 : fail(error, PYEMU_ERR_MEMORY, "'%s' is too large to blend", v->name);
  return status;
}

int blends_prepare(struct blends *blends, int64_t columns, int is_tapered,
                   const struct error *error) {
  int status = PYEMU_OK;
  for (int64_t i = blends->card->n_inputs; i < blends->card->n_variables && status == PYEMU_OK; ++i)
    status = prepare(&blends->of[i], &blends->card->variables[i], columns,
                     is_tapered && is_real(&blends->card->variables[i]), error);
  return status;
}

/* The weight of a blend at a step. */
static double weight_at(const pyemu_blend *settings, int64_t step) {
  const double first = (double)settings->first_step, last = (double)settings->last_step;
  if (step < settings->first_step)
    return settings->from;
  if (step >= settings->last_step)
    return settings->to;
  const double t = ((double)step - first) / (last - first);
  return (1 - t) * settings->from + t * settings->to;
}

static int read_weights(struct blend *blend, const struct variable *v, int64_t columns,
                        const struct error *error) {
  layout_gather(&blend->columns, 0, columns, blend->column_weights, PYEMU_FLOAT64, 0);
  for (int64_t c = 0; c < columns; ++c)
    if (!is_weight(blend->column_weights[c]))
      return fail(error, PYEMU_ERR_ARGUMENT,
                  "the weight of column %lld (counted from 1) of '%s' is %g; expected 0 (the "
                  "host's numbers) to 1 (the emulator's)",
                  (long long)c + 1, v->name, blend->column_weights[c]);
  return PYEMU_OK;
}

int blends_begin(struct blends *blends, int64_t step, int64_t columns, const struct error *error) {
  int status = PYEMU_OK;
  for (int64_t i = blends->card->n_inputs; i < blends->card->n_variables && status == PYEMU_OK;
       ++i) {
    struct blend *blend = &blends->of[i];
    const struct variable *v = &blends->card->variables[i];
    const int is_ramp = blend->is_set && blend->settings.from != blend->settings.to;
    if (is_ramp && step == PYEMU_NO_STEP)
      return fail(error, PYEMU_ERR_ARGUMENT,
                  "the weight of '%s' changes with the step, but run was given none", v->name);
    blend->weight = is_ramp ? weight_at(&blend->settings, step) : blend->settings.from;
    if (!blend->is_set)
      blend->weight = 1;
    if (blend->has_columns)
      status = read_weights(blend, v, columns, error);
  }
  return status;
}

/* host + w * (emulator - host), for 'n' numbers with their weights or, if 'stride' is 0, with one.
 */
#define DEFINE_MIX(NAME, REAL)                                                                     \
  static void mix_##NAME(double *host, const REAL *emulator, const double *weights,                \
                         int64_t stride, int64_t n) {                                              \
    for (int64_t k = 0; k < n; ++k)                                                                \
      host[k] += weights[k * stride] * ((double)emulator[k] - host[k]);                            \
  }

DEFINE_MIX(float32, float)
DEFINE_MIX(float64, double)

static void mix(double *host, const struct layout *dense, int64_t column, int64_t element,
                const double *weights, int64_t stride, int64_t n) {
  const void *emulator = layout_at(dense, column, element);
  if (dense->dtype == PYEMU_FLOAT64)
    mix_float64(host, emulator, weights, stride, n);
  else
    mix_float32(host, emulator, weights, stride, n);
}

void blend_mix(const struct blends *blends, int64_t i, const struct layout *dense,
               const struct layout *host, int64_t first, int64_t items, const double *weights) {
  double *mixed = blends->of[i].mixed;
  if (layout_is_by_element(dense)) {
    layout_gather_tile(host, first, items, mixed + first, dense->columns, PYEMU_FLOAT64);
    for (int64_t k = 0; k < dense->width; ++k)
      mix(mixed + k * dense->columns + first, dense, first, k, weights, 1, items);
    layout_scatter_tile(host, first, items, mixed + first, dense->columns, PYEMU_FLOAT64);
    return;
  }
  double *rows = mixed + first * dense->width;
  layout_gather(host, first, items, rows, PYEMU_FLOAT64, 0);
  for (int64_t c = 0; c < items; ++c)
    mix(rows + c * dense->width, dense, first + c, 0, weights + c, 0, dense->width);
  layout_scatter(host, first, items, rows, PYEMU_FLOAT64);
}
