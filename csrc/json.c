#include "json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

struct parser {
  struct json *json;
  const char *text;
  size_t length;
  size_t at;
  const struct error *error;
};

static int parse_value(struct parser *p, int depth, uint32_t *index);

static int fail_at(const struct parser *p, const char *reason) {
  return fail(p->error, PYEMU_ERR_CARD, "not valid JSON at byte %zu of %zu: %s", p->at, p->length,
              reason);
}

static int peek(const struct parser *p) {
  return p->at < p->length ? (unsigned char)p->text[p->at] : -1;
}

static void skip_blanks(struct parser *p) {
  while (p->at < p->length && strchr(" \t\r\n", p->text[p->at]) && p->text[p->at])
    ++p->at;
}

static int new_node(struct parser *p, enum json_type type, uint32_t *index) {
  struct json *json = p->json;
  if (json->count == json->capacity) {
    if (json->capacity >= JSON_MAX_VALUES)
      return fail_at(p, "more than 4 million values");
    uint32_t capacity = json->capacity ? 2 * json->capacity : 256;
    struct json_node *nodes = realloc(json->nodes, capacity * sizeof *nodes);
    if (!nodes)
      return fail(p->error, PYEMU_ERR_MEMORY, "no memory for %u JSON values", capacity);
    json->nodes = nodes;
    json->capacity = capacity;
  }
  *index = json->count++;
  json->nodes[*index] = (struct json_node){.text = p->text + p->at, .type = type};
  return PYEMU_OK;
}

static int is_hex(int c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int parse_escape(struct parser *p) {
  int c = peek(p);
  if (c >= 0 && c != 'u') {
    if (!c || !strchr("\"\\/bfnrt", c))
      return fail_at(p, "unknown escape in a string");
    ++p->at;
    return PYEMU_OK;
  }
  for (int i = 0; i < 5; ++i, ++p->at)
    if (peek(p) < 0 || (i > 0 && !is_hex(peek(p))))
      return fail_at(p, "\\u needs four hexadecimal digits");
  return PYEMU_OK;
}

static int parse_string(struct parser *p, uint32_t *index) {
  ++p->at; /* the opening quote */
  int status = new_node(p, JSON_STRING, index);
  size_t start = p->at;
  while (status == PYEMU_OK) {
    int c = peek(p);
    if (c < 0)
      return fail_at(p, "a string has no end");
    if (c < 0x20)
      return fail_at(p, "a control character in a string");
    ++p->at;
    if (c == '"') {
      p->json->nodes[*index].length = p->at - 1 - start;
      return PYEMU_OK;
    }
    if (c == '\\')
      status = parse_escape(p);
  }
  return status;
}

static size_t skip_digits(struct parser *p) {
  size_t start = p->at;
  while (peek(p) >= '0' && peek(p) <= '9')
    ++p->at;
  return p->at - start;
}

static int parse_number(struct parser *p, uint32_t *index) {
  int status = new_node(p, JSON_NUMBER, index);
  if (status != PYEMU_OK)
    return status;
  size_t start = p->at;
  if (peek(p) == '-')
    ++p->at;
  int leading_zero = peek(p) == '0';
  size_t digits = skip_digits(p);
  if (digits == 0 || (leading_zero && digits > 1))
    return fail_at(p, "malformed number");
  if (peek(p) == '.') {
    ++p->at;
    if (skip_digits(p) == 0)
      return fail_at(p, "digits expected after the decimal point");
  }
  if (peek(p) == 'e' || peek(p) == 'E') {
    ++p->at;
    if (peek(p) == '+' || peek(p) == '-')
      ++p->at;
    if (skip_digits(p) == 0)
      return fail_at(p, "digits expected in the exponent");
  }
  p->json->nodes[*index].length = p->at - start;
  return PYEMU_OK;
}

static int parse_word(struct parser *p, const char *word, enum json_type type, uint32_t *index) {
  size_t length = strlen(word);
  if (p->length - p->at < length || memcmp(p->text + p->at, word, length) != 0)
    return fail_at(p, "a value expected");
  int status = new_node(p, type, index);
  if (status == PYEMU_OK) {
    p->json->nodes[*index].length = length;
    p->at += length;
  }
  return status;
}

/* Link node 'child' behind '*last' under 'parent'. */
static void link_child(struct json *json, uint32_t parent, uint32_t *last, uint32_t child) {
  if (*last)
    json->nodes[*last].next = child;
  else
    json->nodes[parent].first = child;
  *last = child;
}

static int parse_key(struct parser *p, uint32_t parent, uint32_t *last) {
  uint32_t key;
  skip_blanks(p);
  if (peek(p) != '"')
    return fail_at(p, "a key in quotes expected");
  int status = parse_string(p, &key);
  if (status != PYEMU_OK)
    return status;
  link_child(p->json, parent, last, key);
  skip_blanks(p);
  if (peek(p) != ':')
    return fail_at(p, "':' expected after a key");
  ++p->at;
  return PYEMU_OK;
}

static int parse_container(struct parser *p, int depth, enum json_type type, uint32_t *index) {
  const char close = type == JSON_OBJECT ? '}' : ']';
  int status = new_node(p, type, index);
  if (status != PYEMU_OK)
    return status;
  size_t start = p->at++;
  uint32_t last = 0, child;
  skip_blanks(p);
  int more = peek(p) != close;
  while (more) {
    if (type == JSON_OBJECT && (status = parse_key(p, *index, &last)) != PYEMU_OK)
      return status;
    if ((status = parse_value(p, depth + 1, &child)) != PYEMU_OK)
      return status;
    link_child(p->json, *index, &last, child);
    if (++p->json->nodes[*index].count > JSON_MAX_MEMBERS && type == JSON_OBJECT)
      return fail_at(p, "more than 16384 members in an object");
    skip_blanks(p);
    more = peek(p) == ',';
    if (!more && peek(p) != close)
      return fail_at(p, type == JSON_OBJECT ? "',' or '}' expected" : "',' or ']' expected");
    p->at += more;
  }
  ++p->at;
  p->json->nodes[*index].length = p->at - start;
  return PYEMU_OK;
}

static int parse_value(struct parser *p, int depth, uint32_t *index) {
  if (depth > JSON_MAX_DEPTH)
    return fail_at(p, "nested too deeply");
  skip_blanks(p);
  switch (peek(p)) {
  case '{':
    return parse_container(p, depth, JSON_OBJECT, index);
  case '[':
    return parse_container(p, depth, JSON_ARRAY, index);
  case '"':
    return parse_string(p, index);
  case 't':
    return parse_word(p, "true", JSON_TRUE, index);
  case 'f':
    return parse_word(p, "false", JSON_FALSE, index);
  case 'n':
    return parse_word(p, "null", JSON_NULL, index);
  case -1:
    return fail_at(p, "a value expected, but the text ends");
  default:
    return parse_number(p, index);
  }
}

int json_parse(struct json *json, const char *text, size_t length, const struct error *error) {
  struct parser p = {.json = json, .text = text, .length = length, .error = error};
  *json = (struct json){NULL, 0, 0};
  uint32_t root;
  int status = parse_value(&p, 1, &root);
  if (status == PYEMU_OK) {
    skip_blanks(&p);
    if (p.at != length)
      status = fail_at(&p, "text after the value");
  }
  if (status != PYEMU_OK)
    json_free(json);
  return status;
}

void json_free(struct json *json) {
  free(json->nodes);
  *json = (struct json){NULL, 0, 0};
}

const struct json_node *json_first(const struct json *json, const struct json_node *node) {
  return node->first ? &json->nodes[node->first] : NULL;
}

const struct json_node *json_next(const struct json *json, const struct json_node *node) {
  return node->next ? &json->nodes[node->next] : NULL;
}

const struct json_node *json_member(const struct json *json, const struct json_node *object,
                                    const char *key) {
  const struct json_node *found = NULL;
  if (!object || object->type != JSON_OBJECT)
    return NULL;
  for (const struct json_node *k = json_first(json, object); k;) {
    const struct json_node *value = json_next(json, k);
    if (json_is(k, key))
      found = value;
    k = json_next(json, value);
  }
  return found;
}

int json_is(const struct json_node *node, const char *text) {
  return node && node->type == JSON_STRING && node->length == strlen(text) &&
         memcmp(node->text, text, node->length) == 0;
}

int json_integer(const struct json_node *node, int64_t *value) {
  if (!node || node->type != JSON_NUMBER)
    return 0;
  int negative = node->text[0] == '-';
  int64_t magnitude = 0;
  for (size_t i = (size_t)negative; i < node->length; ++i) {
    int digit = node->text[i] - '0';
    if (digit < 0 || digit > 9 || magnitude > (INT64_MAX - digit) / 10)
      return 0;
    magnitude = 10 * magnitude + digit;
  }
  *value = negative ? -magnitude : magnitude;
  return 1;
}

int json_number(const struct json_node *node, double *value) {
  char text[64];
  if (!node || node->type != JSON_NUMBER || node->length >= sizeof text)
    return 0;
  memcpy(text, node->text, node->length);
  text[node->length] = '\0';
  locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!plain)
    return 0;
  *value = strtod_l(text, NULL, plain);
  freelocale(plain);
  return isfinite(*value);
}

