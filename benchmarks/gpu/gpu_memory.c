/* gpu_memory.c - memory of a card through the driver alone, so that no CUDA toolkit is needed. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Functions of libcuda.so.1; each returns 0, or an error. */
static struct {
  int (*init)(unsigned flags);
  int (*get)(int *device, int ordinal);
  int (*retain)(void **context, int device);
  int (*set_current)(void *context);
  int (*allocate)(uint64_t *address, size_t size);
  int (*release)(uint64_t address);
  int (*upload)(uint64_t to, const void *from, size_t size);
  int (*download)(void *to, uint64_t from, size_t size);
} cuda;

static int take(void *driver, const char *name, void *function) {
  void *symbol = dlsym(driver, name);
  memcpy(function, &symbol, sizeof symbol);
  return symbol != NULL;
}

/* Use card 'ordinal' in this thread, in the context that all libraries share. 1 on success. */
int gpu_start(int ordinal);
int gpu_start(int ordinal) {
  void *context, *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  int device;
  return driver && take(driver, "cuInit", &cuda.init) && take(driver, "cuDeviceGet", &cuda.get) &&
         take(driver, "cuDevicePrimaryCtxRetain", &cuda.retain) &&
         take(driver, "cuCtxSetCurrent", &cuda.set_current) &&
         take(driver, "cuMemAlloc_v2", &cuda.allocate) &&
         take(driver, "cuMemFree_v2", &cuda.release) &&
         take(driver, "cuMemcpyHtoD_v2", &cuda.upload) &&
         take(driver, "cuMemcpyDtoH_v2", &cuda.download) && cuda.init(0) == 0 &&
         cuda.get(&device, ordinal) == 0 && cuda.retain(&context, device) == 0 &&
         cuda.set_current(context) == 0;
}

/* Memory on the card, or NULL. */
void *gpu_allocate(int64_t size);
void *gpu_allocate(int64_t size) {
  uint64_t address = 0;
  return cuda.allocate(&address, (size_t)size) == 0 ? (void *)(uintptr_t)address : NULL;
}

void gpu_release(void *memory);
void gpu_release(void *memory) { cuda.release((uintptr_t)memory); }

/* Copy to the card and back; 1 on success. */
int gpu_upload(void *to, const void *from, int64_t size);
int gpu_upload(void *to, const void *from, int64_t size) {
  return cuda.upload((uintptr_t)to, from, (size_t)size) == 0;
}

int gpu_download(void *to, const void *from, int64_t size);
int gpu_download(void *to, const void *from, int64_t size) {
  return cuda.download(to, (uintptr_t)from, (size_t)size) == 0;
}
