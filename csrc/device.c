#include "device.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 4 };

/* Read ":N" if it is there. Returns the first character behind it, or NULL if N is no number. */
static const char *read_index(const char *at, int *index) {
  *index = 0;
  if (*at != ':')
    return at;
  const size_t digits = strspn(++at, "0123456789");
  if (digits == 0 || digits > MAX_DIGITS)
    return NULL;
  for (const char *end = at + digits; at < end; ++at)
    *index = 10 * *index + (*at - '0');
  return at;
}

int device_parse(const char *name, struct engine_device *device, const struct error *error) {
  *device = (struct engine_device){0};
  if (strcmp(name, "cpu") == 0)
    return PYEMU_OK;
  if (strncmp(name, "cuda", 4) != 0 && strncmp(name, "cpu", 3) != 0)
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "device '%.40s' is not supported; libpyemu %s runs on 'cpu', and on 'cuda:N' with "
                "the engines that can",
                name, pyemu_version());
  const char *rest = strncmp(name, "cuda", 4) == 0 ? read_index(name + 4, &device->index) : NULL;
  device->is_cuda = 1;
  device->may_use_cpu = rest && strcmp(rest, ",cpu") == 0;
  if (rest && (!*rest || device->may_use_cpu))
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_ARGUMENT,
              "device '%.40s' is not understood; expected 'cpu', 'cuda', 'cuda:1' for the second "
              "card, or 'cuda:1,cpu' to allow the CPU for what CUDA cannot do",
              name);
}

void device_write(char *text, size_t size, const struct engine_device *device) {
  if (device->is_cuda)
    snprintf(text, size, "cuda:%d", device->index);
  else
    snprintf(text, size, "cpu");
}
