/*
 * source_functions.c - the functions of elements in the generated text: of all that there are,
 * those that a plan uses, and those that these use.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engines/native/source.h"
#include "engines/native/source_text.h"

/* By function; an operator of C where there is none. */
static const char *const unary_names[N_UNARY] = {
    [UNARY_ABSOLUTE] = "absolute",
    [UNARY_SQUARE_ROOT] = "square_root",
    [UNARY_FLOOR] = "floor",
    [UNARY_CEILING] = "ceiling",
    [UNARY_ROUND] = "round",
    [UNARY_SIGN] = "sign",
    [UNARY_NOT] = "logical_not",
    [UNARY_IS_NAN] = "is_not_a_number",
    [UNARY_RELU] = "relu",
    [UNARY_LEAKY_RELU] = "leaky_relu",
    [UNARY_ELU] = "elu",
    [UNARY_HARD_SIGMOID] = "hard_sigmoid",
    [UNARY_EXPONENTIAL] = "exponential",
    [UNARY_LOGARITHM] = "logarithm",
    [UNARY_SIGMOID] = "sigmoid",
    [UNARY_TANH] = "tanh",
    [UNARY_SOFTPLUS] = "softplus",
    [UNARY_ERROR_FUNCTION] = "error_function",
    [UNARY_SINE] = "sine",
    [UNARY_COSINE] = "cosine",
    [UNARY_TANGENT] = "tangent",
    [UNARY_ARC_SINE] = "arc_sine",
    [UNARY_ARC_COSINE] = "arc_cosine",
    [UNARY_ARC_TANGENT] = "arc_tangent",
    [UNARY_HYPERBOLIC_SINE] = "hyperbolic_sine",
    [UNARY_HYPERBOLIC_COSINE] = "hyperbolic_cosine",
    [UNARY_AREA_SINE] = "area_sine",
    [UNARY_AREA_COSINE] = "area_cosine",
    [UNARY_AREA_TANGENT] = "area_tangent",
};

static const char *const binary_names[N_BINARY] = {
    [BINARY_MINIMUM] = "smaller", [BINARY_MAXIMUM] = "larger",
    [BINARY_POWER] = "power",     [BINARY_LESS] = "is_less",
    [BINARY_EQUAL] = "is_equal",  [BINARY_LESS_OR_EQUAL] = "is_less_or_equal",
    [BINARY_AND] = "logical_and", [BINARY_OR] = "logical_or",
    [BINARY_XOR] = "logical_xor",
};

static const char *const reduce_names[N_REDUCTIONS] = {
    [REDUCE_MINIMUM] = "smaller",
    [REDUCE_MAXIMUM] = "larger",
};

const char *source_function(const struct step *step) {
  switch (step->kind) {
  case STEP_UNARY:
    return unary_names[step->function];
  case STEP_BINARY:
    return binary_names[step->function];
  case STEP_REDUCE:
    return reduce_names[step->function];
  case STEP_SELECT:
    return "selected";
  case STEP_PRODUCT:
    return step->product->is_relu ? "relu" : NULL;
  case STEP_CONVERT:
    break;
  }
  return NULL;
}

/* --- The text, taken apart --- */

/* A function, table or structure: its text, its name, and whether it is used. */
struct item {
  const char *text;
  size_t length;
  const char *name;
  size_t name_length;
  int is_function;
  int is_used;
};

struct items {
  struct item *list;
  int count;
};

static int is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* The word that ends at 'end'. */
static void name_item(struct item *item, const char *end) {
  while (end > item->text && !is_word(end[-1]))
    --end;
  const char *at = end;
  while (at > item->text && is_word(at[-1]))
    --at;
  item->name = at;
  item->name_length = (size_t)(end - at);
}

/* Read what begins at 'text': a function up to its brace, all else up to a semicolon. Returns the
 * first character behind, or NULL at the end of the text. */
