/* emulator.c - the handle: open, bind, run, close. */
#include "emulator.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "derivative.h"
#include "device.h"
#include "dtype.h"
#include "environment.h"
#include "file.h"
#include "packing.h"
#include "settings.h"
#include "sha256.h"
#include "tensors.h"

enum { ALL_COLUMNS = -1 };

int emulator_enter(pyemu_emulator *e, const struct error *error) {
  if (!e)
    return emulator_fail_closed(error);
  if (atomic_exchange_explicit(&e->busy, 1, memory_order_acquire))
    return fail(error, PYEMU_ERR_BUSY,
                "the emulator is in use by another thread; open one handle for each thread");
  return PYEMU_OK;
}

int emulator_leave(pyemu_emulator *e, int status) {
  atomic_store_explicit(&e->busy, 0, memory_order_release);
  return status;
}

int emulator_hold(pyemu_emulator *e, struct environment *environment, const struct error *error) {
  int status = emulator_enter(e, error);
  if (status == PYEMU_OK)
    environment_hold(environment);
  return status;
}

int emulator_release(pyemu_emulator *e, const struct environment *environment, int status) {
  environment_restore(environment);
  return emulator_leave(e, status);
}

int emulator_fail_closed(const struct error *error) {
  return fail(error, PYEMU_ERR_CLOSED,
              "the emulator is not open: it was closed already, or never opened");
}

