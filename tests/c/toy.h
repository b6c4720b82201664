/* toy.h - the toy emulator of tests/data/make_emulators.py, its arrays and its formula. */
#ifndef TOY_H
#define TOY_H

#include <math.h>

#include "check.h"
#include "pyemu.h"

enum { TOY_LAYERS = 5, TOY_MAX_COLUMNS = 64 };

#define TOY_TEMPERATURE "air_temperature"
#define TOY_PRESSURE "air_pressure_at_interfaces"
#define TOY_SURFACE "surface_temperature"
#define TOY_FLUX "upwelling_longwave_flux_in_air_at_interfaces"
#define TOY_TENDENCY "tendency_of_air_temperature_due_to_longwave_heating"
#define TOY_OUTGOING "toa_outgoing_longwave_flux"

/* Arrays of a host, in Fortran's order (column, level): the column varies fastest. */
struct toy {
  int64_t columns;
  double temperature[TOY_LAYERS * TOY_MAX_COLUMNS];
  double pressure[(TOY_LAYERS + 1) * TOY_MAX_COLUMNS];
  double surface[TOY_MAX_COLUMNS];
  double flux[(TOY_LAYERS + 1) * TOY_MAX_COLUMNS];
  double tendency[TOY_LAYERS * TOY_MAX_COLUMNS];
  double outgoing[TOY_MAX_COLUMNS];
};

static inline pyemu_array toy_profile(double *data, int64_t columns, int64_t levels) {
  pyemu_array array = {
      data, PYEMU_FLOAT64, 2, {columns, levels}, {8, (int64_t)(8 * (uint64_t)columns)}};
  return array;
}

static inline pyemu_array toy_scalar(double *data, int64_t columns) {
  pyemu_array array = {data, PYEMU_FLOAT64, 1, {columns}, {8}};
  return array;
}

/* Fill the inputs with numbers that float32 holds exactly, and the outputs with a mark. */
static inline void toy_fill(struct toy *toy, int64_t columns, int shift) {
  toy->columns = columns;
  for (int64_t c = 0; c < columns; ++c) {
    toy->surface[c] = 280.0 + (double)((c * 7 + shift) % 16) / 4;
    toy->outgoing[c] = -999;
    for (int64_t l = 0; l < TOY_LAYERS; ++l) {
      toy->temperature[l * columns + c] = 200.0 + (double)((c * 5 + l * 3 + shift) % 64) / 2;
      toy->tendency[l * columns + c] = -999;
    }
    for (int64_t l = 0; l <= TOY_LAYERS; ++l) {
      toy->pressure[l * columns + c] = 100.0 * (double)(l + 1) + 0.1 * (double)c;
      toy->flux[l * columns + c] = -999;
    }
  }
}

static inline void toy_bind_in(pyemu_emulator *e, struct toy *toy, const char *const *units) {
  char message[1024];
  const int64_t n = toy->columns;
  pyemu_array arrays[] = {toy_profile(toy->temperature, n, TOY_LAYERS),
                          toy_profile(toy->pressure, n, TOY_LAYERS + 1),
                          toy_scalar(toy->surface, n),
                          toy_profile(toy->flux, n, TOY_LAYERS + 1),
                          toy_profile(toy->tendency, n, TOY_LAYERS),
                          toy_scalar(toy->outgoing, n)};
  const char *names[] = {TOY_TEMPERATURE, TOY_PRESSURE, TOY_SURFACE,
                         TOY_FLUX,        TOY_TENDENCY, TOY_OUTGOING};
  for (int i = 0; i < 6; ++i)
    CHECK_STATUS(
        pyemu_bind(e, names[i], &arrays[i], units[i], PYEMU_LAST_DIM, message, sizeof message),
        PYEMU_OK, "");
}

static inline void toy_bind(pyemu_emulator *e, struct toy *toy) {
  const char *const units[] = {"K", "Pa", " K ", "W m-2", "K s-1", NULL};
  toy_bind_in(e, toy, units);
}

static inline void toy_bind_without_units(pyemu_emulator *e, struct toy *toy) {
  const char *const units[6] = {NULL};
  toy_bind_in(e, toy, units);
}

/* Largest error of the outputs, relative to their size. */
static inline double toy_error(const struct toy *toy) {
  double error = 0;
  const int64_t n = toy->columns;
  for (int64_t c = 0; c < n; ++c) {
    double sum = 0;
    for (int64_t l = 0; l < TOY_LAYERS; ++l) {
      double t = toy->temperature[l * n + c], weight = (double)(l + 1);
      sum += t * weight;
      error = fmax(error, fabs(toy->tendency[l * n + c] - (t - toy->surface[c]) * weight) / 300);
    }
    for (int64_t l = 0; l <= TOY_LAYERS; ++l) {
      double expected = toy->pressure[l * n + c] * ((double)(l + 1) / 100) + toy->surface[c];
      error = fmax(error, fabs(toy->flux[l * n + c] - expected) / 300);
    }
    error = fmax(error, fabs(toy->outgoing[c] - sum) / 3000);
  }
  return error;
}

/* 1 if no output has been written to since toy_fill. */
static inline int toy_is_untouched(const struct toy *toy) {
  int untouched = 1;
  for (int64_t i = 0; i < toy->columns * (TOY_LAYERS + 1); ++i)
    untouched &= toy->flux[i] == -999;
  for (int64_t i = 0; i < toy->columns * TOY_LAYERS; ++i)
    untouched &= toy->tendency[i] == -999;
  for (int64_t i = 0; i < toy->columns; ++i)
    untouched &= toy->outgoing[i] == -999;
  return untouched;
}

/* Open a file of the test directory. */
static inline pyemu_emulator *toy_open(const char *directory, const char *name,
                                       const char *engine) {
  char path[4096], message[1024];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  pyemu_emulator *e = NULL;
  options.engine = engine;
  snprintf(path, sizeof path, "%s/%s", directory, name);
  CHECK_STATUS(pyemu_open(path, &options, &e, message, sizeof message), PYEMU_OK, "");
  return e;
}

#endif
