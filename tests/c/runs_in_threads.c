/* Handles in different threads do not disturb one another; one handle in two threads is refused. */
#include <pthread.h>
#include <stdatomic.h>

#include "toy.h"

enum { N_THREADS = 4, N_OPENS = 100, N_STEPS = 5 };

/* What one thread does: which engine it opens, and how its columns differ from those of others. */
struct job {
  const char *engine;
  int shift;
};

static const char *directory;
static atomic_int n_wrong;

/* Open, bind, run, close. The stub gives what is recorded, whatever the inputs. */
static void use_one_handle(const struct job *job, struct toy *toy) {
  pyemu_emulator *e = toy_open(directory, "toy.onnx", job->engine);
  toy_fill(toy, 16 + job->shift, job->shift);
  toy_bind(e, toy);
  for (int step = 0; step < N_STEPS; ++step) {
    toy_fill(toy, 16 + job->shift, job->shift + step);
    n_wrong += pyemu_run(e, step, NULL, 0) != PYEMU_OK;
    n_wrong += job->engine ? toy_is_untouched(toy) : toy_error(toy) > 1e-15;
  }
  n_wrong += pyemu_close(&e, NULL, 0) != PYEMU_OK;
}

static void *work(void *argument) {
  struct toy *toy = malloc(sizeof *toy);
  for (int i = 0; i < N_OPENS; ++i)
    use_one_handle(argument, toy);
  free(toy);
  return NULL;
}

/* Every other thread opens 'engine', the others that of the file. */
static void check_separate_handles(const char *engine) {
  pthread_t threads[N_THREADS];
  struct job jobs[N_THREADS];
  for (int i = 0; i < N_THREADS; ++i) {
    jobs[i] = (struct job){i % 2 ? engine : NULL, i};
    pthread_create(&threads[i], NULL, work, &jobs[i]);
  }
  for (int i = 0; i < N_THREADS; ++i)
    pthread_join(threads[i], NULL);
  CHECK(n_wrong == 0);
}

static atomic_int n_ok, n_busy, n_other;

static void *share(void *argument) {
  for (int step = 0; step < 20000; ++step) {
    int status = pyemu_run(argument, step, NULL, 0);
    ++*(status == PYEMU_OK ? &n_ok : status == PYEMU_ERR_BUSY ? &n_busy : &n_other);
  }
  return NULL;
}

/* Two threads on one handle: each call works or says that the handle is busy. */
static void check_one_handle(void) {
  static struct toy toy;
  pthread_t threads[2];
  pyemu_emulator *e = toy_open(directory, "toy.onnx", "stub");
  toy_fill(&toy, TOY_MAX_COLUMNS, 0);
  toy_bind(e, &toy);
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, share, e);
  for (int i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  CHECK(n_ok > 0 && n_other == 0 && n_ok + n_busy == 40000);
  CHECK(pyemu_run(e, 1, NULL, 0) == PYEMU_OK);
  pyemu_close(&e, NULL, 0);
}

int main(int argc, char **argv) {
  directory = argc > 1 ? argv[1] : ".";
  check_separate_handles(NULL);
  check_separate_handles("stub");
  check_one_handle();
  return check_result();
}
