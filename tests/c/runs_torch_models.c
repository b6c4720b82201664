/* The engine "torchscript" alone, without the core: models that are right, and wrong in one way
 * each. */
#include <unistd.h>

#include "check.h"
#include "plugin.h"

enum { LEVELS = 5, REFERENCES = 4, MAX_COLUMNS = 600 };

static char message[4096];
static const char *directory;

/* Columns of the models of tests/data/make_torch_models.py. */
struct columns {
  int64_t count;
  float x[MAX_COLUMNS * LEVELS];
  double s[MAX_COLUMNS];
  float y[MAX_COLUMNS * LEVELS];
  double z[MAX_COLUMNS];
};

static void evaluate(struct columns *c) {
  for (int64_t i = 0; i < c->count; ++i) {
    c->z[i] = 2.0 * c->s[i];
    for (int64_t l = 0; l < LEVELS; ++l)
      c->y[i * LEVELS + l] = c->x[i * LEVELS + l] * (float)(l + 1) + (float)c->s[i];
  }
}

/* Inputs that float32 holds exactly; the outputs get a mark. */
static void fill(struct columns *c, int64_t count, int shift) {
  c->count = count;
  for (int64_t i = 0; i < count; ++i) {
    c->s[i] = (double)((i * 3 + shift) % 32) / 4;
    for (int64_t l = 0; l < LEVELS; ++l)
      c->x[i * LEVELS + l] = (float)((i * 7 + l * 5 + shift) % 64) / 8;
  }
  for (int64_t i = 0; i < count * LEVELS; ++i)
    c->y[i] = -999;
  for (int64_t i = 0; i < count; ++i)
    c->z[i] = -999;
}

/* The loader of plugins, and a handle on one model. */
struct model {
  struct plugin plugin;
  void *state;
};

static const struct engine_device on_cpu;

/* Open a file of the test directory with one output or two on its card. */
static int open_model(struct model *m, const char *file, int64_t outputs,
                      struct engine_device where, int threads, struct columns *reference) {
  const struct engine_tensor tensors[] = {
      {"x", PYEMU_FLOAT32, PYEMU_INPUT, 2, {-1, LEVELS}, LEVELS},
      {"s", PYEMU_FLOAT64, PYEMU_INPUT, 1, {-1}, 1},
      {"y", PYEMU_FLOAT32, PYEMU_OUTPUT, 2, {-1, LEVELS}, LEVELS},
      {"z", PYEMU_FLOAT64, PYEMU_OUTPUT, 1, {-1}, 1}};
  void *values[] = {reference->x, reference->s, reference->y, reference->z};
  struct error error = error_in(message, sizeof message);
  struct engine_source source = {.tensors = tensors,
                                 .n_tensors = 2 + outputs,
                                 .n_inputs = 2,
                                 .where = where,
                                 .threads = threads,
                                 .reference_columns = reference->count,
                                 .reference_values = values};
  unsigned char *bytes = check_read(directory, file, &source.size);
  source.bytes = bytes;
  m->state = NULL;
  int status = plugin_load(&m->plugin, "torchscript", &error);
  if (status == PYEMU_OK)
    status = m->plugin.engine->create(&source, &m->state, message, sizeof message);
  CHECK((status == PYEMU_OK) == (m->state != NULL));
  free(bytes);
  return status;
}

static void close_model(struct model *m) {
  if (m->state)
    m->plugin.engine->destroy(m->state);
  plugin_unload(&m->plugin);
}

static int run(struct model *m, struct columns *c) {
  void *memory[] = {c->x, c->s, c->y, c->z};
  return m->plugin.engine->run(m->state, c->count, memory, message, sizeof message);
}

/* The outputs are the formula's, to the last bit. */
static int is_right(const struct columns *c) {
  static struct columns expected;
  expected = *c;
  evaluate(&expected);
  return memcmp(expected.y, c->y, (size_t)(c->count * LEVELS) * sizeof *c->y) == 0 &&
         memcmp(expected.z, c->z, (size_t)c->count * sizeof *c->z) == 0;
}

static struct columns *reference(void) {
  static struct columns columns;
  fill(&columns, REFERENCES, 1);
  evaluate(&columns);
  return &columns;
}

static void check_good(const char *file) {
  static struct columns a, b;
  static const int64_t counts[] = {1, 7, 7, 600, 8, 1};
  struct model m;
  CHECK_STATUS(open_model(&m, file, 2, on_cpu, 1, reference()), PYEMU_OK, "");
  if (m.state) {
    for (int i = 0; i < 6; ++i) {
      struct columns *c = i % 2 ? &a : &b; /* other memory, other sizes, and back */
      fill(c, counts[i], i);
      CHECK_STATUS(run(&m, c), PYEMU_OK, "");
      CHECK(is_right(c));
    }
    fill(&a, 7, 9); /* the same memory, other values */
    CHECK_STATUS(run(&m, &a), PYEMU_OK, "");
    CHECK(is_right(&a));
    CHECK(strspn(m.plugin.engine->version(m.state), "0123456789.") >= 5);
  }
  close_model(&m);
}

static void check_refused(const char *file, int64_t outputs, const char *piece) {
  struct model m;
  CHECK_STATUS(open_model(&m, file, outputs, on_cpu, 1, reference()), PYEMU_ERR_GRAPH, piece);
  CHECK(!strchr(message, '\n'));
  close_model(&m);
}

