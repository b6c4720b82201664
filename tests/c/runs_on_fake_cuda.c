/* The engine "onnxruntime" on a fake card: what it asks of ONNX Runtime, and where arrays lie. */
#include <dlfcn.h>

#include "fake_cuda/fake_cuda.h"
#include "toy.h"

static char message[4096];
static const char *directory, *runtime;
static struct fake_cuda *fake;
static fake_card_function *put_on_card;

/* Arrays as the graph has them: in its types, and (column, level) with the level adjacent. */
struct card_arrays {
  float temperature[TOY_MAX_COLUMNS * TOY_LAYERS];
  double tendency[TOY_MAX_COLUMNS * TOY_LAYERS];
};

static struct toy toy;
static struct card_arrays arrays;

static int open_on(pyemu_emulator **e, const char *device, void *stream) {
  char path[4096];
  pyemu_options options = PYEMU_OPTIONS_INIT;
  options.device = device;
  options.stream = stream;
  options.runtime_library = runtime;
  snprintf(path, sizeof path, "%s/toy.onnx", directory);
  int status = pyemu_open(path, &options, e, message, sizeof message);
  CHECK((status == PYEMU_OK) == (*e != NULL));
  return status;
}

static void close_it(pyemu_emulator **e) {
  CHECK_STATUS(pyemu_close(e, message, sizeof message), PYEMU_OK, "");
  CHECK(fake->pinned == 0);
}

/* Inputs that change in place are seen by the next run, though a copy of them is on the card. */
static void check_host_arrays(void) {
  pyemu_emulator *e = NULL;
  CHECK_STATUS(open_on(&e, "cuda:1", NULL), PYEMU_OK, "");
  CHECK(strcmp(pyemu_device(e), "cuda:1") == 0);
  CHECK(strstr(fake->options, "device_id=1 use_tf32=0 ") && !strstr(fake->options, "stream"));
  CHECK(fake->no_fallback);
  for (int shift = 0; shift < 3; ++shift) {
    toy_fill(&toy, 13, shift);
    if (shift == 0)
      toy_bind(e, &toy);
    CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
    CHECK(toy_error(&toy) < 1e-6);
    CHECK(fake->copies == 3 * (shift + 1) && fake->syncs == 2 * (shift + 1));
  }
  CHECK(fake->pinned == 1); /* the tensors that arrays are packed into */
  close_it(&e);
}

static pyemu_array on_card(void *data, int32_t dtype) {
  const int64_t size = dtype == PYEMU_FLOAT32 ? 4 : 8;
  pyemu_array array = {data, dtype, 2, {13, TOY_LAYERS}, {size * TOY_LAYERS, size}};
  return array;
}

static void copy_to_card(void) {
  for (int c = 0; c < 13; ++c)
    for (int l = 0; l < TOY_LAYERS; ++l)
      arrays.temperature[c * TOY_LAYERS + l] = (float)toy.temperature[l * 13 + c];
}

static void copy_from_card(void) {
  for (int c = 0; c < 13; ++c)
    for (int l = 0; l < TOY_LAYERS; ++l)
      toy.tendency[l * 13 + c] = arrays.tendency[c * TOY_LAYERS + l];
}

static int bind_device(pyemu_emulator *e, const char *name, void *data) {
  pyemu_array array =
      on_card(data, strcmp(name, TOY_TENDENCY) == 0 ? PYEMU_FLOAT64 : PYEMU_FLOAT32);
  return pyemu_bind_device(e, name, &array, NULL, PYEMU_LAST_DIM, message, sizeof message);
}

/* One input and one output on the card, the others in host memory; then all on the host again. */
static void check_device_arrays(void) {
  pyemu_emulator *e = NULL;
  CHECK_STATUS(open_on(&e, "cuda", NULL), PYEMU_OK, "");
  put_on_card(&arrays, sizeof arrays, 0);
  for (int shift = 0; shift < 3; ++shift) {
    toy_fill(&toy, 13, shift);
    copy_to_card();
    if (shift == 0) {
      toy_bind(e, &toy);
      CHECK_STATUS(bind_device(e, TOY_TEMPERATURE, arrays.temperature), PYEMU_OK, "");
      CHECK_STATUS(bind_device(e, TOY_TENDENCY, arrays.tendency), PYEMU_OK, "");
    }
    CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
    copy_from_card();
    CHECK(toy_error(&toy) < 1e-6);
    CHECK(fake->copies == 2 * (shift + 1) && fake->values_on_device == 2);
  }
  toy_fill(&toy, 13, 5);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, sizeof message), PYEMU_OK, "");
  CHECK(toy_error(&toy) < 1e-6 && fake->values_on_device == 2);
  close_it(&e);
}

