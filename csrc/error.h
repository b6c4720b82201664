/* error.h - a status code and one line of text in the caller's buffer. */
#ifndef PYEMU_ERROR_H
#define PYEMU_ERROR_H

#include "pyemu.h"

/* The caller's message buffer. */
struct error {
  char *text;
  size_t size;
};

/* Wrap the caller's buffer and empty it. */
struct error error_in(char *errmsg, size_t errlen);

/* Write the message, cut to the buffer, its control characters made blanks, and return 'status'. */
int fail(const struct error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Append to the message, cut to the buffer. */
void error_append(const struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "prefix" before the message that is there. */
void error_prefix(const struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
