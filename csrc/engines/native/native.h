/* native.h - the engine "native": this library's own, without any other. */
#ifndef NATIVE_NATIVE_H
#define NATIVE_NATIVE_H

#include "engine.h"

extern const struct engine native_engine;

#endif
