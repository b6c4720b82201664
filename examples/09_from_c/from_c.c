/* Longwave heating of three columns, from C. */
#include <pyemu.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_COLUMNS = 3, N_LAYERS = 10 };

static char message[1024];

/* Every function returns a status, and has written a message if it is not zero. */
static void require(int status) {
  if (status == PYEMU_OK)
    return;
  fprintf(stderr, "%s: %s\n", pyemu_status_name(status), message);
  exit(EXIT_FAILURE);
}

/* Profiles as C stores them: the levels of a column lie beside each other. */
static pyemu_array profiles(double *data) {
  return (pyemu_array){.data = data,
                       .dtype = PYEMU_FLOAT64,
                       .rank = 2,
                       .shape = {N_COLUMNS, N_LAYERS},
                       .strides = {N_LAYERS * sizeof *data, sizeof *data}};
}

static void bind(pyemu_emulator *emulator, const char *name, pyemu_array array, const char *units) {
  require(pyemu_bind(emulator, name, &array, units, PYEMU_LAST_DIM, message, sizeof message));
}

int main(void) {
  static double temperature[N_COLUMNS][N_LAYERS], surface[N_COLUMNS], heating[N_COLUMNS][N_LAYERS];
  for (int column = 0; column < N_COLUMNS; ++column) {
    surface[column] = 290 + column;
    for (int layer = 0; layer < N_LAYERS; ++layer)
      temperature[column][layer] = 213 + 8 * layer;
  }
  pyemu_array surfaces = {surface, PYEMU_FLOAT64, 1, {N_COLUMNS}, {sizeof *surface}};

  pyemu_emulator *radiation = NULL;
  require(pyemu_open("longwave.onnx", NULL, &radiation, message, sizeof message));
  bind(radiation, "air_temperature", profiles(*temperature), "K");
  bind(radiation, "surface_temperature", surfaces, "K");
  bind(radiation, "tendency_of_air_temperature_due_to_longwave_heating", profiles(*heating),
       "K s-1");
  require(pyemu_run(radiation, 1, message, sizeof message));
  require(pyemu_close(&radiation, message, sizeof message));

  printf("layer  heating [K day-1]\n");
  for (int layer = 0; layer < N_LAYERS; ++layer)
    printf("%5d  %7.3f %7.3f %7.3f\n", layer + 1, 86400 * heating[0][layer],
           86400 * heating[1][layer], 86400 * heating[2][layer]);
  return EXIT_SUCCESS;
}
