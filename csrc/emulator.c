/* emulator.c - the handle: open, bind, run, close. */
#include "emulator.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "derivative.h"
#include "device.h"
#include "dtype.h"
#include "environment.h"
#include "file.h"
#include "sha256.h"

/* Tensors start on their own cache line. */
enum { ALIGNMENT = 64 };

enum { ALL_COLUMNS = -1 };

/*
 * Packing goes over the team if it reads and writes so many bytes: fewer are moved before a second
 * thread has woken. Parts are of so many bytes, and of a multiple of so many columns.
 */
enum { SHARED_BYTES = 1 << 21, PART_BYTES = 1 << 17, LINE_COLUMNS = 16 };

/* Take the handle for this thread. Errors: CLOSED, BUSY. */
static int enter(pyemu_emulator *e, const struct error *error) {
  if (!e)
    return emulator_fail_closed(error);
  if (atomic_exchange_explicit(&e->busy, 1, memory_order_acquire))
    return fail(error, PYEMU_ERR_BUSY,
                "the emulator is in use by another thread; open one handle for each thread");
  return PYEMU_OK;
}

static int leave(pyemu_emulator *e, int status) {
  atomic_store_explicit(&e->busy, 0, memory_order_release);
  return status;
}

int emulator_fail_closed(const struct error *error) {
  return fail(error, PYEMU_ERR_CLOSED,
              "the emulator is not open: it was closed already, or never opened");
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void free_memory(pyemu_emulator *e) {
  if (e->is_engines_memory)
    e->plugin.engine->release(e->engine_state, e->memory);
  else
    free(e->memory);
  e->memory = NULL;
  e->memory_size = 0;
}

static void destroy(pyemu_emulator *e) {
  team_free(e->team);
  free_memory(e);
  if (e->engine_state)
    e->plugin.engine->destroy(e->engine_state);
  plugin_unload(&e->plugin);
  free(e->bindings);
  free(e->tensors);
  free(e->on_device);
  free(e->arrays);
  free(e->dense);
  free(e->dense_layouts);
  guard_free(e->guard);
  noise_inputs_free(&e->noise);
  reference_free(&e->reference);
  card_free(&e->card);
  free(e);
}

/* An emulator file that is being opened. */
struct source {
  const unsigned char *bytes;
  size_t size;
  const char *path; /* or NULL */
};

/* The options as this library knows them: fields the caller does not know keep their defaults. */
static int read_options(const pyemu_options *given, pyemu_options *options,
                        const struct error *error) {
  *options = (pyemu_options)PYEMU_OPTIONS_INIT;
  if (given) {
    if (given->sizeof_options < sizeof given->sizeof_options ||
        given->sizeof_options > sizeof *given + 4096)
      return fail(error, PYEMU_ERR_ARGUMENT,
                  "sizeof_options is %zu; start from PYEMU_OPTIONS_INIT, which sets it",
                  given->sizeof_options);
    size_t known = given->sizeof_options < sizeof *given ? given->sizeof_options : sizeof *given;
    memcpy(options, given, known);
  }
  if (!options->device)
    options->device = "cpu";
  if (options->threads < 1 || options->threads > 1024)
    return fail(error, PYEMU_ERR_ARGUMENT, "%d threads asked for; expected 1 to 1024",
                options->threads);
  if (options->raw != 0 && options->raw != 1)
    return fail(error, PYEMU_ERR_ARGUMENT, "raw is %d; expected 0 or 1", options->raw);
  if (options->allow_code != 0 && options->allow_code != 1)
    return fail(error, PYEMU_ERR_ARGUMENT, "allow_code is %d; expected 0 or 1",
                options->allow_code);
  if (options->sha256 && !sha256_is_text(options->sha256))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "sha256 is '%.80s'; expected 64 hexadecimal digits, as sha256sum prints them",
                options->sha256);
  if (!options->precision)
    options->precision = "real32";
  if (strcmp(options->precision, "real32") != 0 && strcmp(options->precision, "real64") != 0)
    return fail(error, PYEMU_ERR_ARGUMENT, "precision is '%.40s'; expected 'real32' or 'real64'",
                options->precision);
  if (options->derivative && !derivative_is_known(options->derivative))
    return fail(error, PYEMU_ERR_ARGUMENT, "derivative is '%.40s'; expected 'vjp' or 'jvp'",
                options->derivative);
  return PYEMU_OK;
}

/* A digest that is given must be that of the file, whatever its kind. */
static int check_digest(const struct source *source, const char *expected,
                        const struct error *error) {
  char digest[SHA256_TEXT];
  sha256_text(source->bytes, source->size, digest);
  if (sha256_equal(digest, expected))
    return PYEMU_OK;
  return fail(
      error, PYEMU_ERR_CODE,
      "the file has SHA-256 %s, but %.64s was asked for: it is another file, or was changed",
      digest, expected);
}

/* Code runs only with leave, or with a digest, which has been compared already. The engine "stub"
 * runs none. */
static int check_code(const struct source *source, enum file_kind kind,
                      const pyemu_options *options, const struct error *error) {
  char digest[SHA256_TEXT];
  if (!file_kind_carries_code(kind) || options->allow_code || options->sha256 ||
      strcmp(options->engine, "stub") == 0)
    return PYEMU_OK;
  sha256_text(source->bytes, source->size, digest);
  return fail(error, PYEMU_ERR_CODE,
              "the file is %s and carries code, which runs with all your rights; if you trust it, "
              "open it with allow_code, or with sha256 '%s' to allow this file alone",
              file_kind_description(kind), digest);
}

