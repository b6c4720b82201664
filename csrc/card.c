#include "card.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dtype.h"
#include "json.h"
#include "sha256.h"

/* Bounds on what a card may claim, far above any real one. */
enum { MAX_NAME = 255, MAX_VARIABLES = 4096, MAX_SIZE = 1 << 24 };

/* A card while it is read. */
struct draft {
  const struct json *json;
  const struct json_node *root;
  struct card *card;
  int is_field;
  int64_t schema;
  const struct error *error;
};

/* The name of the dimension that enumerates columns, or the members of a batch of fields. */
static const char *batch_name(const struct draft *d) { return d->is_field ? "sample" : "column"; }

static int fail_field(const struct draft *d, const char *where, const char *field,
                      const char *expected, const struct json_node *found) {
  return fail(d->error, PYEMU_ERR_CARD, "the card's %s%s'%s' must be %s, found %s", where,
              *where ? " has an entry whose " : "", field, expected, json_type_name(found));
}

/* Copy a string of at most MAX_NAME bytes. */
static int copy_string(const struct draft *d, const struct json_node *object, const char *where,
                       const char *field, char **copy) {
  const struct json_node *node = json_member(d->json, object, field);
  if (!node || node->type != JSON_STRING)
    return fail_field(d, where, field, "a string", node);
  if (node->length > MAX_NAME)
    return fail(d->error, PYEMU_ERR_CARD, "the card's '%s' is longer than %d bytes", field,
                MAX_NAME);
  *copy = json_string(node);
  return *copy ? PYEMU_OK
               : fail(d->error, PYEMU_ERR_MEMORY,
                      "the card's '%s' could not be copied: no memory, or a null character in it",
                      field);
}

static int read_dtype(const struct draft *d, const struct json_node *entry, struct variable *v) {
  const struct json_node *node = json_member(d->json, entry, "dtype");
  for (int32_t dtype = PYEMU_FLOAT32; dtype <= PYEMU_INT32; ++dtype)
    if (json_is(node, dtype_name(dtype)))
      v->dtype = dtype;
  if (v->dtype)
    return PYEMU_OK;
  int known = node && node->type == JSON_STRING;
  return fail(d->error, PYEMU_ERR_CARD,
              "variable '%s' on the card has dtype '%.*s'; expected float32, float64 or int32",
              v->name, known ? (int)(node->length < 40 ? node->length : 40) : 4,
              known ? node->text : "none");
}

/* The size of a dimension from the card's "dimensions". */
static int read_size(const struct draft *d, const struct variable *v, struct dimension *dimension) {
  const struct json_node *sizes = json_member(d->json, d->root, "dimensions");
  const struct json_node *size = json_member(d->json, sizes, dimension->name);
  if (!json_integer(size, &dimension->size) || dimension->size < 1 || dimension->size > MAX_SIZE)
    return fail(
        d->error, PYEMU_ERR_CARD,
        "variable '%s' has dimension '%s', for which the card's 'dimensions' must give a whole "
        "number from 1 to %d, found %s",
        v->name, dimension->name, MAX_SIZE,
        size && size->type == JSON_NUMBER ? "another number" : json_type_name(size));
  return PYEMU_OK;
}

/* Append one of the dimensions after the batch. */
static int read_dim(const struct draft *d, const struct json_node *node, struct variable *v) {
  if (node->type != JSON_STRING || node->length > MAX_NAME || json_is(node, batch_name(d)))
    return fail(
        d->error, PYEMU_ERR_CARD,
        "variable '%s' on the card: 'dims' must be names of dimensions, '%s' only the first",
        v->name, batch_name(d));
  struct dimension *dimension = &v->dims[v->n_dims++];
  dimension->name = json_string(node);
  if (!dimension->name)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  int status = read_size(d, v, dimension);
  if (status == PYEMU_OK && !multiply_sizes(v->width, dimension->size, &v->width))
    status = fail(d->error, PYEMU_ERR_CARD, "variable '%s' on the card is too large to address",
                  v->name);
  return status;
}

