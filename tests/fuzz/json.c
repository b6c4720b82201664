/* A JSON text: every value lies inside it, and children end. */
#include "json.h"
#include "fuzz.h"

static uint32_t visit(const struct json *json, const struct json_node *node, const uint8_t *data,
                      size_t size, int depth) {
  int64_t number;
  uint32_t count = 1, children = 0;
  PROMISE(depth <= JSON_MAX_DEPTH && fuzz_is_inside(node->text, node->length, data, size));
  if (json_integer(node, &number))
    PROMISE(node->type == JSON_NUMBER);
  if (node->type == JSON_STRING) {
    char *copy = json_string(node);
    PROMISE(!copy || strlen(copy) <= node->length);
    free(copy);
  }
  for (const struct json_node *child = json_first(json, node); child;
       child = json_next(json, child), ++children)
    count += visit(json, child, data, size, depth + 1);
  PROMISE(children == (node->type == JSON_OBJECT ? 2 : 1) * node->count);
  PROMISE(children == 0 || node->type == JSON_OBJECT || node->type == JSON_ARRAY);
  return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct json json;
  int status = json_parse(&json, (const char *)data, size, &error);
  PROMISE_STATUS(status, message);
  if (status == PYEMU_OK) {
    PROMISE(visit(&json, json.nodes, data, size, 1) == json.count);
    json_member(&json, json.nodes, "schema");
    json_free(&json);
  }
  PROMISE(json.nodes == NULL);
  return 0;
}
