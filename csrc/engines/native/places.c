#include "engines/native/places.h"

#include <string.h>

/* The first bytes of a buffer lie on a cache line, for one lane too. */
enum { UNIT_ALIGNMENT = 16 };

/* --- Lifetimes --- */

static void use(struct plan *plan, int place, int step) {
  if (place < 0)
    return;
  struct buffer *buffer = &plan->buffers[place];
  if (buffer->first < 0)
    buffer->first = step;
  buffer->last = step;
}

/* Steps count from 1: inputs are there before them, outputs after. */
static void find_lifetimes(struct plan *plan) {
  for (int i = 0; i < plan->n_inputs; ++i)
    use(plan, plan->inputs[i].place, 0);
  for (int i = 0; i < plan->n_steps; ++i) {
    use(plan, plan->steps[i].out.place, i + 1);
    for (int k = 0; k < step_n_inputs(&plan->steps[i]); ++k)
      use(plan, plan->steps[i].in[k].place, i + 1);
  }
  for (int i = 0; i < plan->n_outputs; ++i)
    use(plan, plan->outputs[i].place, plan->n_steps + 1);
}

/* --- Free memory --- */

struct gap {
  int64_t start, end;
};

/* Sorted by place; the last has no end. */
struct gaps {
  struct gap *list;
  int count;
};

static int64_t units_of(const struct buffer *buffer) {
  const int64_t units = buffer->count * (int64_t)element_bytes(buffer->element) / 4;
  return (units + UNIT_ALIGNMENT - 1) / UNIT_ALIGNMENT * UNIT_ALIGNMENT;
}

/* Take the smallest gap that is large enough. */
static int64_t take_units(struct gaps *gaps, int64_t units) {
  int best = -1;
  for (int i = 0; i < gaps->count; ++i) {
    const int64_t size = gaps->list[i].end - gaps->list[i].start;
    if (size >= units && (best < 0 || size < gaps->list[best].end - gaps->list[best].start))
      best = i;
  }
  struct gap *gap = &gaps->list[best];
  const int64_t start = gap->start;
  gap->start += units;
  if (gap->start == gap->end) {
    memmove(gap, gap + 1, (size_t)(gaps->count - best - 1) * sizeof *gap);
    --gaps->count;
  }
  return start;
}

static void give_units(struct gaps *gaps, int64_t start, int64_t units) {
  int at = 0;
  while (at < gaps->count && gaps->list[at].start < start)
    ++at;
  struct gap *next = at < gaps->count ? &gaps->list[at] : NULL;
  struct gap *before = at > 0 ? &gaps->list[at - 1] : NULL;
  const int meets_next = next && next->start == start + units;
  if (before && before->end == start) {
    before->end = meets_next ? next->end : start + units;
    if (!meets_next)
      return;
    memmove(next, next + 1, (size_t)(gaps->count - at - 1) * sizeof *next);
    --gaps->count;
  } else if (meets_next) {
    next->start = start;
  } else {
    memmove(&gaps->list[at + 1], &gaps->list[at], (size_t)(gaps->count - at) * sizeof *next);
    gaps->list[at] = (struct gap){start, start + units};
    ++gaps->count;
  }
}

/*
 * Memory that dies while steps run together. The steps go through it piece by piece, so that a
 * later one of them may only write where an earlier one reads if both have their pieces at the same
 * place: a buffer of the size that all of them have may follow another of that size, and what else
 * dies is kept until they have run.
 */
struct kept {
  int64_t count; /* elements that the steps go through; 0: no steps run together */
  int until;     /* the last of them */
  int n;
  struct {
    int64_t start, units;
    int is_free; /* for a buffer of the steps' size */
  } list[MOST_TOGETHER * (1 + STEP_MAX_INPUTS)];
};

/* Everything that is known while places are given in the order of the steps. */
struct placing {
  struct plan *plan;
  struct gaps gaps;
  struct kept kept;
};

static int is_of_size(const struct placing *placing, const struct buffer *buffer) {
  return buffer->count == placing->kept.count;
}

static int64_t take(struct placing *placing, const struct buffer *buffer) {
  struct kept *kept = &placing->kept;
  const int64_t units = units_of(buffer);
  for (int i = 0; i < kept->n; ++i)
    if (is_of_size(placing, buffer) && kept->list[i].is_free && kept->list[i].units == units) {
      const int64_t start = kept->list[i].start;
      kept->list[i] = kept->list[--kept->n];
      return start;
    }
  return take_units(&placing->gaps, units);
}

static void give(struct placing *placing, const struct buffer *buffer) {
  struct kept *kept = &placing->kept;
  const int64_t units = units_of(buffer);
  if (kept->count == 0) {
    give_units(&placing->gaps, buffer->start, units);
    return;
  }
  kept->list[kept->n].start = buffer->start;
  kept->list[kept->n].units = units;
  kept->list[kept->n++].is_free = is_of_size(placing, buffer);
}

