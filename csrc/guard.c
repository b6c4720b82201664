#include "guard.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "dtype.h"
#include "wide.h"

enum { N_REASONS = 3 };

/* What numbers of a variable may be without a closer look, by element, in its own type. */
struct bounds {
  void *lowest;
  void *highest;
};

struct guard {
  const struct card *card;
  pyemu_guard settings;
  struct bounds *bounds; /* by variable */
  int64_t **counts;      /* by variable: of each reason in turn, by element */
  int64_t columns;       /* of the run */
  int64_t room;
  unsigned char *marks; /* by column */
  int32_t *reasons;
  float *weights;
  float *novelties; /* of all inputs together */
  int64_t n_fallback;
  int holds_back;
  int64_t step;
  double *residuals;     /* by budget, then by column of 'room' */
  struct tally *tallies; /* by budget */
};

static int32_t dtype_of(const struct guard *guard, const struct variable *v) {
  return card_tensor_dtype(guard->card, v);
}

/* --- Bounds --- */

static int looks_for(const struct guard *guard, int reason) {
  return (guard->settings.reasons & reason) != 0;
}

/* The interval in which the novelty of an element is at most 'limit'. */
static void seen_interval(const struct variable *v, int64_t element, double limit, double *lowest,
                          double *highest) {
  const double low = v->seen_range[0][element], high = v->seen_range[1][element];
  const double more = (limit - 1) * 0.5 * (high - low);
  *lowest = low - more;
  *highest = high + more;
}

static double novelty(const struct variable *v, int64_t element, double x) {
  const double low = v->seen_range[0][element], high = v->seen_range[1][element];
  const double distance = fabs(x - 0.5 * (low + high));
  return distance == 0 ? 0 : distance / (0.5 * (high - low));
}

static int has_seen_range(const struct guard *guard, const struct variable *v) {
  return v->direction == PYEMU_INPUT && v->seen_range[0] && looks_for(guard, PYEMU_REASON_NOVEL);
}

/* Where an element needs no closer look. */
static void inner_interval(const struct guard *guard, const struct variable *v, int64_t element,
                           double *lowest, double *highest) {
  const double taper = guard->settings.taper, limit = guard->settings.limit;
  const int is_valid_asked = looks_for(guard, PYEMU_REASON_INVALID);
  *lowest = is_valid_asked ? v->valid_range[0] : -INFINITY;
  *highest = is_valid_asked ? v->valid_range[1] : INFINITY;
  if (has_seen_range(guard, v)) {
    double low, high;
    seen_interval(v, element, taper > 0 ? taper : limit, &low, &high);
    *lowest = fmax(*lowest, low);
    *highest = fmin(*highest, high);
  }
}

/* A bound in the type of the variable: no infinite number passes. */
static void set_bound(void *bounds, int32_t dtype, int64_t element, double x) {
  if (dtype == PYEMU_FLOAT64)
    ((double *)bounds)[element] = fmin(fmax(x, -DBL_MAX), DBL_MAX);
  else if (dtype == PYEMU_FLOAT32)
    ((float *)bounds)[element] = (float)fmin(fmax(x, -FLT_MAX), FLT_MAX);
  else
    ((int32_t *)bounds)[element] = (int32_t)fmin(fmax(x, INT32_MIN), INT32_MAX);
}

static int make_bounds(struct guard *guard, int64_t i) {
  const struct variable *v = &guard->card->variables[i];
  struct bounds *bounds = &guard->bounds[i];
  bounds->lowest = malloc((size_t)v->width * dtype_size(dtype_of(guard, v)));
  bounds->highest = malloc((size_t)v->width * dtype_size(dtype_of(guard, v)));
  guard->counts[i] = calloc((size_t)v->width * N_REASONS, sizeof **guard->counts);
  if (!bounds->lowest || !bounds->highest || !guard->counts[i])
    return 0;
  for (int64_t element = 0; element < v->width; ++element) {
    double lowest, highest;
    inner_interval(guard, v, element, &lowest, &highest);
    set_bound(bounds->lowest, dtype_of(guard, v), element, lowest);
    set_bound(bounds->highest, dtype_of(guard, v), element, highest);
  }
  return 1;
}

