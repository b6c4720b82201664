/* clock.h - time, for a few nanoseconds. */
#ifndef PYEMU_CLOCK_H
#define PYEMU_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/*
 * Ticks of a steady clock of unknown rate: seconds are found from two readings of both. Asking the
 * system takes as long as a small layer of a network, the processor's own counter a third of that;
 * it is used where it runs at one rate, whatever the processor does ("invariant").
 */
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <x86intrin.h>

static inline int clock_is_invariant(void) {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}
static inline int64_t clock_counter(void) { return (int64_t)__rdtsc(); }
#else
static inline int clock_is_invariant(void) { return 0; }
static inline int64_t clock_counter(void) { return 0; }
#endif

/* A clock that was started. */
struct steady_clock {
  int has_counter;
  int64_t start_ticks;
  double start_seconds;
};

static inline int64_t clock_ticks(const struct steady_clock *clock) {
  return clock->has_counter ? clock_counter() : (int64_t)(1e9 * clock_seconds());
}

static inline void clock_start(struct steady_clock *clock) {
  clock->has_counter = clock_is_invariant();
  clock->start_seconds = clock_seconds();
  clock->start_ticks = clock_ticks(clock);
}

/* How long so many ticks are, at the rate since the clock was started. */
static inline double clock_duration(const struct steady_clock *clock, int64_t ticks) {
  const int64_t all = clock_ticks(clock) - clock->start_ticks;
  return all > 0 ? (clock_seconds() - clock->start_seconds) * ((double)ticks / (double)all) : 0;
}

#endif