static void describe_tensors(const struct card *card, struct engine_tensor *tensors) {
  for (int64_t i = 0; i < card->n_variables; ++i) {
    const struct variable *v = &card->variables[i];
    struct engine_tensor *t = &tensors[i];
    *t = (struct engine_tensor){
        .name = v->name, .dtype = v->dtype, .direction = v->direction, .width = v->width};
    if (v->has_batch)
      t->shape[t->rank++] = -1;
    for (int k = 0; k < v->n_dims; ++k)
      t->shape[t->rank++] = v->dims[k].size;
  }
}

/* What an engine says of a graph takes the place of the card. */
static int describe_raw(pyemu_emulator *e, const struct error *error) {
  const struct engine *engine = e->plugin.engine;
  const struct engine_tensor *tensors;
  int64_t n_tensors, n_inputs;
  int status =
      engine->describe(e->engine_state, &tensors, &n_tensors, &n_inputs, error->text, error->size);
  return status == PYEMU_OK ? card_from_tensors(&e->card, tensors, n_tensors, n_inputs, error)
                            : status;
}

static int is_real64(const pyemu_options *options) {
  return strcmp(options->precision, "real64") == 0;
}

/* What the options ask of an engine must be what it can do. */
static int check_engine(const struct engine *engine, const pyemu_options *options,
                        const struct engine_device *where, const struct error *error) {
  if (options->raw && !engine->describe)
    return fail(error, PYEMU_ERR_UNSUPPORTED, "engine '%s' runs no graph without a card",
                options->engine);
  if (where->is_cuda && !(engine->abilities & ENGINE_CUDA))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "engine '%s' does not run on device '%s'; open it with device 'cpu'",
                options->engine, options->device);
  if (where->may_use_cpu && !(engine->abilities & ENGINE_CPU_TOO))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "engine '%s' on CUDA leaves nothing to the CPU, but device '%s' asks for that; "
                "leave out ',cpu'",
                options->engine, options->device);
  if (options->stream && !(where->is_cuda && (engine->abilities & ENGINE_STREAM)))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "a stream was given, but engine '%s' on device '%s' takes none", options->engine,
                options->device);
  if (is_real64(options) && !(engine->abilities & ENGINE_REAL64))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "engine '%s' computes in the types of the graph; precision 'real64' needs an ONNX "
                "file and engine 'native'",
                options->engine);
  return PYEMU_OK;
}

static int create_engine(pyemu_emulator *e, const struct source *file, const pyemu_options *options,
                         const struct error *error) {
  struct engine_device where;
  int status = device_parse(options->device, &where, error);
  if (status != PYEMU_OK)
    return status;
  device_write(e->device, sizeof e->device, &where);
  struct engine_tensor *tensors = calloc((size_t)e->card.n_variables + 1, sizeof *tensors);
  if (!tensors)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  describe_tensors(&e->card, tensors);
  struct engine_source source = {.bytes = file->bytes,
                                 .size = file->size,
                                 .path = file->path,
                                 .is_raw = options->raw,
                                 .tensors = options->raw ? NULL : tensors,
                                 .n_tensors = e->card.n_variables,
                                 .n_inputs = e->card.n_inputs,
                                 .where = where,
                                 .stream = options->stream,
                                 .threads = options->threads,
                                 .runtime_library = options->runtime_library,
                                 .reference_columns = e->reference.columns,
                                 .reference_values = e->reference.values,
                                 .is_real64 = is_real64(options)};
  status = plugin_load(&e->plugin, options->engine, error);
  if (status == PYEMU_OK)
    status = check_engine(e->plugin.engine, options, &where, error);
  if (status == PYEMU_OK)
    status = e->plugin.engine->create(&source, &e->engine_state, error->text, error->size);
  free(tensors);
  return status == PYEMU_OK && options->raw ? describe_raw(e, error) : status;
}

/* Read the texts and see that the options allow the file to be opened with them. */
static int inspect(const struct source *source, pyemu_options *options, struct file_texts *texts,
                   const struct error *error) {
  int status = options->sha256 ? check_digest(source, options->sha256, error) : PYEMU_OK;
  if (status == PYEMU_OK)
    status = options->raw ? file_find_kind(source->bytes, source->size, texts, error)
                          : file_find_texts(source->bytes, source->size, texts, error);
  if (status != PYEMU_OK)
    return status;
  if (!options->engine)
    options->engine = file_kind_engine(texts->kind);
  status = file_check_engine(texts->kind, options->engine, error);
  return status == PYEMU_OK ? check_code(source, texts->kind, options, error) : status;
}

/* Read the card and the reference columns, and make the engine. */
static int read_source(pyemu_emulator *e, const struct source *source,
                       const struct file_texts *texts, const pyemu_options *options,
                       const struct error *error) {
  int status = PYEMU_OK;
  if (!options->raw)
    status = card_parse(&e->card, texts->card, texts->card_size, error);
  if (status == PYEMU_OK && !options->raw)
    status =
        reference_parse(&e->reference, &e->card, texts->reference, texts->reference_size, error);
  return status == PYEMU_OK ? create_engine(e, source, options, error) : status;
}

