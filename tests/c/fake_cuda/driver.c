/* driver.c - a fake libcuda.so.1 that knows which memory is on which card. */
#include <stdint.h>

#include "fake_cuda.h"

static uintptr_t first, end;
static int number;

void fake_card(const void *memory, size_t size, int card) {
  first = (uintptr_t)memory;
  end = first + size;
  number = card;
}

/* As the driver's: 2 asks for the type of memory (2: device), 9 for the card; 1 is 'invalid value',
 * the answer to addresses CUDA does not know. */
int cuPointerGetAttribute(void *value, int attribute, uintptr_t address) {
  if (address < first || address >= end)
    return 1;
  if (attribute == 2)
    *(unsigned *)value = 2;
  else if (attribute == 9)
    *(int *)value = number;
  return 0;
}
