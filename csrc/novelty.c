#include "novelty.h"

#include <math.h>
#include <stdlib.h>

#include "array.h"
#include "wide.h"

enum { MAX_RANK = 64, TILE = 64 };

/* What is read of the card. */
struct draft {
  const struct json *json;
  const struct json_node *object;
  struct card *card;
  struct novelty *novelty;
  const struct error *error;
};

static int fail_member(const struct draft *d, const char *member, const char *expected) {
  return fail(d->error, PYEMU_ERR_CARD, "the card's novelty: '%s' must be %s", member, expected);
}

/* So many numbers of a list; with 'is_positive' all above 0. */
static int read_numbers(const struct draft *d, const struct json_node *list, const char *member,
                        int64_t count, int is_positive, double **numbers) {
  static const char *const what[] = {"a list with a number for each element",
                                     "a list with a number above 0 for each"};
  if (!list || list->type != JSON_ARRAY || (int64_t)list->count != count)
    return fail_member(d, member, what[is_positive]);
  *numbers = malloc((size_t)(count > 0 ? count : 1) * sizeof **numbers);
  if (!*numbers)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  const struct json_node *node = json_first(d->json, list);
  for (int64_t i = 0; i < count; ++i, node = json_next(d->json, node))
    if (!json_number(node, &(*numbers)[i]) || (is_positive && !((*numbers)[i] > 0)))
      return fail_member(d, member, what[is_positive]);
  return PYEMU_OK;
}

static int read_part(const struct draft *d, const struct json_node *node) {
  struct novelty *novelty = d->novelty;
  char *name = node->type == JSON_STRING ? json_string(node) : NULL;
  const int64_t index = name ? card_find(d->card, name) : -1;
  free(name);
  const struct variable *v = index >= 0 ? &d->card->variables[index] : NULL;
  if (!v || v->direction != PYEMU_INPUT || !v->has_batch || v->dtype == PYEMU_INT32)
    return fail_member(d, "inputs", "a list of real inputs with a value for every column");
  for (int i = 0; i < novelty->n_parts; ++i)
    if (novelty->parts[i].variable == index)
      return fail_member(d, "inputs", "a list without repetition");
  novelty->parts[novelty->n_parts++] = (struct novelty_part){index, novelty->n_elements};
  novelty->n_elements += v->width;
  return PYEMU_OK;
}

static int read_parts(const struct draft *d) {
  const struct json_node *list = json_member(d->json, d->object, "inputs");
  if (!list || list->type != JSON_ARRAY || list->count < 1 ||
      (int64_t)list->count > d->card->n_inputs)
    return fail_member(d, "inputs", "a list of real inputs with a value for every column");
  d->novelty->parts = calloc(list->count, sizeof *d->novelty->parts);
  if (!d->novelty->parts)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  int status = PYEMU_OK;
  const struct json_node *node = json_first(d->json, list);
  for (uint32_t i = 0; i < list->count && status == PYEMU_OK; ++i, node = json_next(d->json, node))
    status = read_part(d, node);
  return status;
}

/* Vectors are on the card one by one; here all of an element are adjacent. */
static int read_vectors(const struct draft *d) {
  struct novelty *novelty = d->novelty;
  const struct json_node *list = json_member(d->json, d->object, "vectors");
  if (!list || list->type != JSON_ARRAY || list->count > MAX_RANK)
    return fail_member(d, "vectors", "a list of at most 64 lists");
  novelty->rank = (int)list->count;
  const size_t n = (size_t)novelty->n_elements * list->count;
  novelty->vectors = calloc(n > 0 ? n : 1, sizeof *novelty->vectors);
  if (!novelty->vectors)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  int status = PYEMU_OK;
  const struct json_node *node = json_first(d->json, list);
  for (int k = 0; k < novelty->rank && status == PYEMU_OK; ++k, node = json_next(d->json, node)) {
    double *vector = NULL;
    status = read_numbers(d, node, "vectors", novelty->n_elements, 0, &vector);
    for (int64_t i = 0; i < novelty->n_elements && status == PYEMU_OK; ++i)
      novelty->vectors[i * novelty->rank + k] = vector[i];
    free(vector);
  }
  return status;
}

