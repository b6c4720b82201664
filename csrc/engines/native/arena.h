/* arena.h - memory that is taken piece by piece and given back all at once. */
#ifndef NATIVE_ARENA_H
#define NATIVE_ARENA_H

#include <stddef.h>

struct arena {
  struct arena_block *blocks;
  size_t taken;
  size_t most; /* bytes that may be taken; 0: as many as there are */
};

/* 'count' elements of 'size' bytes, zeroed, aligned to a cache line; NULL if there is no memory, or
 * not for this arena. */
void *arena_take(struct arena *arena, size_t count, size_t size);

void arena_free(struct arena *arena);

#endif
