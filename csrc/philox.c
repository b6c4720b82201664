#include "philox.h"

#include <string.h>

/* Multipliers, and what the key grows by in every round. */
static const uint32_t multiplier[2] = {0xD2511F53, 0xCD9E8D57};
static const uint32_t growth[2] = {0x9E3779B9, 0xBB67AE85};

enum { ROUNDS = 10 };

void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
  uint32_t x[4], k[2] = {key[0], key[1]};
  memcpy(x, counter, sizeof x);
  for (int round = 0; round < ROUNDS; ++round) {
    const uint64_t a = (uint64_t)x[0] * multiplier[0], b = (uint64_t)x[2] * multiplier[1];
    x[0] = (uint32_t)(b >> 32) ^ x[1] ^ k[0];
    x[2] = (uint32_t)(a >> 32) ^ x[3] ^ k[1];
    x[1] = (uint32_t)b;
    x[3] = (uint32_t)a;
    k[0] += growth[0];
    k[1] += growth[1];
  }
  memcpy(words, x, sizeof x);
}

static void blocks_one_by_one(const struct philox_counters *counters, int n, const uint32_t key[2],
                              uint32_t words[4][PHILOX_MOST]) {
  for (int i = 0; i < n; ++i) {
    const uint64_t low = counters->low[i % 2][i / 2], high = counters->high[i % 2][i / 2];
    const uint32_t counter[4] = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high,
                                 (uint32_t)(high >> 32)};
    uint32_t block[4];
    philox_block(counter, key, block);
    for (int k = 0; k < 4; ++k)
      words[k][i] = block[k];
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/*
 * A vector holds one word of several counters, each in the lower half of 64 bits: that is what the
 * instruction MULTIPLY reads, so the upper halves may hold anything. The even and the odd places go
 * through the rounds side by side and are put together at the end.
 */
#define ROUND(x)                                                                                   \
  do {                                                                                             \
    const vector a = (vector)MULTIPLY(x[0], m0), b = (vector)MULTIPLY(x[2], m1);                   \
    x[0] = (b >> 32) ^ x[1] ^ k0;                                                                  \
    x[2] = (a >> 32) ^ x[3] ^ k1;                                                                  \
    x[1] = b;                                                                                      \
    x[3] = a;                                                                                      \
  } while (0)

#define DEFINE_BLOCKS(NAME, TARGET, BYTES)                                                         \
  __attribute__((target(TARGET))) static void NAME(const struct philox_counters *counters, int n,  \
                                                   const uint32_t key[2],                          \
                                                   uint32_t words[4][PHILOX_MOST]) {               \
    typedef uint64_t vector __attribute__((vector_size(BYTES)));                                   \
    enum { LANES = BYTES / 8 };                                                                    \
    const vector m0 = multiplier[0] - (vector){0}, m1 = multiplier[1] - (vector){0};               \
    const vector g0 = growth[0] - (vector){0}, g1 = growth[1] - (vector){0};                       \
    for (int i = 0; i < n / 2; i += LANES) {                                                       \
      vector even[4], odd[4], k0 = key[0] - (vector){0}, k1 = key[1] - (vector){0};                \
      memcpy(&even[0], &counters->low[0][i], sizeof(vector));                                      \
      memcpy(&even[2], &counters->high[0][i], sizeof(vector));                                     \
      memcpy(&odd[0], &counters->low[1][i], sizeof(vector));                                       \
      memcpy(&odd[2], &counters->high[1][i], sizeof(vector));                                      \
      even[1] = even[0] >> 32, even[3] = even[2] >> 32;                                            \
      odd[1] = odd[0] >> 32, odd[3] = odd[2] >> 32;                                                \
      for (int round = 0; round < ROUNDS; ++round) {                                               \
        ROUND(even);                                                                               \
        ROUND(odd);                                                                                \
        k0 += g0;                                                                                  \
        k1 += g1;                                                                                  \
      }                                                                                            \
      for (int k = 0; k < 4; ++k) {                                                                \
        const vector both = (even[k] << 32 >> 32) | (odd[k] << 32);                                \
        memcpy(&words[k][2 * i], &both, sizeof both);                                              \
      }                                                                                            \
    }                                                                                              \
  }

#define MULTIPLY(x, m) _mm512_mul_epu32((__m512i)(x), (__m512i)(m))
DEFINE_BLOCKS(blocks_avx512, "avx512f", 64)
#undef MULTIPLY
#define MULTIPLY(x, m) _mm256_mul_epu32((__m256i)(x), (__m256i)(m))
DEFINE_BLOCKS(blocks_avx2, "avx2", 32)
#undef MULTIPLY

philox_blocks *philox_find(const char *kernels) {
  return strcmp(kernels, "avx512") == 0 ? blocks_avx512
         : strcmp(kernels, "avx2") == 0 ? blocks_avx2
                                        : blocks_one_by_one;
}
#else
philox_blocks *philox_find(const char *kernels) {
  (void)kernels;
  return blocks_one_by_one;
}
#endif