static void destroy(pyemu_emulator *e) {
  record_free(e->record);
  team_free(e->team);
  tensors_free(e);
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
  blends_free(&e->blends);
  noise_inputs_free(&e->noise);
  carried_free(&e->carried);
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
  sha256_text(source->bytes, source->size, e->sha256);
  int status = inspect(source, options, &texts, error);
  if (status == PYEMU_OK)
    status =
        (options->derivative ? read_derivative : read_source)(e, source, &texts, options, error);
  if (status == PYEMU_OK)
    status = noise_inputs_make(&e->noise, &e->card, error);
  e->card.is_real64 = is_real64(options);
  if (status == PYEMU_OK)
    status = carried_make(&e->carried, &e->card, error);
  if (status == PYEMU_OK)
    status = blends_make(&e->blends, &e->card, error);
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
  clock_start(&e->counters.clock);
  status = fill(e, source, &options, error);
  e->counters.open_seconds = clock_seconds() - e->counters.clock.start_seconds;
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

/* The variable 'name' and the caller's array for it; with 'array' NULL only the variable. */
static int describe(const pyemu_emulator *e, const char *name, const pyemu_array *array,
                    const char *units, int level_dim, struct layout *layout, int64_t *index,
                    const struct error *error) {
  if (!name)
    return fail(error, PYEMU_ERR_ARGUMENT, "'name' is NULL");
  *index = card_find(&e->card, name);
  if (*index < 0)
    return card_fail_name(&e->card, name, error);
  const struct variable *v = &e->card.variables[*index];
  if (!array)
    return PYEMU_OK;
  if (units && !units_agree(units, v->units))
    return fail(error, PYEMU_ERR_UNITS,
                "'%s' is given in '%.60s', but the emulator needs '%s'; convert the array", name,
                units, v->units);
  return layout_make(layout, array, v, level_dim, error);
}

static int bind(pyemu_emulator *e, const char *name, const pyemu_array *array, const char *units,
                int level_dim, int is_on_device, const struct error *error) {
  struct layout layout;
  int64_t index;
  if (!name || !array)
    return fail(error, PYEMU_ERR_ARGUMENT, "'%s' is NULL", name ? "array" : "name");
  int status = describe(e, name, array, units, level_dim, &layout, &index, error);
  if (status != PYEMU_OK)
    return status;
  const struct variable *v = &e->card.variables[index];
  if (v->has_batch)
    status = check_columns(e, index, layout.columns, error);
  if (status == PYEMU_OK && is_on_device)
    status = check_on_device(e, v, &layout, error);
  if (status != PYEMU_OK)
    return status;
  e->bindings[index] =
      (struct binding){.layout = layout,
                       .is_bound = 1,
                       .is_direct = layout_is_tensor(&layout, card_tensor_dtype(&e->card, v)),
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
  int status = emulator_enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  return emulator_leave(emulator,
                        bind(emulator, name, array, units, level_dim, is_on_device, &error));
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
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? emulator_leave(emulator, noise_inputs_bind_ids(&emulator->noise, ids, &error))
             : status;
}

int pyemu_set_noise(pyemu_emulator *emulator, int64_t seed, int64_t member, char *errmsg,
                    size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? emulator_leave(emulator, noise_inputs_set(&emulator->noise, seed, member, &error))
             : status;
}

int pyemu_unbind(pyemu_emulator *emulator, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  for (int64_t i = 0; i < emulator->card.n_variables; ++i)
    emulator->bindings[i].is_bound = 0;
  emulator->noise.has_ids = 0;
  blends_unbind(&emulator->blends);
  emulator->columns = -1;
  emulator->is_prepared = 0;
  return emulator_leave(emulator, PYEMU_OK);
}

static int run_engine(pyemu_emulator *e, int64_t columns, const struct error *error) {
  const struct engine *engine = e->plugin.engine;
  if (engine->run_arrays)
    return engine->run_arrays(e->engine_state, columns,
                              tensors_are_arrays(e) ? e->arrays : e->dense, e->team, error->text,
                              error->size);
  return engine->run(e->engine_state, columns, e->tensors, error->text, error->size);
}

/* To look at the clock between the check of so few columns and the engine would take as long as
 * the check, and at all in every such run a hundredth of the run: after the first SAMPLED runs one
 * of SAMPLED is timed and counts for all. */
enum { SHORT_RUN = 16, SAMPLED = 16 };

/* How many runs the time of this one stands for; 0: its time is not taken. */
static int64_t timed_runs(int64_t calls, int is_short) {
  if (!is_short || calls < SAMPLED)
    return 1;
  return calls % SAMPLED == SAMPLED - 1 ? SAMPLED : 0;
}

static int run_timed(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error) {
  struct counters *counters = &e->counters;
  const struct steady_clock *clock = &counters->clock;
  const int is_short = columns <= SHORT_RUN && tensors_are_arrays(e);
  const int64_t timed = timed_runs(counters->calls, is_short);
  int64_t start = timed ? clock_ticks(clock) : 0, end = 0;
  e->is_recorded = e->record && record_begin_run(e->record, step);
  int status = noise_inputs_fill(&e->noise, &e->card, e->bindings, step, columns, e->columns,
                                 e->team, error);
  if (status == PYEMU_OK)
    status =
        carried_begin(&e->carried, &e->card, e->bindings, e->noise.has_ids ? &e->noise.ids : NULL,
                      step, columns, e->columns, error);
  if (status == PYEMU_OK)
    status = packing_gather(e, step, columns, error);
  if (!is_short) {
    counters->pack_ticks += (end = clock_ticks(clock)) - start;
    start = end;
  }
  if (status != PYEMU_OK)
    return status;
  status = run_engine(e, columns, error);
  if (timed)
    counters->engine_ticks += timed * ((end = clock_ticks(clock)) - start);
  if (status != PYEMU_OK)
    return status;
  if (!tensors_are_arrays(e)) {
    status = packing_scatter(e, columns, error);
    counters->unpack_ticks += clock_ticks(clock) - end;
  }
  if (status != PYEMU_OK)
    return status;
  carried_end(&e->carried, e->bindings, step, columns);
  counters->calls += 1;
  counters->columns += columns;
  return PYEMU_OK;
}

/* 'columns' of ALL_COLUMNS means as many as are bound. */
static int run(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error) {
  int status = e->is_prepared ? PYEMU_OK : tensors_prepare(e, error);
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

/* With an engine that is built in, conversion on its way rounds as the engine does; a record is
 * written by other libraries. */
static void hold_for_run(const pyemu_emulator *e, struct environment *environment) {
  if (e->plugin.engine->run_arrays && !e->record) {
    environment_hold_own(environment);
    return;
  }
  environment_hold(environment);
  if (e->plugin.engine->run_arrays)
    environment_use_default();
}

static int run_held(pyemu_emulator *emulator, int64_t step, int64_t columns, char *errmsg,
                    size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  struct environment environment;
  int status = emulator_enter(emulator, &error);
  if (status != PYEMU_OK)
    return status;
  hold_for_run(emulator, &environment);
  return emulator_release(emulator, &environment, run(emulator, step, columns, &error));
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
  int status = PYEMU_OK;
  if (given)
    status = settings_read(&settings, sizeof settings, given, "guard", "GUARD", error);
  if (status == PYEMU_OK)
    status = guard_make(&guard, &e->card, &settings, error);
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
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK ? emulator_leave(emulator, set_guard(emulator, guard, &error)) : status;
}

/* Where outputs go is decided anew at the next run. */
static int leave_changed(pyemu_emulator *e, int status) {
  e->is_prepared = 0;
  return emulator_leave(e, status);
}

int pyemu_set_blend(pyemu_emulator *emulator, const char *name, const pyemu_blend *blend,
                    char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? leave_changed(emulator, blends_set(&emulator->blends, name, blend, &error))
             : status;
}

int pyemu_bind_weight(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                      char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? leave_changed(emulator, blends_bind_weight(&emulator->blends, name, array, &error))
             : status;
}

static int bind_aside(pyemu_emulator *e, const char *name, const pyemu_array *array,
                      const char *units, int level_dim, const struct error *error) {
  struct layout layout;
  int64_t index;
  int status = describe(e, name, array, units, level_dim, &layout, &index, error);
  return status == PYEMU_OK ? blends_bind_aside(&e->blends, index, array ? &layout : NULL, error)
                            : status;
}

int pyemu_bind_aside(pyemu_emulator *emulator, const char *name, const pyemu_array *array,
                     const char *units, int level_dim, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  int status = emulator_enter(emulator, &error);
  return status == PYEMU_OK
             ? leave_changed(emulator, bind_aside(emulator, name, array, units, level_dim, &error))
             : status;
}

int pyemu_close(pyemu_emulator **emulator, char *errmsg, size_t errlen) {
  struct error error = error_in(errmsg, errlen);
  if (!emulator)
    return PYEMU_OK;
  int status = emulator_enter(*emulator, &error);
  if (status != PYEMU_OK)
    return status;
  destroy(*emulator);
  *emulator = NULL;
  return PYEMU_OK;
}
