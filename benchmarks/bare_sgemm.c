/* bare_sgemm.c - a perceptron as matrix products of a BLAS, with loops for bias and relu between:
 * what a model would write by hand. BENCH_BLAS names the library, an OpenBLAS whose functions may
 * carry the prefix and suffix of the packages numpy and scipy. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "engines/native/model.h"

enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112, MAX_LAYERS = 8 };

/* cblas_sgemm with indices of 64 bits. */
typedef void sgemm_function(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                            const float *, int64_t, float, float *, int64_t);

struct layer {
  int64_t n_inputs, n_outputs;
  const float *weights; /* (outputs, inputs) */
  const float *bias;
  int is_relu;
};

struct perceptron {
  struct arena arena;
  void *bytes;
  sgemm_function *sgemm;
  int n_layers;
  struct layer layers[MAX_LAYERS];
  int64_t columns;
  const float *in;
  float *out;
  float *between[2];
};

static char message[512];

static const float *constant(const struct model *model, int value, int64_t *rows,
                             int64_t *columns) {
  for (int i = 0; i < model->n_constants; ++i) {
    const struct model_tensor *t = &model->constants[i];
    if (model->constant_values[i] != value || t->type != ONNX_FLOAT)
      continue;
    *rows = t->dims[0];
    *columns = t->rank > 1 ? t->dims[1] : 1;
    return t->values;
  }
  return NULL;
}

/* Gemm with transposed weights, and Relu: a graph of anything else is none. */
static int read_layers(struct perceptron *p, const struct model *model) {
  for (int i = 0; i < model->n_nodes; ++i) {
    const struct model_node *node = &model->nodes[i];
    int64_t size;
    if (text_is(&node->type, "Relu") && p->n_layers > 0) {
      p->layers[p->n_layers - 1].is_relu = 1;
      continue;
    }
    if (!text_is(&node->type, "Gemm") || node->n_inputs != 3 || p->n_layers == MAX_LAYERS ||
        !model_integer(node, "transB", 0))
      return 0;
    struct layer *layer = &p->layers[p->n_layers++];
    layer->weights = constant(model, node->inputs[1], &layer->n_outputs, &layer->n_inputs);
    layer->bias = constant(model, node->inputs[2], &size, &size);
    if (!layer->weights || !layer->bias)
      return 0;
  }
  return p->n_layers > 0;
}

static int load_blas(struct perceptron *p, int threads) {
  const char *const names[] = {"scipy_cblas_sgemm64_", "cblas_sgemm64_"};
  const char *const switches[] = {"scipy_openblas_set_num_threads64_",
                                  "openblas_set_num_threads64_"};
  const char *path = getenv("BENCH_BLAS");
  void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
  for (int i = 0; library && i < 2 && !p->sgemm; ++i) {
    void (*set)(int) = NULL;
    void *found = dlsym(library, names[i]), *set_found = dlsym(library, switches[i]);
    memcpy(&p->sgemm, &found, sizeof found);
    memcpy(&set, &set_found, sizeof set_found);
    if (set)
      set(threads);
  }
  return p->sgemm != NULL;
}

static void close_perceptron(void *state) {
  struct perceptron *p = state;
  arena_free(&p->arena);
  free(p->between[0]);
  free(p->between[1]);
  free(p->bytes);
  free(p);
}

static int make(struct perceptron *p, const struct bare_source *source) {
  struct error error = {message, sizeof message};
  struct model model;
  size_t size = 0;
  p->bytes = bare_read_file(source->path, &size);
  snprintf(message, sizeof message, "no BLAS, or no perceptron in '%s'", source->path);
  if (!p->bytes || model_read(&model, &p->arena, p->bytes, size, &error) != PYEMU_OK ||
      !read_layers(p, &model) || !load_blas(p, source->threads) || source->n_tensors != 2)
    return 0;
  p->columns = source->tensors[0].shape[0];
  p->in = source->tensors[0].data;
  p->out = source->tensors[1].data;
  for (int k = 0; k < 2; ++k) {
    int64_t widest = 0;
    for (int i = 0; i < p->n_layers; ++i)
      widest = p->layers[i].n_outputs > widest ? p->layers[i].n_outputs : widest;
    p->between[k] = aligned_alloc(64, ((size_t)(p->columns * widest) * 4 + 63) / 64 * 64);
  }
  return p->between[0] && p->between[1];
}

static const char *open_perceptron(const struct bare_source *source, void **state) {
  struct perceptron *p = calloc(1, sizeof *p);
  if (!p || !make(p, source)) {
    if (p)
      close_perceptron(p);
    return message;
  }
  *state = p;
  return NULL;
}

static void finish(const struct layer *layer, float *values, int64_t columns) {
  for (int64_t i = 0; i < columns; ++i, values += layer->n_outputs)
    for (int64_t o = 0; layer->is_relu && o < layer->n_outputs; ++o)
      values[o] = values[o] > 0 ? values[o] : 0;
}

static const char *run_perceptron(void *state) {
  const struct perceptron *p = state;
  const float *in = p->in;
  for (int i = 0; i < p->n_layers; ++i) {
    const struct layer *layer = &p->layers[i];
    float *out = i == p->n_layers - 1 ? p->out : p->between[i % 2];
    for (int64_t c = 0; c < p->columns; ++c)
      memcpy(out + c * layer->n_outputs, layer->bias, (size_t)layer->n_outputs * sizeof *out);
    p->sgemm(ROW_MAJOR, AS_IT_IS, TRANSPOSED, p->columns, layer->n_outputs, layer->n_inputs, 1, in,
             layer->n_inputs, layer->weights, layer->n_inputs, 1, out, layer->n_outputs);
    finish(layer, out, p->columns);
    in = out;
  }
  return NULL;
}

const struct bare bare_sgemm = {"sgemm", open_perceptron, run_perceptron, close_perceptron};