/* The same of a derivative in the file, which is put together in memory. */
static int read_derivative(pyemu_emulator *e, const struct source *source,
                           const struct file_texts *texts, const pyemu_options *options,
                           const struct error *error) {
  struct source derivative = {0};
  struct file_texts own;
  unsigned char *bytes;
  if (texts->kind != FILE_ONNX || options->raw)
    return fail(
        error, PYEMU_ERR_UNSUPPORTED,
        "derivative '%s' was asked for, but the file is %s, which carries none; derivatives "
        "are in ONNX files with a card, written with 'pyemu export --derivative %s'",
        options->derivative, options->raw ? "opened raw" : file_kind_description(texts->kind),
        options->derivative);
  int status = derivative_compose(source->bytes, source->size, options->derivative, &bytes,
                                  &derivative.size, error);
  if (status != PYEMU_OK)
    return status;
  derivative.bytes = bytes;
  status = file_find_texts(bytes, derivative.size, &own, error);
  if (status == PYEMU_OK && own.kind != FILE_ONNX)
    status = fail(error, PYEMU_ERR_FORMAT, "it is %s", file_kind_description(own.kind));
  if (status == PYEMU_OK)
    status = read_source(e, &derivative, &own, options, error);
  free(bytes);
  if (status != PYEMU_OK)
    error_prefix(error, "the derivative '%s' in the file: ", options->derivative);
  return status;
}

static int fill(pyemu_emulator *e, const struct source *source, pyemu_options *options,
                const struct error *error) {
  struct file_texts texts;
  int status = inspect(source, options, &texts, error);
  if (status == PYEMU_OK)
    status =
        (options->derivative ? read_derivative : read_source)(e, source, &texts, options, error);
  if (status == PYEMU_OK)
    status = noise_inputs_make(&e->noise, &e->card, error);
  e->card.is_real64 = is_real64(options);
  if (status == PYEMU_OK)
    status = team_make(&e->team, options->threads, error);
  if (status != PYEMU_OK)
    return status;
  e->bindings = calloc((size_t)e->card.n_variables + 1, sizeof *e->bindings);
  e->tensors = calloc((size_t)e->card.n_variables + 1, sizeof *e->tensors);
  e->on_device = calloc((size_t)e->card.n_variables + 1, sizeof *e->on_device);
  e->arrays = calloc((size_t)e->card.n_variables + 1, sizeof *e->arrays);
  e->dense = calloc((size_t)e->card.n_variables + 1, sizeof *e->dense);
  e->dense_layouts = calloc((size_t)e->card.n_variables + 1, sizeof *e->dense_layouts);
  if (!e->bindings || !e->tensors || !e->on_device || !e->arrays || !e->dense || !e->dense_layouts)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the emulator");
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    e->arrays[i] = &e->bindings[i].layout;
  return PYEMU_OK;
}

static int open_source(const struct source *source, const pyemu_options *given,
                       pyemu_emulator **emulator, const struct error *error) {
  struct environment environment;
  pyemu_options options;
  int status = read_options(given, &options, error);
  if (status != PYEMU_OK)
    return status;
  pyemu_emulator *e = calloc(1, sizeof *e);
  if (!e)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the emulator");
  e->columns = -1;
  e->check_finite = options.check_finite != 0;
  environment_hold(&environment);
  const double start = seconds_now();
  status = fill(e, source, &options, error);
  e->counters.open_seconds = seconds_now() - start;
  if (status != PYEMU_OK)
    destroy(e);
  environment_restore(&environment);
  *emulator = status == PYEMU_OK ? e : NULL;
  return status;
}

int pyemu_open_memory(const void *bytes, size_t size, const pyemu_options *options,
                      pyemu_emulator **emulator, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'emulator' is NULL: there is nowhere to put the handle");
  *emulator = NULL;
  if (!bytes)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'bytes' is NULL: there is no file to open");
  return open_source(&(struct source){bytes, size, NULL}, options, emulator, &error);
}

int pyemu_open(const char *path, const pyemu_options *options, pyemu_emulator **emulator,
               char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  unsigned char *bytes;
  size_t size;
  if (!emulator)
    return fail(&error, PYEMU_ERR_ARGUMENT,
                "'emulator' is NULL: there is nowhere to put the handle");
  *emulator = NULL;
  if (!path)
    return fail(&error, PYEMU_ERR_ARGUMENT, "'path' is NULL: there is no file to open");
  int status = file_read(path, &bytes, &size, &error);
  if (status != PYEMU_OK)
    return status;
  status = open_source(&(struct source){bytes, size, path}, options, emulator, &error);
  free(bytes);
  if (status != PYEMU_OK)
    error_prefix(&error, "'%.400s': ", path);
  return status;
}

/* 1 if 'a' and 'b' are equal but for blanks at either end. */
static int units_agree(const char *a, const char *b) {
  a += strspn(a, " ");
  b += strspn(b, " ");
  size_t n = strlen(a), m = strlen(b);
  while (n > 0 && a[n - 1] == ' ')
    --n;
  while (m > 0 && b[m - 1] == ' ')
    --m;
  return n == m && memcmp(a, b, n) == 0;
}

/* The element type of a variable's tensor. */
static int32_t tensor_dtype(const pyemu_emulator *e, const struct variable *v) {
  return card_tensor_dtype(&e->card, v);
}

