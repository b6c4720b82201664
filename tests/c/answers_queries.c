/* What an open emulator says of itself. */
#include "toy.h"

static char message[1024];

static void check_variables(const pyemu_emulator *e) {
  static const char *const names[] = {TOY_TEMPERATURE, TOY_PRESSURE, TOY_SURFACE,
                                      TOY_FLUX,        TOY_TENDENCY, TOY_OUTGOING};
  static const char *const levels[] = {"layer", "interface", NULL, "interface", "layer", NULL};
  static const int sizes[] = {5, 6, 1, 6, 5, 1};
  static const int dtypes[] = {PYEMU_FLOAT32, PYEMU_FLOAT64, PYEMU_FLOAT32,
                               PYEMU_FLOAT64, PYEMU_FLOAT64, PYEMU_FLOAT32};
  CHECK(pyemu_variable_count(e) == 6);
  for (int i = 0; i < 6; ++i) {
    pyemu_variable v;
    int64_t index = -1;
    v.sizeof_variable = sizeof v;
    CHECK_STATUS(pyemu_variable_info(e, i, &v, message, sizeof message), PYEMU_OK, "");
    CHECK(strcmp(v.name, names[i]) == 0 && strcmp(v.standard_name, names[i]) == 0);
    CHECK(v.level_size == sizes[i] && v.dtype == dtypes[i] && !v.is_bound);
    CHECK(v.direction == (i < 3 ? PYEMU_INPUT : PYEMU_OUTPUT));
    CHECK(levels[i] ? strcmp(v.level_name, levels[i]) == 0 : v.level_name == NULL);
    CHECK_STATUS(pyemu_variable_find(e, names[i], &index, message, sizeof message), PYEMU_OK, "");
    CHECK(index == i);
  }
}

/* An older program knows a shorter structure: nothing behind it is written. */
static void check_a_shorter_structure(const pyemu_emulator *e) {
  pyemu_variable v;
  memset(&v, 0x5A, sizeof v);
  v.sizeof_variable = offsetof(pyemu_variable, level_size);
  CHECK_STATUS(pyemu_variable_info(e, 0, &v, message, sizeof message), PYEMU_OK, "");
  CHECK(strcmp(v.units, "K") == 0 && v.level_size == 0x5A5A5A5A5A5A5A5A);
}

int main(int argc, char **argv) {
  pyemu_emulator *e = toy_open(argc > 1 ? argv[1] : ".", "toy.onnx", "stub");
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", PYEMU_VERSION_MAJOR, PYEMU_VERSION_MINOR,
           PYEMU_VERSION_PATCH);
  CHECK(strcmp(pyemu_version(), version) == 0 && pyemu_abi_version() == PYEMU_ABI_VERSION);
  CHECK(strcmp(pyemu_engine(e), "stub") == 0);
  CHECK(strstr(pyemu_card(e), "\"name\": \"toy\"") && strstr(pyemu_card(e), "\xE2\x80\x94"));
  CHECK(pyemu_reference_count(e) == 4 && pyemu_column_count(e) == -1);
  check_variables(e);
  check_a_shorter_structure(e);
  pyemu_close(&e, NULL, 0);
  return check_result();
}