/* --- Make --- */

static int check_settings(const pyemu_guard *settings, const struct error *error) {
  if (settings->mode < PYEMU_GUARD_OFF || settings->mode > PYEMU_GUARD_STOP)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the guard's mode is %d; expected PYEMU_GUARD_OFF (0) to PYEMU_GUARD_STOP (4)",
                settings->mode);
  if (settings->reasons < 1 || settings->reasons > PYEMU_REASON_ALL)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the guard's reasons are %d; expected a sum of PYEMU_REASON_ numbers, 1 to %d",
                settings->reasons, PYEMU_REASON_ALL);
  if (!(settings->limit > 0) || !isfinite(settings->limit))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the guard's limit of novelty is %g; expected a number above 0 (1: the range seen "
                "in training)",
                settings->limit);
  if (!(settings->taper >= 0 && settings->taper <= settings->limit))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the guard's taper begins at novelty %g; expected 0 (no taper) to the limit, %g",
                settings->taper, settings->limit);
  if (settings->taper > 0 && settings->mode != PYEMU_GUARD_FALLBACK)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the guard has a taper, which goes with mode PYEMU_GUARD_FALLBACK only");
  return PYEMU_OK;
}

int guard_make(struct guard **made, const struct card *card, const pyemu_guard *settings,
               const struct error *error) {
  *made = NULL;
  int status = check_settings(settings, error);
  if (status != PYEMU_OK || settings->mode == PYEMU_GUARD_OFF)
    return status;
  struct guard *guard = calloc(1, sizeof *guard);
  int complete = guard != NULL;
  if (complete) {
    *guard = (struct guard){.card = card, .settings = *settings};
    guard->bounds = calloc((size_t)card->n_variables + 1, sizeof *guard->bounds);
    guard->counts = calloc((size_t)card->n_variables + 1, sizeof *guard->counts);
    guard->tallies = calloc((size_t)card->n_budgets + 1, sizeof *guard->tallies);
    complete = guard->bounds && guard->counts && guard->tallies;
  }
  for (int64_t b = 0; complete && b < card->n_budgets; ++b)
    guard->tallies[b].at_step = guard->tallies[b].at_column = -1;
  for (int64_t i = 0; complete && i < card->n_variables; ++i)
    complete = make_bounds(guard, i);
  if (complete) {
    *made = guard;
    return PYEMU_OK;
  }
  guard_free(guard);
  return fail(error, PYEMU_ERR_MEMORY, "no memory for the guard");
}

void guard_free(struct guard *guard) {
  if (!guard)
    return;
  for (int64_t i = 0; i < guard->card->n_variables; ++i) {
    if (guard->bounds) {
      free(guard->bounds[i].lowest);
      free(guard->bounds[i].highest);
    }
    if (guard->counts)
      free(guard->counts[i]);
  }
  free(guard->bounds);
  free(guard->counts);
  free(guard->marks);
  free(guard->reasons);
  free(guard->weights);
  free(guard->novelties);
  free(guard->residuals);
  free(guard->tallies);
  free(guard);
}

int guard_has_taper(const struct guard *guard) { return guard->settings.taper > 0; }

int guard_reserve(struct guard *guard, int64_t columns, const struct error *error) {
  if (columns <= guard->room)
    return PYEMU_OK;
  unsigned char *marks = realloc(guard->marks, (size_t)columns);
  guard->marks = marks ? marks : guard->marks;
  int32_t *reasons = realloc(guard->reasons, (size_t)columns * sizeof *reasons);
  guard->reasons = reasons ? reasons : guard->reasons;
  float *weights = realloc(guard->weights, (size_t)columns * sizeof *weights);
  guard->weights = weights ? weights : guard->weights;
  float *novelties = realloc(guard->novelties, (size_t)columns * sizeof *novelties);
  guard->novelties = novelties ? novelties : guard->novelties;
  const size_t n = (size_t)(guard->card->n_budgets * columns);
  double *residuals = n > 0 ? realloc(guard->residuals, n * sizeof *residuals) : NULL;
  guard->residuals = residuals ? residuals : guard->residuals;
  if (!marks || !reasons || !weights || !novelties || (n > 0 && !residuals))
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the guard of %lld columns",
                (long long)columns);
  guard->room = columns;
  return PYEMU_OK;
}

