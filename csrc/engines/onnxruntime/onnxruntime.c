/* onnxruntime.c - the engine that runs ONNX graphs with ONNX Runtime, on the CPU or with CUDA. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda.h"
#include "dtype.h"
#include "engine.h"
#include "error.h"
#include "library.h"

/* One graph input or output, and the memory it is bound to now. */
struct tensor {
  char *name;
  int32_t dtype;
  int32_t direction;
  int32_t rank;
  int64_t shape[ENGINE_MAX_RANK];
  int has_batch; /* shape[0] is the number of columns */
  int64_t width;
  int is_on_device;
  void *data;
  OrtValue *value;
};

struct session {
  struct ort_api ort;
  OrtEnv *env;
  OrtSession *session;
  struct engine_device where; /* it runs in fact */
  char device[16];            /* the same as text */
  OrtMemoryInfo *memory;
  OrtMemoryInfo *device_memory; /* NULL on the CPU */
  OrtAllocator *pinned;         /* NULL on the CPU */
  OrtIoBinding *binding;
  int64_t columns; /* that the tensors are bound for */
  int64_t n_tensors;
  int64_t n_inputs;
  struct tensor *tensors;          /* inputs, then outputs */
  struct engine_tensor *described; /* the same of a raw graph, else NULL */
};

/* Pass on the text of a failed call, and release it. */
static int check(const struct session *s, OrtStatus *result, int status, const char *action,
                 const struct error *error) {
  if (!result)
    return PYEMU_OK;
  fail(error, status, "ONNX Runtime could not %s: %s", action, s->ort.GetErrorMessage(result));
  s->ort.ReleaseStatus(result);
  return status;
}

static int ort_type(int32_t dtype) {
  return dtype == PYEMU_FLOAT32 ? ORT_FLOAT : dtype == PYEMU_FLOAT64 ? ORT_DOUBLE : ORT_INT32;
}

static const char *ort_type_name(int type) {
  static const char *const names[] = {"undefined", "float32", "uint8",   "int8",
                                      "uint16",    "int16",   "int32",   "int64",
                                      "string",    "bool",    "float16", "float64"};
  return type >= 0 && type < (int)(sizeof names / sizeof names[0]) ? names[type] : "another type";
}

/* Held while an environment is made or released. ONNX Runtime has one for all handles and drops it
 * with the last; while one thread is about that, to make it anew in another fails. */
static pthread_mutex_t environments = PTHREAD_MUTEX_INITIALIZER;

static int make_environment(struct session *s, const struct error *error) {
  pthread_mutex_lock(&environments);
  OrtStatus *result = s->ort.CreateEnv(ORT_LOGGING_FATAL, "pyemu", &s->env);
  pthread_mutex_unlock(&environments);
  return check(s, result, PYEMU_ERR_ENGINE, "start", error);
}

static void release_environment(struct session *s) {
  pthread_mutex_lock(&environments);
  if (s->env)
    s->ort.ReleaseEnv(s->env);
  pthread_mutex_unlock(&environments);
}

static void destroy(void *state) {
  struct session *s = state;
  for (int64_t i = 0; i < s->n_tensors; ++i) {
    if (s->tensors[i].value)
      s->ort.ReleaseValue(s->tensors[i].value);
    free(s->tensors[i].name);
  }
  if (s->binding)
    s->ort.ReleaseIoBinding(s->binding);
  if (s->pinned)
    s->ort.ReleaseAllocator(s->pinned);
  if (s->session)
    s->ort.ReleaseSession(s->session);
  if (s->device_memory)
    s->ort.ReleaseMemoryInfo(s->device_memory);
  if (s->memory)
    s->ort.ReleaseMemoryInfo(s->memory);
  release_environment(s);
  free(s->tensors);
  free(s->described);
  free(s);
}