static unsigned hex_value(const char *digits) {
  unsigned value = 0;
  for (int i = 0; i < 4; ++i) {
    unsigned c = (unsigned char)digits[i];
    value = 16 * value + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

static char *put_utf8(char *out, unsigned code) {
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = (char)(0xE0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  } else {
    *out++ = (char)(0xF0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  }
  return out;
}

/* Read the escape at 'in' (after the backslash) into '*code'; a surrogate pair makes one code, half
 * a pair becomes U+FFFD. */
static const char *read_escape(const char *in, const char *end, unsigned *code) {
  static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
  const char *letter = strchr(letters, *in);
  *code = letter ? (unsigned char)values[letter - letters] : (unsigned char)*in;
  if (*in++ != 'u')
    return in;
  *code = hex_value(in);
  in += 4;
  if (*code < 0xD800 || *code > 0xDFFF)
    return in;
  if (*code < 0xDC00 && end - in >= 6 && in[0] == '\\' && in[1] == 'u') {
    unsigned low = hex_value(in + 2);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
      return in + 6;
    }
  }
  *code = 0xFFFD;
  return in;
}

char *json_string(const struct json_node *node) {
  char *copy = malloc(node->length + 1); /* an escape is never shorter than what it stands for */
  if (!copy)
    return NULL;
  char *out = copy;
  const char *in = node->text, *end = in + node->length;
  while (in < end) {
    unsigned code = (unsigned char)*in++;
    if (code != '\\') {
      *out++ = (char)code;
      continue;
    }
    in = read_escape(in, end, &code);
    if (code == 0) {
      free(copy);
      return NULL;
    }
    out = put_utf8(out, code);
  }
  *out = '\0';
  return copy;
}

const char *json_type_name(const struct json_node *node) {
  static const char *const names[] = {"null",     "false",  "true",     "a number",
                                      "a string", "a list", "an object"};
  return node ? names[node->type] : "nothing";
}
