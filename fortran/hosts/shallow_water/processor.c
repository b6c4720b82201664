/* processor.c - which of the kernels this processor can run. */

/* 2: AVX-512, 1: AVX2, 0: neither, or not known. */
int pyemu_shallow_water_vectors(void) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    return 2;
  if (__builtin_cpu_supports("avx2"))
    return 1;
#endif
  return 0;
}