/* All other bound arrays with a batch must have as many columns. */
static int check_columns(const pyemu_emulator *e, int64_t index, int64_t columns,
                         const struct error *error) {
  for (int64_t i = 0; i < e->card.n_variables && columns != e->columns; ++i)
    if (i != index && e->bindings[i].is_bound && e->card.variables[i].has_batch)
      return fail(
          error, PYEMU_ERR_SIZE,
          "the array for '%s' has %lld columns, but '%s' is bound with %lld; to change the number "
          "of columns, unbind first",
          e->card.variables[index].name, (long long)columns, e->card.variables[i].name,
          (long long)e->columns);
  return PYEMU_OK;
}

/* An array on the device is used as it is, by an engine that runs there. */
static int check_on_device(const pyemu_emulator *e, const struct variable *v,
                           const struct layout *layout, const struct error *error) {
  const char *device = pyemu_device(e);
  if (strcmp(device, "cpu") == 0)
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "'%s' is bound on the device, but the emulator runs on 'cpu'; open it with device "
                "'cuda:0', or bind an array in host memory",
                v->name);
  if (!e->plugin.engine->place)
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "'%s' is bound on the device, but engine '%s' takes arrays in host memory only",
                v->name, e->plugin.engine->name);
  if (layout_is_tensor(layout, v->dtype) || layout->columns == 0)
    return PYEMU_OK;
  return fail(error, PYEMU_ERR_LAYOUT,
              "the array for '%s' is bound on the device, where nothing is rearranged: it must be "
              "%s, with the values of one column adjacent and columns one after another%s; found "
              "%s%s",
              v->name, dtype_name(v->dtype), v->is_level ? ", in Fortran (nlay, ncol)" : "",
              dtype_name(layout->dtype),
              layout->dtype == v->dtype ? " in another order, or not aligned" : "");
}

static int bind(pyemu_emulator *e, const char *name, const pyemu_array *array, const char *units,
                int level_dim, int is_on_device, const struct error *error) {
  struct layout layout;
  if (!name || !array)
    return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is NULL", name ? "array" : "name");
  int64_t index = card_find(&e->card, name);
  if (index < 0)
    return card_fail_name(&e->card, name, error);
  const struct variable *v = &e->card.variables[index];
  if (units && !units_agree(units, v->units))
    return fail(error, PYEMU_ERR_UNITS,
                "'%s' is given in '%.60s', but the emulator needs '%s'; convert the array", name,
                units, v->units);
  int status = layout_make(&layout, array, v, level_dim, error);
  if (status == PYEMU_OK && v->has_batch)
    status = check_columns(e, index, layout.columns, error);
  if (status == PYEMU_OK && is_on_device)
    status = check_on_device(e, v, &layout, error);
  if (status != PYEMU_OK)
    return status;
  e->bindings[index] = (struct binding){.layout = layout,
                                        .is_bound = 1,
                                        .is_direct = layout_is_tensor(&layout, tensor_dtype(e, v)),
                                        .is_on_device = is_on_device};
  if (v->has_batch || e->columns < 0)
    e->columns = layout.columns;
  e->is_prepared = 0;
  return PYEMU_OK;
}

static int bind_held(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                     const char *units, int level_dim, int is_on_device, char *errmsg,
                     size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  return leave(emulator, bind(emulator, name, array, units, level_dim, is_on_device, &error));
}

int pyemu_bind(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
               const char *units, int level_dim, char *errmsg, size_t errlen) {
  return bind_held(emulator, name, array, units, level_dim, 0, errmsg, errlen);
}

int pyemu_bind_device(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                      const char *units, int level_dim, char *errmsg, size_t errlen) {
  return bind_held(emulator, name, array, units, level_dim, 1, errmsg, errlen);
}

int pyemu_bind_ids(pyemu_emulator *emulator, const pyemu_array *ids, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = enter(emulator, &error);
  return status == PYEMU_OK ? leave(emulator, noise_inputs_bind_ids(&emulator->noise, ids, &error))
                            : status;
}

int pyemu_set_noise(pyemu_emulator *emulator, int64_t seed, int64_t member, char *errmsg,
                    size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = enter(emulator, &error);
  return status == PYEMU_OK
             ? leave(emulator, noise_inputs_set(&emulator->noise, seed, member, &error))
             : status;
}

int pyemu_unbind(pyemu_emulator *emulator, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  for (int64_t i = 0; i < emulator->card.n_variables; ++i)
    emulator->bindings[i].is_bound = 0;
  emulator->noise.has_ids = 0;
  emulator->columns = -1;
  emulator->is_prepared = 0;
  return leave(emulator, PYEMU_OK);
}

static int check_bound(const pyemu_emulator *e, const struct error *error) {
  int missing = 0;
  for (int64_t i = 0; i < e->card.n_variables; ++i) {
    const struct variable *v = &e->card.variables[i];
    if (e->bindings[i].is_bound || v->noise.distribution)
      continue;
    if (!missing++)
      fail(error, PYEMU_ERR_NOT_BOUND, "run needs an array bound to every variable; missing:");
    error_append(error, "%s %s '%s'", missing > 1 ? "," : "",
                 v->direction == PYEMU_INPUT ? "input" : "output", v->name);
  }
  return missing ? PYEMU_ERR_NOT_BOUND : PYEMU_OK;
}

