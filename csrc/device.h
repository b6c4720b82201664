/* device.h - the option 'device', taken apart. */
#ifndef PYEMU_DEVICE_H
#define PYEMU_DEVICE_H

#include "engine.h"
#include "error.h"

/* Read "cpu", "cuda", "cuda:N", or one of the last two followed by ",cpu". Errors: ARGUMENT (the
 * form is wrong), UNSUPPORTED (there is no such kind of device). */
int device_parse(const char *name, struct engine_device *device, const struct error *error);

/* Write "cpu" or "cuda:N"; 16 bytes are enough. */
void device_write(char *text, size_t size, const struct engine_device *device);

#endif
