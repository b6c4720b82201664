/* places.h - where the buffers of a plan lie in the workspace. */
#ifndef NATIVE_PLACES_H
#define NATIVE_PLACES_H

#include "engines/native/plan.h"

/* Give every buffer its place, and the plan its units; buffers that are never used at one time may
 * share memory. Steps must name buffers that are no part of others. Errors: UNSUPPORTED, MEMORY. */
int places_find(struct plan *plan, struct arena *arena, const struct error *error);

#endif