static const char *read_item(const char *text, struct item *item) {
  int depth = 0;
  text += strspn(text, " \n");
  *item = (struct item){.text = text};
  for (const char *at = text; *at; ++at) {
    if (!item->name && strchr("([{=;", *at)) {
      name_item(item, at);
      item->is_function = *at == '(';
    }
    depth += (*at == '{') - (*at == '}');
    if (depth == 0 && *at == (item->is_function ? '}' : ';')) {
      item->length = (size_t)(at + 1 - text);
      return at + 1;
    }
  }
  return NULL;
}

static int read_items(struct items *items) {
  struct item item;
  for (const char *at = read_item(source_text, &item); at; at = read_item(at, &item))
    ++items->count;
  items->list = calloc((size_t)items->count + 1, sizeof *items->list);
  if (!items->list)
    return 0;
  const char *at = source_text;
  for (int i = 0; i < items->count; ++i)
    at = read_item(at, &items->list[i]);
  return 1;
}

int source_is_in_text(const char *name) {
  const size_t length = strlen(name);
  struct item item;
  for (const char *at = read_item(source_text, &item); at; at = read_item(at, &item))
    if (item.name_length == length && memcmp(item.name, name, length) == 0)
      return 1;
  return 0;
}

/* --- What is used --- */

static void use_words(struct items *items, const char *text, size_t length);

/* A function is used where it is called; its name may be that of a variable elsewhere. */
static int use(struct items *items, const char *name, size_t length, int is_call) {
  int is_found = 0;
  for (int i = 0; i < items->count; ++i) {
    struct item *item = &items->list[i];
    if (item->name_length != length || memcmp(item->name, name, length) != 0 ||
        (item->is_function && !is_call))
      continue;
    is_found = 1;
    if (item->is_used)
      continue;
    item->is_used = 1;
    use_words(items, item->text, item->length);
  }
  return is_found;
}

/* Whatever is named in the text. */
static void use_words(struct items *items, const char *text, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    size_t end = i;
    while (end < length && is_word(text[end]))
      ++end;
    if (end > i)
      use(items, text + i, end - i, end < length && text[end] == '(');
    i = end;
  }
}

/* 1 if the step is written without a function. */
static int is_plain(const struct step *step) {
  const int function = step->function;
  switch (step->kind) {
  case STEP_UNARY:
    return function == UNARY_COPY || function == UNARY_NEGATE || function == UNARY_RECIPROCAL;
  case STEP_BINARY:
    return function == BINARY_ADD || function == BINARY_SUBTRACT || function == BINARY_MULTIPLY ||
           function == BINARY_DIVIDE;
  case STEP_REDUCE:
    return function == REDUCE_SUM || function == REDUCE_PRODUCT;
  case STEP_PRODUCT:
    return !step->product->is_relu;
  case STEP_CONVERT:
    return 1;
  case STEP_SELECT:
    break;
  }
  return 0;
}

static int use_steps(struct items *items, const struct plan *plan, const struct error *error) {
  for (int i = 0; i < plan->n_steps; ++i) {
    const struct step *step = &plan->steps[i];
    const char *function = source_function(step);
    char name[64];
    if (is_plain(step))
      continue;
    snprintf(name, sizeof name, "%s_%s", function ? function : "function",
             source_type_name(step->element));
    if (!use(items, name, strlen(name), 1))
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "step %d of the plan needs a function that there is no C text for (%s, number "
                  "%d); run the file with libpyemu, and report this",
                  i, name, step->function);
  }
  return PYEMU_OK;
}

int source_write_functions(FILE *to, const struct plan *plan, const struct error *error) {
  struct items items = {.list = NULL};
  if (!read_items(&items))
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the source text");
  int status = use_steps(&items, plan, error), is_first = 1;
  for (int i = 0; status == PYEMU_OK && i < items.count; ++i) {
    const struct item *item = &items.list[i];
    if (!item->is_used)
      continue;
    if (is_first)
      fputs(
          "\n/* --- Functions of elements, with the operations of the engine in its order --- */\n",
          to);
    is_first = 0;
    fprintf(to, "\n%.*s\n", (int)item->length, item->text);
  }
  free(items.list);
  return status;
}