/* The batch, if any, comes first. A column has at most one more dimension, its level. */
static int read_dims(const struct draft *d, const struct json_node *entry, struct variable *v) {
  const struct json_node *dims = json_member(d->json, entry, "dims");
  if (!dims || dims->type != JSON_ARRAY)
    return fail(d->error, PYEMU_ERR_CARD,
                "variable '%s' on the card must have a list 'dims', found %s", v->name,
                json_type_name(dims));
  const struct json_node *node = json_first(d->json, dims);
  int64_t n_dims = dims->count;
  v->width = 1;
  v->has_batch = node && json_is(node, batch_name(d));
  if (v->has_batch) {
    node = json_next(d->json, node);
    --n_dims;
  }
  if (!v->has_batch && !d->is_field && v->direction == PYEMU_OUTPUT)
    return fail(d->error, PYEMU_ERR_CARD,
                "output '%s' on the card: 'dims' must begin with \"column\"", v->name);
  if (n_dims > (d->is_field ? PYEMU_MAX_RANK : v->has_batch))
    return fail(d->error, PYEMU_ERR_CARD, "variable '%s' on the card: 'dims' must be %s", v->name,
                d->is_field ? "at most 7 names besides \"sample\""
                            : "[\"column\"], [\"column\", LEVEL] or []");
  v->is_level = !d->is_field && n_dims == 1;
  int status = PYEMU_OK;
  for (; node && status == PYEMU_OK; node = json_next(d->json, node))
    status = read_dim(d, node, v);
  return status;
}

/* A CF standard name is recommended but not required. */
static int read_standard_name(const struct draft *d, const struct json_node *entry,
                              struct variable *v) {
  const struct json_node *node = json_member(d->json, entry, "standard_name");
  if (node && node->type != JSON_NULL)
    return copy_string(d, entry, "list of variables", "standard_name", &v->standard_name);
  v->standard_name = calloc(1, 1);
  return v->standard_name ? PYEMU_OK : fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
}

static int fail_range(const struct draft *d, const struct variable *v, const char *field,
                      const char *expected) {
  return fail(d->error, PYEMU_ERR_CARD, "variable '%s' on the card: '%s' must be %s", v->name,
              field, expected);
}

/* Two numbers, the smaller first. */
static int read_valid_range(const struct draft *d, const struct json_node *entry,
                            struct variable *v) {
  const struct json_node *list = json_member(d->json, entry, "valid_range");
  v->valid_range[0] = -INFINITY;
  v->valid_range[1] = INFINITY;
  if (!list || list->type == JSON_NULL)
    return PYEMU_OK;
  const struct json_node *first = json_first(d->json, list);
  if (list->type != JSON_ARRAY || list->count != 2 || !json_number(first, &v->valid_range[0]) ||
      !json_number(json_next(d->json, first), &v->valid_range[1]) ||
      !(v->valid_range[0] < v->valid_range[1]))
    return fail_range(d, v, "valid_range", "two numbers, the smaller first");
  return PYEMU_OK;
}

/* A number for each element. */
static int read_seen(const struct draft *d, const struct json_node *list, struct variable *v,
                     double **values) {
  if (!list || list->type != JSON_ARRAY || (int64_t)list->count != v->width)
    return fail_range(d, v, "training_range", "two lists with a number for each level");
  *values = malloc((size_t)v->width * sizeof **values);
  if (!*values)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  const struct json_node *node = json_first(d->json, list);
  for (int64_t i = 0; i < v->width; ++i) {
    if (!json_number(node, &(*values)[i]))
      return fail_range(d, v, "training_range", "two lists of numbers");
    node = json_next(d->json, node);
  }
  return PYEMU_OK;
}

