/* wide.h - inner loops compiled twice, for processors with wide vectors and for all others. */
#ifndef PYEMU_WIDE_H
#define PYEMU_WIDE_H

#include <stddef.h>

/* Before a function: the loader picks the version for the processor it runs on. Needs the GNU
 * linker's indirect functions; elsewhere there is one version. What such a function calls must be
 * inlined into it. The thread sanitizer instruments what the loader calls to pick, long before the
 * sanitizer is ready: one version there. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

#if defined(__GNUC__)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE static inline
#endif

#endif
