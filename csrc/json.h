/* json.h - read-only view of a JSON text, checked against its grammar and its bounds. */
#ifndef PYEMU_JSON_H
#define PYEMU_JSON_H

#include "error.h"

enum json_type {
  JSON_NULL,
  JSON_FALSE,
  JSON_TRUE,
  JSON_NUMBER,
  JSON_STRING,
  JSON_ARRAY,
  JSON_OBJECT
};

/* Deepest nesting accepted: the parser recurses, and a card needs five. */
enum { JSON_MAX_DEPTH = 32 };

/* Most values of a text, each of which takes 32 bytes; and most members of one object, each of
 * which is looked at in every search for a key: memory and time stay in proportion to the text. */
enum { JSON_MAX_VALUES = 1 << 22, JSON_MAX_MEMBERS = 1 << 14 };

/* One value. 'text' and 'length' are its source, for a string without the quotes and with the
 * escapes still in. Children of arrays and objects are linked by index; a member of an object is
 * its key (a string) followed by its value. */
struct json_node {
  const char *text;
  size_t length;
  enum json_type type;
  uint32_t count; /* of values in an array, of members in an object */
  uint32_t first; /* first child, 0 if none: node 0 is the root and nobody's child */
  uint32_t next;  /* next sibling, 0 if none */
};

struct json {
  struct json_node *nodes;
  uint32_t count;
  uint32_t capacity;
};

/* Parse 'text' (which must outlive 'json'). Errors: CARD with position and reason, MEMORY. */
int json_parse(struct json *json, const char *text, size_t length, const struct error *error);
void json_free(struct json *json);

/* The value of member 'key' of 'object', or NULL if there is none or 'object' is NULL or no object.
 * The last one wins if a key is there twice. */
const struct json_node *json_member(const struct json *json, const struct json_node *object,
                                    const char *key);
const struct json_node *json_first(const struct json *json, const struct json_node *node);
const struct json_node *json_next(const struct json *json, const struct json_node *node);

/* 1 if 'node' is a string equal to 'text' (which must be plain ASCII). */
int json_is(const struct json_node *node, const char *text);

/* The integer in 'node' into '*value'; 0 if it is no integer that fits, else 1. */
int json_integer(const struct json_node *node, int64_t *value);

/* The number in 'node' into '*value', whatever the locale; 0 if it is none, not finite, or written
 * in 64 characters or more, else 1. */
int json_number(const struct json_node *node, double *value);

/* A new null-terminated copy of a string with its escapes resolved, in UTF-8; NULL if there is no
 * memory, or the string holds a null character. */
char *json_string(const struct json_node *node);

/* The name of a type, for messages. */
const char *json_type_name(const struct json_node *node);

#endif