static int set_options(struct session *s, OrtSessionOptions *options, int threads,
                       const struct error *error) {
  OrtStatus *result = s->ort.SetIntraOpNumThreads(options, threads);
  if (!result)
    result = s->ort.SetInterOpNumThreads(options, 1);
  /* Threads that wait in a busy loop would take the host's own cores between two runs. */
  if (!result)
    result = s->ort.AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0");
  return check(s, result, PYEMU_ERR_ENGINE, "set its options", error);
}

static int load_graph(struct session *s, const struct engine_source *source,
                      const struct error *error) {
  OrtSessionOptions *options = NULL;
  int status = check(s, s->ort.CreateSessionOptions(&options), PYEMU_ERR_ENGINE, "start", error);
  if (status == PYEMU_OK)
    status = set_options(s, options, source->threads, error);
  if (status == PYEMU_OK && s->where.is_cuda)
    status = cuda_append(&s->ort, options, &s->where, source->stream, error);
  if (status == PYEMU_OK)
    status = check(
        s, s->ort.CreateSessionFromArray(s->env, source->bytes, source->size, options, &s->session),
        PYEMU_ERR_GRAPH, "load the graph", error);
  if (options)
    s->ort.ReleaseSessionOptions(options);
  if (status == PYEMU_ERR_GRAPH && s->where.is_cuda)
    error_append(error, " (on 'cuda:%d'; 'cuda:%d,cpu' leaves to the CPU what CUDA cannot do)",
                 s->where.index, s->where.index);
  return status;
}

/* On the device that was asked for; on the CPU instead only if the host has allowed that. */
static int make_session(struct session *s, const struct engine_source *source,
                        const struct error *error) {
  s->where = source->where;
  int status = make_environment(s, error);
  if (status != PYEMU_OK)
    return status;
  status = load_graph(s, source, error);
  if (status != PYEMU_OK && s->where.is_cuda && s->where.may_use_cpu) {
    s->where.is_cuda = 0;
    error_in(error->text, error->size); /* what CUDA said is no error now */
    status = load_graph(s, source, error);
  }
  if (s->where.is_cuda)
    snprintf(s->device, sizeof s->device, "cuda:%d", s->where.index);
  else
    strcpy(s->device, "cpu");
  return status;
}

/* A graph input or output as ONNX Runtime describes it. */
struct found {
  int type;
  size_t rank;
  int64_t shape[ENGINE_MAX_RANK];
};

static int read_type(const struct session *s, int64_t index, int32_t direction, struct found *found,
                     const struct error *error) {
  OrtTypeInfo *info = NULL;
  const OrtTensorInfo *tensor = NULL;
  *found = (struct found){0};
  OrtStatus *result = direction == PYEMU_INPUT
                          ? s->ort.SessionGetInputTypeInfo(s->session, (size_t)index, &info)
                          : s->ort.SessionGetOutputTypeInfo(s->session, (size_t)index, &info);
  if (!result)
    result = s->ort.CastTypeInfoToTensorInfo(info, &tensor);
  if (!result && tensor)
    result = s->ort.GetTensorElementType(tensor, &found->type);
  if (!result && tensor)
    result = s->ort.GetDimensionsCount(tensor, &found->rank);
  if (!result && tensor)
    result = s->ort.GetDimensions(tensor, found->shape,
                                  found->rank < ENGINE_MAX_RANK ? found->rank : ENGINE_MAX_RANK);
  if (info)
    s->ort.ReleaseTypeInfo(info);
  return check(s, result, PYEMU_ERR_GRAPH, "describe the graph", error);
}