static void check_bad(void) {
  check_refused("ThreeOutputs.pt", 2, "the model returned 3 outputs, but the card lists 2");
  check_refused("Single.pt", 2, "the model returned 1 output, but the card lists 2");
  check_refused("Good.pt", 1, "the model returned 2 outputs, but the card lists 1");
  check_refused("Swapped.pt", 2, "output 'y' of the model is Double[4], but the card says Float");
  check_refused("Crossed.pt", 2,
                "torch could not run the model on the reference columns: The size");
  check_refused("Mapping.pt", 2, "returned a value of type GenericDict; expected a tensor, or a");
  check_refused("Narrow.pt", 2,
                "output 'z' of the model is Double[1], but the card says Double[4]");
  check_refused("Coarse.pt", 2, "output 'z' of the model is Float[4], but the card says Double[4]");
  check_refused("Writing.pt", 2, "the model writes to its input 's'");
  check_refused("Extra.pt", 2, "takes 3 inputs, but the card lists 2");
  check_refused("Truncated.pt", 2, "torch could not load the TorchScript module: ");
  check_refused("Text.pt", 2, "torch could not load the TorchScript module: ");
  check_refused("Weights.pt", 2, "torch could not load the TorchScript module: ");
}

/* The recorded outputs tell whether this is the card's model. */
static void check_other_model(void) {
  struct model m;
  struct columns *other = reference();
  other->z[2] *= 1.5;
  CHECK_STATUS(open_model(&m, "Good.pt", 2, on_cpu, 1, other), PYEMU_ERR_GRAPH,
               "output 'z' of the model differs from its recorded values by up to");
  close_model(&m);
}

/* What fails in one run does no harm to the next. */
static void check_failing(const char *file, const char *piece) {
  static struct columns c;
  struct model m;
  CHECK_STATUS(open_model(&m, file, 2, on_cpu, 1, reference()), PYEMU_OK, "");
  if (m.state) {
    fill(&c, 3, 0);
    c.x[0] = -1;
    CHECK_STATUS(run(&m, &c), PYEMU_ERR_INFERENCE, piece);
    CHECK(!strchr(message, '\n'));
    CHECK(c.y[0] == -999 && c.z[2] == -999);
    fill(&c, 3, 0);
    CHECK_STATUS(run(&m, &c), PYEMU_OK, "");
    CHECK(is_right(&c));
  }
  close_model(&m);
}

/* An output that is short in some run only is refused then, and the outputs stay as they were. */
static void check_short_output(void) {
  static struct columns c;
  struct model m;
  CHECK_STATUS(open_model(&m, "Mismatched.pt", 2, on_cpu, 1, reference()), PYEMU_OK, "");
  fill(&c, 9, 0);
  CHECK_STATUS(run(&m, &c), PYEMU_ERR_INFERENCE,
               "output 'z' of the model is Double[8], but the card says Double[9]");
  CHECK(c.y[0] == -999 && c.z[0] == -999);
  close_model(&m);
}

static void check_two_handles(void) {
  static struct columns a, b;
  struct model first, second;
  CHECK_STATUS(open_model(&first, "Good.pt", 2, on_cpu, 1, reference()), PYEMU_OK, "");
  CHECK_STATUS(open_model(&second, "Transposed.pt", 2, on_cpu, 2, reference()), PYEMU_OK, "");
  fill(&a, 9, 1);
  fill(&b, 5, 2);
  CHECK_STATUS(run(&first, &a), PYEMU_OK, "");
  CHECK_STATUS(run(&second, &b), PYEMU_OK, "");
  CHECK(is_right(&a) && is_right(&b));
  close_model(&first);
  fill(&b, 5, 3);
  CHECK_STATUS(run(&second, &b), PYEMU_OK, "");
  CHECK(is_right(&b));
  close_model(&second);
}

static void check_devices(void) {
  const struct engine_device first = {.is_cuda = 1}, last = {.is_cuda = 1, .index = 4095};
  struct model m;
  int status = open_model(&m, "Good.pt", 2, first, 1, reference());
  CHECK(status == PYEMU_OK ||
        (status == PYEMU_ERR_UNSUPPORTED && strstr(message, "torch sees no CUDA device")));
  close_model(&m);
  CHECK_STATUS(open_model(&m, "Good.pt", 2, last, 1, reference()), PYEMU_ERR_UNSUPPORTED,
               "device 'cuda:4095' was asked for, but torch sees");
  close_model(&m);
}

static long resident_pages(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*d %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose(file);
  return pages;
}

/* Closing gives back what opening took. (A sanitizer keeps what was freed.) */
static void check_reopening(void) {
  static struct columns c;
  long before = 0;
  for (int i = 0; i < 25; ++i) {
    struct model m;
    CHECK_STATUS(open_model(&m, "Good.pt", 2, on_cpu, 1, reference()), PYEMU_OK, "");
    fill(&c, 600, i);
    CHECK_STATUS(run(&m, &c), PYEMU_OK, "");
    close_model(&m);
    if (i == 4)
      before = resident_pages();
  }
  long grown = (resident_pages() - before) * sysconf(_SC_PAGESIZE);
  printf("20 times opened and closed: %ld bytes more\n", grown);
#ifndef __SANITIZE_ADDRESS__
  CHECK(grown <= 2000000);
#endif
}

int main(int argc, char **argv) {
  if (argc != 3)
    return EXIT_FAILURE;
  directory = argv[1];
  setenv("PYEMU_ENGINE_PATH", argv[2], 1);
  check_good("Good.pt");
  check_good("Frozen.pt");
  check_good("Listing.pt");
  check_good("Optional.pt");
  check_good("Transposed.pt");
  check_bad();
  check_other_model();
  check_failing("Failing.pt", "torch could not run the model: ");
  check_failing("Mismatched.pt", "torch could not run the model: mat1 and mat2 shapes cannot be ");
  check_short_output();
  check_two_handles();
  check_devices();
  check_reopening();
  return check_result();
}
