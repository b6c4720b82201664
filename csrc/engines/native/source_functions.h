/*
 * source_functions.h - the functions of elements as plain C99, for compiled emulators: the text is
 * put into the program pyemu_compile behind the preprocessor. They do what the kernels of the same
 * names do; see kernels.inc.
 */
#include "engines/native/functions_scalar.h"

#define REAL float
#define NAME(name) name##_float
#include "engines/native/source_functions.inc"
#undef REAL
#undef NAME

#define REAL double
#define NAME(name) name##_double
#include "engines/native/source_functions.inc"
#undef REAL
#undef NAME

static inline float square_root_float(float x) { return sqrtf(x); }
static inline double square_root_double(double x) { return sqrt(x); }
