/* memory.h - what columns carry from step to step: a row of numbers for each, found by its id. */
#ifndef PYEMU_MEMORY_H
#define PYEMU_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

/*
 * Row i belongs to the column 'ids[i]'. Rows are in the order in which columns were first asked for
 * and never move within 'values', which may move itself when rows are added.
 */
struct memory {
  size_t row_size; /* bytes */
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

/* An empty memory of rows of that size, which may be 0, takes nothing yet. */
struct memory memory_of(size_t row_size);
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

#endif
