#include <stdlib.h>

#include "base64.h"
#include "card.h"
#include "dtype.h"
#include "json.h"

static int is_little_endian(void) {
  const uint16_t one = 1;
  return *(const unsigned char *)&one;
}

/* The file is little-endian. */
static void to_native(unsigned char *bytes, size_t size, size_t element) {
  if (is_little_endian())
    return;
  for (unsigned char *at = bytes; at < bytes + size; at += element)
    for (size_t i = 0; i < element / 2; ++i) {
      unsigned char byte = at[i];
      at[i] = at[element - 1 - i];
      at[element - 1 - i] = byte;
    }
}

static int read_values(const struct json_node *node, const struct variable *v, int64_t columns,
                       void **values, const struct error *error) {
  size_t element = dtype_size(v->dtype);
  int64_t count, bytes;
  if (!node || node->type != JSON_STRING)
    return fail(error, PYEMU_ERR_CARD, "the reference columns of '%s' must be a string, found %s",
                v->name, json_type_name(node));
  /* Base64 makes 4 characters of 3 bytes: compare before memory is taken. */
  columns = v->has_batch ? columns : 1;
  if (!multiply_sizes(columns, v->width, &count) ||
      !multiply_sizes(count, (int64_t)element, &bytes) || (uint64_t)bytes > node->length)
    return fail(
        error, PYEMU_ERR_CARD,
        "the reference columns of '%s' are %zu characters long, too few for %lld columns of "
        "%lld %s values",
        v->name, node->length, (long long)columns, (long long)v->width, dtype_name(v->dtype));
  *values = malloc((size_t)bytes);
  if (!*values)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the reference columns of '%s'", v->name);
  if (!base64_decode(node->text, node->length, *values, (size_t)bytes))
    return fail(
        error, PYEMU_ERR_CARD,
        "the reference columns of '%s' are not the base64 of %lld columns of %lld %s values",
        v->name, (long long)columns, (long long)v->width, dtype_name(v->dtype));
  to_native(*values, (size_t)bytes, element);
  return PYEMU_OK;
}

static int read_reference(struct reference *reference, const struct card *card,
                          const struct json *json, const struct error *error) {
  const struct json_node *root = json->nodes;
  const struct json_node *values = json_member(json, root, "values");
  if (!json_integer(json_member(json, root, "columns"), &reference->columns) ||
      reference->columns < 1 || reference->columns > INT32_MAX)
    return fail(error, PYEMU_ERR_CARD,
                "'columns' of the reference columns must be a number from 1");
  if (!json_is(json_member(json, root, "encoding"), "base64-le"))
    return fail(error, PYEMU_ERR_CARD, "'encoding' of the reference columns must be \"base64-le\"");
  reference->values = calloc((size_t)card->n_variables, sizeof *reference->values);
  if (!reference->values)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the reference columns");
  reference->n_values = card->n_variables;
  int status = PYEMU_OK;
  for (int64_t i = 0; i < card->n_variables && status == PYEMU_OK; ++i)
    status = read_values(json_member(json, values, card->variables[i].name), &card->variables[i],
                         reference->columns, &reference->values[i], error);
  return status;
}

int reference_parse(struct reference *reference, const struct card *card, const char *text,
                    size_t length, const struct error *error) {
  struct json json;
  *reference = (struct reference){0};
  int status = json_parse(&json, text, length, error);
  if (status != PYEMU_OK) {
    error_prefix(error, "the reference columns are ");
    return status;
  }
  status = read_reference(reference, card, &json, error);
  if (status != PYEMU_OK)
    reference_free(reference);
  json_free(&json);
  return status;
}

void reference_free(struct reference *reference) {
  for (int64_t i = 0; i < reference->n_values; ++i)
    free(reference->values[i]);
  free(reference->values);
  *reference = (struct reference){0};
}
