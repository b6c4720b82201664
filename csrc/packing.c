#include "packing.h"

#include <math.h>

#include "dtype.h"
#include "tensors.h"

/*
 * Packing goes over the team if it reads and writes so many bytes: fewer are moved before a second
 * thread has woken. Parts are of so many bytes, and of a multiple of so many columns.
 */
enum { SHARED_BYTES = 1 << 21, PART_BYTES = 1 << 17, LINE_COLUMNS = 16 };

/* Items whose weights are looked at together. */
enum { WEIGHTED_ITEMS = 256 };

/* Say where the first number is that is not finite once it has the type of the variable. */
static int fail_not_finite(const pyemu_emulator *e, int64_t index, int64_t columns,
                           const struct error *error) {
  const struct variable *v = &e->card.variables[index];
  const struct layout *layout = &e->bindings[index].layout;
  for (int64_t column = 0; column < tensor_items(v, columns); ++column)
    for (int64_t element = 0; element < v->width; ++element) {
      double value = layout_element(layout, column, element);
      if (isfinite(card_tensor_dtype(&e->card, v) == PYEMU_FLOAT32 ? (double)(float)value : value))
        continue;
      fail(error, PYEMU_ERR_NOT_FINITE, "input '%s' is %g", v->name, value);
      if (v->has_batch)
        error_append(error, " in column %lld", (long long)column + 1);
      card_append_place(v, element, error);
      error_append(error, " (counted from 1); %s",
                   isfinite(value) ? "that is too large for float32, the emulator's type"
                                   : "expected a finite number");
      return PYEMU_ERR_NOT_FINITE;
    }
  return fail(error, PYEMU_ERR_NOT_FINITE,
              "input '%s' was not finite while it was read; does another thread write to it?",
              v->name);
}

/* The columns of a run on their way into the tensors or out of them, some at a time. */
struct packing {
  const pyemu_emulator *emulator;
  int64_t columns;
  int64_t part_columns;       /* in each part but perhaps the last */
  _Atomic int64_t not_finite; /* the first input that is not; n_inputs if all are */
};

/* The first column of a part, and their number. */
static int64_t columns_of(const struct packing *p, int64_t part, int64_t *first) {
  *first = part * p->part_columns;
  return p->columns - *first < p->part_columns ? p->columns - *first : p->part_columns;
}

/* The same of the items of 'v'. One item for all columns belongs to the first part. */
static int64_t items_of(const struct packing *p, const struct variable *v, int64_t part,
                        int64_t *first) {
  if (v->has_batch)
    return columns_of(p, part, first);
  *first = 0;
  return part == 0;
}

static char *tensor_item(const pyemu_emulator *e, int64_t i, int64_t item) {
  const struct variable *v = &e->card.variables[i];
  return (char *)e->tensors[i] +
         item * v->width * (int64_t)dtype_size(card_tensor_dtype(&e->card, v));
}

/* 1 if run must read the tensor of input 'i' only to check it. */
static int is_only_checked(const pyemu_emulator *e, int64_t i) {
  const struct binding *b = &e->bindings[i];
  return i < e->card.n_inputs && (tensor_is_direct(e, i) || tensors_are_arrays(e)) &&
         e->check_finite && !b->is_on_device && !b->is_filled;
}

/* Into the tensor, in whichever order it has. Returns 0 if an item is not finite, if that is asked.
 */
static int gather_staged(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items,
                         int check) {
  const struct layout *dense = e->dense[i], *host = &e->bindings[i].layout;
  char *to = layout_at(dense, first, 0);
  if (!layout_is_by_element(dense))
    return layout_gather(host, first, items, to, dense->dtype, check);
  layout_gather_tile(host, first, items, to, dense->columns, dense->dtype);
  return !check || layout_is_finite(dense, first, items, dense->dtype);
}

