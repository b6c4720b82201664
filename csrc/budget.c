#include "budget.h"

#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "wide.h"

enum { MAX_BUDGETS = 256, MAX_TERMS = 256 };

/* A budget while it is read. */
struct draft {
  const struct json *json;
  const struct json_node *entry;
  struct card *card;
  struct budget *budget;
  int is_top_first;
  const struct error *error;
};

static int fail_entry(const struct draft *d, const char *field, const char *expected) {
  return fail(d->error, PYEMU_ERR_CARD, "budget '%s' on the card: '%s' must be %s",
              d->budget->name ? d->budget->name : "", field, expected);
}

static int read_text(const struct draft *d, const char *field, char **text) {
  const struct json_node *node = json_member(d->json, d->entry, field);
  if (!node || node->type != JSON_STRING || node->length > 255)
    return fail_entry(d, field, "a string of at most 255 bytes");
  *text = json_string(node);
  return *text ? PYEMU_OK : fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
}

static int read_positive(const struct draft *d, const char *field, double *value) {
  if (json_number(json_member(d->json, d->entry, field), value) && *value > 0)
    return PYEMU_OK;
  return fail_entry(d, field, "a number above 0");
}

/* The variable that a member names: of a column, with 'n_dims' dimensions besides it. */
static int read_variable(const struct draft *d, const struct json_node *object, const char *field,
                         int n_dims, int64_t *index) {
  const struct json_node *node = json_member(d->json, object, field);
  const int is_text = node && node->type == JSON_STRING;
  char *name = is_text ? json_string(node) : NULL;
  if (is_text && !name)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  *index = name ? card_find(d->card, name) : -1;
  free(name);
  if (*index < 0)
    return fail_entry(d, field, "the name of a variable on the card");
  const struct variable *v = &d->card->variables[*index];
  if (!v->has_batch || v->n_dims != n_dims || v->dtype == PYEMU_INT32)
    return fail(d->error, PYEMU_ERR_CARD,
                "budget '%s' on the card: '%s' must name a real variable with %s", d->budget->name,
                field, n_dims ? "levels in every column" : "one value for every column");
  return PYEMU_OK;
}

static int note_term(const struct draft *d, int64_t variable, double factor,
                     enum budget_place place) {
  struct budget *budget = d->budget;
  if (place == BUDGET_LAYERS) {
    const int64_t layers = d->card->variables[variable].width;
    if (budget->pressure < 0 || d->card->variables[budget->pressure].width != layers + 1)
      return fail(d->error, PYEMU_ERR_CARD,
                  "budget '%s' on the card: 'pressure' must have one level more than '%s'",
                  budget->name, d->card->variables[variable].name);
  }
  budget->terms[budget->n_terms++] = (struct budget_term){variable, factor, place};
  return PYEMU_OK;
}

/* The layer sum of tendency * heat capacity * mass equals the net flux that stays inside. Counted
 * along the levels, whichever way they go, both sides change sign together. */
static int read_flux_divergence(const struct draft *d) {
  int64_t tendency, upwelling, downwelling;
  double heat_capacity;
  int status = read_positive(d, "heat_capacity", &heat_capacity);
  if (status == PYEMU_OK)
    status = read_variable(d, d->entry, "tendency", 1, &tendency);
  if (status == PYEMU_OK)
    status = read_variable(d, d->entry, "upwelling", 1, &upwelling);
  if (status == PYEMU_OK)
    status = read_variable(d, d->entry, "downwelling", 1, &downwelling);
  if (status == PYEMU_OK)
    status = note_term(d, tendency, heat_capacity, BUDGET_LAYERS);
  const double sign = d->is_top_first ? 1 : -1; /* masses are positive */
  if (status == PYEMU_OK) {
    note_term(d, downwelling, -sign, BUDGET_FIRST);
    note_term(d, upwelling, sign, BUDGET_FIRST);
    note_term(d, downwelling, sign, BUDGET_LAST);
    note_term(d, upwelling, -sign, BUDGET_LAST);
  }
  return status;
}

static int read_term(const struct draft *d, const struct json_node *term) {
  static const char *const words[] = {"layers", "top", "bottom", "column"};
  const struct json_node *where = json_member(d->json, term, "where");
  int place = 0;
  double factor;
  int64_t variable;
  while (place < 4 && !json_is(where, words[place]))
    ++place;
  if (place == 4)
    return fail_entry(d, "where", "'layers', 'top', 'bottom' or 'column'");
  if (!json_number(json_member(d->json, term, "factor"), &factor))
    return fail_entry(d, "factor", "a number");
  int status = read_variable(d, term, "variable", place != BUDGET_COLUMN, &variable);
  if ((place == BUDGET_FIRST || place == BUDGET_LAST) && !d->is_top_first)
    place = place == BUDGET_FIRST ? BUDGET_LAST : BUDGET_FIRST;
  return status == PYEMU_OK ? note_term(d, variable, factor, (enum budget_place)place) : status;
}

static int read_linear(const struct draft *d, const struct json_node *terms) {
  int status = PYEMU_OK;
  const struct json_node *term = json_first(d->json, terms);
  for (; term && status == PYEMU_OK; term = json_next(d->json, term))
    status = read_term(d, term);
  return status;
}