void guard_begin(struct guard *guard, int64_t columns, int64_t step) {
  guard->columns = columns;
  guard->step = step;
  guard->n_fallback = 0;
  guard->holds_back = 0;
  for (int64_t c = 0; c < columns; ++c) {
    guard->marks[c] = 0;
    guard->reasons[c] = 0;
    guard->weights[c] = 1;
  }
}

/* --- All columns --- */

/* NaN is in no interval. BITS is as wide as the numbers, so that comparisons fill vectors; columns
 * are only marked where there is something to mark. */
#define DEFINE_LOOK(NAME, REAL, BITS)                                                              \
  WIDE static int is_outside_##NAME(const REAL *row, const REAL *lowest, const REAL *highest,      \
                                    int64_t n) {                                                   \
    BITS outside = 0;                                                                              \
    for (int64_t k = 0; k < n; ++k)                                                                \
      outside |= (BITS) !(row[k] >= lowest[k]) | (BITS) !(row[k] <= highest[k]);                   \
    return outside != 0;                                                                           \
  }                                                                                                \
  WIDE static int is_any_outside_##NAME(const REAL *row, REAL lowest, REAL highest, int64_t n) {   \
    BITS outside = 0;                                                                              \
    for (int64_t c = 0; c < n; ++c)                                                                \
      outside |= (BITS) !(row[c] >= lowest) | (BITS) !(row[c] <= highest);                         \
    return outside != 0;                                                                           \
  }                                                                                                \
  static void mark_##NAME(unsigned char *marks, const REAL *row, REAL lowest, REAL highest,        \
                          int64_t n) {                                                             \
    if (!is_any_outside_##NAME(row, lowest, highest, n))                                           \
      return;                                                                                      \
    for (int64_t c = 0; c < n; ++c)                                                                \
      marks[c] |= (unsigned char)(!(row[c] >= lowest) | !(row[c] <= highest));                     \
  }                                                                                                \
  static void look_##NAME(unsigned char *marks, const struct layout *array, int64_t first,         \
                          int64_t columns, const struct bounds *bounds) {                          \
    const REAL *lowest = bounds->lowest, *highest = bounds->highest;                               \
    if (array->strides[0] == (int64_t)sizeof(REAL))                                                \
      for (int64_t k = 0; k < array->width; ++k)                                                   \
        mark_##NAME(marks, (const REAL *)(const void *)layout_at(array, first, k), lowest[k],      \
                    highest[k], columns);                                                          \
    else                                                                                           \
      for (int64_t c = 0; c < columns; ++c)                                                        \
        marks[c] |= (unsigned char)is_outside_##NAME(                                              \
            (const REAL *)(const void *)layout_at(array, first + c, 0), lowest, highest,           \
            array->width);                                                                         \
  }

DEFINE_LOOK(float32, float, int32_t)
DEFINE_LOOK(float64, double, int64_t)
DEFINE_LOOK(int32, int32_t, int32_t)

void guard_look(struct guard *guard, int64_t i, const struct layout *array, int64_t first,
                int64_t columns) {
  (array->dtype == PYEMU_FLOAT64 ? look_float64
   : array->dtype == PYEMU_FLOAT32
       ? look_float32
       : look_int32)(guard->marks + first, array, first, columns, &guard->bounds[i]);
}

/* 1 if the card says how novel a column is, and that is asked. */
static int has_novelty(const struct guard *guard) {
  return guard->card->novelty && looks_for(guard, PYEMU_REASON_NOVEL);
}

void guard_measure(struct guard *guard, const struct layout *const *arrays, int64_t first,
                   int64_t columns) {
  const double taper = guard->settings.taper;
  const float mark = (float)(taper > 0 ? taper : guard->settings.limit);
  if (!has_novelty(guard))
    return;
  novelty_measure(guard->card->novelty, arrays, first, columns, guard->novelties);
  for (int64_t c = first; c < first + columns; ++c)
    guard->marks[c] |= (unsigned char)(guard->novelties[c] > mark);
}