static int spans_meet(const struct layout *a, const struct layout *b) {
  const char *a_first, *a_end, *b_first, *b_end;
  layout_span(a, &a_first, &a_end);
  layout_span(b, &b_first, &b_end);
  return (uintptr_t)a_first < (uintptr_t)b_end && (uintptr_t)b_first < (uintptr_t)a_end;
}

/*
 * Two outputs must not start at the same address. An output that the engine would write directly
 * and that lies over another bound array goes through a tensor of ours instead, so that no input
 * changes while the graph still reads it.
 */
static int check_aliases(pyemu_emulator *e, const struct error *error) {
  e->has_overlap = 0;
  for (int64_t i = e->card.n_inputs; i < e->card.n_variables; ++i) {
    struct binding *output = &e->bindings[i];
    for (int64_t j = 0; j < e->card.n_variables; ++j) {
      const struct layout *other = &e->bindings[j].layout;
      if (j == i || !spans_meet(&output->layout, other))
        continue;
      if (j >= e->card.n_inputs && output->layout.data == other->data)
        return fail(error, PYEMU_ERR_LAYOUT, "outputs '%s' and '%s' are bound to the same memory",
                    e->card.variables[i].name, e->card.variables[j].name);
      if (output->is_on_device)
        return fail(error, PYEMU_ERR_LAYOUT,
                    "output '%s' lies on the device, over the array for '%s'; give it memory of "
                    "its own",
                    e->card.variables[i].name, e->card.variables[j].name);
      output->is_direct = 0;
      e->has_overlap = 1;
    }
  }
  return PYEMU_OK;
}

/* 1 if the engine reads and writes the caller's arrays itself, and there are no tensors. */
static int uses_arrays(const pyemu_emulator *e) {
  return e->plugin.engine->run_arrays && !e->has_overlap && !e->guard;
}

/* 1 if the caller's array is the tensor. What a guard looks at is always a copy: it may change
 * inputs, and hold outputs back. */
static int is_direct(const pyemu_emulator *e, int64_t i) {
  return e->bindings[i].is_direct && !e->guard;
}

/* Items in the tensor of a variable when the emulator runs on so many columns. */
static int64_t batch_size(const struct variable *v, int64_t columns) {
  return v->has_batch ? columns : 1;
}

/* Bytes of the tensor of variable 'i', rounded up to the alignment; 0 if they do not fit. */
static int tensor_size(const pyemu_emulator *e, int64_t i, int64_t *size) {
  const struct variable *v = &e->card.variables[i];
  int64_t count;
  if (!multiply_sizes(batch_size(v, e->columns), v->width, &count) ||
      !multiply_sizes(count, (int64_t)dtype_size(tensor_dtype(e, v)), size) ||
      *size > INT64_MAX - ALIGNMENT)
    return 0;
  *size = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return 1;
}

/* Have at least 'size' bytes for tensors. The old ones hold nothing that is still needed. */
static int reserve(pyemu_emulator *e, int64_t size, const struct error *error) {
  if (size <= e->memory_size)
    return PYEMU_OK;
  const struct engine *engine = e->plugin.engine;
  free_memory(e);
  e->counters.allocations += 1;
  e->memory = engine->allocate ? engine->allocate(e->engine_state, (size_t)size) : NULL;
  e->is_engines_memory = e->memory != NULL;
  if (!e->memory)
    e->memory = aligned_alloc(ALIGNMENT, (size_t)size);
  if (!e->memory)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the %lld bytes of tensors of %lld columns",
                (long long)size, (long long)e->columns);
  e->memory_size = size;
  return PYEMU_OK;
}

/* Give every variable the memory of its tensor: the caller's own array, or a part of ours. */
static int place_tensors(pyemu_emulator *e, const struct error *error) {
  int64_t total = 0, size;
  for (int pass = 0; pass < 2; ++pass) {
    char *at = e->memory;
    for (int64_t i = 0; i < e->card.n_variables; ++i) {
      if (!tensor_size(e, i, &size) || total > INT64_MAX - size)
        return fail(error, PYEMU_ERR_MEMORY, "the tensors of %lld columns are too large to address",
                    (long long)e->columns);
      if (is_direct(e, i)) {
        e->tensors[i] = e->bindings[i].layout.data;
      } else if (pass == 0) {
        total += size;
      } else {
        e->tensors[i] = at;
        at += size;
      }
    }
    int status = pass == 0 ? reserve(e, total, error) : PYEMU_OK;
    if (status != PYEMU_OK)
      return status;
  }
  return PYEMU_OK;
}

/* The tensors as arrays. An engine that reads arrays may have them as a host has that keeps the
 * columns of an element adjacent: then nothing is transposed. */
static void describe_dense(pyemu_emulator *e) {
  for (int64_t i = 0; i < e->card.n_variables; ++i) {
    const struct variable *v = &e->card.variables[i];
    const struct layout *host = &e->bindings[i].layout;
    const int is_by_element = e->guard && e->plugin.engine->run_arrays && v->has_batch &&
                              host->strides[0] == (int64_t)dtype_size(host->dtype);
    e->dense_layouts[i] = (is_by_element ? layout_by_element : layout_of_tensor)(
        e->tensors[i], tensor_dtype(e, v), batch_size(v, e->columns), v->width);
    e->dense[i] = &e->dense_layouts[i];
  }
}

