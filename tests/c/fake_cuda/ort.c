/*
 * ort.c - an ONNX Runtime that says it has CUDA: the installed one with some slots of its table
 * replaced.
 *
 * The card's memory is host memory, but inputs in host memory behave as they do with CUDA: they are
 * copied when they are bound, and what is written to them later is not seen. PYEMU_TEST_ORT names
 * the installed library, or its directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/onnxruntime/library.h"
#include "fake_cuda.h"

enum { N_SLOTS = 264, MAX_VALUES = 64 };

typedef void slot(void);

static struct ort_api ort; /* the installed library's */
static slot *table[N_SLOTS];
static const char *failure; /* text of the last error of ours */
static struct fake_cuda fake;
static OrtMemoryInfo *device_info, *pinned_info;
static char cuda_options;

/* Tensors in host memory, which are copied when they are bound. */
static struct {
  const OrtValue *value;
  OrtValue *copy;
  void *host, *device;
  size_t size;
} values[MAX_VALUES];

/* Every error of ours has this address. */
static OrtStatus *fail_with(const char *text) {
  failure = text;
  return (OrtStatus *)&failure;
}

static const char *get_error_message(const OrtStatus *status) {
  return status == (const OrtStatus *)&failure ? failure : ort.GetErrorMessage(status);
}

static void release_status(OrtStatus *status) {
  if (status != (OrtStatus *)&failure)
    ort.ReleaseStatus(status);
}

__attribute__((visibility("default"))) struct fake_cuda *fake_cuda(void);
struct fake_cuda *fake_cuda(void) {
  return &fake;
}

static OrtStatus *get_available_providers(char ***names, int *count) {
  static char cuda[] = "CUDAExecutionProvider", cpu[] = "CPUExecutionProvider";
  static char *both[] = {cuda, cpu};
  *names = both;
  *count = 2;
  return NULL;
}

static OrtStatus *release_available_providers(char **names, int count) {
  (void)names;
  (void)count;
  return NULL;
}

static OrtStatus *create_cuda_options(OrtCudaOptions **options) {
  *options = (OrtCudaOptions *)&cuda_options;
  return NULL;
}

static OrtStatus *update_cuda_options(OrtCudaOptions *options, const char *const *keys,
                                      const char *const *given, size_t count) {
  (void)options;
  fake.options[0] = '\0';
  for (size_t i = 0; i < count; ++i) {
    size_t used = strlen(fake.options);
    snprintf(fake.options + used, sizeof fake.options - used, "%s=%s ", keys[i], given[i]);
  }
  return NULL;
}

static void release_cuda_options(OrtCudaOptions *options) { (void)options; }

static int card(void) { return atoi(fake.options + strlen("device_id=")); }

static OrtStatus *append_cuda(OrtSessionOptions *session, const OrtCudaOptions *options) {
  (void)session;
  (void)options;
  return card() < FAKE_CARDS ? NULL : fail_with("CUDA failure 101: invalid device ordinal");
}

static OrtStatus *add_config_entry(OrtSessionOptions *options, const char *key, const char *value) {
  if (strcmp(key, "session.disable_cpu_ep_fallback") != 0)
    return ort.AddSessionConfigEntry(options, key, value);
  fake.no_fallback = strcmp(value, "1") == 0;
  return NULL;
}

static OrtStatus *create_session(const OrtEnv *env, const void *bytes, size_t size,
                                 const OrtSessionOptions *options, OrtSession **session) {
  if (fake.no_fallback && fake.graph_needs_cpu)
    return fail_with("This session contains graph nodes that are assigned to the CPU");
  return ort.CreateSessionFromArray(env, bytes, size, options, session);
}

/* The number of pinned memory is 0 on every card, as in older releases. */
static OrtStatus *create_memory_info(const char *name, int allocator, int id, int memory,
                                     OrtMemoryInfo **info) {
  OrtStatus *result = ort.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, info);
  if (!result && strcmp(name, "Cuda") == 0 && memory == ORT_MEMORY_DEFAULT && id == card())
    device_info = *info;
  if (!result && strcmp(name, "CudaPinned") == 0 && memory == ORT_MEMORY_CPU_OUTPUT)
    pinned_info = id == 0 && allocator == ORT_DEVICE_ALLOCATOR ? *info : NULL;
  return result;
}

