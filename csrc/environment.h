/* environment.h - hold off floating-point traps for the time of a call, and put back the caller's
 * environment: flags, traps and rounding; and give it to other threads. */
#ifndef PYEMU_ENVIRONMENT_H
#define PYEMU_ENVIRONMENT_H

#include <fenv.h>

/* What is to be put back, or shared. */
struct environment {
  fenv_t full;
  int is_full; /* 'full' holds it; else the members below do */
  int is_own;  /* only 'vector' */
  unsigned vector;
  unsigned short control;
  unsigned short flags;
};

void environment_hold(struct environment *environment);
void environment_restore(const struct environment *environment);

/* 'hold' and 'use_default' at once, for a call in which no code runs but this library's: it leaves
 * the x87 unit alone, so that is not looked at. */
void environment_hold_own(struct environment *environment);

/* From here on round to nearest, with numbers less than normal ones and no traps, whatever the host
 * has chosen: the same bits in every host. Between 'hold' and 'restore', which puts the host's
 * choice back. */
void environment_use_default(void);

/* Compute in another thread as in this one: 'share' notes rounding and the treatment of tiny
 * numbers here, 'adopt' sets them there, with no traps and no flags. */
void environment_share(struct environment *environment);
void environment_adopt(const struct environment *environment);

#endif