/* Returns 0 if an item is not finite. */
static int gather_items(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  const struct variable *v = &e->card.variables[i];
  const struct binding *input = &e->bindings[i];
  const int32_t dtype = card_tensor_dtype(&e->card, v);
  if (tensors_are_arrays(e))
    return !is_only_checked(e, i) || layout_is_finite(&input->layout, first, items, dtype);
  if (!tensor_is_direct(e, i)) {
    /* What is not finite is for the guard to find. */
    const int is_well = gather_staged(e, i, first, items, e->check_finite && !e->guard);
    if (e->guard && v->has_batch)
      guard_look(e->guard, i, e->dense[i], first, items);
    return is_well;
  }
  return !is_only_checked(e, i) ||
         tensor_is_finite(tensor_item(e, i, first), dtype, items * v->width);
}

static void gather_part(void *context, int64_t part) {
  struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = 0, first; i < e->card.n_inputs; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items == 0 || gather_items(e, i, first, items))
      continue;
    int64_t found = p->not_finite;
    while (i < found && !atomic_compare_exchange_weak(&p->not_finite, &found, i))
      ;
    return;
  }
  if (e->guard) {
    int64_t begin;
    const int64_t n = columns_of(p, part, &begin);
    guard_measure(e->guard, e->dense, begin, n);
  }
}

static void scatter_stretch(const struct layout *host, const struct layout *dense, int64_t first,
                            int64_t items) {
  const char *from = layout_at(dense, first, 0);
  if (layout_is_by_element(dense))
    layout_scatter_tile(host, first, items, from, dense->columns, dense->dtype);
  else
    layout_scatter(host, first, items, from, dense->dtype);
}

/* 1 if some item of output 'i' may not go to the host as it is. */
static int is_held_back(const pyemu_emulator *e, int64_t i) {
  return blend_holds_back(&e->blends, i) ||
         (e->guard && e->card.variables[i].has_batch && guard_holds_back(e->guard));
}

static double weight_of(const pyemu_emulator *e, int64_t i, int64_t item) {
  const double weight = blend_weight(&e->blends, i, item);
  return e->guard && e->card.variables[i].has_batch ? weight * guard_weight(e->guard, item)
                                                    : weight;
}

/* What becomes of an item. */
enum fate { KEEP, MIX, REPLACE };

static enum fate fate_of(double weight) { return weight == 0 ? KEEP : weight == 1 ? REPLACE : MIX; }

/* Items of one fate after another. An item without weight keeps the host's numbers. */
static void scatter_weighted(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items,
                             const double *weights) {
  const struct layout *host = &e->bindings[i].layout;
  for (int64_t k = 0, next; k < items; k = next) {
    const enum fate fate = fate_of(weights[k]);
    for (next = k + 1; next < items && fate_of(weights[next]) == fate;)
      ++next;
    if (fate == REPLACE)
      scatter_stretch(host, e->dense[i], first + k, next - k);
    else if (fate == MIX)
      blend_mix(&e->blends, i, e->dense[i], host, first + k, next - k, weights + k);
  }
}

static void scatter_items(const pyemu_emulator *e, int64_t i, int64_t first, int64_t items) {
  double weights[WEIGHTED_ITEMS];
  if (!is_held_back(e, i)) {
    scatter_stretch(&e->bindings[i].layout, e->dense[i], first, items);
    return;
  }
  for (int64_t end = first + items, n; first < end; first += n) {
    n = end - first < WEIGHTED_ITEMS ? end - first : WEIGHTED_ITEMS;
    for (int64_t k = 0; k < n; ++k)
      weights[k] = weight_of(e, i, first + k);
    scatter_weighted(e, i, first, n, weights);
  }
}

static void scatter_part(void *context, int64_t part) {
  const struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = e->card.n_inputs, first; i < e->card.n_variables; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items == 0 || tensor_is_direct(e, i))
      continue;
    if (e->blends.of[i].has_aside)
      scatter_stretch(&e->blends.of[i].aside, e->dense[i], first, items);
    scatter_items(e, i, first, items);
  }
}

