/* stub.h - the engine that replays the recorded outputs; for tests of a host. */
#ifndef PYEMU_STUB_H
#define PYEMU_STUB_H

#include "engine.h"

extern const struct engine stub_engine;

#endif
