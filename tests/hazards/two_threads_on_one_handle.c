/* While one thread runs an emulator, another that runs it or binds to it is told so, at once, and
 * disturbs nothing. The first thread goes on until the second has been refused. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"
#include "pyemu.h"

enum { N_COLUMNS = 2048, N_LEVELS = 60, N_INPUTS = 5, MAX_RUNS = 500 };

static float input[N_INPUTS][N_COLUMNS * N_LEVELS], output[N_COLUMNS * N_LEVELS],
    alone[N_COLUMNS * N_LEVELS];
static char message[1024];
static atomic_int is_refused, is_over, n_wrong;

static pyemu_array profiles(float *data) {
  return (pyemu_array){
      data, PYEMU_FLOAT32, 2, {N_COLUMNS, N_LEVELS}, {N_LEVELS * sizeof *data, sizeof *data}};
}

static void bind_all(pyemu_emulator *e) {
  for (int i = 0; i < N_INPUTS; ++i) {
    char name[16];
    pyemu_array array = profiles(input[i]);
    snprintf(name, sizeof name, "profile_%d", i);
    CHECK_STATUS(pyemu_bind(e, name, &array, "1", PYEMU_LAST_DIM, message, sizeof message),
                 PYEMU_OK, "");
    for (int k = 0; k < N_COLUMNS * N_LEVELS; ++k)
      input[i][k] = (float)((k * (i + 3)) % 101) / 101;
  }
  pyemu_array array = profiles(output);
  CHECK_STATUS(pyemu_bind(e, "result", &array, "1", PYEMU_LAST_DIM, message, sizeof message),
               PYEMU_OK, "");
}

/* A bind of the other thread may be what is going on, so this one may be refused as well. */
static void *run_until_refused(void *e) {
  for (int n_runs = 0; !is_refused && n_runs < MAX_RUNS;) {
    int status = pyemu_run(e, n_runs, NULL, 0);
    n_runs += status == PYEMU_OK;
    n_wrong += status != PYEMU_OK && status != PYEMU_ERR_BUSY;
  }
  is_over = 1;
  return NULL;
}

int main(int argc, char **argv) {
  char path[4096];
  pthread_t thread;
  pyemu_emulator *e = NULL;
  int bind_is_refused = 0;
  snprintf(path, sizeof path, "%s/mlp.onnx", argc > 1 ? argv[1] : ".");
  CHECK_STATUS(pyemu_open(path, NULL, &e, message, sizeof message), PYEMU_OK, "");
  bind_all(e);
  CHECK_STATUS(pyemu_run(e, 0, message, sizeof message), PYEMU_OK, "");
  memcpy(alone, output, sizeof alone);

  pthread_create(&thread, NULL, run_until_refused, e);
  while (!is_over && !is_refused) {
    pyemu_array array = profiles(input[0]);
    int status = pyemu_bind(e, "profile_0", &array, "1", PYEMU_LAST_DIM, message, sizeof message);
    n_wrong += status != PYEMU_OK && status != PYEMU_ERR_BUSY;
    if (status != PYEMU_ERR_BUSY)
      continue;
    CHECK(strstr(message, "in use by another thread; open one handle for each thread"));
    bind_is_refused = 1;
    status = pyemu_run(e, 0, message, sizeof message);
    n_wrong += status != PYEMU_OK && status != PYEMU_ERR_BUSY;
    is_refused = status == PYEMU_ERR_BUSY;
  }
  pthread_join(thread, NULL);
  CHECK(bind_is_refused && is_refused && n_wrong == 0);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(memcmp(alone, output, sizeof alone) == 0);
  CHECK_STATUS(pyemu_close(&e, message, sizeof message), PYEMU_OK, "");
  return check_result();
}
