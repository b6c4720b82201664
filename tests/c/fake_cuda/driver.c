/* driver.c - a fake libcuda.so.1 with one card of host memory, which knows what lies on it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake_cuda.h"

enum { MAX_BLOCKS = 16, OUT_OF_MEMORY = 2 };

/* Memory on the card; number 0 is that of fake_card. */
static struct { uintptr_t first, end; } blocks[MAX_BLOCKS];
static int number;

void fake_card(const void *memory, size_t size, int card) {
  blocks[0].first = (uintptr_t)memory;
  blocks[0].end = blocks[0].first + size;
  number = card;
}

static int is_on_card(uintptr_t address) {
  int found = 0;
  for (int i = 0; i < MAX_BLOCKS; ++i)
    found |= address >= blocks[i].first && address < blocks[i].end;
  return found;
}

/* As the driver's: 2 asks for the type of memory (2: device), 9 for the card; 1 is 'invalid value',
 * the answer to addresses CUDA does not know. */
int cuPointerGetAttribute(void *value, int attribute, uintptr_t address) {
  if (!is_on_card(address))
    return 1;
  if (attribute == 2)
    *(unsigned *)value = 2;
  else if (attribute == 9)
    *(int *)value = number;
  return 0;
}

int cuInit(unsigned flags) { return (int)flags; }

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  (void)device;
  *context = blocks;
  return 0;
}

int cuCtxSetCurrent(void *context) { return context != blocks; }

int cuMemAlloc_v2(uint64_t *address, size_t size) {
  for (int i = 1; i < MAX_BLOCKS; ++i) {
    if (blocks[i].first)
      continue;
    blocks[i].first = (uintptr_t)malloc(size);
    blocks[i].end = blocks[i].first + size;
    *address = blocks[i].first;
    return 0;
  }
  return OUT_OF_MEMORY;
}

int cuMemFree_v2(uint64_t address) {
  for (int i = 1; i < MAX_BLOCKS; ++i)
    if (blocks[i].first == address) {
      free((void *)(uintptr_t)address);
      blocks[i].first = blocks[i].end = 0;
      return 0;
    }
  return 1;
}

int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t size) {
  if (!is_on_card(to))
    return 1;
  memcpy((void *)(uintptr_t)to, from, size);
  return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t size) {
  if (!is_on_card(from))
    return 1;
  memcpy(to, (const void *)(uintptr_t)from, size);
  return 0;
}
