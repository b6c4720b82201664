/* opening.c - the group for which this thread is opening an emulator, handed to the plugin. */
#include "mpi/group.h"

#define EXPORT __attribute__((visibility("default")))

static _Thread_local void *opening;

EXPORT void *pyemu_mpi_opening(void) { return opening; }

EXPORT void pyemu_mpi_set_opening(void *group) { opening = group; }
