#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error error_in(char *errmsg, size_t errlen) {
  struct error error = {errlen > 0 ? errmsg : NULL, errlen};
  if (error.text)
    error.text[0] = '\0';
  return error;
}

/* Names from files and texts of engines end up in messages: no control character of theirs may
 * reach a terminal or break the one line. */
static void make_plain(char *text) {
  for (; *text; ++text)
    if ((unsigned char)*text < ' ' || *text == 0x7F)
      *text = ' ';
}

int fail(const struct error *error, int status, const char *format, ...) {
  if (error->text) {
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, error->size, format, args);
    va_end(args);
    make_plain(error->text);
  }
  return status;
}

void error_append(const struct error *error, const char *format, ...) {
  if (!error->text)
    return;
  size_t used = strlen(error->text);
  va_list args;
  va_start(args, format);
  vsnprintf(error->text + used, error->size - used, format, args);
  va_end(args);
  make_plain(error->text + used);
}

void error_prefix(const struct error *error, const char *format, ...) {
  if (!error->text)
    return;
  char prefix[512];
  va_list args;
  va_start(args, format);
  int written = vsnprintf(prefix, sizeof prefix, format, args);
  va_end(args);
  if (written < 0)
    return;
  make_plain(prefix);
  size_t length = strlen(prefix);
  if (length >= error->size)
    length = error->size - 1;
  size_t old = strlen(error->text);
  size_t kept = old < error->size - 1 - length ? old : error->size - 1 - length;
  memmove(error->text + length, error->text, kept);
  error->text[length + kept] = '\0';
  memcpy(error->text, prefix, length);
}
