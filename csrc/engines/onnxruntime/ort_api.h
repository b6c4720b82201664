/*
 * ort_api.h - the part of ONNX Runtime's C interface that we call, declared by slot.
 *
 * ONNX Runtime publishes one table of function pointers (OrtApi) that is only ever appended to, and
 * one exported symbol, OrtGetApiBase, that hands it out. So the slots below mean the same in every
 * release since the one that added them, and neither its header nor a link against it is needed:
 * linking would tie the binary to one exact release.
 */
#ifndef PYEMU_ORT_API_H
#define PYEMU_ORT_API_H

#include <stddef.h>
#include <stdint.h>

/* The oldest table that holds every slot we use is asked for; newer releases still give it. */
enum { ORT_API_VERSION = 16 };

/* Values of ONNX Runtime's enumerations. */
enum {
  ORT_LOGGING_FATAL = 4,
  ORT_DEVICE_ALLOCATOR = 0,
  ORT_MEMORY_DEFAULT = 0,
  ORT_MEMORY_CPU_OUTPUT = -1
};
enum { ORT_FLOAT = 1, ORT_INT32 = 6, ORT_DOUBLE = 11 };

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorInfo OrtTensorInfo;
typedef struct OrtValue OrtValue;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtIoBinding OrtIoBinding;
typedef struct OrtCudaOptions OrtCudaOptions; /* OrtCUDAProviderOptionsV2 */

/* What OrtGetApiBase returns. */
struct ort_api_base {
  const void *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
};

/* X(slot, name, result, arguments) for every function we use. */
#define ORT_SLOTS(X)                                                                               \
  X(2, GetErrorMessage, const char *, (const OrtStatus *))                                         \
  X(3, CreateEnv, OrtStatus *, (int severity, const char *log_id, OrtEnv **))                      \
  X(8, CreateSessionFromArray, OrtStatus *,                                                        \
    (const OrtEnv *, const void *bytes, size_t size, const OrtSessionOptions *, OrtSession **))    \
  X(10, CreateSessionOptions, OrtStatus *, (OrtSessionOptions **))                                 \
  X(24, SetIntraOpNumThreads, OrtStatus *, (OrtSessionOptions *, int))                             \
  X(25, SetInterOpNumThreads, OrtStatus *, (OrtSessionOptions *, int))                             \
  X(30, SessionGetInputCount, OrtStatus *, (const OrtSession *, size_t *))                         \
  X(31, SessionGetOutputCount, OrtStatus *, (const OrtSession *, size_t *))                        \
  X(33, SessionGetInputTypeInfo, OrtStatus *, (const OrtSession *, size_t, OrtTypeInfo **))        \
  X(34, SessionGetOutputTypeInfo, OrtStatus *, (const OrtSession *, size_t, OrtTypeInfo **))       \
  X(36, SessionGetInputName, OrtStatus *, (const OrtSession *, size_t, OrtAllocator *, char **))   \
  X(37, SessionGetOutputName, OrtStatus *, (const OrtSession *, size_t, OrtAllocator *, char **))  \
  X(49, CreateTensorWithDataAsOrtValue, OrtStatus *,                                               \
    (const OrtMemoryInfo *, void *data, size_t size, const int64_t *shape, size_t rank, int type,  \
     OrtValue **))                                                                                 \
  X(55, CastTypeInfoToTensorInfo, OrtStatus *, (const OrtTypeInfo *, const OrtTensorInfo **))      \
  X(60, GetTensorElementType, OrtStatus *, (const OrtTensorInfo *, int *))                         \
  X(61, GetDimensionsCount, OrtStatus *, (const OrtTensorInfo *, size_t *))                        \
  X(62, GetDimensions, OrtStatus *, (const OrtTensorInfo *, int64_t *, size_t))                    \
  X(68, CreateMemoryInfo, OrtStatus *,                                                             \
    (const char *name, int allocator, int id, int memory, OrtMemoryInfo **))                       \
  X(69, CreateCpuMemoryInfo, OrtStatus *, (int allocator, int memory, OrtMemoryInfo **))           \
  X(75, AllocatorAlloc, OrtStatus *, (OrtAllocator *, size_t size, void **))                       \
  X(76, AllocatorFree, OrtStatus *, (OrtAllocator *, void *))                                      \
  X(78, GetAllocatorWithDefaultOptions, OrtStatus *, (OrtAllocator **))                            \
  X(92, ReleaseEnv, void, (OrtEnv *))                                                              \
  X(93, ReleaseStatus, void, (OrtStatus *))                                                        \
  X(94, ReleaseMemoryInfo, void, (OrtMemoryInfo *))                                                \
  X(95, ReleaseSession, void, (OrtSession *))                                                      \
  X(96, ReleaseValue, void, (OrtValue *))                                                          \
  X(98, ReleaseTypeInfo, void, (OrtTypeInfo *))                                                    \
  X(100, ReleaseSessionOptions, void, (OrtSessionOptions *))                                       \
  X(125, GetAvailableProviders, OrtStatus *, (char ***names, int *count))                          \
  X(126, ReleaseAvailableProviders, OrtStatus *, (char **names, int count))                        \
  X(130, AddSessionConfigEntry, OrtStatus *,                                                       \
    (OrtSessionOptions *, const char *key, const char *value))                                     \
  X(131, CreateAllocator, OrtStatus *,                                                             \
    (const OrtSession *, const OrtMemoryInfo *, OrtAllocator **))                                  \
  X(132, ReleaseAllocator, void, (OrtAllocator *))                                                 \
  X(133, RunWithBinding, OrtStatus *, (OrtSession *, const OrtRunOptions *, const OrtIoBinding *)) \
  X(134, CreateIoBinding, OrtStatus *, (OrtSession *, OrtIoBinding **))                            \
  X(135, ReleaseIoBinding, void, (OrtIoBinding *))                                                 \
  X(136, BindInput, OrtStatus *, (OrtIoBinding *, const char *name, const OrtValue *))             \
  X(137, BindOutput, OrtStatus *, (OrtIoBinding *, const char *name, const OrtValue *))            \
  X(202, SynchronizeBoundInputs, OrtStatus *, (OrtIoBinding *))                                    \
  X(203, SynchronizeBoundOutputs, OrtStatus *, (OrtIoBinding *))                                   \
  X(204, AppendCuda, OrtStatus *, (OrtSessionOptions *, const OrtCudaOptions *))                   \
  X(205, CreateCudaOptions, OrtStatus *, (OrtCudaOptions **))                                      \
  X(206, UpdateCudaOptions, OrtStatus *,                                                           \
    (OrtCudaOptions *, const char *const *keys, const char *const *values, size_t count))          \
  X(208, ReleaseCudaOptions, void, (OrtCudaOptions *))

/* The functions, by name, and the version of the library they are from. */
struct ort_api {
  const char *version;
#define ORT_MEMBER(slot, name, result, arguments) result(*name) arguments;
  ORT_SLOTS(ORT_MEMBER)
#undef ORT_MEMBER
};

#endif
