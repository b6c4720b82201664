/* The library writes to neither standard output nor standard error, whatever happens. */
#include <unistd.h>

#include "toy.h"

int main(int argc, char **argv) {
  static const char *const files[] = {"toy.onnx",          "no_card.onnx", "truncated.onnx",
                                      "graph_broken.onnx", "mlp.onnx",     "card_is_deep.onnx",
                                      "fails.onnx",        "no_such_file", "text.onnx",
                                      "fixed_columns.onnx"};
  static struct toy toy;
  const char *directory = argc > 1 ? argv[1] : ".";
  FILE *caught = tmpfile();
  if (!caught)
    return EXIT_FAILURE;
  fflush(stdout);
  int out = dup(1), err = dup(2);
  dup2(fileno(caught), 1);
  dup2(fileno(caught), 2);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; ++i) {
    char path[4096];
    pyemu_emulator *e = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, files[i]);
    pyemu_open(path, NULL, &e, NULL, 0);
    toy_fill(&toy, 4, 0);
    pyemu_array array = toy_scalar(toy.surface, 4);
    pyemu_bind(e, TOY_SURFACE, &array, "degC", -1, NULL, 0);
    if (i == 0)
      toy_bind(e, &toy);
    if (strcmp(files[i], "fails.onnx") == 0) {
      pyemu_array x = toy_profile(toy.temperature, 4, 5), y = toy_profile(toy.tendency, 4, 5);
      pyemu_bind(e, "x", &x, NULL, -1, NULL, 0);
      pyemu_bind(e, "y", &y, NULL, -1, NULL, 0);
    }
    pyemu_run(e, 1, NULL, 0);
    pyemu_close(&e, NULL, 0);
  }
  dup2(out, 1);
  dup2(err, 2);
  fseek(caught, 0, SEEK_END);
  if (ftell(caught) > 0) {
    char text[1000];
    rewind(caught);
    text[fread(text, 1, sizeof text - 1, caught)] = '\0';
    printf("printed: %s\n", text);
  }
  CHECK(ftell(caught) == 0);
  CHECK(toy_error(&toy) >= 0);
  return check_result();
}