/* Compare one graph input or output with the card. A size that the graph leaves open agrees. */
static int compare(const struct tensor *t, const struct found *found, const struct error *error) {
  const char *what = t->direction == PYEMU_INPUT ? "input" : "output";
  if (found->type != ort_type(t->dtype))
    return fail(error, PYEMU_ERR_GRAPH, "%s '%s' is %s in the graph but %s on the card", what,
                t->name, ort_type_name(found->type), dtype_name(t->dtype));
  if (found->rank != (size_t)t->rank)
    return fail(error, PYEMU_ERR_GRAPH,
                "%s '%s' has %zu dimensions in the graph but %d on the card", what, t->name,
                found->rank, (int)t->rank);
  if (t->has_batch && found->shape[0] >= 0)
    return fail(
        error, PYEMU_ERR_GRAPH,
        "%s '%s' has a fixed number of columns (%lld) in the graph; export it with the first "
        "dimension left open",
        what, t->name, (long long)found->shape[0]);
  for (int32_t i = t->has_batch; i < t->rank; ++i)
    if (found->shape[i] >= 0 && found->shape[i] != t->shape[i])
      return fail(error, PYEMU_ERR_GRAPH,
                  "%s '%s' has size %lld in dimension %d of the graph but %lld on the card", what,
                  t->name, (long long)found->shape[i], (int)i + 1, (long long)t->shape[i]);
  return PYEMU_OK;
}

static struct tensor *find(const struct session *s, const char *name, int32_t direction) {
  for (int64_t i = 0; i < s->n_tensors; ++i)
    if (s->tensors[i].direction == direction && strcmp(s->tensors[i].name, name) == 0)
      return &s->tensors[i];
  return NULL;
}

/* A copy of the name of a graph input or output. */
static int read_name(const struct session *s, int64_t index, int32_t direction, char **copy,
                     const struct error *error) {
  OrtAllocator *allocator;
  char *name = NULL;
  *copy = NULL;
  OrtStatus *result = s->ort.GetAllocatorWithDefaultOptions(&allocator);
  if (!result)
    result = direction == PYEMU_INPUT
                 ? s->ort.SessionGetInputName(s->session, (size_t)index, allocator, &name)
                 : s->ort.SessionGetOutputName(s->session, (size_t)index, allocator, &name);
  int status = check(s, result, PYEMU_ERR_GRAPH, "name the graph's variables", error);
  if (status != PYEMU_OK)
    return status;
  *copy = strdup(name);
  OrtStatus *released = s->ort.AllocatorFree(allocator, name);
  if (released)
    s->ort.ReleaseStatus(released);
  return *copy ? PYEMU_OK : fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
}

/* Compare graph input or output 'index'; mark its tensor as seen by its address. */
static int check_one(const struct session *s, int64_t index, int32_t direction, char *seen,
                     const struct error *error) {
  char *name;
  struct found found;
  int status = read_name(s, index, direction, &name, error);
  if (status != PYEMU_OK)
    return status;
  const struct tensor *t = find(s, name, direction);
  if (!t) {
    status = fail(error, PYEMU_ERR_GRAPH, "the graph has %s '%s', which the card does not list",
                  direction == PYEMU_INPUT ? "input" : "output", name);
  } else {
    seen[t - s->tensors] = 1;
    status = read_type(s, index, direction, &found, error);
    if (status == PYEMU_OK)
      status = compare(t, &found, error);
  }
  free(name);
  return status;
}

static int check_side(const struct session *s, int32_t direction, char *seen,
                      const struct error *error) {
  size_t count = 0;
  OrtStatus *result = direction == PYEMU_INPUT ? s->ort.SessionGetInputCount(s->session, &count)
                                               : s->ort.SessionGetOutputCount(s->session, &count);
  int status = check(s, result, PYEMU_ERR_GRAPH, "count the graph's variables", error);
  for (size_t i = 0; i < count && status == PYEMU_OK; ++i)
    status = check_one(s, (int64_t)i, direction, seen, error);
  return status;
}

