#include "team.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"

/* A loop is open while it has parts that no thread has taken. All but 'next' is only changed with
 * 'mutex' held; what describes the loop, only between loops. */
struct team {
  pthread_mutex_t mutex;
  pthread_cond_t opened; /* or the team is to end */
  pthread_cond_t left;   /* by the last worker that was in the loop */
  pid_t process;
  int is_open;
  int is_ending;
  int n_inside; /* workers in the loop */
  team_work *work;
  void *context;
  int64_t parts;
  struct environment environment;
  _Atomic int64_t next; /* part to take */
  int n_workers;
  pthread_t workers[];
};

static void do_parts(struct team *team) {
  for (int64_t part;
       (part = atomic_fetch_add_explicit(&team->next, 1, memory_order_relaxed)) < team->parts;)
    team->work(team->context, part);
}

static void name_worker(void) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "pyemu");
#elif defined(__APPLE__)
  pthread_setname_np("pyemu");
#endif
}

static void *work_until_end(void *argument) {
  struct team *team = argument;
  name_worker();
  pthread_mutex_lock(&team->mutex);
  for (;;) {
    while (!team->is_open && !team->is_ending)
      pthread_cond_wait(&team->opened, &team->mutex);
    if (team->is_ending)
      break;
    ++team->n_inside;
    pthread_mutex_unlock(&team->mutex);
    environment_adopt(&team->environment);
    do_parts(team);
    pthread_mutex_lock(&team->mutex);
    team->is_open = 0;
    if (--team->n_inside == 0)
      pthread_cond_signal(&team->left);
  }
  pthread_mutex_unlock(&team->mutex);
  return NULL;
}

/* A thread starts with the signals blocked that its maker has blocked. */
static int start_workers(struct team *team, int n) {
  sigset_t all, before;
  int code = 0;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (team->n_workers < n && code == 0) {
    code = pthread_create(&team->workers[team->n_workers], NULL, work_until_end, team);
    team->n_workers += code == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return code;
}

int team_make(struct team **made, int threads, const struct error *error) {
  *made = NULL;
  if (threads <= 1)
    return PYEMU_OK;
  struct team *team = calloc(1, sizeof *team + (size_t)(threads - 1) * sizeof team->workers[0]);
  if (!team)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for a team of %d threads", threads);
  team->process = getpid();
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->opened, NULL);
  pthread_cond_init(&team->left, NULL);
  const int code = start_workers(team, threads - 1), n_started = team->n_workers + 1;
  if (code == 0) {
    *made = team;
    return PYEMU_OK;
  }
  team_free(team);
  return fail(error, PYEMU_ERR_MEMORY,
              "the system gave %d of %d threads (%s); ask for fewer, or raise its limits of "
              "processes (ulimit -u) and memory",
              n_started, threads, strerror(code));
}

void team_free(struct team *team) {
  if (!team)
    return;
  if (team->process == getpid()) { /* a forked process has no workers to end */
    pthread_mutex_lock(&team->mutex);
    team->is_ending = 1;
    pthread_cond_broadcast(&team->opened);
    pthread_mutex_unlock(&team->mutex);
    for (int i = 0; i < team->n_workers; ++i)
      pthread_join(team->workers[i], NULL);
    pthread_cond_destroy(&team->left);
    pthread_cond_destroy(&team->opened);
    pthread_mutex_destroy(&team->mutex);
  }
  free(team);
}

int team_size(const struct team *team) {
  return team && team->process == getpid() ? team->n_workers + 1 : 1;
}

static void open_loop(struct team *team, team_work *work, void *context, int64_t parts) {
  pthread_mutex_lock(&team->mutex);
  team->work = work;
  team->context = context;
  team->parts = parts;
  environment_share(&team->environment);
  atomic_store_explicit(&team->next, 0, memory_order_relaxed);
  team->is_open = 1;
  pthread_mutex_unlock(&team->mutex);
  if (parts > team->n_workers)
    pthread_cond_broadcast(&team->opened);
  else
    for (int64_t i = 1; i < parts; ++i)
      pthread_cond_signal(&team->opened);
}

void team_run(struct team *team, team_work *work, void *context, int64_t parts) {
  if (parts < 2 || team_size(team) == 1) {
    for (int64_t part = 0; part < parts; ++part)
      work(context, part);
    return;
  }
  open_loop(team, work, context, parts);
  do_parts(team);
  pthread_mutex_lock(&team->mutex);
  team->is_open = 0;
  while (team->n_inside > 0)
    pthread_cond_wait(&team->left, &team->mutex);
  pthread_mutex_unlock(&team->mutex);
}