/* What the guard cannot look at is refused. */
static int prepare_guard(pyemu_emulator *e, const struct error *error) {
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    if (e->bindings[i].is_on_device)
      return fail(error, PYEMU_ERR_UNSUPPORTED,
                  "'%s' is bound on the device, where the guard cannot look at it; bind an array "
                  "in host memory, or set no guard",
                  e->card.variables[i].name);
  return guard_reserve(e->guard, e->columns, error);
}

/* Tell the engine which tensors lie on the device, if any do or did. */
static int tell_places(pyemu_emulator *e, const struct error *error) {
  int any = 0;
  for (int64_t i = 0; i < e->card.n_variables; ++i)
    any |= e->on_device[i] = e->bindings[i].is_on_device != 0;
  if (!any && !e->has_device_arrays)
    return PYEMU_OK;
  e->has_device_arrays = 1; /* also if the engine refuses: it may have noted some */
  int status =
      e->plugin.engine->place(e->engine_state, e->on_device, e->tensors, error->text, error->size);
  if (status == PYEMU_OK)
    e->has_device_arrays = any;
  return status;
}

/* After bindings have changed: check them together and place the tensors. */
static int prepare(pyemu_emulator *e, const struct error *error) {
  int status = check_bound(e, error);
  if (status != PYEMU_OK || e->columns == 0)
    return status;
  status = noise_inputs_place(&e->noise, &e->card, e->bindings, e->columns,
                              e->plugin.engine->run_arrays != NULL, error);
  if (status == PYEMU_OK)
    status = check_aliases(e, error);
  if (status == PYEMU_OK && e->guard)
    status = prepare_guard(e, error);
  if (status == PYEMU_OK && !uses_arrays(e))
    status = place_tensors(e, error);
  if (status == PYEMU_OK && !uses_arrays(e))
    describe_dense(e);
  if (status == PYEMU_OK)
    status = tell_places(e, error);
  e->is_prepared = status == PYEMU_OK;
  return status;
}

/* Say where the first number is that is not finite once it has the type of the variable. */
static int fail_not_finite(const pyemu_emulator *e, int64_t index, int64_t columns,
                           const struct error *error) {
  const struct variable *v = &e->card.variables[index];
  const struct layout *layout = &e->bindings[index].layout;
  for (int64_t column = 0; column < batch_size(v, columns); ++column)
    for (int64_t element = 0; element < v->width; ++element) {
      double value = layout_element(layout, column, element);
      if (isfinite(tensor_dtype(e, v) == PYEMU_FLOAT32 ? (double)(float)value : value))
        continue;
      fail(error, PYEMU_ERR_NOT_FINITE, "input '%s' is %g", v->name, value);
      if (v->has_batch)
        error_append(error, " in column %lld", (long long)column + 1);
      card_append_place(v, element, error);
      error_append(error, " (counted from 1); %s",
                   isfinite(value) ? "that is too large for float32, the emulator's type"
                                   : "expected a finite number");
      return PYEMU_ERR_NOT_FINITE;
    }
  return fail(error, PYEMU_ERR_NOT_FINITE,
              "input '%s' was not finite while it was read; does another thread write to it?",
              v->name);
}

/* The columns of a run on their way into the tensors or out of them, some at a time. */
struct packing {
  const pyemu_emulator *emulator;
  int64_t columns;
  int64_t part_columns;       /* in each part but perhaps the last */
  _Atomic int64_t not_finite; /* the first input that is not; n_inputs if all are */
};

/* The first of the items of 'v' that belong to a part, and their number. One item for all columns
 * belongs to the first part. */
static int64_t items_of(const struct packing *p, const struct variable *v, int64_t part,
                        int64_t *first) {
  *first = v->has_batch ? part * p->part_columns : 0;
  if (!v->has_batch)
    return part == 0;
  return p->columns - *first < p->part_columns ? p->columns - *first : p->part_columns;
}

static char *tensor_item(const pyemu_emulator *e, int64_t i, int64_t item) {
  const struct variable *v = &e->card.variables[i];
  return (char *)e->tensors[i] + item * v->width * (int64_t)dtype_size(tensor_dtype(e, v));
}

/* 1 if run must read the tensor of input 'i' only to check it. */
static int is_only_checked(const pyemu_emulator *e, int64_t i) {
  const struct binding *b = &e->bindings[i];
  return i < e->card.n_inputs && (is_direct(e, i) || uses_arrays(e)) && e->check_finite &&
         !b->is_on_device && !b->is_filled;
}

/* 1 if the columns of an element are adjacent in the tensor. */
static int is_by_element(const struct layout *dense) {
  return dense->width > 1 && dense->strides[0] < dense->item_strides[0];
}

/* What is not finite is for the guard to find. */
static int gather_guarded(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  const struct layout *dense = e->dense[i], *host = &e->bindings[i].layout;
  char *to = layout_at(dense, first, 0);
  if (is_by_element(dense))
    layout_gather_tile(host, first, items, to, dense->columns, dense->dtype);
  else
    layout_gather(host, first, items, to, dense->dtype, 0);
  if (e->card.variables[i].has_batch)
    guard_look(e->guard, i, dense, first, items);
  return 1;
}