/* The graph and the card must agree both ways. */
static int check_graph(const struct session *s, const struct error *error) {
  char *seen = calloc((size_t)s->n_tensors, 1);
  if (!seen)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  int status = check_side(s, PYEMU_INPUT, seen, error);
  if (status == PYEMU_OK)
    status = check_side(s, PYEMU_OUTPUT, seen, error);
  for (int64_t i = 0; i < s->n_tensors && status == PYEMU_OK; ++i)
    if (!seen[i])
      status =
          fail(error, PYEMU_ERR_GRAPH, "the card lists %s '%s', which the graph does not have",
               s->tensors[i].direction == PYEMU_INPUT ? "input" : "output", s->tensors[i].name);
  free(seen);
  return status;
}

static int copy_tensors(struct session *s, const struct engine_source *source,
                        const struct error *error) {
  s->tensors = calloc((size_t)source->n_tensors, sizeof *s->tensors);
  if (!s->tensors)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  s->n_inputs = source->n_inputs;
  for (; s->n_tensors < source->n_tensors; ++s->n_tensors) {
    const struct engine_tensor *from = &source->tensors[s->n_tensors];
    struct tensor *to = &s->tensors[s->n_tensors];
    to->name = strdup(from->name);
    if (!to->name)
      return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
    to->dtype = from->dtype;
    to->direction = from->direction;
    to->rank = from->rank;
    memcpy(to->shape, from->shape, sizeof to->shape);
    to->has_batch = from->rank > 0 && from->shape[0] < 0;
    to->width = from->width;
  }
  return PYEMU_OK;
}

/* Take over a graph input or output as it is. */
static int read_raw(const struct session *s, int64_t index, int32_t direction, struct tensor *t,
                    const struct error *error) {
  static const int types[][2] = {
      {ORT_FLOAT, PYEMU_FLOAT32}, {ORT_DOUBLE, PYEMU_FLOAT64}, {ORT_INT32, PYEMU_INT32}};
  struct found found;
  int status = read_name(s, index, direction, &t->name, error);
  if (status == PYEMU_OK)
    status = read_type(s, index, direction, &found, error);
  if (status != PYEMU_OK)
    return status;
  t->direction = direction;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; ++i)
    if (found.type == types[i][0])
      t->dtype = types[i][1];
  if (!t->dtype || found.rank > ENGINE_MAX_RANK)
    return fail(error, PYEMU_ERR_UNSUPPORTED, "'%s' is %s of rank %zu, which cannot be bound",
                t->name, ort_type_name(found.type), found.rank);
  t->rank = (int32_t)found.rank;
  t->has_batch = t->rank > 0 && found.shape[0] < 0;
  t->width = 1;
  memcpy(t->shape, found.shape, sizeof t->shape);
  for (int32_t i = t->has_batch; i < t->rank; ++i)
    if (t->shape[i] < 1 || !multiply_sizes(t->width, t->shape[i], &t->width))
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "'%s' has size %lld in dimension %d; expected a fixed size from 1", t->name,
                  (long long)t->shape[i], (int)i + 1);
  if (t->rank - t->has_batch > PYEMU_MAX_RANK)
    return fail(error, PYEMU_ERR_UNSUPPORTED, "'%s' has rank %d; expected 0 to %d", t->name,
                (int)t->rank, (int)PYEMU_MAX_RANK);
  return PYEMU_OK;
}

/* All inputs and outputs of a graph without a card. */
static int read_graph(struct session *s, const struct error *error) {
  size_t n_inputs = 0, n_outputs = 0;
  OrtStatus *result = s->ort.SessionGetInputCount(s->session, &n_inputs);
  if (!result)
    result = s->ort.SessionGetOutputCount(s->session, &n_outputs);
  int status = check(s, result, PYEMU_ERR_GRAPH, "count the graph's variables", error);
  if (status != PYEMU_OK)
    return status;
  s->tensors = calloc(n_inputs + n_outputs + 1, sizeof *s->tensors);
  s->described = calloc(n_inputs + n_outputs + 1, sizeof *s->described);
  if (!s->tensors || !s->described)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  s->n_inputs = (int64_t)n_inputs;
  while (status == PYEMU_OK && s->n_tensors < (int64_t)(n_inputs + n_outputs)) {
    int64_t i = s->n_tensors++;
    int is_input = i < s->n_inputs;
    status = read_raw(s, is_input ? i : i - s->n_inputs, is_input ? PYEMU_INPUT : PYEMU_OUTPUT,
                      &s->tensors[i], error);
  }
  return status;
}