/* Only terms over layers need pressure and gravity. */
static int read_mass(const struct draft *d) {
  const struct json_node *pressure = json_member(d->json, d->entry, "pressure");
  d->budget->pressure = -1;
  if (!pressure || pressure->type == JSON_NULL)
    return PYEMU_OK;
  int status = read_positive(d, "gravity", &d->budget->gravity);
  return status == PYEMU_OK ? read_variable(d, d->entry, "pressure", 1, &d->budget->pressure)
                            : status;
}

static int read_budget(const struct draft *d) {
  struct budget *budget = d->budget;
  const struct json_node *kind = json_member(d->json, d->entry, "kind");
  const struct json_node *terms = json_member(d->json, d->entry, "terms");
  const int is_linear = json_is(kind, "linear");
  int status = read_text(d, "name", &budget->name);
  if (status == PYEMU_OK)
    status = read_positive(d, "tolerance", &budget->tolerance);
  if (status == PYEMU_OK)
    status = read_mass(d);
  if (status != PYEMU_OK)
    return status;
  if (!is_linear && !json_is(kind, "flux_divergence"))
    return fail_entry(d, "kind", "'flux_divergence' or 'linear'");
  if (is_linear &&
      (!terms || terms->type != JSON_ARRAY || terms->count < 1 || terms->count > MAX_TERMS))
    return fail_entry(d, "terms", "a list of 1 to 256 terms");
  budget->terms = calloc(is_linear ? terms->count : 5, sizeof *budget->terms);
  budget->units = is_linear ? NULL : strdup("W m-2");
  if (!budget->terms || (!is_linear && !budget->units))
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  if (!is_linear)
    return read_flux_divergence(d);
  status = read_text(d, "units", &budget->units);
  return status == PYEMU_OK ? read_linear(d, terms) : status;
}

int budgets_read(struct card *card, const struct json *json, const struct json_node *list,
                 int is_top_first, const struct error *error) {
  if (!list || list->type == JSON_NULL)
    return PYEMU_OK;
  if (list->type != JSON_ARRAY || list->count > MAX_BUDGETS)
    return fail(error, PYEMU_ERR_CARD, "the card's 'budgets' must be a list of at most %d",
                MAX_BUDGETS);
  card->budgets = calloc((size_t)list->count + 1, sizeof *card->budgets);
  if (!card->budgets)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the card");
  int status = PYEMU_OK;
  const struct json_node *entry = json_first(json, list);
  for (; entry && status == PYEMU_OK; entry = json_next(json, entry)) {
    struct draft d = {json, entry, card, &card->budgets[card->n_budgets++], is_top_first, error};
    status = read_budget(&d);
  }
  return status;
}

void budgets_free(struct card *card) {
  for (int64_t i = 0; i < card->n_budgets; ++i) {
    free(card->budgets[i].name);
    free(card->budgets[i].units);
    free(card->budgets[i].terms);
  }
  free(card->budgets);
}

/* --- Columns --- */

/* Columns that are summed together: loops of a fixed length fill vectors. */
enum { TILE = 64 };

/* Numbers of some columns. */
struct rows {
  double above[TILE]; /* pressure at the interfaces of a layer */
  double below[TILE];
  double value[TILE];
  double sum[TILE];
};

WIDE static void add_layer(struct rows *r) {
  for (int c = 0; c < TILE; ++c) {
    r->sum[c] += r->value[c] * (r->below[c] - r->above[c]);
    r->above[c] = r->below[c];
  }
}

/* Every column is summed in the order of its layers. The mass of a layer is positive, whichever way
 * pressure goes. */
static void sum_over_layers(const struct layout *array, const struct layout *pressure,
                            int64_t first, int64_t columns, struct rows *r) {
  double top[TILE] = {0};
  *r = (struct rows){.sum = {0}};
  layout_load(pressure, first, columns, 0, top);
  memcpy(r->above, top, sizeof top);
  for (int64_t k = 0; k < array->width; ++k) {
    layout_load(pressure, first, columns, k + 1, r->below);
    layout_load(array, first, columns, k, r->value);
    add_layer(r);
  }
  for (int c = 0; c < TILE; ++c)
    r->sum[c] = r->above[c] > top[c] ? r->sum[c] : -r->sum[c];
}

static void add_term(const struct budget *budget, const struct budget_term *term,
                     const struct layout *const *arrays, int64_t first, int64_t columns,
                     double *residuals) {
  const struct layout *array = arrays[term->variable];
  struct rows r;
  if (term->place == BUDGET_LAYERS) {
    sum_over_layers(array, arrays[budget->pressure], first, columns, &r);
    for (int64_t c = 0; c < columns; ++c)
      residuals[c] += term->factor * (r.sum[c] / budget->gravity);
    return;
  }
  layout_load(array, first, columns, term->place == BUDGET_LAST ? array->width - 1 : 0, r.value);
  for (int64_t c = 0; c < columns; ++c)
    residuals[c] += term->factor * r.value[c];
}

void budget_measure(const struct budget *budget, const struct layout *const *arrays, int64_t first,
                    int64_t columns, double *residuals) {
  memset(residuals + first, 0, (size_t)columns * sizeof *residuals);
  for (int64_t end = first + columns, n; first < end; first += n) {
    n = end - first < TILE ? end - first : TILE;
    for (int i = 0; i < budget->n_terms; ++i)
      add_term(budget, &budget->terms[i], arrays, first, n, residuals + first);
  }
}