void guard_sum(struct guard *guard, const struct layout *const *arrays, int64_t first,
               int64_t columns) {
  const struct card *card = guard->card;
  if (!looks_for(guard, PYEMU_REASON_BUDGET))
    return;
  for (int64_t b = 0; b < card->n_budgets; ++b)
    budget_measure(&card->budgets[b], arrays, first, columns, guard->residuals + b * guard->room);
}

/* --- Single columns --- */

static int64_t *count_of(const struct guard *guard, int64_t i, int reason, int64_t element) {
  const int at = reason == PYEMU_REASON_NOT_FINITE ? 0 : reason == PYEMU_REASON_INVALID ? 1 : 2;
  return &guard->counts[i][at * guard->card->variables[i].width + element];
}

static void put(const struct layout *array, int64_t column, int64_t element, double x) {
  void *at = layout_at(array, column, element);
  if (array->dtype == PYEMU_FLOAT64)
    *(double *)at = x;
  else if (array->dtype == PYEMU_FLOAT32)
    *(float *)at = (float)x;
  else
    *(int32_t *)at = (int32_t)x;
}

/* The reason to flag an element, or 0. */
static int reason_of(const struct guard *guard, const struct variable *v, int64_t element,
                     double x) {
  double lowest, highest;
  if (!isfinite(x))
    return guard->settings.reasons & PYEMU_REASON_NOT_FINITE;
  if (x < v->valid_range[0] || x > v->valid_range[1])
    if (looks_for(guard, PYEMU_REASON_INVALID))
      return PYEMU_REASON_INVALID;
  if (!has_seen_range(guard, v))
    return 0;
  seen_interval(v, element, guard->settings.limit, &lowest, &highest);
  return x < lowest || x > highest ? PYEMU_REASON_NOVEL : 0;
}

/* What the engine gets instead: a number in both ranges, the nearest one where there is one. */
static double nearest(const struct variable *v, int64_t element, double x) {
  double lowest = v->valid_range[0], highest = v->valid_range[1];
  if (v->seen_range[0]) {
    lowest = fmax(lowest, v->seen_range[0][element]);
    highest = fmin(highest, v->seen_range[1][element]);
  }
  if (isnan(x))
    x = 0;
  return fmax(fmin(x, highest), lowest);
}

/* What one item was found to be. */
struct finding {
  int reasons;
  double novelty;
  int64_t element; /* the first that is flagged */
};

static struct finding examine(struct guard *guard, int64_t i, const struct layout *array,
                              int64_t column) {
  const struct variable *v = &guard->card->variables[i];
  const int is_input = v->direction == PYEMU_INPUT, mode = guard->settings.mode;
  struct finding found = {.element = -1};
  for (int64_t element = 0; element < v->width; ++element) {
    const double x = layout_number(array, column, element);
    const int reason = reason_of(guard, v, element, x);
    if (has_seen_range(guard, v) && isfinite(x))
      found.novelty = fmax(found.novelty, novelty(v, element, x));
    if (!reason)
      continue;
    found.reasons |= reason;
    found.element = found.element < 0 ? element : found.element;
    ++*count_of(guard, i, reason, element);
    if (is_input && (mode == PYEMU_GUARD_CLIP || (mode == PYEMU_GUARD_FALLBACK && !isfinite(x))))
      put(array, column, element, nearest(v, element, x));
  }
  return found;
}

static int fail_stop(const struct guard *guard, int64_t i, const struct finding *found,
                     const struct layout *array, int64_t column, const struct error *error) {
  const struct variable *v = &guard->card->variables[i];
  fail(error, PYEMU_ERR_GUARD, "the guard stops the run: %s '%s' is %g",
       v->direction == PYEMU_INPUT ? "input" : "output", v->name,
       layout_number(array, column, found->element));
  if (v->has_batch)
    error_append(error, " in column %lld", (long long)column + 1);
  card_append_place(v, found->element, error);
  error_append(error, " (counted from 1); expected a finite number");
  if (found->reasons & PYEMU_REASON_INVALID)
    error_append(error, " from %g to %g, the valid range", v->valid_range[0], v->valid_range[1]);
  else if (found->reasons & PYEMU_REASON_NOVEL)
    error_append(error, " near the range seen in training, %g to %g",
                 v->seen_range[0][found->element], v->seen_range[1][found->element]);
  return PYEMU_ERR_GUARD;
}

