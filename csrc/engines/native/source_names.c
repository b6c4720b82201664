/* source_names.c - names and texts of a card as what C and Fortran take. */
#include <ctype.h>
#include <string.h>

#include "engines/native/source.h"

/* What no argument may be called: words of C, what a C compiler may define, and what the generated
 * functions call their own. */
static const char *const words[] = {"alignas",  "alignof",
                                    "asm",      "auto",
                                    "bool",     "break",
                                    "case",     "char",
                                    "const",    "constexpr",
                                    "continue", "default",
                                    "do",       "double",
                                    "else",     "enum",
                                    "extern",   "false",
                                    "float",    "for",
                                    "goto",     "if",
                                    "inline",   "int",
                                    "long",     "nullptr",
                                    "register", "restrict",
                                    "return",   "short",
                                    "signed",   "sizeof",
                                    "static",   "static_assert",
                                    "struct",   "switch",
                                    "true",     "typedef",
                                    "typeof",   "union",
                                    "unsigned", "void",
                                    "volatile", "while",
                                    "int32_t",  "int64_t",
                                    "linux",    "unix",
                                    "reals",    "doubles",
                                    "integers", "n_columns",
                                    "stride",   "c",
                                    "k",        "c_double",
                                    "c_float",  "c_int32_t",
                                    "c_int64_t"};

/* Functions of C's library that a card may be named after; those of <math.h> with a type behind the
 * name are found without it. */
static const char *const functions[] = {
    "acos",      "acosh",     "asin",      "asinh",  "atan",    "atan2", "atanh",  "cbrt",
    "ceil",      "cos",       "cosh",      "erf",    "erfc",    "exp",   "exp2",   "expm1",
    "fabs",      "fdim",      "floor",     "fma",    "fmax",    "fmin",  "fmod",   "frexp",
    "gamma",     "hypot",     "ilogb",     "j0",     "j1",      "jn",    "ldexp",  "lgamma",
    "log",       "log10",     "log1p",     "log2",   "logb",    "lrint", "lround", "llrint",
    "llround",   "main",      "memcmp",    "memcpy", "memmove", "modf",  "nan",    "pow",
    "nearbyint", "nextafter", "remainder", "remquo", "rint",    "round", "sin",    "sinh",
    "sqrt",      "strlen",    "tan",       "tanh",   "tgamma",  "trunc", "y0",     "y1",
    "yn"};

static int is_among(const char *name, size_t length, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (strlen(list[i]) == length && memcmp(list[i], name, length) == 0)
      return 1;
  return 0;
}

static int is_word(const char *name) {
  return is_among(name, strlen(name), words, sizeof words / sizeof words[0]);
}

static int is_function(const char *name) {
  const size_t length = strlen(name), count = sizeof functions / sizeof functions[0];
  const int has_type = length > 1 && (name[length - 1] == 'f' || name[length - 1] == 'l');
  return is_among(name, length, functions, count) ||
         (has_type && is_among(name, length - 1, functions, count));
}

/* 1 if the generated text may have a name like this one: with the number of a step, or a type. */
static int is_generated(const char *name) {
  const char *const starts[] = {"biases_",  "constant_", "offsets_", "products_",
                                "reduced_", "steps_",    "weights_", "run_one_"};
  const char *const ends[] = {"_float", "_double"};
  const size_t length = strlen(name);
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; ++i)
    if (strncmp(name, starts[i], strlen(starts[i])) == 0)
      return 1;
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; ++i)
    if (length > strlen(ends[i]) && strcmp(name + length - strlen(ends[i]), ends[i]) == 0)
      return 1;
  return 0;
}

int source_check_name(const char *name, const struct error *error) {
  const size_t most = SOURCE_NAME - strlen("_emulator");
  size_t length = 0;
  while (islower((unsigned char)name[length]) || (length > 0 && name[length] == '_') ||
         (length > 0 && isdigit((unsigned char)name[length])))
    ++length;
  if (length == 0 || name[length])
    return fail(error, PYEMU_ERR_ARGUMENT,
                "'%.80s' cannot be the name of a function in C and Fortran; expected lower-case "
                "letters, digits and '_', a letter first: give another name",
                name);
  if (length > most)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the name '%.80s' has %zu characters; expected up to %zu, since Fortran knows %d, "
                "and '_emulator' is appended: give another name",
                name, length, most, SOURCE_NAME);
  if (is_word(name) || is_function(name) || is_generated(name) || source_is_in_text(name))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "'%.80s' is a name of C or of the generated text itself: give another name", name);
  return PYEMU_OK;
}

/* --- Arguments --- */

/* Lower case, so that no macro has the name; what is no letter or digit becomes '_'. */
static void simplify(const char *from, char *to) {
  size_t n = 0;
  if (!isalpha((unsigned char)*from) || (unsigned char)*from > 127)
    to[n++] = 'v';
  for (; *from && n < SOURCE_NAME; ++from) {
    const unsigned char c = (unsigned char)*from;
    to[n++] = (char)(c < 128 && isalnum(c) ? tolower(c) : '_');
  }
  to[n] = '\0';
}

/* By another argument, by the function, or for something else. */
static int is_taken(const struct source_argument *arguments, int n, const char *function) {
  const size_t length = strlen(function);
  const char *name = arguments[n].name;
  if (strncmp(name, function, length) == 0 &&
      (!name[length] || strcmp(name + length, "_columns") == 0))
    return 1;
  for (int i = 0; i < n; ++i)
    if (strcmp(arguments[i].name, name) == 0)
      return 1;
  return is_word(name);
}

/* Put a number behind the name, in place of its end if there is no room. */
static void append_number(char *name, size_t length, int number) {
  char suffix[16];
  const size_t room = SOURCE_NAME - (size_t)snprintf(suffix, sizeof suffix, "_%d", number);
  strcpy(name + (length < room ? length : room), suffix);
}

void source_name_arguments(struct source_argument *arguments, int n, const char *function) {
  for (int i = 0; i < n; ++i) {
    char *name = arguments[i].name;
    simplify(arguments[i].variable->name, name);
    const size_t length = strlen(name);
    for (int number = 2; is_taken(arguments, i, function); ++number)
      append_number(name, length, number);
  }
}

/* --- Texts --- */

void source_write_comment(FILE *to, const char *text) {
  char last = ' ';
  for (; *text; ++text) {
    char c = *text;
    if ((unsigned char)c < ' ' || (unsigned char)c > '~' || c == '\\')
      c = '.';
    if ((last == '*' && c == '/') || (last == '/' && c == '*') || (last == '?' && c == '?'))
      c = ' ';
    fputc(c, to);
    last = c;
  }
}