static int read_variances(const struct draft *d) {
  struct novelty *novelty = d->novelty;
  double rest;
  if (!json_number(json_member(d->json, d->object, "residual_variance"), &rest) || !(rest > 0))
    return fail_member(d, "residual_variance", "a number above 0");
  if (!json_number(json_member(d->json, d->object, "distance"), &novelty->distance) ||
      !(novelty->distance > 0))
    return fail_member(d, "distance", "a number above 0");
  novelty->inverse_rest = 1 / rest;
  int status = read_numbers(d, json_member(d->json, d->object, "variances"), "variances",
                            novelty->rank, 1, &novelty->inverses);
  for (int k = 0; k < novelty->rank && status == PYEMU_OK; ++k)
    novelty->inverses[k] = 1 / novelty->inverses[k] - novelty->inverse_rest;
  return status;
}

int novelty_read(struct card *card, const struct json *json, const struct json_node *object,
                 const struct error *error) {
  if (!object || object->type == JSON_NULL)
    return PYEMU_OK;
  card->novelty = calloc(1, sizeof *card->novelty);
  if (!card->novelty)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the card");
  struct novelty *novelty = card->novelty;
  const struct draft d = {json, object, card, novelty, error};
  int status = read_parts(&d);
  if (status == PYEMU_OK)
    status = read_numbers(&d, json_member(json, object, "center"), "center", novelty->n_elements, 0,
                          &novelty->center);
  if (status == PYEMU_OK)
    status = read_numbers(&d, json_member(json, object, "scale"), "scale", novelty->n_elements, 1,
                          &novelty->scale);
  if (status == PYEMU_OK)
    status = read_vectors(&d);
  if (status == PYEMU_OK)
    status = read_variances(&d);
  for (int64_t i = 0; i < novelty->n_elements && status == PYEMU_OK; ++i)
    novelty->scale[i] = 1 / novelty->scale[i];
  return status;
}

void novelty_free(struct novelty *novelty) {
  if (!novelty)
    return;
  free(novelty->parts);
  free(novelty->center);
  free(novelty->scale);
  free(novelty->vectors);
  free(novelty->inverses);
  free(novelty);
}

/* --- Columns --- */

/* Sums over the elements of some columns. */
struct sums {
  double z[TILE];
  double squares[TILE];
  double along[MAX_RANK][TILE];
};

/* All columns of a tile are computed, so that the loops have a fixed length: those that are none
 * are not read. Every column is summed in the order of its elements. */
WIDE static void add_element(struct sums *s, double center, double scale, const double *vectors,
                             int rank) {
  for (int c = 0; c < TILE; ++c) {
    s->z[c] = (s->z[c] - center) * scale;
    s->squares[c] += s->z[c] * s->z[c];
  }
  for (int k = 0; k < rank; ++k) {
    const double share = vectors[k];
    for (int c = 0; c < TILE; ++c)
      s->along[k][c] += share * s->z[c];
  }
}

static void measure_tile(const struct novelty *novelty, const struct layout *const *arrays,
                         int64_t first, int64_t columns, float *found) {
  struct sums s = {0};
  for (int i = 0; i < novelty->n_parts; ++i) {
    const struct novelty_part *part = &novelty->parts[i];
    const struct layout *array = arrays[part->variable];
    for (int64_t k = 0, e = part->first; k < array->width; ++k, ++e) {
      layout_load(array, first, columns, k, s.z);
      add_element(&s, novelty->center[e], novelty->scale[e], novelty->vectors + e * novelty->rank,
                  novelty->rank);
    }
  }
  for (int64_t c = 0; c < columns; ++c) {
    double squared = s.squares[c] * novelty->inverse_rest;
    for (int k = 0; k < novelty->rank; ++k)
      squared += s.along[k][c] * s.along[k][c] * novelty->inverses[k];
    found[c] = (float)(sqrt(squared > 0 ? squared : 0) / novelty->distance);
  }
}

void novelty_measure(const struct novelty *novelty, const struct layout *const *arrays,
                     int64_t first, int64_t columns, float *found) {
  for (int64_t c = 0; c < columns; c += TILE)
    measure_tile(novelty, arrays, first + c, columns - c < TILE ? columns - c : TILE,
                 found + first + c);
}

int64_t novelty_worst(const struct novelty *novelty, const struct layout *const *arrays,
                      int64_t column, int64_t *element) {
  int64_t variable = novelty->parts[0].variable;
  double largest = -1;
  *element = 0;
  for (int i = 0; i < novelty->n_parts; ++i) {
    const struct novelty_part *part = &novelty->parts[i];
    const struct layout *array = arrays[part->variable];
    for (int64_t k = 0; k < array->width; ++k) {
      const int64_t e = part->first + k;
      const double z =
          fabs((layout_number(array, column, k) - novelty->center[e]) * novelty->scale[e]);
      if (z <= largest)
        continue;
      largest = z;
      variable = part->variable;
      *element = k;
    }
  }
  return variable;
}