/* Returns 0 if an item is not finite. */
static int gather_items(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  const struct variable *v = &e->card.variables[i];
  const struct binding *input = &e->bindings[i];
  const int32_t dtype = tensor_dtype(e, v);
  if (uses_arrays(e))
    return !is_only_checked(e, i) || layout_is_finite(&input->layout, first, items, dtype);
  char *tensor = tensor_item(e, i, first);
  if (e->guard)
    return gather_guarded(e, i, first, items);
  if (!is_direct(e, i))
    return layout_gather(&input->layout, first, items, tensor, dtype, e->check_finite);
  return !is_only_checked(e, i) || tensor_is_finite(tensor, dtype, items * v->width);
}

static void gather_part(void *context, int64_t part) {
  struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = 0, first; i < e->card.n_inputs; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items == 0 || gather_items(e, i, first, items))
      continue;
    int64_t found = p->not_finite;
    while (i < found && !atomic_compare_exchange_weak(&p->not_finite, &found, i))
      ;
    return;
  }
}

/* Let a column of the host fade into the emulator's, in the tensor. */
static void mix_item(const pyemu_emulator *e, int64_t i, int64_t column, double weight) {
  const struct layout *dense = e->dense[i];
  for (int64_t element = 0; element < dense->width; ++element) {
    const double host = layout_element(&e->bindings[i].layout, column, element);
    void *at = layout_at(dense, column, element);
    if (dense->dtype == PYEMU_FLOAT64)
      *(double *)at = host + weight * (*(double *)at - host);
    else if (dense->dtype == PYEMU_FLOAT32)
      *(float *)at = (float)(host + weight * ((double)*(float *)at - host));
  }
}

static void scatter_stretch(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  const struct layout *dense = e->dense[i], *host = &e->bindings[i].layout;
  const char *from = layout_at(dense, first, 0);
  if (is_by_element(dense))
    layout_scatter_tile(host, first, items, from, dense->columns, dense->dtype);
  else
    layout_scatter(host, first, items, from, dense->dtype);
}

/* The end of the columns from 'first' on that go to the host as they are. */
static int64_t end_of_stretch(const pyemu_emulator *e, int64_t first, int64_t end) {
  while (first < end && guard_weight(e->guard, first) == 1)
    ++first;
  return first;
}

/* A column without weight keeps the host's numbers. */
static void scatter_items(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  if (!e->guard || !e->card.variables[i].has_batch || !guard_holds_back(e->guard)) {
    scatter_stretch(e, i, first, items);
    return;
  }
  for (int64_t end = first + items, next; first < end; first = next) {
    const double weight = guard_weight(e->guard, first);
    next = weight == 1 ? end_of_stretch(e, first, end) : first + 1;
    if (weight > 0 && weight < 1)
      mix_item(e, i, first, weight);
    if (weight > 0)
      scatter_stretch(e, i, first, next - first);
  }
}

static void scatter_part(void *context, int64_t part) {
  const struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = e->card.n_inputs, first; i < e->card.n_variables; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items > 0 && !is_direct(e, i))
      scatter_items(e, i, first, items);
  }
}

static void look_part(void *context, int64_t part) {
  const struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = e->card.n_inputs, first; i < e->card.n_variables; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items > 0 && e->card.variables[i].has_batch)
      guard_look(e->guard, i, e->dense[i], first, items);
  }
  const int64_t begin = part * p->part_columns, left = p->columns - begin;
  guard_sum(e->guard, e->dense, begin, left < p->part_columns ? left : p->part_columns);
}

/* Bytes of the tensors that are copied, and of all memory that packing reads and writes, for the
 * variables from 'first' to before 'end'. */
static int64_t copied_bytes(const pyemu_emulator *e, int64_t columns, int64_t first, int64_t end,
                            int64_t *moved) {
  int64_t copied = 0;
  *moved = 0;
  for (int64_t i = first; i < end; ++i) {
    const struct variable *v = &e->card.variables[i];
    const int64_t count = batch_size(v, columns) * v->width;
    const int64_t size = (int64_t)dtype_size(tensor_dtype(e, v));
    if (!is_direct(e, i) && !uses_arrays(e)) {
      copied += count * size;
      *moved += count * (size + (int64_t)dtype_size(e->bindings[i].layout.dtype));
    } else if (is_only_checked(e, i)) {
      *moved += count * size;
    }
  }
  return copied;
}

/*
 * Do all parts, over the team if that is worth waking it. Where columns are adjacent in memory,
 * parts should end with a cache line.
 */
static void pack(struct packing *p, team_work *work, int64_t moved) {
  int64_t n = p->columns;
  if (p->emulator->team && moved >= SHARED_BYTES) {
    n = 1 + (int64_t)((double)p->columns * PART_BYTES / (double)moved);
    n = n > LINE_COLUMNS ? (n + LINE_COLUMNS - 1) / LINE_COLUMNS * LINE_COLUMNS : n;
  }
  p->part_columns = n < p->columns ? n : p->columns;
  team_run(p->emulator->team, work, p, (p->columns + p->part_columns - 1) / p->part_columns);
}

