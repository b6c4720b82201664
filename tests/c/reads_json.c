/* The JSON parser accepts the grammar and nothing else, and never reads beyond the text. */
#include "check.h"
#include "json.h"

static char message[512];

static int parse(struct json *json, const char *text, size_t length) {
  /* A copy of exactly that size, so that a read beyond it is noticed. */
  char *exact = malloc(length ? length : 1);
  memcpy(exact, text, length);
  struct error error = error_in(message, sizeof message);
  int status = json_parse(json, exact, length, &error);
  if (status == PYEMU_OK) {
    json_free(json);
  }
  free(exact);
  return status;
}

static void check_texts(void) {
  static const char *const good[] = {"null",
                                     "true",
                                     " [ ] ",
                                     "{}",
                                     "-0.5e+10",
                                     "0",
                                     "\"\"",
                                     "[1,2]",
                                     "\"\\u00e9\\n\"",
                                     "{\"a\":{\"b\":[1]}}",
                                     "1E5",
                                     "[[[]]]",
                                     "{\"a\" : 1 , \"a\" : 2}"};
  static const char *const bad[] = {
      "",      "nul", "[1,]", "{,}",     "{\"a\"}", "{\"a\":}",    "01",    "1.",      ".5",
      "+1",    "1e",  "\"",   "\"\\x\"", "[1 2]",   "\"\\u12g4\"", "{1:2}", "[1]]",    "\"\n\"",
      "tru e", "-",   "\"\\", "\"\\u1",  "'a'",     "{\"a\":1,}",  "NaN",   "Infinity"};
  struct json json;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; ++i)
    CHECK(parse(&json, good[i], strlen(good[i])) == PYEMU_OK);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    int status = parse(&json, bad[i], strlen(bad[i]));
    if (status != PYEMU_ERR_CARD)
      printf("accepted: %s\n", bad[i]);
    CHECK(status == PYEMU_ERR_CARD && strstr(message, "not valid JSON at byte"));
  }
  CHECK(parse(&json, "\"a\0b\"", 5) == PYEMU_ERR_CARD);
}

static void check_every_truncation_is_refused(void) {
  const char text[] = "{\"a\": [1, -2.5e3, true, null, \"x\\u00e9\\\\\"], \"b\": {\"c\": false}}";
  struct json json;
  for (size_t length = 0; length < sizeof text - 1; ++length)
    CHECK(parse(&json, text, length) == PYEMU_ERR_CARD);
  CHECK(parse(&json, text, sizeof text - 1) == PYEMU_OK);
}

static void check_depth_is_limited(void) {
  static char text[200001];
  struct json json;
  memset(text, '[', 200000);
  CHECK(parse(&json, text, 200000) == PYEMU_ERR_CARD && strstr(message, "nested too deeply"));
  for (int i = 0; i < 100000; ++i)
    memcpy(text + 2 * i, "{\"", 2);
  CHECK(parse(&json, text, 200000) == PYEMU_ERR_CARD);
  memset(text, '[', JSON_MAX_DEPTH);
  memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
  CHECK(parse(&json, text, 2 * JSON_MAX_DEPTH) == PYEMU_OK);
}

/* Write 'count' times the same value, or member, into a list or object; returns its length. */
static size_t repeat(char *text, const char *brackets, const char *piece, size_t count) {
  size_t size = strlen(piece), length = 0;
  text[length++] = brackets[0];
  for (size_t i = 0; i < count; ++i, length += size) {
    if (i > 0)
      text[length++] = ',';
    memcpy(text + length, piece, size);
  }
  text[length++] = brackets[1];
  return length;
}

/* Memory and time must not grow out of proportion to the text. */
static void check_size_is_limited(void) {
  static char text[2 * JSON_MAX_VALUES + 2];
  struct json json;
  CHECK(parse(&json, text, repeat(text, "[]", "0", JSON_MAX_VALUES - 1)) == PYEMU_OK);
  CHECK(parse(&json, text, repeat(text, "[]", "0", JSON_MAX_VALUES)) == PYEMU_ERR_CARD);
  CHECK(strstr(message, "more than 4 million values"));
  CHECK(parse(&json, text, repeat(text, "[]", "0", JSON_MAX_MEMBERS + 1)) == PYEMU_OK);
  CHECK(parse(&json, text, repeat(text, "{}", "\"\":0", JSON_MAX_MEMBERS)) == PYEMU_OK);
  CHECK(parse(&json, text, repeat(text, "{}", "\"\":0", JSON_MAX_MEMBERS + 1)) == PYEMU_ERR_CARD);
  CHECK(strstr(message, "more than 16384 members"));
}

static void check_values(void) {
  const char text[] =
      "{\"n\": 9223372036854775807, \"big\": 9223372036854775808, \"neg\": -12, \"x\": 1.0,"
      "\"s\": \"a\\u00e9\\ud83d\\ude00\\t\\/\", \"half\": \"\\ud83d\", \"zero\": \"\\u0000\","
      "\"list\": [3, 4]}";
  struct error error = error_in(message, sizeof message);
  struct json json;
  int64_t value = 0;
  CHECK(json_parse(&json, text, sizeof text - 1, &error) == PYEMU_OK);
  const struct json_node *root = json.nodes;
  CHECK(json_integer(json_member(&json, root, "n"), &value) && value == INT64_MAX);
  CHECK(!json_integer(json_member(&json, root, "big"), &value));
  CHECK(json_integer(json_member(&json, root, "neg"), &value) && value == -12);
  CHECK(!json_integer(json_member(&json, root, "x"), &value));
  CHECK(!json_member(&json, root, "missing") && !json_member(&json, NULL, "n"));
  char *s = json_string(json_member(&json, root, "s"));
  CHECK(s && strcmp(s, "a\xC3\xA9\xF0\x9F\x98\x80\t/") == 0);
  free(s);
  s = json_string(json_member(&json, root, "half"));
  CHECK(s && strcmp(s, "\xEF\xBF\xBD") == 0);
  free(s);
  CHECK(!json_string(json_member(&json, root, "zero")));
  const struct json_node *list = json_member(&json, root, "list");
  CHECK(list->count == 2);
  CHECK(json_integer(json_next(&json, json_first(&json, list)), &value) && value == 4);
  json_free(&json);
}

int main(void) {
  check_texts();
  check_every_truncation_is_refused();
  check_depth_is_limited();
  check_size_is_limited();
  check_values();
  return check_result();
}