static int read_seen_range(const struct draft *d, const struct json_node *entry,
                           struct variable *v) {
  const struct json_node *range = json_member(d->json, entry, "training_range");
  if (!range || range->type == JSON_NULL)
    return PYEMU_OK;
  int status = read_seen(d, json_member(d->json, range, "minimum"), v, &v->seen_range[0]);
  if (status == PYEMU_OK)
    status = read_seen(d, json_member(d->json, range, "maximum"), v, &v->seen_range[1]);
  for (int64_t i = 0; i < v->width && status == PYEMU_OK; ++i)
    if (v->seen_range[0][i] > v->seen_range[1][i])
      status = fail_range(d, v, "training_range", "'minimum' no larger than 'maximum'");
  return status;
}

/* The stream's number: the first eight digits of the SHA-256 of CARD/VARIABLE, without the highest
 * bit, so that emulators of other names have other noise. */
static int find_stream(const struct draft *d, struct variable *v) {
  char text[2 * MAX_NAME + 2], digest[SHA256_TEXT], *card_name = NULL;
  int status = copy_string(d, d->root, "", "name", &card_name);
  if (status != PYEMU_OK)
    return status;
  snprintf(text, sizeof text, "%s/%s", card_name, v->name);
  free(card_name);
  sha256_text((const unsigned char *)text, strlen(text), digest);
  digest[8] = '\0';
  v->noise.stream = (uint32_t)strtoul(digest, NULL, 16) & INT32_MAX;
  return PYEMU_OK;
}

static int fail_noise(const struct draft *d, const struct variable *v, const char *reason) {
  return fail(d->error, PYEMU_ERR_CARD, "variable '%s' on the card is noise: %s", v->name, reason);
}

/* Every member of the entry must be known: one that is ignored would change the noise. */
static int read_noise_members(const struct draft *d, const struct json_node *noise,
                              struct variable *v) {
  const struct json_node *ar1 = json_member(d->json, noise, "ar1");
  const struct json_node *distribution = json_member(d->json, noise, "distribution");
  v->noise.distribution = json_is(distribution, "normal")    ? PYEMU_NORMAL
                          : json_is(distribution, "uniform") ? PYEMU_UNIFORM
                                                             : 0;
  if (!v->noise.distribution)
    return fail_noise(d, v, "its 'distribution' must be \"normal\" or \"uniform\"");
  if (ar1 && (!json_number(ar1, &v->noise.ar1) || v->noise.ar1 < 0 || v->noise.ar1 >= 1))
    return fail_noise(d, v, "its 'ar1' must be a number from 0 to less than 1");
  if (v->noise.ar1 > 0 && v->noise.distribution != PYEMU_NORMAL)
    return fail_noise(d, v, "'ar1' needs the distribution \"normal\"");
  if (noise->count != 1 + (ar1 != NULL))
    return fail_noise(d, v, "expected only 'distribution' and 'ar1'");
  return PYEMU_OK;
}

static int read_noise(const struct draft *d, const struct json_node *entry, struct variable *v) {
  const struct json_node *noise = json_member(d->json, entry, "noise");
  if (!noise || noise->type == JSON_NULL)
    return PYEMU_OK;
  if (d->schema < CARD_SCHEMA_OF_NOISE)
    return fail_noise(d, v, "that needs a card of schema 2");
  if (noise->type != JSON_OBJECT)
    return fail_noise(d, v, "expected an object with 'distribution' and 'ar1'");
  if (v->direction != PYEMU_INPUT)
    return fail_noise(d, v, "only an input can be");
  if (!v->has_batch)
    return fail_noise(d, v,
                      d->is_field ? "its 'dims' must begin with \"sample\""
                                  : "its 'dims' must begin with \"column\"");
  if (v->dtype == PYEMU_INT32)
    return fail_noise(d, v, "its dtype must be float32 or float64");
  int status = read_noise_members(d, noise, v);
  return status == PYEMU_OK ? find_stream(d, v) : status;
}

