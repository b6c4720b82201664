/* A team does every part of a loop once, as the calling thread would do it, and leaves the host
 * alone: its signals, its memory, and the processes it forks. Linked with --wrap. */
#include "team.h"

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { MAX_PARTS = 1000, ALL = 8 };

static char message[512];
static atomic_long n_requests;
static int is_memory_refused;
static int refused_thread = -1; /* counted down; -1: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument);

void *__wrap_malloc(size_t size) {
  ++n_requests;
  return is_memory_refused ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  ++n_requests;
  return is_memory_refused ? NULL : __real_calloc(count, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument) {
  ++n_requests;
  return refused_thread >= 0 && refused_thread-- == 0
             ? 11
             : __real_pthread_create(thread, attributes, start, argument);
}

static struct team *make(int threads) {
  char message[512]; /* several threads make teams */
  struct error error = error_in(message, sizeof message);
  struct team *team;
  CHECK_STATUS(team_make(&team, threads, &error), PYEMU_OK, "");
  CHECK((team == NULL) == (threads == 1) && team_size(team) == threads);
  return team;
}

/* How often each part was done. */
struct tally {
  atomic_int counts[MAX_PARTS];
};

static void count_part(void *context, int64_t part) {
  struct tally *tally = context;
  ++tally->counts[part];
}

static void check_parts(struct team *team, int64_t parts) {
  struct tally tally = {{0}};
  int wrong = 0;
  team_run(team, count_part, &tally, parts);
  for (int64_t i = 0; i < MAX_PARTS; ++i)
    wrong += tally.counts[i] != (i < parts);
  CHECK(wrong == 0);
}

static void check_all_parts_once(void) {
  const int64_t parts[] = {0, 1, 2, 3, 7, 8, 9, MAX_PARTS};
  for (int threads = 1; threads <= ALL; ++threads) {
    struct team *team = make(threads);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i)
      check_parts(team, parts[i]);
    team_free(team);
  }
}

/* What a round writes without any lock, the next round and the caller read. */
struct sums {
  int64_t terms[16];
};

static void add_part(void *context, int64_t part) {
  struct sums *sums = context;
  sums->terms[part] += part + 1;
}

static void check_many_rounds(int threads, int64_t rounds) {
  struct team *team = make(threads);
  struct sums sums = {{0}};
  for (int64_t round = 0; round < rounds; ++round)
    team_run(team, add_part, &sums, 2 + round % 15);
  int64_t expected = 0, found = 0;
  for (int64_t round = 0; round < rounds; ++round)
    expected += (2 + round % 15) * (3 + round % 15) / 2;
  for (int i = 0; i < 16; ++i)
    found += sums.terms[i];
  CHECK(found == expected);
  team_free(team);
}

static void *use_a_team(void *argument) {
  check_many_rounds(*(int *)argument, 3000);
  return NULL;
}

static void check_teams_side_by_side(void) {
  pthread_t threads[4];
  int sizes[4] = {2, 3, 4, 2};
  for (int i = 0; i < 4; ++i)
    CHECK(pthread_create(&threads[i], NULL, use_a_team, &sizes[i]) == 0);
  for (int i = 0; i < 4; ++i)
    pthread_join(threads[i], NULL);
}

/* Parts that all wait until as many threads have come, and note how each of them computes. */
struct meeting {
  atomic_int n_met;
  int n_expected;
  int rounding[ALL];
  double third[ALL];
  double halved[ALL];
  double infinity[ALL];
  long double long_third[ALL];
  char name[ALL][16];
  pthread_t caller;
};

static void meet(void *context, int64_t part) {
  struct meeting *m = context;
  volatile double one = 1, three = 3, zero = 0, tiny = 0x1p-1022;
  volatile long double long_one = 1, long_three = 3;
  const time_t start = time(NULL);
  ++m->n_met;
  while (m->n_met < m->n_expected && time(NULL) - start < 60)
    sched_yield();
  m->rounding[part] = fegetround();
  m->third[part] = one / three;
  m->long_third[part] = long_one / long_three;
  m->halved[part] = tiny / 2;
  m->infinity[part] = pthread_equal(pthread_self(), m->caller) ? HUGE_VAL : one / zero;
#ifdef __linux__
  pthread_getname_np(pthread_self(), m->name[part], sizeof m->name[part]);
#endif
}

static struct meeting hold_meeting(struct team *team) {
  struct meeting m = {.n_expected = team_size(team), .caller = pthread_self()};
  team_run(team, meet, &m, m.n_expected);
  CHECK(m.n_met == m.n_expected);
  return m;
}