/* The weight of a column for which all is well but its novelty. */
static float taper_weight(const struct guard *guard, double found) {
  const double from = guard->settings.taper, to = guard->settings.limit;
  if (from == 0 || found <= from)
    return 1;
  const double t = found >= to ? 1 : (found - from) / (to - from);
  return (float)(1 - t * t * (3 - 2 * t));
}

static void hold_back(struct guard *guard, int64_t column, float weight) {
  if (weight >= guard->weights[column])
    return;
  guard->holds_back = 1;
  guard->weights[column] = weight;
}

/* Draw the consequences for a column. */
static void conclude(struct guard *guard, int64_t column, int32_t direction,
                     const struct finding *found) {
  guard->reasons[column] |= found->reasons;
  if (guard->settings.mode == PYEMU_GUARD_COUNT)
    return;
  const int is_moved = guard->settings.mode == PYEMU_GUARD_CLIP && direction == PYEMU_INPUT &&
                       !(found->reasons & PYEMU_REASON_NOT_FINITE);
  if (found->reasons && !is_moved)
    hold_back(guard, column, 0);
  else
    hold_back(guard, column, taper_weight(guard, found->novelty));
}

/* One column, or what is one for all of them: 'end' is that behind the last it is for. */
static int judge_column(struct guard *guard, int64_t i, const struct layout *array, int64_t column,
                        int64_t end, const struct error *error) {
  const struct finding found = examine(guard, i, array, column);
  if (found.reasons && guard->settings.mode == PYEMU_GUARD_STOP)
    return fail_stop(guard, i, &found, array, column, error);
  for (int64_t c = column; c < end; ++c)
    conclude(guard, c, guard->card->variables[i].direction, &found);
  return PYEMU_OK;
}

static int fail_novel(const struct guard *guard, int64_t variable, int64_t element, int64_t column,
                      const struct error *error) {
  const struct variable *v = &guard->card->variables[variable];
  fail(
      error, PYEMU_ERR_GUARD,
      "the guard stops the run: column %lld has novelty %g, all inputs taken together; expected at "
      "most %g. Farthest out is '%s'",
      (long long)column + 1, (double)guard->novelties[column], guard->settings.limit, v->name);
  card_append_place(v, element, error);
  error_append(error, " (counted from 1)");
  return PYEMU_ERR_GUARD;
}

/* A column whose inputs are each in their range, but not together. It cannot be clipped. */
static int judge_novelty(struct guard *guard, const struct layout *const *arrays, int64_t column,
                         const struct error *error) {
  const double found = (double)guard->novelties[column];
  struct finding finding = {.novelty = found};
  if (found > guard->settings.limit) {
    int64_t element;
    const int64_t i = novelty_worst(guard->card->novelty, arrays, column, &element);
    finding.reasons = PYEMU_REASON_NOVEL;
    ++*count_of(guard, i, PYEMU_REASON_NOVEL, element);
    if (guard->settings.mode == PYEMU_GUARD_STOP)
      return fail_novel(guard, i, element, column, error);
  }
  conclude(guard, column, PYEMU_OUTPUT, &finding);
  return PYEMU_OK;
}

static int judge_novelties(struct guard *guard, const struct layout *const *arrays,
                           const struct error *error) {
  int status = PYEMU_OK;
  if (!has_novelty(guard))
    return status;
  for (int64_t c = 0; c < guard->columns && status == PYEMU_OK; ++c)
    if (guard->marks[c] && guard->weights[c] > 0)
      status = judge_novelty(guard, arrays, c, error);
  return status;
}

