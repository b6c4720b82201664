/* team.h - a few threads that belong to one handle and share out its loops. */
#ifndef PYEMU_TEAM_H
#define PYEMU_TEAM_H

#include <stdint.h>

#include "error.h"

/*
 * The calling thread and threads - 1 workers. A NULL team is the calling thread alone.
 *
 * Workers sleep when there is nothing to do, and never in a busy loop: the host owns the cores.
 * They block all signals, so that no handler of the host runs in them, and may run where the thread
 * that made them may.
 */
struct team;

/* Have 'threads' threads, 1 or more; '*team' stays NULL for one. Errors: MEMORY, also if the system
 * refuses a thread. */
int team_make(struct team **team, int threads, const struct error *error);

/* End the workers and wait for them. NULL is allowed. */
void team_free(struct team *team);

/* Threads of the team that can work now: 1 for NULL, and in a process that was forked. */
int team_size(const struct team *team);

/* Part 'part' of a loop. Parts may run at the same time, in any order, and must not call team_run
 * for the same team. */
typedef void team_work(void *context, int64_t part);

/*
 * Do the parts 0 to parts - 1 of a loop, each once, and return when all are done. A thread that has
 * done a part takes the next, the calling thread too: one that wakes late does less, and is not
 * waited for.
 *
 * Workers compute as the calling thread does: with its rounding, and its treatment of tiny numbers.
 * They never trap. Takes no memory. One thread may be in a call for a team at a time. fork() leaves
 * the workers behind: the child does all parts itself.
 */
void team_run(struct team *team, team_work *work, void *context, int64_t parts);

#endif
