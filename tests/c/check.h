/* check.h - the least a test program needs: every failed check is printed and counted. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures = 0;

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                               \
      ++check_failures;                                                                            \
    }                                                                                              \
  } while (0)

/* A status, and a piece of the message that goes with it. */
#define CHECK_STATUS(call, expected, piece)                                                        \
  do {                                                                                             \
    int check_status = (call);                                                                     \
    if (check_status != (expected) || !strstr(message, (piece))) {                                 \
      printf("%s:%d: status %d, message '%s'; expected %s with '%s'\n", __FILE__, __LINE__,        \
             check_status, message, #expected, (piece));                                           \
      ++check_failures;                                                                            \
    }                                                                                              \
  } while (0)

/* The exit status of the program. */
static inline int check_result(void) {
  if (check_failures)
    printf("%d checks failed\n", check_failures);
  return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A whole file in memory of exactly its size, so that a read beyond it is noticed. */
static inline unsigned char *check_read(const char *directory, const char *name, size_t *size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *stream = fopen(path, "rb");
  if (!stream) {
    printf("cannot open %s\n", path);
    exit(EXIT_FAILURE);
  }
  fseek(stream, 0, SEEK_END);
  *size = (size_t)ftell(stream);
  rewind(stream);
  unsigned char *bytes = malloc(*size ? *size : 1);
  if (!bytes || fread(bytes, 1, *size, stream) != *size)
    exit(EXIT_FAILURE);
  fclose(stream);
  return bytes;
}

#endif