/* What is not on the card, or not as the graph has it, is refused; what was bound stays. */
static void check_refused_arrays(void) {
  pyemu_emulator *e = NULL;
  pyemu_array array = on_card(arrays.temperature, PYEMU_FLOAT32);
  const size_t n = sizeof message;
  CHECK_STATUS(open_on(&e, "cuda:0", NULL), PYEMU_OK, "");
  toy_fill(&toy, 13, 0);
  toy_bind(e, &toy);
  array.strides[0] = 4, array.strides[1] = 4 * 13;
  CHECK_STATUS(pyemu_bind_device(e, TOY_TEMPERATURE, &array, "K", -1, message, n), PYEMU_ERR_LAYOUT,
               "nothing is rearranged: it must be float32");
  array = toy_profile(toy.temperature, 13, TOY_LAYERS);
  CHECK_STATUS(pyemu_bind_device(e, TOY_TEMPERATURE, &array, "K", -1, message, n), PYEMU_ERR_LAYOUT,
               "found float64");
  CHECK_STATUS(pyemu_run(e, 1, message, n), PYEMU_OK, "");
  put_on_card(&arrays, sizeof arrays, 1);
  CHECK_STATUS(bind_device(e, TOY_TEMPERATURE, arrays.temperature), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, 1, message, n), PYEMU_ERR_ARGUMENT,
               "the array for 'air_temperature' lies on card 1, but the emulator runs on card 0");
  put_on_card(NULL, 0, 0);
  CHECK_STATUS(pyemu_run(e, 1, message, n), PYEMU_ERR_ARGUMENT, "its address is in host memory");
  put_on_card(&arrays, sizeof arrays, 0);
  copy_to_card();
  CHECK_STATUS(bind_device(e, TOY_TENDENCY, arrays.temperature), PYEMU_OK, "");
  CHECK_STATUS(pyemu_run(e, 1, message, n), PYEMU_ERR_LAYOUT, "over the array for 'air_temp");
  toy_fill(&toy, 13, 2);
  toy_bind(e, &toy);
  CHECK_STATUS(pyemu_run(e, 1, message, n), PYEMU_OK, "");
  CHECK(toy_error(&toy) < 1e-6);
  close_it(&e);
}

static void check_options(void) {
  pyemu_emulator *e = NULL;
  char expected[64];
  snprintf(expected, sizeof expected, "user_compute_stream=%llu ",
           (unsigned long long)(uintptr_t)&toy);
  CHECK_STATUS(open_on(&e, "cuda:0", &toy), PYEMU_OK, "");
  CHECK(strstr(fake->options, expected));
  close_it(&e);
  CHECK_STATUS(open_on(&e, "cpu", &toy), PYEMU_ERR_UNSUPPORTED, "a stream was given");
  CHECK_STATUS(open_on(&e, "cuda:2", NULL), PYEMU_ERR_ENGINE,
               "ONNX Runtime could not start CUDA: CUDA failure 101: invalid device ordinal; are");
}

/* The CPU takes over where that was allowed, and only there. */
static void check_fallback(void) {
  pyemu_emulator *e = NULL;
  CHECK_STATUS(open_on(&e, "cuda:7,cpu", NULL), PYEMU_OK, "");
  CHECK(message[0] == '\0' && strcmp(pyemu_device(e), "cpu") == 0);
  CHECK_STATUS(bind_device(e, TOY_TEMPERATURE, arrays.temperature), PYEMU_ERR_UNSUPPORTED,
               "is bound on the device, but the emulator runs on 'cpu'");
  close_it(&e);
  fake->graph_needs_cpu = 1;
  CHECK_STATUS(open_on(&e, "cuda:0", NULL), PYEMU_ERR_GRAPH,
               "(on 'cuda:0'; 'cuda:0,cpu' leaves to the CPU what CUDA cannot do)");
  CHECK_STATUS(open_on(&e, "cuda:0,cpu", NULL), PYEMU_OK, "");
  CHECK(strcmp(pyemu_device(e), "cuda:0") == 0);
  close_it(&e);
  fake->graph_needs_cpu = 0;
}

static void *symbol(const char *library, const char *name) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    printf("%s\n", dlerror());
  void *found = handle ? dlsym(handle, name) : NULL;
  if (!found)
    exit(EXIT_FAILURE);
  return found;
}

int main(int argc, char **argv) {
  fake_cuda_function *get_fake;
  if (argc != 5)
    return EXIT_FAILURE;
  directory = argv[1];
  runtime = argv[3];
  setenv("PYEMU_TEST_ORT", argv[2], 1);
  void *found = symbol(argv[3], "fake_cuda");
  memcpy(&get_fake, &found, sizeof get_fake);
  found = symbol(argv[4], "fake_card");
  memcpy(&put_on_card, &found, sizeof put_on_card);
  fake = get_fake();
  check_host_arrays();
  check_device_arrays();
  check_refused_arrays();
  check_options();
  check_fallback();
  return check_result();
}