static int read_variable(const struct draft *d, const struct json_node *entry, int32_t direction) {
  struct card *card = d->card;
  struct variable *v = &card->variables[card->n_variables++];
  const char *where = direction == PYEMU_INPUT ? "list 'inputs'" : "list 'outputs'";
  v->direction = direction;
  v->partner = -1;
  int status = copy_string(d, entry, where, "name", &v->name);
  if (status == PYEMU_OK && card_find(card, v->name) != card->n_variables - 1)
    status = fail(d->error, PYEMU_ERR_CARD, "the card names variable '%s' twice", v->name);
  if (status == PYEMU_OK)
    status = copy_string(d, entry, where, "units", &v->units);
  if (status == PYEMU_OK)
    status = read_standard_name(d, entry, v);
  if (status == PYEMU_OK)
    status = read_dtype(d, entry, v);
  if (status == PYEMU_OK)
    status = read_dims(d, entry, v);
  if (status == PYEMU_OK)
    status = read_valid_range(d, entry, v);
  if (status == PYEMU_OK)
    status = read_seen_range(d, entry, v);
  return status == PYEMU_OK ? read_noise(d, entry, v) : status;
}

static int read_variables(const struct draft *d, const struct json_node *list, int32_t direction) {
  int status = PYEMU_OK;
  const struct json_node *entry = json_first(d->json, list);
  for (; entry && status == PYEMU_OK; entry = json_next(d->json, entry))
    status = read_variable(d, entry, direction);
  return status;
}

static int check_schema(struct draft *d) {
  const struct json_node *node = json_member(d->json, d->root, "schema");
  if (!json_integer(node, &d->schema) || d->schema < 1)
    return fail_field(d, "", "schema", "a whole number from 1", node);
  if (d->schema > CARD_SCHEMA)
    return fail(d->error, PYEMU_ERR_SCHEMA,
                "card schema %lld found, this library reads up to %d: update libpyemu",
                (long long)d->schema, CARD_SCHEMA);
  return PYEMU_OK;
}

/* Refuse what would be silently wrong if it were ignored. */
static int check_supported(struct draft *d) {
  const struct json_node *kind = json_member(d->json, d->root, "kind");
  const struct json_node *noise = json_member(d->json, d->root, "noise");
  if (!kind || kind->type != JSON_STRING)
    return fail_field(d, "", "kind", "a string", kind);
  d->is_field = json_is(kind, "field");
  if (!d->is_field && !json_is(kind, "column"))
    return fail(d->error, PYEMU_ERR_UNSUPPORTED,
                "the card's kind is '%.*s'; libpyemu %s runs the kinds 'column' and 'field'",
                (int)(kind->length < 40 ? kind->length : 40), kind->text, pyemu_version());
  if (noise && noise->type != JSON_NULL)
    return fail(
        d->error, PYEMU_ERR_UNSUPPORTED,
        "the emulator needs noise of its own, which libpyemu %s cannot give (it fills inputs "
        "that are noise): update libpyemu",
        pyemu_version());
  return PYEMU_OK;
}

static int read_lists(const struct draft *d) {
  const struct json_node *inputs = json_member(d->json, d->root, "inputs");
  const struct json_node *outputs = json_member(d->json, d->root, "outputs");
  if (!inputs || inputs->type != JSON_ARRAY)
    return fail_field(d, "", "inputs", "a list", inputs);
  if (!outputs || outputs->type != JSON_ARRAY)
    return fail_field(d, "", "outputs", "a list", outputs);
  if (inputs->count < 1 || outputs->count < 1 || inputs->count > MAX_VARIABLES ||
      outputs->count > MAX_VARIABLES)
    return fail(d->error, PYEMU_ERR_CARD,
                "the card lists %u inputs and %u outputs; expected 1 to %d of each", inputs->count,
                outputs->count, MAX_VARIABLES);
  d->card->variables = calloc((size_t)inputs->count + outputs->count, sizeof *d->card->variables);
  if (!d->card->variables)
    return fail(d->error, PYEMU_ERR_MEMORY, "no memory for the card");
  d->card->n_inputs = inputs->count;
  int status = read_variables(d, inputs, PYEMU_INPUT);
  return status == PYEMU_OK ? read_variables(d, outputs, PYEMU_OUTPUT) : status;
}