static OrtStatus *create_allocator(const OrtSession *session, const OrtMemoryInfo *info,
                                   OrtAllocator **allocator) {
  (void)session;
  return info == pinned_info ? ort.GetAllocatorWithDefaultOptions(allocator)
                             : fail_with("no such allocator");
}

static void release_allocator(OrtAllocator *allocator) { (void)allocator; }

static OrtStatus *allocator_alloc(OrtAllocator *allocator, size_t size, void **memory) {
  fake.pinned += 1;
  return ort.AllocatorAlloc(allocator, size, memory);
}

/* The names of inputs and outputs are freed with it too, before there is any pinned memory. */
static OrtStatus *allocator_free(OrtAllocator *allocator, void *memory) {
  fake.pinned -= fake.pinned > 0;
  return ort.AllocatorFree(allocator, memory);
}

/* A value in host memory has a copy on the card. */
static OrtStatus *create_tensor(const OrtMemoryInfo *info, void *data, size_t size,
                                const int64_t *shape, size_t rank, int type, OrtValue **value) {
  OrtStatus *result =
      ort.CreateTensorWithDataAsOrtValue(info, data, size, shape, rank, type, value);
  if (result)
    return result;
  if (info == device_info) {
    fake.values_on_device += 1;
    return NULL;
  }
  for (int i = 0; i < MAX_VALUES; ++i) {
    if (values[i].value)
      continue;
    values[i].value = *value;
    values[i].host = data;
    values[i].size = size;
    values[i].device = malloc(size + 1);
    return ort.CreateTensorWithDataAsOrtValue(info, values[i].device, size, shape, rank, type,
                                              &values[i].copy);
  }
  return fail_with("the fake card holds no more tensors");
}

static void release_value(OrtValue *value) {
  for (int i = 0; i < MAX_VALUES; ++i)
    if (values[i].value == value) {
      ort.ReleaseValue(values[i].copy);
      free(values[i].device);
      values[i].value = NULL;
    }
  ort.ReleaseValue(value);
}

static OrtStatus *bind_input(OrtIoBinding *binding, const char *name, const OrtValue *value) {
  for (int i = 0; i < MAX_VALUES; ++i)
    if (values[i].value == value && strstr(fake.options, "device_id")) {
      memcpy(values[i].device, values[i].host, values[i].size);
      fake.copies += 1;
      return ort.BindInput(binding, name, values[i].copy);
    }
  return ort.BindInput(binding, name, value);
}

static OrtStatus *synchronize(OrtIoBinding *binding) {
  (void)binding;
  fake.syncs += 1;
  return NULL;
}

static const void *get_api(uint32_t version) {
  char message[1024];
  struct error error = error_in(message, sizeof message);
  if (ort_library_load(&ort, getenv("PYEMU_TEST_ORT"), &error) != PYEMU_OK)
    return NULL;
  if (version != ORT_API_VERSION)
    return NULL;
#define ORT_KEEP(slot, name, result, arguments) memcpy(&table[slot], &ort.name, sizeof table[slot]);
  ORT_SLOTS(ORT_KEEP)
#undef ORT_KEEP
  fake = (struct fake_cuda){.graph_needs_cpu = fake.graph_needs_cpu};
#define REPLACE(number, function) table[number] = (slot *)(function)
  REPLACE(2, get_error_message);
  REPLACE(8, create_session);
  REPLACE(49, create_tensor);
  REPLACE(68, create_memory_info);
  REPLACE(75, allocator_alloc);
  REPLACE(76, allocator_free);
  REPLACE(93, release_status);
  REPLACE(96, release_value);
  REPLACE(125, get_available_providers);
  REPLACE(126, release_available_providers);
  REPLACE(130, add_config_entry);
  REPLACE(131, create_allocator);
  REPLACE(132, release_allocator);
  REPLACE(136, bind_input);
  REPLACE(202, synchronize);
  REPLACE(203, synchronize);
  REPLACE(204, append_cuda);
  REPLACE(205, create_cuda_options);
  REPLACE(206, update_cuda_options);
  REPLACE(208, release_cuda_options);
  return table;
}

static const char *get_version(void) { return ort.version; }

__attribute__((visibility("default"))) const struct ort_api_base *OrtGetApiBase(void);
const struct ort_api_base *OrtGetApiBase(void) {
  static const struct ort_api_base base = {get_api, get_version};
  return &base;
}
