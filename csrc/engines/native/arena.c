#include "engines/native/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK = 1 << 16 };

/* The first ALIGNMENT bytes of a block; what is taken lies behind them. */
struct arena_block {
  struct arena_block *next;
  size_t size; /* of what lies behind */
  size_t used;
};

_Static_assert(sizeof(struct arena_block) <= ALIGNMENT, "the head of a block fits");

static struct arena_block *add_block(struct arena *arena, size_t size) {
  size = size > BLOCK ? size : BLOCK;
  struct arena_block *block = aligned_alloc(ALIGNMENT, ALIGNMENT + size);
  if (!block)
    return NULL;
  *block = (struct arena_block){arena->blocks, size, 0};
  return arena->blocks = block;
}

void *arena_take(struct arena *arena, size_t count, size_t size) {
  if (size && count > (SIZE_MAX / 2 - ALIGNMENT) / size)
    return NULL;
  size = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (arena->most && size > arena->most - arena->taken)
    return NULL;
  struct arena_block *block = arena->blocks;
  if (!block || block->size - block->used < size)
    block = add_block(arena, size);
  if (!block)
    return NULL;
  char *taken = (char *)block + ALIGNMENT + block->used;
  block->used += size;
  arena->taken += size;
  return memset(taken, 0, size);
}

void arena_free(struct arena *arena) {
  for (struct arena_block *block = arena->blocks, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  arena->blocks = NULL;
  arena->taken = 0;
}
