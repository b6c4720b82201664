/* environment.h - hold off floating-point traps for the time of a call, and put back the caller's
 * environment: flags, traps and rounding. */
#ifndef PYEMU_ENVIRONMENT_H
#define PYEMU_ENVIRONMENT_H

#include <fenv.h>

/* What is to be put back. */
struct environment {
  fenv_t full;
  int is_full; /* 'full' holds it; else the members below do */
  unsigned vector;
  unsigned short control;
  unsigned short flags;
};

void environment_hold(struct environment *environment);
void environment_restore(const struct environment *environment);

#endif