/* --- Steps --- */

static int lies_like(const struct step *step, const struct operand *in) {
  return in->offset == step->out.offset &&
         memcmp(in->strides, step->out.strides, (size_t)step->n_loops * sizeof in->strides[0]) == 0;
}

/* 1 if the step may write its output over an input: each element is read just before it is
 * written, by whatever input reads it. */
static int may_be_in_place(const struct placing *placing, const struct step *step,
                           const struct operand *in, int number) {
  const struct plan *plan = placing->plan;
  if (in->place < 0 || step->kind > STEP_SELECT || step->out.offset != 0)
    return 0;
  for (int i = 0; i < step_n_inputs(step); ++i)
    if (step->in[i].place == in->place && !lies_like(step, &step->in[i]))
      return 0;
  const struct buffer *from = &plan->buffers[in->place], *to = &plan->buffers[step->out.place];
  return from->last == number && to->first == number && from->count == to->count &&
         from->element == to->element && (placing->kept.count == 0 || is_of_size(placing, from));
}

/* The buffer of an input that dies in this step and whose memory the output takes; or -1. */
static int find_in_place(const struct placing *placing, const struct step *step, int number) {
  for (int i = 0; i < step_n_inputs(step); ++i)
    if (may_be_in_place(placing, step, &step->in[i], number))
      return step->in[i].place;
  return -1;
}

static void place_output(struct placing *placing, const struct step *step, int number) {
  struct plan *plan = placing->plan;
  struct buffer *buffer = &plan->buffers[step->out.place];
  if (buffer->first != number || buffer->start >= 0)
    return;
  const int in_place = find_in_place(placing, step, number);
  if (in_place >= 0) {
    buffer->start = plan->buffers[in_place].start;
    plan->buffers[in_place].last = -1; /* its memory lives on */
    return;
  }
  buffer->start = take(placing, buffer);
}

static void release(struct placing *placing, int place, int number) {
  if (place < 0)
    return;
  struct buffer *buffer = &placing->plan->buffers[place];
  if (buffer->last != number)
    return;
  give(placing, buffer);
  buffer->last = -1;
}

/* Steps that run together begin, or have ended, with this one. */
static void begin_together(struct placing *placing, const struct step *step, int number) {
  if (step->together > 1) {
    placing->kept.count = step_count(step);
    placing->kept.until = number + step->together - 1;
  }
}

static void end_together(struct placing *placing, int number) {
  struct kept *kept = &placing->kept;
  if (kept->count == 0 || number < kept->until)
    return;
  for (int i = 0; i < kept->n; ++i)
    give_units(&placing->gaps, kept->list[i].start, kept->list[i].units);
  kept->n = 0;
  kept->count = 0;
}

/* 1 if an input is nowhere yet. */
static int reads_nothing(const struct plan *plan, const struct step *step) {
  for (int i = 0; i < step_n_inputs(step); ++i)
    if (step->in[i].place >= 0 && plan->buffers[step->in[i].place].start < 0)
      return 1;
  return 0;
}

static int place_step(struct placing *placing, const struct step *step, int number,
                      const struct error *error) {
  if (reads_nothing(placing->plan, step))
    return fail(error, PYEMU_ERR_UNSUPPORTED,
                "the engine 'native' cannot run the graph: step %d of its plan reads what is "
                "written later",
                number);
  begin_together(placing, step, number);
  place_output(placing, step, number);
  for (int k = 0; k < step_n_inputs(step); ++k)
    release(placing, step->in[k].place, number);
  release(placing, step->out.place, number);
  end_together(placing, number);
  return PYEMU_OK;
}

int places_find(struct plan *plan, struct arena *arena, const struct error *error) {
  struct placing placing = {.plan = plan, .gaps = {.count = 1}};
  placing.gaps.list = arena_take(arena, (size_t)plan->n_buffers + 2, sizeof *placing.gaps.list);
  if (!placing.gaps.list)
    return fail(error, PYEMU_ERR_MEMORY, "no memory for the plan of the graph");
  placing.gaps.list[0] = (struct gap){0, INT64_MAX};
  for (int i = 0; i < plan->n_buffers; ++i)
    plan->buffers[i].start = -1;
  find_lifetimes(plan);
  for (int i = 0; i < plan->n_inputs; ++i) {
    struct buffer *buffer = &plan->buffers[plan->inputs[i].place];
    buffer->start = take_units(&placing.gaps, units_of(buffer));
  }
  int status = PYEMU_OK;
  for (int i = 0; status == PYEMU_OK && i < plan->n_steps; ++i)
    status = place_step(&placing, &plan->steps[i], i + 1, error);
  for (int i = 0; i < plan->n_buffers; ++i) {
    const struct buffer *buffer = &plan->buffers[i];
    if (buffer->start >= 0 && buffer->start + units_of(buffer) > plan->units)
      plan->units = buffer->start + units_of(buffer);
  }
  return status;
}
