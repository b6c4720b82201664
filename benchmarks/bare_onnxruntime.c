/* bare_onnxruntime.c - ONNX Runtime alone, on tensors bound once. */
#include <stdio.h>
#include <stdlib.h>

#include "bare.h"
#include "engines/onnxruntime/library.h"

struct session {
  struct ort_api ort;
  OrtEnv *env;
  OrtSession *session;
  OrtIoBinding *binding;
};

static char message[2048];

/* 1 if it went well; else the reason is kept. */
static int ok(struct session *s, OrtStatus *status) {
  if (!status)
    return 1;
  snprintf(message, sizeof message, "%s", s->ort.GetErrorMessage(status));
  s->ort.ReleaseStatus(status);
  return 0;
}

/* The same options as those of the engine. */
static int make_session(struct session *s, const struct bare_source *source) {
  OrtSessionOptions *options = NULL;
  size_t size = 0;
  void *bytes = bare_read_file(source->path, &size);
  if (!bytes)
    snprintf(message, sizeof message, "cannot read '%s'", source->path);
  int made = bytes && ok(s, s->ort.CreateEnv(ORT_LOGGING_FATAL, "bench", &s->env)) &&
             ok(s, s->ort.CreateSessionOptions(&options)) &&
             ok(s, s->ort.SetIntraOpNumThreads(options, source->threads)) &&
             ok(s, s->ort.AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0")) &&
             ok(s, s->ort.CreateSessionFromArray(s->env, bytes, size, options, &s->session)) &&
             ok(s, s->ort.CreateIoBinding(s->session, &s->binding));
  if (options)
    s->ort.ReleaseSessionOptions(options);
  free(bytes);
  return made;
}

/* The binding keeps what it is given. */
static int bind_tensor(struct session *s, OrtMemoryInfo *memory, const struct bare_tensor *t) {
  OrtValue *value = NULL;
  int bound = ok(s, s->ort.CreateTensorWithDataAsOrtValue(memory, t->data, t->size, t->shape,
                                                          (size_t)t->rank, ORT_FLOAT, &value)) &&
              ok(s, t->is_input ? s->ort.BindInput(s->binding, t->name, value)
                                : s->ort.BindOutput(s->binding, t->name, value));
  if (value)
    s->ort.ReleaseValue(value);
  return bound;
}

static void close_session(void *state) {
  struct session *s = state;
  if (s->binding)
    s->ort.ReleaseIoBinding(s->binding);
  if (s->session)
    s->ort.ReleaseSession(s->session);
  if (s->env)
    s->ort.ReleaseEnv(s->env);
  free(s);
}

static const char *open_session(const struct bare_source *source, void **state) {
  struct error error = error_in(message, sizeof message);
  OrtMemoryInfo *memory = NULL;
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    return "no memory";
  const char *library = *source->runtime ? source->runtime : NULL;
  int opened = ort_library_load(&s->ort, library, &error) == 0 && make_session(s, source) &&
               ok(s, s->ort.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &memory));
  for (int64_t i = 0; opened && i < source->n_tensors; ++i)
    opened = bind_tensor(s, memory, &source->tensors[i]);
  if (memory)
    s->ort.ReleaseMemoryInfo(memory);
  if (!opened) {
    close_session(s);
    return message;
  }
  *state = s;
  return NULL;
}

static const char *run(void *state) {
  struct session *s = state;
  return ok(s, s->ort.RunWithBinding(s->session, NULL, s->binding)) ? NULL : message;
}

const struct bare bare_onnxruntime = {"onnxruntime", open_session, run, close_session};