static int judge_variable(struct guard *guard, int64_t i, const struct layout *array,
                          const struct error *error) {
  const struct variable *v = &guard->card->variables[i];
  if (!v->has_batch)
    return judge_column(guard, i, array, 0, guard->columns, error);
  int status = PYEMU_OK;
  for (int64_t c = 0; c < guard->columns && status == PYEMU_OK; ++c)
    if (guard->marks[c] && (v->direction == PYEMU_INPUT || guard->weights[c] > 0))
      status = judge_column(guard, i, array, c, c + 1, error);
  return status;
}

static int fail_budget(const struct budget *budget, double residual, int64_t column,
                       const struct error *error) {
  return fail(error, PYEMU_ERR_GUARD,
              "the guard stops the run: budget '%s' is %g %s in column %lld (counted from 1); "
              "expected at most %g by magnitude",
              budget->name, residual, budget->units, (long long)column + 1, budget->tolerance);
}

static int judge_residual(struct guard *guard, int64_t b, int64_t column,
                          const struct error *error) {
  const struct budget *budget = &guard->card->budgets[b];
  const double residual = guard->residuals[b * guard->room + column];
  struct tally *tally = &guard->tallies[b];
  if (!isfinite(residual))
    return PYEMU_OK; /* so is an input or an output */
  tally->columns += 1;
  tally->sum += residual;
  tally->sum_of_squares += residual * residual;
  if (tally->at_column < 0 || fabs(residual) > fabs(tally->largest)) {
    tally->largest = residual;
    tally->at_step = guard->step;
    tally->at_column = column;
  }
  if (fabs(residual) <= budget->tolerance)
    return PYEMU_OK;
  tally->exceeded += 1;
  if (guard->settings.mode == PYEMU_GUARD_STOP)
    return fail_budget(budget, residual, column, error);
  conclude(guard, column, PYEMU_OUTPUT, &(struct finding){.reasons = PYEMU_REASON_BUDGET});
  return PYEMU_OK;
}

static int judge_budgets(struct guard *guard, const struct error *error) {
  int status = PYEMU_OK;
  if (!looks_for(guard, PYEMU_REASON_BUDGET))
    return PYEMU_OK;
  for (int64_t b = 0; b < guard->card->n_budgets; ++b)
    for (int64_t c = 0; c < guard->columns && status == PYEMU_OK; ++c)
      if (guard->weights[c] > 0)
        status = judge_residual(guard, b, c, error);
  return status;
}

int guard_judge(struct guard *guard, const struct layout *const *arrays, int32_t direction,
                const struct error *error) {
  int status = direction == PYEMU_OUTPUT ? judge_budgets(guard, error) : PYEMU_OK;
  for (int64_t i = 0; i < guard->card->n_variables && status == PYEMU_OK; ++i)
    if (guard->card->variables[i].direction == direction)
      status = judge_variable(guard, i, arrays[i], error);
  if (direction == PYEMU_INPUT && status == PYEMU_OK)
    status = judge_novelties(guard, arrays, error);
  guard->n_fallback = 0;
  for (int64_t c = 0; c < guard->columns; ++c) {
    guard->marks[c] = 0;
    guard->n_fallback += guard->weights[c] == 0;
  }
  return status;
}

/* --- What was found --- */

double guard_weight(const struct guard *guard, int64_t column) {
  return (double)guard->weights[column];
}

int guard_holds_back(const struct guard *guard) { return guard->holds_back; }

int64_t guard_fallback_count(const struct guard *guard) { return guard->n_fallback; }

const int32_t *guard_reasons(const struct guard *guard, int64_t *columns) {
  *columns = guard->columns;
  return guard->reasons;
}

const int64_t *guard_counts(const struct guard *guard, int64_t i, int reason) {
  return count_of(guard, i, reason, 0);
}

const struct tally *guard_tally(const struct guard *guard, int64_t budget) {
  return looks_for(guard, PYEMU_REASON_BUDGET) ? &guard->tallies[budget] : NULL;
}

int64_t *guard_all_counts(struct guard *guard, int64_t i, int64_t *size) {
  *size = guard->card->variables[i].width * N_REASONS;
  return guard->counts[i];
}

struct tally *guard_tallies(struct guard *guard) {
  return guard->tallies;
}