/* All threads take part, with the rounding of the caller, and without its traps. */
static void check_rounding(int rounding, int traps) {
  struct team *team = make(4);
  CHECK(hold_meeting(team).rounding[3] == FE_TONEAREST);
  volatile double one = 1, three = 3;
  volatile long double long_one = 1, long_three = 3;
  fesetround(rounding);
#ifdef __GLIBC__
  feenableexcept(traps);
#endif
  const double third = one / three;
  const long double long_third = long_one / long_three;
  struct meeting m = hold_meeting(team);
#ifdef __GLIBC__
  fedisableexcept(traps);
#endif
  fesetround(FE_TONEAREST);
  for (int i = 0; i < 4; ++i) {
    CHECK(m.rounding[i] == rounding && m.third[i] == third && m.long_third[i] == long_third);
    CHECK(m.infinity[i] > 1e308 && m.halved[i] > 0);
  }
  m = hold_meeting(team); /* and nothing of it stays */
  for (int i = 0; i < 4; ++i)
    CHECK(m.rounding[i] == FE_TONEAREST && m.halved[i] > 0);
  team_free(team);
}

/* Numbers too small for the normal form are zero in all threads, or in none. */
static void check_tiny_numbers(void) {
#ifdef __x86_64__
  const unsigned flush_to_zero = 0x8000, own = __builtin_ia32_stmxcsr();
  struct team *team = make(3);
  __builtin_ia32_ldmxcsr(own | flush_to_zero);
  struct meeting m = hold_meeting(team);
  __builtin_ia32_ldmxcsr(own);
  for (int i = 0; i < 3; ++i)
    CHECK(m.halved[i] == 0);
  m = hold_meeting(team);
  for (int i = 0; i < 3; ++i)
    CHECK(m.halved[i] > 0);
  team_free(team);
#endif
}

static void check_names(void) {
#ifdef __linux__
  struct team *team = make(3);
  struct meeting m = hold_meeting(team);
  int n_named = 0;
  for (int i = 0; i < 3; ++i)
    n_named += strcmp(m.name[i], "pyemu") == 0;
  CHECK(n_named == 2);
  team_free(team);
#endif
}

static atomic_int n_handled, n_handled_elsewhere;
static pthread_t main_thread;

static void handle(int number) {
  (void)number;
  ++n_handled;
  n_handled_elsewhere += !pthread_equal(pthread_self(), main_thread);
}

/* A signal to the process waits for a thread of the host, even if only workers could take it. */
static void check_signals(void) {
  struct sigaction action = {.sa_handler = handle}, before;
  sigset_t user, mask, pending;
  struct team *team = make(4);
  sigemptyset(&user);
  sigaddset(&user, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  CHECK(!sigismember(&mask, SIGUSR1)); /* the mask of the maker is as before */
  sigaction(SIGUSR1, &action, &before);
  main_thread = pthread_self();
  pthread_sigmask(SIG_BLOCK, &user, NULL);
  kill(getpid(), SIGUSR1);
  hold_meeting(team);
  CHECK(n_handled == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  CHECK(n_handled == 1 && n_handled_elsewhere == 0);
  sigaction(SIGUSR1, &before, NULL);
  team_free(team);
}

/* A forked process goes on alone; the one that forked it is not disturbed. */
static void check_fork(void) {
  struct team *team = make(4);
  check_parts(team, 100);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    check_failures = 0;
    CHECK(team_size(team) == 1);
    for (int i = 0; i < 100; ++i)
      check_parts(team, 100);
    team_free(team);
#ifndef __SANITIZE_THREAD__ /* which allows a forked process no threads */
    struct team *own = make(3);
    check_parts(own, 100);
    team_free(own);
#endif
    _exit(check_failures);
  }
  int status = -1;
  check_parts(team, 100);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  hold_meeting(team);
  team_free(team);
}

/* Neither memory nor threads are asked for after a team is made. */
static void check_memory(void) {
  struct team *team = make(4);
  struct tally tally = {{0}};
  const long before = n_requests;
  for (int i = 0; i < 1000; ++i)
    team_run(team, count_part, &tally, 16);
  CHECK(n_requests == before && before > 0);
  team_free(team);
}

static void check_refusals(void) {
  struct error error = error_in(message, sizeof message);
  struct team *team;
  is_memory_refused = 1;
  CHECK_STATUS(team_make(&team, 3, &error), PYEMU_ERR_MEMORY, "no memory for a team of 3 threads");
  is_memory_refused = 0;
  CHECK(!team);
  for (refused_thread = 0; refused_thread < 3;) {
    const int n_given = refused_thread + 1;
    char expected[64];
    snprintf(expected, sizeof expected, "the system gave %d of 4 threads (", n_given);
    CHECK_STATUS(team_make(&team, 4, &error), PYEMU_ERR_MEMORY, expected);
    CHECK(!team && refused_thread == -1);
    refused_thread = n_given;
  }
  refused_thread = -1;
}

int main(void) {
  check_all_parts_once();
  for (int threads = 1; threads <= 5; ++threads)
    check_many_rounds(threads, 5000);
  check_teams_side_by_side();
  check_rounding(FE_UPWARD, 0);
  check_rounding(FE_DOWNWARD, FE_DIVBYZERO | FE_INVALID);
  check_rounding(FE_TOWARDZERO, 0);
  check_tiny_numbers();
  check_names();
  check_signals();
  check_fork();
  check_memory();
  check_refusals();
  return check_result();
}
