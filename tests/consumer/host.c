/* A host in C, as a user writes it: open, bind, run, close. */
#include <pyemu.h>
#include <stdio.h>

int main(int argc, char **argv) {
  float x[2][5] = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}, y[2][5];
  pyemu_array in = {x, PYEMU_FLOAT32, 2, {2, 5}, {20, 4}};
  pyemu_array out = {y, PYEMU_FLOAT32, 2, {2, 5}, {20, 4}};
  pyemu_emulator *e = NULL;
  char message[512];
  if (argc < 2 || pyemu_open(argv[1], NULL, &e, message, sizeof message) != PYEMU_OK ||
      pyemu_bind(e, "x", &in, "1", PYEMU_LAST_DIM, message, sizeof message) != PYEMU_OK ||
      pyemu_bind(e, "y", &out, "1", PYEMU_LAST_DIM, message, sizeof message) != PYEMU_OK ||
      pyemu_run(e, 1, message, sizeof message) != PYEMU_OK) {
    printf("%s\n", message);
    return 1;
  }
  printf("libpyemu %s: y = %g\n", pyemu_version(), y[1][4]);
  pyemu_close(&e, NULL, 0);
  return y[1][4] == 50 ? 0 : 1;
}
