/*
 * compile.c - the program pyemu_compile: an emulator file that the engine 'native' runs becomes one
 * C file and a Fortran module.
 *
 *   pyemu_compile [--real64] [--derivative=NAME] FILE OUTPUT.c [NAME]
 *
 * writes OUTPUT.c and OUTPUT.f90; NAME is that of the function, by default the card's. With
 * --real64 all that is float32 in the graph is double, the arguments too. On success it prints one
 * JSON object: the name, and the bytes that a call needs on the stack. An error is one line on
 * standard error and exit status 1, and leaves no file behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "derivative.h"
#include "engines/native/native.h"
#include "engines/native/source.h"
#include "file.h"
#include "json.h"
#include "sha256.h"

/* What a thread can be asked for: stacks have 8 MiB, those of further threads often less. */
enum { MOST_STACK = 4 << 20 };

/* An emulator file on its way to source text. */
struct job {
  const char *path, *output, *name; /* 'name' is NULL for the card's */
  int is_real64;
  const char *derivative; /* that is compiled in the emulator's place, or NULL */
  unsigned char *bytes;
  size_t size;
  struct file_texts texts;
  struct card card;
  char *card_name, *card_version;
  int is_field;
  struct arena arena;
  struct model model;
  struct plan plan;
  struct source_argument *arguments;
  char sha256[SHA256_TEXT];
  char fortran[4096]; /* path of the Fortran file */
};

static void release(struct job *job) {
  free(job->bytes);
  card_free(&job->card);
  free(job->card_name);
  free(job->card_version);
  arena_free(&job->arena);
  free(job->arguments);
}

/* --- Reading --- */

/* "a/b.c" gives "a/b.f90". */
static int name_fortran(struct job *job, const struct error *error) {
  const size_t length = strlen(job->output);
  if (length < 3 || length + 3 > sizeof job->fortran || strcmp(job->output + length - 2, ".c") != 0)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the output is '%.400s'; expected a path that ends in '.c'", job->output);
  snprintf(job->fortran, sizeof job->fortran, "%.*s.f90", (int)(length - 2), job->output);
  return PYEMU_OK;
}

/* What the library itself does not keep of a card. */
static int read_names(struct job *job, const struct error *error) {
  struct json json;
  int status = json_parse(&json, job->texts.card, job->texts.card_size, error);
  if (status != PYEMU_OK)
    return status;
  const struct json_node *root = &json.nodes[0], *name = json_member(&json, root, "name");
  const struct json_node *version = json_member(&json, root, "version");
  if (name && name->type == JSON_STRING)
    job->card_name = json_string(name);
  if (version && version->type == JSON_STRING)
    job->card_version = json_string(version);
  job->is_field = json_is(json_member(&json, root, "kind"), "field");
  json_free(&json);
  return job->card_name && job->card_version
             ? PYEMU_OK
             : fail(error, PYEMU_ERR_CARD, "the card has no 'name', or no 'version'");
}

/* Put the model of a derivative that the file carries in the file's place. */
static int take_derivative(struct job *job, const struct error *error) {
  unsigned char *model;
  size_t size;
  if (!derivative_is_known(job->derivative))
    return fail(error, PYEMU_ERR_ARGUMENT, "derivative is '%.40s'; expected 'vjp' or 'jvp'",
                job->derivative);
  int status = derivative_compose(job->bytes, job->size, job->derivative, &model, &size, error);
  if (status != PYEMU_OK)
    return status;
  free(job->bytes);
  job->bytes = model;
  job->size = size;
  return file_find_texts(model, size, &job->texts, error);
}

static int read_file(struct job *job, const struct error *error) {
  int status = file_read(job->path, &job->bytes, &job->size, error);
  if (status == PYEMU_OK)
    status = file_find_texts(job->bytes, job->size, &job->texts, error);
  if (status == PYEMU_OK && job->texts.kind != FILE_ONNX)
    status =
        fail(error, PYEMU_ERR_UNSUPPORTED, "the file is %s; only ONNX graphs can be compiled to C",
             file_kind_description(job->texts.kind));
  sha256_text(job->bytes ? job->bytes : (unsigned char *)"", job->size, job->sha256);
  if (status == PYEMU_OK && job->derivative)
    status = take_derivative(job, error);
  if (status == PYEMU_OK)
    status = card_parse(&job->card, job->texts.card, job->texts.card_size, error);
  return status == PYEMU_OK ? read_names(job, error) : status;
}

/* --- The plan --- */

static void describe(const struct variable *v, struct engine_tensor *tensor) {
  *tensor = (struct engine_tensor){
      .name = v->name, .dtype = v->dtype, .direction = v->direction, .width = v->width};
  if (v->has_batch)
    tensor->shape[tensor->rank++] = -1;
  for (int i = 0; i < v->n_dims; ++i)
    tensor->shape[tensor->rank++] = v->dims[i].size;
}

/* Let the engine compare card and graph, with its own messages. */
static int check(const struct job *job, const struct error *error) {
  struct engine_source source = {.bytes = job->bytes,
                                 .size = job->size,
                                 .path = job->path,
                                 .n_tensors = job->card.n_variables,
                                 .n_inputs = job->card.n_inputs,
                                 .threads = 1,
                                 .is_real64 = job->is_real64};
  struct engine_tensor *tensors = calloc((size_t)source.n_tensors + 1, sizeof *tensors);
  void *state;
  if (!tensors)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the engine");
  for (int64_t i = 0; i < source.n_tensors; ++i)
    describe(&job->card.variables[i], &tensors[i]);
  source.tensors = tensors;
  int status = native_engine.create(&source, &state, error->text, error->size);
  if (status == PYEMU_OK)
    native_engine.destroy(state);
  free(tensors);
  return status;
}

