/* Every slot of ONNX Runtime's table that we declare does, in the installed library, what its name
 * says. */
#include "check.h"
#include "engines/onnxruntime/library.h"

static struct ort_api ort;
static const char *directory;

static void ok(OrtStatus *status, const char *call) {
  if (!status)
    return;
  printf("%s: %s\n", call, ort.GetErrorMessage(status));
  ort.ReleaseStatus(status);
  exit(EXIT_FAILURE);
}
#define OK(call) ok(call, #call)

static OrtSession *make_session(OrtEnv *env) {
  OrtSessionOptions *options = NULL;
  OrtSession *session = NULL;
  size_t size;
  unsigned char *bytes = check_read(directory, "scale_float32.onnx", &size);
  OK(ort.CreateSessionOptions(&options));
  OK(ort.SetIntraOpNumThreads(options, 1));
  OK(ort.SetInterOpNumThreads(options, 1));
  OK(ort.AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"));
  OrtStatus *bad = ort.CreateSessionFromArray(env, "nonsense", 8, options, &session);
  CHECK(bad && strlen(ort.GetErrorMessage(bad)) > 5);
  ort.ReleaseStatus(bad);
  OK(ort.CreateSessionFromArray(env, bytes, size, options, &session));
  ort.ReleaseSessionOptions(options);
  free(bytes);
  return session;
}

static void check_info(OrtTypeInfo *info) {
  const OrtTensorInfo *tensor = NULL;
  int type = 0;
  size_t rank = 0;
  int64_t shape[2] = {0, 0};
  OK(ort.CastTypeInfoToTensorInfo(info, &tensor));
  OK(ort.GetTensorElementType(tensor, &type));
  OK(ort.GetDimensionsCount(tensor, &rank));
  OK(ort.GetDimensions(tensor, shape, 2));
  CHECK(type == ORT_FLOAT && rank == 2 && shape[0] == -1 && shape[1] == 5);
  ort.ReleaseTypeInfo(info);
}

static void check_description(const OrtSession *session) {
  OrtAllocator *allocator = NULL;
  OrtTypeInfo *info = NULL;
  char *name = NULL;
  size_t count = 0;
  OK(ort.GetAllocatorWithDefaultOptions(&allocator));
  OK(ort.SessionGetInputCount(session, &count));
  CHECK(count == 1);
  OK(ort.SessionGetOutputCount(session, &count));
  CHECK(count == 1);
  OK(ort.SessionGetInputName(session, 0, allocator, &name));
  CHECK(strcmp(name, "x") == 0);
  OK(ort.AllocatorFree(allocator, name));
  OK(ort.SessionGetOutputName(session, 0, allocator, &name));
  CHECK(strcmp(name, "y") == 0);
  OK(ort.AllocatorFree(allocator, name));
  OK(ort.SessionGetInputTypeInfo(session, 0, &info));
  check_info(info);
  OK(ort.SessionGetOutputTypeInfo(session, 0, &info));
  check_info(info);
}

static void check_run(OrtSession *session) {
  OrtMemoryInfo *memory = NULL;
  OrtIoBinding *binding = NULL;
  OrtValue *values[2] = {NULL, NULL};
  float x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, y[10] = {0};
  const int64_t shape[2] = {2, 5};
  OK(ort.CreateCpuMemoryInfo(ORT_DEVICE_ALLOCATOR, ORT_MEMORY_DEFAULT, &memory));
  OK(ort.CreateIoBinding(session, &binding));
  OK(ort.CreateTensorWithDataAsOrtValue(memory, x, sizeof x, shape, 2, ORT_FLOAT, &values[0]));
  OK(ort.CreateTensorWithDataAsOrtValue(memory, y, sizeof y, shape, 2, ORT_FLOAT, &values[1]));
  OK(ort.BindInput(binding, "x", values[0]));
  OK(ort.BindOutput(binding, "y", values[1]));
  OK(ort.RunWithBinding(session, NULL, binding));
  for (int i = 0; i < 10; ++i)
    CHECK(y[i] == x[i] * (float)(i % 5 + 1));
  ort.ReleaseIoBinding(binding);
  ort.ReleaseValue(values[0]);
  ort.ReleaseValue(values[1]);
  ort.ReleaseMemoryInfo(memory);
}

static void expect(OrtStatus *status, const char *piece, const char *call) {
  if (!status || !strstr(ort.GetErrorMessage(status), piece)) {
    printf("%s: %s; expected '%s'\n", call, status ? ort.GetErrorMessage(status) : "ok", piece);
    ++check_failures;
  }
  if (status)
    ort.ReleaseStatus(status);
}
#define EXPECT(call, piece) expect(call, piece, #call)

/* Memory that the engine asks for by name: the table has it whether there is a card or not. */
static void check_memory(OrtSession *session) {
  OrtMemoryInfo *memory = NULL;
  OrtAllocator *allocator = NULL;
  OrtIoBinding *binding = NULL;
  void *block = NULL;
  OK(ort.CreateMemoryInfo("Cpu", ORT_DEVICE_ALLOCATOR, 0, ORT_MEMORY_DEFAULT, &memory));
  OK(ort.CreateAllocator(session, memory, &allocator));
  OK(ort.AllocatorAlloc(allocator, 4096, &block));
  memset(block, 1, 4096);
  OK(ort.AllocatorFree(allocator, block));
  ort.ReleaseAllocator(allocator);
  ort.ReleaseMemoryInfo(memory);
  OK(ort.CreateMemoryInfo("Cuda", ORT_DEVICE_ALLOCATOR, 1, ORT_MEMORY_DEFAULT, &memory));
  ort.ReleaseMemoryInfo(memory);
  OK(ort.CreateMemoryInfo("CudaPinned", ORT_DEVICE_ALLOCATOR, 1, ORT_MEMORY_CPU_OUTPUT, &memory));
  ort.ReleaseMemoryInfo(memory);
  EXPECT(ort.CreateMemoryInfo("no such memory", ORT_DEVICE_ALLOCATOR, 0, 0, &memory), "");
  OK(ort.CreateIoBinding(session, &binding));
  OK(ort.SynchronizeBoundInputs(binding));
  OK(ort.SynchronizeBoundOutputs(binding));
  ort.ReleaseIoBinding(binding);
}

/* A build without CUDA says so in every call that needs it. */
static void check_cuda(void) {
  static const char missing[] = "CUDA execution provider is not enabled in this build";
  const char *key = "device_id", *value = "0";
  char **names = NULL;
  int count = 0, has_cpu = 0, has_cuda = 0;
  static int64_t zeros[64]; /* more than the structure, which a build without CUDA cannot make */
  OrtSessionOptions *options = NULL;
  OrtCudaOptions *cuda = NULL;
  OK(ort.GetAvailableProviders(&names, &count));
  for (int i = 0; i < count; ++i) {
    has_cpu |= strcmp(names[i], "CPUExecutionProvider") == 0;
    has_cuda |= strcmp(names[i], "CUDAExecutionProvider") == 0;
  }
  CHECK(has_cpu);
  OK(ort.ReleaseAvailableProviders(names, count));
  if (has_cuda)
    return;
  OK(ort.CreateSessionOptions(&options));
  EXPECT(ort.CreateCudaOptions(&cuda), missing);
  ort.ReleaseCudaOptions(cuda);
  cuda = (OrtCudaOptions *)zeros;
  EXPECT(ort.UpdateCudaOptions(cuda, &key, &value, 1), missing);
  EXPECT(ort.AppendCuda(options, cuda), "ExecutionProvider_Cuda: ");
  ort.ReleaseSessionOptions(options);
}

int main(int argc, char **argv) {
  char message[1024];
  struct error error = error_in(message, sizeof message);
  OrtEnv *env = NULL;
  directory = argc > 1 ? argv[1] : ".";
  CHECK_STATUS(ort_library_load(&ort, argc > 2 ? argv[2] : NULL, &error), PYEMU_OK, "");
  if (check_failures)
    return check_result();
  OK(ort.CreateEnv(ORT_LOGGING_FATAL, "test", &env));
  OrtSession *session = make_session(env);
  check_description(session);
  check_run(session);
  check_memory(session);
  check_cuda();
  ort.ReleaseSession(session);
  ort.ReleaseEnv(env);
  return check_result();
}
