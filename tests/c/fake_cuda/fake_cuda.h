/* fake_cuda.h - what the fake ONNX Runtime with CUDA has been asked, and the fake card's memory. */
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>

/* The fake machine has cards 0 and 1. */
enum { FAKE_CARDS = 2 };

struct fake_cuda {
  char options[512];    /* of the provider, "key=value " each */
  int no_fallback;      /* nodes on the CPU were forbidden */
  int graph_needs_cpu;  /* set by the test: loading fails if they are */
  int copies;           /* inputs copied to the card */
  int syncs;            /* waits for inputs, and for outputs */
  int pinned;           /* blocks of pinned memory that are in use */
  int values_on_device; /* tensors made on memory of the card */
};

/* Symbol "fake_cuda" of the fake ONNX Runtime. */
typedef struct fake_cuda *fake_cuda_function(void);

/* Symbol "fake_card" of the fake driver: from now on this memory is on that card. */
typedef void fake_card_function(const void *memory, size_t size, int card);

#endif
