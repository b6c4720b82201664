#include "engines/native/resample.h"

#include "engines/native/compose.h"

/* More outputs along one axis are refused; of interleaved runs, so many are tried. */
enum { MOST_OUTPUTS = 1 << 20, MOST_PHASES = 8 };

/* From so many spans on, a row is resampled as a column. */
enum { MANY_SPANS = 8 };

int resample_new(struct builder *builder, int n_terms, int64_t count, int has_weights,
                 struct taps *taps) {
  *taps = (struct taps){.n_terms = n_terms, .count = count};
  if (count < 1 || count > MOST_OUTPUTS)
    return builder_fail(builder, "a dimension would have %lld elements; expected 1 to %d",
                        (long long)count, MOST_OUTPUTS);
  const size_t n = (size_t)count * (size_t)n_terms;
  taps->index = arena_take(builder->arena, n, sizeof *taps->index);
  if (has_weights)
    taps->weights = arena_take(builder->arena, n, sizeof *taps->weights);
  return taps->index && (taps->weights || !has_weights) ? PYEMU_OK : builder_fail_memory(builder);
}

/* Outputs 'first', 'first + phases', ... whose elements go along the axis in equal steps: so that
 * both are views. */
struct span {
  int64_t first;
  int64_t phases;
  int64_t length;
};

static int64_t step_of(const struct taps *taps, int term, int64_t output, int64_t phases) {
  const int64_t *index = taps->index + term * taps->count;
  return index[output + phases] - index[output];
}

static struct span span_at(const struct taps *taps, int64_t first, int64_t phases) {
  struct span span = {first, phases, 1};
  for (int64_t at = first; at + phases < taps->count; at += phases, ++span.length)
    for (int term = 0; term < taps->n_terms; ++term)
      if (step_of(taps, term, at, phases) != step_of(taps, term, first, phases))
        return span;
  return span;
}

/* How many spans it takes if the outputs are dealt out to so many phases. */
static int64_t count_spans(const struct taps *taps, int64_t phases) {
  int64_t count = 0;
  for (int64_t phase = 0; phase < phases; ++phase)
    for (int64_t at = phase; at < taps->count; ++count)
      at += span_at(taps, at, phases).length * phases;
  return count;
}

static int64_t best_phases(const struct taps *taps) {
  int64_t best = 1, fewest = count_spans(taps, 1);
  for (int64_t phases = 2; phases <= MOST_PHASES && phases < taps->count; ++phases) {
    const int64_t count = count_spans(taps, phases);
    if (count < fewest) {
      fewest = count;
      best = phases;
    }
  }
  return best;
}

/* --- Steps --- */

/* The elements of a term; one, if it is always the same. */
static struct view term_of(const struct view *in, int axis, const struct taps *taps,
                           const struct span *span, int term) {
  struct view part = *in;
  const int64_t first = taps->index[term * taps->count + span->first];
  const int64_t step = span->length > 1 ? step_of(taps, term, span->first, span->phases) : 0;
  view_slice(&part, axis, first, step ? step : 1, step ? span->length : 1);
  return part;
}

static int weighted_term(struct builder *builder, const struct view *in, int axis,
                         const struct taps *taps, const struct span *span, int term,
                         struct view *made) {
  const double *first = taps->weights + term * taps->count + span->first;
  struct view weights;
  *made = term_of(in, axis, taps, span, term);
  int status = compose_vector(builder, in->element, first, span->phases, span->length,
                              in->n_axes - 1 - axis, &weights);
  return status == PYEMU_OK ? compose_binary(builder, BINARY_MULTIPLY, made, &weights) : status;
}

/* Terms are added up in order; the last sum is made in place. */
static int emit_span(struct builder *builder, const struct view *in, int axis,
                     const struct taps *taps, const struct span *span, const struct view *made) {
  struct step add = {.kind = STEP_BINARY, .function = BINARY_ADD, .element = in->element};
  struct view out = *made, terms[2];
  view_slice(&out, axis, span->first, span->phases, span->length);
  if (!taps->weights) {
    terms[0] = term_of(in, axis, taps, span, 0);
    return builder_copy(builder, &terms[0], &out);
  }
  int status = weighted_term(builder, in, axis, taps, span, 0, &terms[0]);
  for (int term = 1; status == PYEMU_OK && term < taps->n_terms; ++term) {
    status = weighted_term(builder, in, axis, taps, span, term, &terms[1]);
    if (status == PYEMU_OK && term == taps->n_terms - 1)
      status = builder_emit(builder, &add, &out, terms, 2);
    else if (status == PYEMU_OK)
      status = compose_binary(builder, BINARY_ADD, &terms[0], &terms[1]);
  }
  return status;
}

/* All spans, dealt out to so many phases. */
static int emit_spans(struct builder *builder, const struct view *in, int axis,
                      const struct taps *taps, int64_t phases, const struct view *made) {
  int status = PYEMU_OK;
  for (int64_t phase = 0; phase < phases; ++phase) {
    struct span span = {.length = 1};
    for (int64_t at = phase; status == PYEMU_OK && at < taps->count; at += span.length * phases) {
      span = span_at(taps, at, phases);
      status = emit_span(builder, in, axis, taps, &span, made);
    }
  }
  return status;
}

static int resample(struct builder *builder, const struct view *given, int axis,
                    const struct taps *taps, int64_t phases, struct view *made) {
  struct view in = *given, shape = {.element = in.element};
  int status = PYEMU_OK;
  if (!view_is_one_factor(&in, axis))
    status = builder_pack(builder, &in);
  if (status == PYEMU_OK && !view_is_one_factor(&in, axis))
    return builder_fail(builder, "the dimension of columns changes");
  for (int i = 0; status == PYEMU_OK && i < in.n_axes; ++i)
    if (!(i == axis ? view_add_axis(&shape, (struct extent){taps->count, 0})
                    : view_add_like(&shape, &in, i)))
      return builder_fail(builder, "a tensor has too many dimensions");
  if (status == PYEMU_OK)
    status = builder_new(builder, &shape, in.element, view_is_constant(&in), made);
  return status == PYEMU_OK ? emit_spans(builder, &in, axis, taps, phases, made) : status;
}

static void swap_last(struct view *view) {
  int axes[VIEW_MAX_AXES];
  for (int i = 0; i < view->n_axes; ++i)
    axes[i] = i;
  axes[view->n_axes - 1] = view->n_axes - 2;
  axes[view->n_axes - 2] = view->n_axes - 1;
  view_transpose(view, axes);
}

int resample_axis(struct builder *builder, const struct view *in, int axis, const struct taps *taps,
                  struct view *made) {
  const int64_t phases = best_phases(taps);
  const int is_last = axis > 0 && axis == in->n_axes - 1;
  if (!is_last || count_spans(taps, phases) <= MANY_SPANS || view_extent(in, axis - 1).has_batch ||
      view_extent(in, axis - 1).count < MANY_SPANS)
    return resample(builder, in, axis, taps, phases, made);
  /* Many spans of a row are columns of a field: rows of its transpose. */
  struct view turned = *in;
  swap_last(&turned);
  int status = builder_pack(builder, &turned);
  if (status == PYEMU_OK)
    status = resample(builder, &turned, axis - 1, taps, phases, made);
  if (status == PYEMU_OK)
    swap_last(made);
  return status == PYEMU_OK ? builder_pack(builder, made) : status;
}
