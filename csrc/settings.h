/* settings.h - structs that begin with their own size, so that later versions may append to them.
 */
#ifndef PYEMU_SETTINGS_H
#define PYEMU_SETTINGS_H

#include <string.h>

#include "error.h"

/*
 * Copy what the caller gives over '*settings', which hold the defaults of 'size' bytes: fields that
 * the caller does not know keep theirs. 'what' is the name of the struct after "pyemu_", in small
 * and in large letters. Errors: ARGUMENT.
 */
static inline int settings_read(void *settings, size_t size, const void *given, const char *what,
                                const char *large, const struct error *error) {
  size_t known;
  memcpy(&known, given, sizeof known);
  if (known < sizeof known)
    return fail(error, PYEMU_ERR_ARGUMENT, "'sizeof_%s' is not set; start from PYEMU_%s_INIT", what,
                large);
  memcpy(settings, given, known < size ? known : size);
  return PYEMU_OK;
}

#endif