static int gather_inputs(pyemu_emulator *e, int64_t step, int64_t columns,
                         const struct error *error) {
  struct packing p = {.emulator = e, .columns = columns, .not_finite = e->card.n_inputs};
  int64_t moved, copied = copied_bytes(e, columns, 0, e->card.n_inputs, &moved);
  if (e->guard)
    guard_begin(e->guard, columns, step);
  pack(&p, gather_part, moved);
  if (p.not_finite < e->card.n_inputs)
    return fail_not_finite(e, p.not_finite, columns, error);
  e->counters.copied_bytes += copied;
  return e->guard ? guard_judge(e->guard, e->dense, PYEMU_INPUT, error) : PYEMU_OK;
}

static int scatter_outputs(pyemu_emulator *e, int64_t columns, const struct error *error) {
  struct packing p = {.emulator = e, .columns = columns};
  int64_t moved, copied = copied_bytes(e, columns, e->card.n_inputs, e->card.n_variables, &moved);
  int status = PYEMU_OK;
  if (copied == 0)
    return PYEMU_OK;
  if (e->guard) {
    pack(&p, look_part, moved);
    status = guard_judge(e->guard, e->dense, PYEMU_OUTPUT, error);
  }
  if (status != PYEMU_OK)
    return status;
  pack(&p, scatter_part, moved);
  e->counters.copied_bytes += copied;
  return PYEMU_OK;
}

static int run_engine(pyemu_emulator *e, int64_t columns, const struct error *error) {
  const struct engine *engine = e->plugin.engine;
  if (engine->run_arrays)
    return engine->run_arrays(e->engine_state, columns, uses_arrays(e) ? e->arrays : e->dense,
                              e->team, error->text, error->size);
  return engine->run(e->engine_state, columns, e->tensors, error->text, error->size);
}

static int run_timed(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error) {
  struct counters *counters = &e->counters;
  double start = seconds_now(), end;
  int status = noise_inputs_fill(&e->noise, &e->card, e->bindings, step, columns, e->columns,
                                 e->team, error);
  /* What is converted on the way to tensors must not be rounded otherwise than by the engine. */
  if (e->plugin.engine->run_arrays)
    environment_use_default();
  if (status == PYEMU_OK)
    status = gather_inputs(e, step, columns, error);
  counters->pack_seconds += (end = seconds_now()) - start;
  if (status != PYEMU_OK)
    return status;
  start = end;
  status = run_engine(e, columns, error);
  counters->engine_seconds += (end = seconds_now()) - start;
  if (status != PYEMU_OK)
    return status;
  if (!uses_arrays(e)) {
    status = scatter_outputs(e, columns, error);
    counters->unpack_seconds += seconds_now() - end;
  }
  if (status != PYEMU_OK)
    return status;
  counters->calls += 1;
  counters->columns += columns;
  return PYEMU_OK;
}

/* 'columns' of ALL_COLUMNS means as many as are bound. */
static int run(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error) {
  int status = e->is_prepared ? PYEMU_OK : prepare(e, error);
  if (status != PYEMU_OK)
    return status;
  if (columns == ALL_COLUMNS)
    columns = e->columns;
  if (columns < 0 || columns > e->columns)
    return fail(error, PYEMU_ERR_SIZE, "a run on %lld columns was asked for; expected 0 to %lld",
                (long long)columns, (long long)e->columns);
  if (columns == 0 && e->guard)
    guard_begin(e->guard, 0, step);
  return columns == 0 ? PYEMU_OK : run_timed(e, step, columns, error);
}

static int run_held(pyemu_emulator *emulator, int64_t step, int64_t columns, char *errmsg,
                    size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct environment environment;
  int status = enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  environment_hold(&environment);
  status = run(emulator, step, columns, &error);
  environment_restore(&environment);
  return leave(emulator, status);
}

int pyemu_run(pyemu_emulator *emulator, int64_t step, char *errmsg, size_t errlen) {
  return run_held(emulator, step, ALL_COLUMNS, errmsg, errlen);
}

int pyemu_run_columns(pyemu_emulator *emulator, int64_t step, int64_t columns, char *errmsg,
                      size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (columns < 0)
    return fail(&error, PYEMU_ERR_SIZE, "a run on %lld columns was asked for; expected 0 or more",
                (long long)columns);
  return run_held(emulator, step, columns, errmsg, errlen);
}

static int set_guard(pyemu_emulator *e, const pyemu_guard *given, const struct error *error) {
  pyemu_guard settings = PYEMU_GUARD_INIT;
  struct guard *guard;
  if (given && given->sizeof_guard < sizeof given->sizeof_guard)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "'sizeof_guard' is not set; start from PYEMU_GUARD_INIT");
  if (given)
    memcpy(&settings, given,
           given->sizeof_guard < sizeof settings ? given->sizeof_guard : sizeof settings);
  int status = guard_make(&guard, &e->card, &settings, error);
  if (status != PYEMU_OK)
    return status;
  guard_free(e->guard);
  e->guard = guard;
  e->is_prepared = 0;
  return PYEMU_OK;
}

int pyemu_set_guard(pyemu_emulator *emulator, const pyemu_guard *guard, char *errmsg,
                    size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = enter(emulator, &error);
  return status == PYEMU_OK ? leave(emulator, set_guard(emulator, guard, &error)) : status;
}

int pyemu_close(pyemu_emulator **emulator, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return PYEMU_OK;
  int status = enter(*emulator, &error);
  if (status != PYEMU_OK)
    return status;
  destroy(*emulator);
  *emulator = NULL;
  return PYEMU_OK;
}
