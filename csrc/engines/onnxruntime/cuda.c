#include "cuda.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char provider[] = "CUDAExecutionProvider";

static int check(const struct ort_api *ort, OrtStatus *result, const char *action,
                 const struct error *error) {
  if (!result)
    return PYEMU_OK;
  fail(error, PYEMU_ERR_ENGINE, "ONNX Runtime could not %s: %s", action,
       ort->GetErrorMessage(result));
  ort->ReleaseStatus(result);
  return PYEMU_ERR_ENGINE;
}

static int fail_without_provider(const struct ort_api *ort, char *const *names, int count,
                                 const struct error *error) {
  fail(error, PYEMU_ERR_UNSUPPORTED,
       "CUDA was asked for, but this ONNX Runtime (%s) was built without it: it has", ort->version);
  for (int i = 0; i < count; ++i)
    error_append(error, "%s %s", i ? "," : "", names[i]);
  error_append(error, "; install onnxruntime-gpu in place of onnxruntime, or set PYEMU_ORT to a "
                      "libonnxruntime.so that has CUDA");
  return PYEMU_ERR_UNSUPPORTED;
}

/* A build without CUDA must be told from one whose CUDA does not start: the remedies differ. */
static int check_provider(const struct ort_api *ort, const struct error *error) {
  char **names = NULL;
  int count = 0, found = 0;
  int status =
      check(ort, ort->GetAvailableProviders(&names, &count), "list its execution providers", error);
  if (status != PYEMU_OK)
    return status;
  for (int i = 0; i < count; ++i)
    found |= strcmp(names[i], provider) == 0;
  if (!found)
    status = fail_without_provider(ort, names, count, error);
  OrtStatus *released = ort->ReleaseAvailableProviders(names, count);
  if (released)
    ort->ReleaseStatus(released);
  return status;
}

/*
 * float32 is computed as float32: by default ONNX Runtime lets matrix products round their factors
 * to the 10 bits of TF32. Algorithms of convolutions are chosen by rule, not by a race that may end
 * otherwise the next time. Memory is taken as it is needed, since several ranks may share a card.
 */
static OrtStatus *fill_options(const struct ort_api *ort, OrtCudaOptions *options, int index,
                               void *stream) {
  char id[16], address[32];
  const char *keys[] = {"device_id", "use_tf32", "cudnn_conv_algo_search", "arena_extend_strategy",
                        "user_compute_stream"};
  const char *values[] = {id, "0", "HEURISTIC", "kSameAsRequested", address};
  const size_t count = sizeof keys / sizeof keys[0];
  snprintf(id, sizeof id, "%d", index);
  snprintf(address, sizeof address, "%" PRIuPTR, (uintptr_t)stream);
  return ort->UpdateCudaOptions(options, keys, values, stream ? count : count - 1);
}

int cuda_append(const struct ort_api *ort, OrtSessionOptions *options,
                const struct engine_device *where, void *stream, const struct error *error) {
  OrtCudaOptions *cuda = NULL;
  int status = check_provider(ort, error);
  if (status != PYEMU_OK)
    return status;
  OrtStatus *result = ort->CreateCudaOptions(&cuda);
  if (!result)
    result = fill_options(ort, cuda, where->index, stream);
  if (!result)
    result = ort->AppendCuda(options, cuda);
  if (cuda)
    ort->ReleaseCudaOptions(cuda);
  status = check(ort, result, "start CUDA", error);
  if (status != PYEMU_OK)
    error_append(error, "; are the driver, CUDA and cuDNN of the versions it was built for, and "
                        "their directories in LD_LIBRARY_PATH?");
  /* Without this the parts of a graph that CUDA cannot run would go to the CPU in silence. */
  if (status == PYEMU_OK && !where->may_use_cpu)
    status = check(ort, ort->AddSessionConfigEntry(options, "session.disable_cpu_ep_fallback", "1"),
                   "set its options", error);
  return status;
}

/* The number that such memory goes by has changed between releases: that of the card, or 0. */
OrtAllocator *cuda_pinned_allocator(const struct ort_api *ort, const OrtSession *session,
                                    int index) {
  const int ids[] = {index, 0};
  OrtAllocator *allocator = NULL;
  for (int i = 0; i < 2 && !allocator; ++i) {
    OrtMemoryInfo *memory = NULL;
    OrtStatus *result = ort->CreateMemoryInfo("CudaPinned", ORT_DEVICE_ALLOCATOR, ids[i],
                                              ORT_MEMORY_CPU_OUTPUT, &memory);
    if (!result)
      result = ort->CreateAllocator(session, memory, &allocator);
    if (memory)
      ort->ReleaseMemoryInfo(memory);
    if (result) {
      ort->ReleaseStatus(result);
      allocator = NULL;
    }
  }
  return allocator;
}

/* cuPointerGetAttribute of the driver, which ONNX Runtime has loaded. */
typedef int attribute_function(void *value, int attribute, uintptr_t address);
enum { SUCCESS = 0, INVALID_VALUE = 1 };
enum { MEMORY_TYPE = 2, DEVICE_ORDINAL = 9 };
enum { TYPE_HOST = 1 };

int cuda_check_address(const void *address, int index, const char *name,
                       const struct error *error) {
  attribute_function *get = NULL;
  unsigned type = 0;
  int ordinal = index;
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  void *symbol = driver ? dlsym(driver, "cuPointerGetAttribute") : NULL;
  memcpy(&get, &symbol, sizeof get);
  const int result = get ? get(&type, MEMORY_TYPE, (uintptr_t)address) : SUCCESS;
  if (get && result == SUCCESS && type != TYPE_HOST)
    get(&ordinal, DEVICE_ORDINAL, (uintptr_t)address);
  if (driver)
    dlclose(driver);
  if (result == INVALID_VALUE || (result == SUCCESS && type == TYPE_HOST))
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the array for '%s' is bound on the device, but its address is in host memory; "
                "pass the address on the card, or use bind",
                name);
  if (ordinal != index)
    return fail(error, PYEMU_ERR_ARGUMENT,
                "the array for '%s' lies on card %d, but the emulator runs on card %d", name,
                ordinal, index);
  return PYEMU_OK;
}
