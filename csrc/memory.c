#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "dtype.h"

struct memory memory_of(int64_t width, size_t size) {
  return (struct memory){.width = width, .size = size};
}

void memory_free(struct memory *memory) {
  free(memory->ids);
  free(memory->steps);
  free(memory->is_made);
  free(memory->values);
  free(memory->calls);
  free(memory->table);
  *memory = memory_of(memory->width, memory->size);
}

void memory_forget(struct memory *memory) {
  memory->n_rows = 0;
  if (memory->table)
    memset(memory->table, 0, (size_t)memory->table_size * sizeof *memory->table);
}

/* Where the id is in the table, or where it goes. Ids are often adjacent: a multiplication spreads
 * them, and its upper bits are the best. */
static int64_t place_of(const struct memory *memory, int64_t id) {
  uint64_t at = ((uint64_t)id * UINT64_C(0x9E3779B97F4A7C15)) >> 20;
  for (;; ++at) {
    const int64_t place = (int64_t)(at & (uint64_t)(memory->table_size - 1));
    if (memory->table[place] == 0 || memory->ids[memory->table[place] - 1] == id)
      return place;
  }
}

static int resize(void *array, int64_t count, size_t size) {
  void **old = array;
  int64_t bytes;
  if (!multiply_sizes(count, (int64_t)size, &bytes))
    return 0;
  void *larger = realloc(*old, bytes > 0 ? (size_t)bytes : 1);
  if (larger)
    *old = larger;
  return larger != NULL;
}

static int grow_table(struct memory *memory, int64_t size) {
  int64_t *table = calloc((size_t)size, sizeof *table);
  if (!table)
    return 0;
  free(memory->table);
  memory->table = table;
  memory->table_size = size;
  for (int64_t row = 0; row < memory->n_rows; ++row)
    table[place_of(memory, memory->ids[row])] = row + 1;
  return 1;
}

/* Make room for 'capacity' rows, whole blocks and a power of two, and a table for twice as many.
 * What fails leaves the memory as it was. */
static int grow(struct memory *memory, int64_t capacity) {
  int64_t count;
  if (!multiply_sizes(capacity, memory->width, &count) ||
      !resize(&memory->ids, capacity, sizeof *memory->ids) ||
      !resize(&memory->steps, capacity, sizeof *memory->steps) ||
      !resize(&memory->is_made, capacity, sizeof *memory->is_made) ||
      !resize(&memory->calls, capacity, sizeof *memory->calls) ||
      !resize(&memory->values, count, memory->size) || !grow_table(memory, 2 * capacity))
    return 0;
  memory->capacity = capacity;
  return 1;
}

int64_t memory_row(struct memory *memory, int64_t id, int64_t *allocations) {
  int64_t place = memory->table_size > 0 ? place_of(memory, id) : 0;
  if (memory->table_size > 0 && memory->table[place] != 0)
    return memory->table[place] - 1;
  if (memory->n_rows == memory->capacity) {
    if (!grow(memory, memory->capacity > 0 ? 2 * memory->capacity : MEMORY_BLOCK))
      return -1;
    *allocations += 1;
    place = place_of(memory, id);
  }
  const int64_t row = memory->n_rows++;
  memory->ids[row] = id;
  memory->is_made[row] = 0;
  memory->calls[row] = 0;
  memory->table[place] = row + 1;
  return row;
}

static int fail_twice(const int64_t *ids, int64_t second, const struct error *error) {
  int64_t first = 0;
  while (ids[first] != ids[second])
    ++first;
  return fail(error, PYEMU_ERR_ARGUMENT,
              "columns %lld and %lld (counted from 1) have the same id, %lld; every column needs "
              "its own number in the whole model",
              (long long)first + 1, (long long)second + 1, (long long)ids[second]);
}

int memory_find(struct memory *memory, const int64_t *ids, int64_t columns, int64_t *rows,
                int64_t *allocations, const struct error *error) {
  int64_t row = -1;
  memory->call += 1;
  for (int64_t i = 0; i < columns; ++i) {
    /* Columns come in the order of the last time, mostly. */
    const int64_t next = row + 1;
    row = next < memory->n_rows && memory->ids[next] == ids[i]
              ? next
              : memory_row(memory, ids[i], allocations);
    if (row < 0)
      return fail(error, PYEMU_ERR_MEMORY, "no memory for what %lld columns carry",
                  (long long)memory->n_rows + 1);
    if (memory->calls[row] == memory->call)
      return fail_twice(ids, i, error);
    memory->calls[row] = memory->call;
    rows[i] = row;
  }
  return PYEMU_OK;
}