/* The variable that an entry of the state names. */
static int find_carried(const struct draft *d, const struct json_node *entry, const char *member,
                        int32_t direction, int64_t *index) {
  char *name = NULL;
  int status = copy_string(d, entry, "list 'state'", member, &name);
  if (status != PYEMU_OK)
    return status;
  *index = card_find(d->card, name);
  const struct variable *v = *index >= 0 ? &d->card->variables[*index] : NULL;
  if (!v || v->direction != direction || v->partner >= 0 || v->noise.distribution)
    status =
        fail(d->error, PYEMU_ERR_CARD, "the card's state names %s '%s', which is %s", member, name,
             !v                          ? "no variable of it"
             : v->direction != direction ? "none"
             : v->partner >= 0           ? "in it already"
                                         : "noise");
  free(name);
  return status;
}

static int has_same_values(const struct variable *a, const struct variable *b) {
  int same = a->dtype == b->dtype && a->has_batch && b->has_batch && a->n_dims == b->n_dims;
  for (int k = 0; same && k < a->n_dims; ++k)
    same = a->dims[k].size == b->dims[k].size;
  return same;
}

static int read_carried(const struct draft *d, const struct json_node *entry) {
  int64_t in, out;
  int status = find_carried(d, entry, "input", PYEMU_INPUT, &in);
  if (status == PYEMU_OK)
    status = find_carried(d, entry, "output", PYEMU_OUTPUT, &out);
  if (status != PYEMU_OK)
    return status;
  struct variable *input = &d->card->variables[in], *output = &d->card->variables[out];
  if (!has_same_values(input, output))
    return fail(d->error, PYEMU_ERR_CARD,
                "the card's state carries '%s' to '%s', which must have the same dtype and sizes, "
                "for every column",
                output->name, input->name);
  input->partner = out;
  output->partner = in;
  return PYEMU_OK;
}

/* Outputs that are inputs of the next step. */
static int read_state(const struct draft *d) {
  const struct json_node *state = json_member(d->json, d->root, "state");
  if (!state || state->type == JSON_NULL)
    return PYEMU_OK;
  if (state->type != JSON_ARRAY)
    return fail_field(d, "", "state", "a list", state);
  int status = PYEMU_OK;
  const struct json_node *entry = json_first(d->json, state);
  for (uint32_t i = 0; i < state->count && status == PYEMU_OK; ++i) {
    status = entry->type == JSON_OBJECT
                 ? read_carried(d, entry)
                 : fail(d->error, PYEMU_ERR_CARD, "the card's list 'state' must hold objects");
    entry = json_next(d->json, entry);
  }
  return status;
}

static int read_card(struct draft *d) {
  if (d->root->type != JSON_OBJECT)
    return fail(d->error, PYEMU_ERR_CARD, "the card must be a JSON object, found %s",
                json_type_name(d->root));
  int status = check_schema(d);
  if (status == PYEMU_OK)
    status = check_supported(d);
  if (status == PYEMU_OK)
    status = read_lists(d);
  if (status == PYEMU_OK)
    status = read_state(d);
  if (status != PYEMU_OK)
    return status;
  status = novelty_read(d->card, d->json, json_member(d->json, d->root, "novelty"), d->error);
  if (status != PYEMU_OK)
    return status;
  const struct json_node *order = json_member(d->json, d->root, "vertical_order");
  return budgets_read(d->card, d->json, json_member(d->json, d->root, "budgets"),
                      !json_is(order, "bottom_first"), d->error);
}

