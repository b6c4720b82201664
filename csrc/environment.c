#include "environment.h"

/*
 * The functions of <fenv.h> save and load the whole state of the old x87 unit, which takes a tenth
 * of a microsecond: as long as all else that run does. Arithmetic on x86-64 uses the vector unit,
 * whose state is one register; the x87 unit is only looked at. Where it traps, or where a call has
 * changed its state, the full way is taken.
 */
#if defined(__x86_64__) && defined(__GNUC__) && defined(__GLIBC__)
#include <xmmintrin.h>

enum { MASKS = 0x3F, FLAGS = 0x3F };

static unsigned short stack_control(void) {
  unsigned short word;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}

static unsigned short stack_flags(void) {
  unsigned short word;
  __asm__ volatile("fnstsw %0" : "=m"(word));
  return word & FLAGS;
}

void environment_hold(struct environment *environment) {
  environment->control = stack_control();
  environment->is_full = (environment->control & MASKS) != MASKS;
  if (environment->is_full) {
    feholdexcept(&environment->full);
    return;
  }
  environment->flags = stack_flags();
  environment->vector = _mm_getcsr();
  environment->is_own = 0;
  _mm_setcsr((environment->vector | _MM_MASK_MASK) & ~(unsigned)_MM_EXCEPT_MASK);
}

void environment_hold_own(struct environment *environment) {
  environment->is_full = 0;
  environment->is_own = 1;
  environment->vector = _mm_getcsr();
  environment_use_default();
}

void environment_restore(const struct environment *environment) {
  if (environment->is_full) {
    fesetenv(&environment->full);
    return;
  }
  if (!environment->is_own &&
      (stack_flags() != environment->flags || stack_control() != environment->control)) {
    fenv_t full;
    fegetenv(&full);
    full.__control_word = environment->control;
    full.__status_word = (unsigned short)((full.__status_word & ~FLAGS) | environment->flags);
    fesetenv(&full);
  }
  _mm_setcsr(environment->vector);
}

void environment_use_default(void) { _mm_setcsr(0x1F80); }

void environment_share(struct environment *environment) {
  environment->is_full = 0;
  environment->control = stack_control() | MASKS;
  environment->vector = (_mm_getcsr() | _MM_MASK_MASK) & ~(unsigned)_MM_EXCEPT_MASK;
}

void environment_adopt(const struct environment *environment) {
  if (stack_flags())
    __asm__ volatile("fnclex");
  if (stack_control() != environment->control)
    __asm__ volatile("fldcw %0" : : "m"(environment->control));
  _mm_setcsr(environment->vector);
}
#else
void environment_hold(struct environment *environment) {
  environment->is_full = 1;
  feholdexcept(&environment->full);
}

void environment_hold_own(struct environment *environment) {
  environment_hold(environment);
  environment_use_default();
}

void environment_restore(const struct environment *environment) { fesetenv(&environment->full); }

void environment_use_default(void) { fesetenv(FE_DFL_ENV); }

void environment_share(struct environment *environment) {
  fenv_t own;
  environment->is_full = 1;
  feholdexcept(&own);
  fegetenv(&environment->full);
  fesetenv(&own);
}

void environment_adopt(const struct environment *environment) { fesetenv(&environment->full); }
#endif