/* The input or output of the plan that is a variable of the card; there is one for each. */
static const struct view *find_view(const struct job *job, const struct variable *v) {
  const int is_input = v->direction == PYEMU_INPUT;
  const struct model_port *ports = is_input ? job->model.inputs : job->model.outputs;
  int i = 0;
  while (!text_is(&job->model.names[ports[i].value], v->name))
    ++i;
  return is_input ? &job->plan.inputs[i] : &job->plan.outputs[i];
}

static int make_plan(struct job *job, const struct error *error) {
  int status = check(job, error);
  if (status == PYEMU_OK)
    status = model_read(&job->model, &job->arena, job->bytes, job->size, error);
  if (status == PYEMU_OK)
    status = plan_make(&job->plan, &job->model, job->is_real64 ? ELEMENT_FLOAT64 : ELEMENT_FLOAT32,
                       &job->arena, error);
  if (status != PYEMU_OK)
    return status;
  if (source_stack_bytes(&job->plan) > MOST_STACK)
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "one column needs %lld bytes between the steps, which are on the stack of compiled "
                "C; expected up to %d: run the file with libpyemu",
                (long long)source_stack_bytes(&job->plan), MOST_STACK);
  job->arguments = calloc((size_t)job->card.n_variables + 1, sizeof *job->arguments);
  if (!job->arguments)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the arguments");
  for (int64_t i = 0; i < job->card.n_variables; ++i) {
    const struct variable *v = &job->card.variables[i];
    job->arguments[i] = (struct source_argument){.variable = v, .view = find_view(job, v)};
  }
  return PYEMU_OK;
}

/* --- Writing --- */

/* Close the file, which must have been written whole. */
static int finish(FILE *file, const char *path, int status, const struct error *error) {
  const int is_bad = ferror(file);
  if ((fclose(file) != 0 || is_bad) && status == PYEMU_OK)
    status =
        fail(error, PYEMU_ERR_FILE, "'%.400s' could not be written: %s", path, strerror(errno));
  if (status != PYEMU_OK)
    remove(path);
  return status;
}

static FILE *begin(const char *path, const struct error *error) {
  FILE *file = fopen(path, "w");
  if (!file)
    fail(error, PYEMU_ERR_FILE, "'%.400s' could not be written: %s", path, strerror(errno));
  return file;
}

static int write_files(const struct job *job, const struct source *source,
                       const struct error *error) {
  FILE *file = begin(job->output, error);
  if (!file)
    return PYEMU_ERR_FILE;
  int status = finish(file, job->output, source_write_c(file, source, error), error);
  if (status != PYEMU_OK)
    return status;
  file = begin(job->fortran, error);
  if (!file)
    return PYEMU_ERR_FILE;
  source_write_fortran(file, source);
  return finish(file, job->fortran, PYEMU_OK, error);
}

static int compile(struct job *job, const struct error *error) {
  int status = name_fortran(job, error);
  if (status == PYEMU_OK)
    status = read_file(job, error);
  if (status != PYEMU_OK)
    return status;
  const char *name = job->name ? job->name : job->card_name;
  status = source_check_name(name, error);
  if (status == PYEMU_OK)
    status = make_plan(job, error);
  if (status != PYEMU_OK)
    return status;
  source_name_arguments(job->arguments, (int)job->card.n_variables, name);
  const struct source source = {.name = name,
                                .card_name = job->card_name,
                                .card_version = job->card_version,
                                .sha256 = job->sha256,
                                .is_field = job->is_field,
                                .plan = &job->plan,
                                .arguments = job->arguments,
                                .n_arguments = (int)job->card.n_variables};
  status = write_files(job, &source, error);
  if (status == PYEMU_OK)
    printf("{\"name\": \"%s\", \"stack_bytes\": %lld}\n", name,
           (long long)source_stack_bytes(&job->plan));
  return status;
}

int main(int n_arguments, char **arguments) {
  char message[4096];
  struct error error = error_in(message, sizeof message);
  static const char option[] = "--derivative=";
  const int is_real64 = n_arguments > 1 && strcmp(arguments[1], "--real64") == 0;
  arguments += is_real64;
  n_arguments -= is_real64;
  const char *derivative = NULL;
  if (n_arguments > 1 && strncmp(arguments[1], option, sizeof option - 1) == 0) {
    derivative = arguments[1] + sizeof option - 1;
    ++arguments;
    --n_arguments;
  }
  if (n_arguments < 3 || n_arguments > 4) {
    fputs("usage: pyemu_compile [--real64] [--derivative=NAME] FILE OUTPUT.c [NAME]\n", stderr);
    return EXIT_FAILURE;
  }
  struct job job = {.path = arguments[1],
                    .output = arguments[2],
                    .name = arguments[3],
                    .is_real64 = is_real64,
                    .derivative = derivative};
  int status = compile(&job, &error);
  if (status != PYEMU_OK)
    fprintf(stderr, "%s\n", message);
  release(&job);
  return status == PYEMU_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