int card_parse(struct card *card, const char *text, size_t length, const struct error *error) {
  struct json json;
  *card = (struct card){0};
  int status = json_parse(&json, text, length, error);
  if (status != PYEMU_OK) {
    error_prefix(error, "the emulator card is ");
    return status;
  }
  struct draft draft = {.json = &json, .root = json.nodes, .card = card, .error = error};
  card->text = calloc(length + 1, 1);
  status = card->text ? read_card(&draft) : fail(error, PYEMU_ERR_MEMORY, "no memory for the card");
  if (status == PYEMU_OK)
    memcpy(card->text, text, length);
  else
    card_free(card);
  json_free(&json);
  return status;
}

/* One variable of a raw graph: its dimensions have no names of their own. */
static int copy_tensor(struct variable *v, const struct engine_tensor *tensor) {
  static const char *const names[] = {"size 1", "size 2", "size 3", "size 4",
                                      "size 5", "size 6", "size 7", "size 8"};
  int first = tensor->rank > 0 && tensor->shape[0] < 0;
  v->partner = -1;
  v->name = strdup(tensor->name);
  v->standard_name = calloc(1, 1);
  v->units = calloc(1, 1);
  v->dtype = tensor->dtype;
  v->direction = tensor->direction;
  v->width = tensor->width;
  v->has_batch = first;
  v->valid_range[0] = -INFINITY;
  v->valid_range[1] = INFINITY;
  int complete = v->name && v->standard_name && v->units;
  for (int i = first; i < tensor->rank && complete; ++i) {
    struct dimension *dimension = &v->dims[v->n_dims++];
    *dimension = (struct dimension){strdup(names[i]), tensor->shape[i]};
    complete = dimension->name != NULL;
  }
  return complete;
}

int card_from_tensors(struct card *card, const struct engine_tensor *tensors, int64_t n_tensors,
                      int64_t n_inputs, const struct error *error) {
  *card = (struct card){.text = calloc(1, 1), .n_inputs = n_inputs};
  card->variables = calloc((size_t)n_tensors + 1, sizeof *card->variables);
  int complete = card->text && card->variables;
  while (complete && card->n_variables < n_tensors) {
    struct variable *v = &card->variables[card->n_variables];
    complete = copy_tensor(v, &tensors[card->n_variables++]);
  }
  return complete ? PYEMU_OK : fail(error, PYEMU_ERR_MEMORY, "no memory for the variables");
}

void card_free(struct card *card) {
  for (int64_t i = 0; i < card->n_variables; ++i) {
    free(card->variables[i].name);
    free(card->variables[i].standard_name);
    free(card->variables[i].units);
    free(card->variables[i].seen_range[0]);
    free(card->variables[i].seen_range[1]);
    for (int k = 0; k < card->variables[i].n_dims; ++k)
      free(card->variables[i].dims[k].name);
  }
  budgets_free(card);
  novelty_free(card->novelty);
  free(card->variables);
  free(card->text);
  *card = (struct card){0};
}

int64_t card_find(const struct card *card, const char *name) {
  for (int64_t i = 0; i < card->n_variables; ++i)
    if (strcmp(card->variables[i].name, name) == 0)
      return i;
  return -1;
}

int card_fail_name(const struct card *card, const char *name, const struct error *error) {
  fail(error, PYEMU_ERR_NAME, "the emulator has no variable '%.*s'; its inputs are", MAX_NAME,
       name);
  for (int64_t i = 0; i < card->n_variables; ++i)
    error_append(error, "%s '%s'",
                 i == card->n_inputs ? "; its outputs are"
                 : i                 ? ","
                                     : "",
                 card->variables[i].name);
  return PYEMU_ERR_NAME;
}

void card_append_place(const struct variable *v, int64_t element, const struct error *error) {
  int64_t below = v->width;
  for (int i = 0; i < v->n_dims; ++i) {
    below /= v->dims[i].size;
    error_append(error, ", %s %lld", v->dims[i].name, (long long)(element / below) + 1);
    element %= below;
  }
}
