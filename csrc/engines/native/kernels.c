#include "engines/native/kernels.h"

#include <stdlib.h>
#include <string.h>

void kernels_avx512(struct kernels *kernels);
void kernels_avx2(struct kernels *kernels);
void kernels_neon(struct kernels *kernels);
void kernels_scalar(struct kernels *kernels);

/* The kinds this library was built with, the widest first. */
struct kind {
  const char *name;
  void (*fill)(struct kernels *kernels);
  int is_possible; /* on this processor */
};

static int find_kinds(struct kind *kinds) {
  int n = 0;
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  const int has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  kinds[n++] = (struct kind){"avx512", kernels_avx512, has_avx512 && has_avx2};
  kinds[n++] = (struct kind){"avx2", kernels_avx2, has_avx2};
#elif defined(__aarch64__) && defined(__GNUC__)
  kinds[n++] = (struct kind){"neon", kernels_neon, 1};
#endif
  kinds[n++] = (struct kind){"scalar", kernels_scalar, 1};
  return n;
}

int kernels_find(struct kernels *kernels) {
  struct kind kinds[4];
  const int n = find_kinds(kinds);
  const char *wanted = getenv("PYEMU_NATIVE_KERNELS");
  for (int i = 0; i < n; ++i) {
    if (!kinds[i].is_possible || (wanted && *wanted && strcmp(wanted, kinds[i].name) != 0))
      continue;
    kinds[i].fill(kernels);
    return 1;
  }
  return 0;
}