static int describe(void *state, const struct engine_tensor **tensors, int64_t *n_tensors,
                    int64_t *n_inputs, char *errmsg, size_t errlen) {
  struct session *s = state;
  error_in(errmsg, errlen);
  for (int64_t i = 0; i < s->n_tensors; ++i) {
    const struct tensor *t = &s->tensors[i];
    s->described[i] = (struct engine_tensor){.name = t->name,
                                             .dtype = t->dtype,
                                             .direction = t->direction,
                                             .rank = t->rank,
                                             .width = t->width};
    memcpy(s->described[i].shape, t->shape, sizeof t->shape);
  }
  *tensors = s->described;
  *n_tensors = s->n_tensors;
  *n_inputs = s->n_inputs;
  return PYEMU_OK;
}

static int fill(struct session *s, const struct engine_source *source, const struct error *error) {
  int status = ort_library_load(&s->ort, source->runtime_library, error);
  if (status == PYEMU_OK && !source->is_raw)
    status = copy_tensors(s, source, error);
  if (status == PYEMU_OK)
    status = make_session(s, source, error);
  if (status == PYEMU_OK)
    status = source->is_raw ? read_graph(s, error) : check_graph(s, error);
  if (status != PYEMU_OK)
    return status;
  OrtStatus *result =
      s->ort.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &s->memory);
  if (!result && s->where.is_cuda)
    result = s->ort.CreateMemoryInfo("Cuda", ORT_DEVICE_ALLOCATOR, s->where.index,
                                     ORT_MEMORY_DEFAULT, &s->device_memory);
  if (s->where.is_cuda)
    s->pinned = cuda_pinned_allocator(&s->ort, s->session, s->where.index);
  if (!result)
    result = s->ort.CreateIoBinding(s->session, &s->binding);
  return check(s, result, PYEMU_ERR_ENGINE, "prepare its bindings", error);
}

static int create(const struct engine_source *source, void **state, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    return fail(&error, PYEMU_ERR_MEMORY, "no memory for the engine");
  int status = fill(s, source, &error);
  if (status == PYEMU_OK)
    *state = s;
  else
    destroy(s);
  return status;
}

/* An input in host memory is copied to the card at this very moment. */
static int bind(struct session *s, struct tensor *t, OrtValue *value, const struct error *error) {
  OrtStatus *result = t->direction == PYEMU_INPUT ? s->ort.BindInput(s->binding, t->name, value)
                                                  : s->ort.BindOutput(s->binding, t->name, value);
  return check(s, result, PYEMU_ERR_INFERENCE, "bind a tensor", error);
}

/* Bind the tensor to new memory, or for another number of columns. */
static int rebind(struct session *s, struct tensor *t, int64_t columns, void *data,
                  const struct error *error) {
  if (t->has_batch)
    t->shape[0] = columns;
  const int64_t items = t->has_batch ? columns : 1;
  const size_t size = (size_t)(items * t->width) * dtype_size(t->dtype);
  OrtValue *value = NULL;
  OrtStatus *result = s->ort.CreateTensorWithDataAsOrtValue(
      t->is_on_device ? s->device_memory : s->memory, data, size, t->shape, (size_t)t->rank,
      ort_type(t->dtype), &value);
  int status = check(s, result, PYEMU_ERR_INFERENCE, "bind a tensor", error);
  if (status == PYEMU_OK)
    status = bind(s, t, value, error);
  if (status != PYEMU_OK && value)
    s->ort.ReleaseValue(value);
  if (status != PYEMU_OK)
    return status;
  if (t->value)
    s->ort.ReleaseValue(t->value);
  t->value = value;
  t->data = data;
  return PYEMU_OK;
}

