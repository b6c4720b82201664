/* What a call does to flags, rounding and traps of either floating-point unit is gone after it. */
#include "environment.h"

#include "check.h"

/* Division by zero and an inexact sum, in the vector unit and in the x87 unit. */
static void raise_flags(void) {
  volatile double zero = 0, one = 1, tiny = 1e-300;
  volatile long double long_zero = 0, long_one = 1;
  one = one / zero + tiny;
  long_one = long_one / long_zero;
}

static void check_flags_before(int flags) {
  struct environment environment;
  feclearexcept(FE_ALL_EXCEPT);
  feraiseexcept(flags);
  fesetround(FE_DOWNWARD);
  environment_hold(&environment);
  CHECK(!(fetestexcept(FE_DIVBYZERO) & ~flags));
  raise_flags();
  fesetround(FE_UPWARD);
  environment_restore(&environment);
  CHECK(fetestexcept(FE_ALL_EXCEPT) == flags);
  CHECK(fegetround() == FE_DOWNWARD);
  fesetround(FE_TONEAREST);
}

static void check_traps(int traps) {
  struct environment environment;
  feclearexcept(FE_ALL_EXCEPT);
  feenableexcept(traps);
  environment_hold(&environment);
  raise_flags(); /* would stop the program */
  environment_restore(&environment);
  CHECK(fegetexcept() == traps);
  CHECK(fetestexcept(FE_ALL_EXCEPT) == 0);
  fedisableexcept(FE_ALL_EXCEPT);
}

int main(void) {
  check_flags_before(0);
  check_flags_before(FE_INVALID);
  check_flags_before(FE_OVERFLOW | FE_INEXACT);
  check_traps(0);
  check_traps(FE_DIVBYZERO);
  check_traps(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
  return check_result();
}
