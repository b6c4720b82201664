/* memory.h - what columns carry from step to step: a row of numbers for each, found by its id. */
#ifndef PYEMU_MEMORY_H
#define PYEMU_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Rows of a block: in a block the same number of all rows is adjacent, so that columns whose rows
 * are adjacent are read and written side by side. */
enum { MEMORY_BLOCK = 256 };

/*
 * Row i belongs to the column 'ids[i]'. Rows are in the order in which columns were first asked for
 * and never move within 'values', which may move itself when rows are added.
 */
struct memory {
  int64_t width; /* numbers of a row */
  size_t size;   /* bytes of one */
  int64_t n_rows;
  int64_t capacity; /* rows there is room for */
  int64_t *ids;
  int64_t *steps; /* the step that the row was made for */
  char *is_made;  /* 0: the row holds nothing yet */
  char *values;
  int64_t *calls; /* the last call of memory_find that asked for the row */
  int64_t call;
  int64_t *table; /* open addressing: row + 1, or 0 */
  int64_t table_size;
};

/* An empty memory of rows of 'width' numbers, 0 or more, of 'size' bytes; it takes nothing yet. */
struct memory memory_of(int64_t width, size_t size);
void memory_free(struct memory *memory);

/* Forget all columns; the room for them stays. */
void memory_forget(struct memory *memory);

/*
 * The rows of so many columns into 'rows'. Columns that are asked for the first time get a row that
 * is not made; only for them memory is taken, and every time raises '*allocations' by one. Errors:
 * ARGUMENT (an id is there twice), MEMORY.
 */
int memory_find(struct memory *memory, const int64_t *ids, int64_t columns, int64_t *rows,
                int64_t *allocations, const struct error *error);

/* The row of one column, a new one that is not made if need be; -1 if there is no memory for it. */
int64_t memory_row(struct memory *memory, int64_t id, int64_t *allocations);

/* The address of one number. Those behind it are the same of the next rows, to the end of the
 * block; the row's next is MEMORY_BLOCK numbers further on. */
static inline char *memory_at(const struct memory *memory, int64_t row, int64_t number) {
  const int64_t place =
      (row / MEMORY_BLOCK * memory->width + number) * MEMORY_BLOCK + row % MEMORY_BLOCK;
  return memory->values + place * (int64_t)memory->size;
}

#endif
