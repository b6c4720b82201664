/* philox.h - the counter-based random numbers Philox 4x32-10 (Salmon et al. 2011,
 * doi:10.1145/2063384.2063405): 128 bits that depend on a counter and a key, and on nothing before.
 */
#ifndef PYEMU_PHILOX_H
#define PYEMU_PHILOX_H

#include <stdint.h>

/* The four words of one counter. */
void philox_block(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]);

/* Counters are made in groups of so many, and at most so many at a time. */
enum { PHILOX_GROUP = 16, PHILOX_MOST = 256 };

/*
 * Many counters with one key. The counter in place i has the low and the high word of 'low[i]' and
 * 'high[i]', in this order; its words go to words[0][i] to words[3][i]. Places are listed evens
 * first: place i is the element [i % 2][i / 2] of 'low' and 'high', which is how vectors want them.
 */
struct philox_counters {
  uint64_t low[2][PHILOX_MOST / 2];
  uint64_t high[2][PHILOX_MOST / 2];
};

/* 'n' is a multiple of PHILOX_GROUP. */
typedef void philox_blocks(const struct philox_counters *counters, int n, const uint32_t key[2],
                           uint32_t words[4][PHILOX_MOST]);

/* The function for this processor that goes with the kernels of that name (see kernels.h): all give
 * the same words. */
philox_blocks *philox_find(const char *kernels);

#endif