static void look_part(void *context, int64_t part) {
  const struct packing *p = context;
  const pyemu_emulator *e = p->emulator;
  for (int64_t i = e->card.n_inputs, first; i < e->card.n_variables; ++i) {
    const int64_t items = items_of(p, &e->card.variables[i], part, &first);
    if (items > 0 && e->card.variables[i].has_batch)
      guard_look(e->guard, i, e->dense[i], first, items);
  }
  int64_t begin;
  const int64_t n = columns_of(p, part, &begin);
  guard_sum(e->guard, e->dense, begin, n);
}

/* Bytes of the tensors that are copied, and of all memory that packing reads and writes, for the
 * variables from 'first' to before 'end'. */
static int64_t copied_bytes(const pyemu_emulator *e, int64_t columns, int64_t first, int64_t end,
                            int64_t *moved) {
  int64_t copied = 0;
  *moved = 0;
  for (int64_t i = first; i < end; ++i) {
    const struct variable *v = &e->card.variables[i];
    const int64_t count = tensor_items(v, columns) * v->width;
    const int64_t size = (int64_t)dtype_size(card_tensor_dtype(&e->card, v));
    if (!tensor_is_direct(e, i) && !tensors_are_arrays(e)) {
      copied += count * size;
      *moved += count * (size + (int64_t)dtype_size(e->bindings[i].layout.dtype));
    } else if (is_only_checked(e, i)) {
      *moved += count * size;
    }
  }
  return copied;
}

/*
 * Do all parts, over the team if that is worth waking it. Where columns are adjacent in memory,
 * parts should end with a cache line.
 */
static void pack(struct packing *p, team_work *work, int64_t moved) {
  int64_t n = p->columns;
  if (p->emulator->team && moved >= SHARED_BYTES) {
    n = 1 + (int64_t)((double)p->columns * PART_BYTES / (double)moved);
    n = n > LINE_COLUMNS ? (n + LINE_COLUMNS - 1) / LINE_COLUMNS * LINE_COLUMNS : n;
  }
  p->part_columns = n < p->columns ? n : p->columns;
  team_run(p->emulator->team, work, p, (p->columns + p->part_columns - 1) / p->part_columns);
}

int packing_gather(pyemu_emulator *e, int64_t step, int64_t columns, const struct error *error) {
  struct packing p = {.emulator = e, .columns = columns, .not_finite = e->card.n_inputs};
  int64_t moved = 0, copied = 0;
  if (e->team || !tensors_are_arrays(e))
    copied = copied_bytes(e, columns, 0, e->card.n_inputs, &moved);
  if (e->guard)
    guard_begin(e->guard, columns, step);
  int status = e->blends.is_any ? blends_begin(&e->blends, step, columns, error) : PYEMU_OK;
  if (status != PYEMU_OK)
    return status;
  pack(&p, gather_part, moved);
  if (p.not_finite < e->card.n_inputs)
    return fail_not_finite(e, p.not_finite, columns, error);
  e->counters.copied_bytes += copied;
  return e->guard ? guard_judge(e->guard, e->dense, PYEMU_INPUT, error) : PYEMU_OK;
}

int packing_scatter(pyemu_emulator *e, int64_t columns, const struct error *error) {
  struct packing p = {.emulator = e, .columns = columns};
  int64_t moved, copied = copied_bytes(e, columns, e->card.n_inputs, e->card.n_variables, &moved);
  int status = PYEMU_OK;
  if (e->guard) {
    pack(&p, look_part, moved);
    status = guard_judge(e->guard, e->dense, PYEMU_OUTPUT, error);
  }
  if (status != PYEMU_OK)
    return status;
  if (e->is_recorded)
    record_take(e->record, e, columns);
  if (copied == 0)
    return PYEMU_OK;
  pack(&p, scatter_part, moved);
  e->counters.copied_bytes += copied;
  return PYEMU_OK;
}
