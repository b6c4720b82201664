/* fuzz.h - what the harnesses share. Each feeds one reader and checks what the reader promises. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyemu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that holds for every input, in every kind of build. */
#define PROMISE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                      \
      abort();                                                                                     \
    }                                                                                              \
  } while (0)

/* A status of the list, and a message exactly if it is an error. */
#define PROMISE_STATUS(status, message)                                                            \
  do {                                                                                             \
    PROMISE((status) >= PYEMU_OK && (status) <= PYEMU_ERR_CODE);                                   \
    PROMISE(((status) == PYEMU_OK) == ((message)[0] == '\0'));                                     \
    for (const char *promised = (message); *promised; ++promised)                                  \
      PROMISE((unsigned char)*promised >= ' ' && *promised != 0x7F);                               \
  } while (0)

/* 1 if 'text' of 'length' lies inside the input. */
static inline int fuzz_is_inside(const void *text, size_t length, const uint8_t *data,
                                 size_t size) {
  const uint8_t *at = text;
  return at >= data && at <= data + size && length <= (size_t)(data + size - at);
}

#endif