static int bind_all(struct session *s, int64_t columns, void *const *tensors,
                    const struct error *error) {
  const int has_moved = columns != s->columns;
  s->columns = 0; /* until all are bound */
  for (int64_t i = 0; i < s->n_tensors; ++i) {
    struct tensor *t = &s->tensors[i];
    const int is_copied = s->where.is_cuda && t->direction == PYEMU_INPUT && !t->is_on_device;
    int status = PYEMU_OK;
    if (has_moved || t->data != tensors[i])
      status = rebind(s, t, columns, tensors[i], error);
    else if (is_copied)
      status = bind(s, t, t->value, error);
    if (status != PYEMU_OK)
      return status;
  }
  s->columns = columns;
  return PYEMU_OK;
}

/* On a card: wait until the inputs have arrived, as the engine works on another stream than the
 * copies; and until the outputs are there, which with a stream of the host is not sure. */
static int run(void *state, int64_t columns, void *const *tensors, char *errmsg, size_t errlen) {
  struct session *s = state;
  struct error error = error_in(errmsg, errlen);
  int status = bind_all(s, columns, tensors, &error);
  if (status != PYEMU_OK)
    return status;
  OrtStatus *result = s->where.is_cuda ? s->ort.SynchronizeBoundInputs(s->binding) : NULL;
  if (!result)
    result = s->ort.RunWithBinding(s->session, NULL, s->binding);
  if (!result && s->where.is_cuda)
    result = s->ort.SynchronizeBoundOutputs(s->binding);
  return check(s, result, PYEMU_ERR_INFERENCE, "run the graph", &error);
}

static int place(void *state, const char *on_device, void *const *tensors, char *errmsg,
                 size_t errlen) {
  struct session *s = state;
  struct error error = error_in(errmsg, errlen);
  for (int64_t i = 0; i < s->n_tensors; ++i) {
    struct tensor *t = &s->tensors[i];
    int status = PYEMU_OK;
    if (on_device[i])
      status = cuda_check_address(tensors[i], s->where.index, t->name, &error);
    if (status != PYEMU_OK)
      return status;
    if (t->is_on_device != on_device[i])
      s->columns = 0; /* so that all are bound anew */
    t->is_on_device = on_device[i];
  }
  return PYEMU_OK;
}

static void *allocate(void *state, size_t size) {
  struct session *s = state;
  void *memory = NULL;
  OrtStatus *result = s->pinned ? s->ort.AllocatorAlloc(s->pinned, size, &memory) : NULL;
  if (!result)
    return memory;
  s->ort.ReleaseStatus(result);
  return NULL;
}

static void release(void *state, void *memory) {
  struct session *s = state;
  OrtStatus *result = s->ort.AllocatorFree(s->pinned, memory);
  if (result)
    s->ort.ReleaseStatus(result);
}

static const char *device(void *state) {
  const struct session *s = state;
  return s->device;
}

static const char *version(void *state) {
  const struct session *s = state;
  return s->ort.version;
}

__attribute__((visibility("default"))) const struct engine *pyemu_engine_plugin(const char *name);

const struct engine *pyemu_engine_plugin(const char *name) {
  static const struct engine engine = {.interface = PYEMU_ENGINE_INTERFACE,
                                       .name = "onnxruntime",
                                       .create = create,
                                       .run = run,
                                       .destroy = destroy,
                                       .version = version,
                                       .describe = describe,
                                       .abilities = ENGINE_CUDA | ENGINE_STREAM | ENGINE_CPU_TOO,
                                       .device = device,
                                       .allocate = allocate,
                                       .release = release,
                                       .place = place};
  return strcmp(name, engine.name) == 0 ? &engine : NULL;
}
