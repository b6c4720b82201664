/* blend.h - how much of an output goes to the host's array, and where else it goes. */
#ifndef PYEMU_BLEND_H
#define PYEMU_BLEND_H

#include "array.h"
#include "error.h"

/* The blend of one output. */
struct blend {
  int is_set;
  pyemu_blend settings;
  double weight;          /* at the step of this run */
  int has_columns;        /* the caller gives a weight for every column besides: */
  struct layout columns;  /* in this array, */
  double *column_weights; /* which is read here at the start of a run */
  int64_t n_weights;      /* room for so many */
  int has_aside;
  struct layout aside; /* where the emulator's own output goes in any case */
  double *mixed;       /* by element or by column as the tensor: what goes to the host */
  int64_t n_mixed;
};

/* Those of all variables of a card; those of inputs are never set. */
struct blends {
  const struct card *card;
  struct blend *of;
  int is_any; /* one is set, or has an array of weights, or aside */
};

/* Errors: MEMORY. */
int blends_make(struct blends *blends, const struct card *card, const struct error *error);
void blends_free(struct blends *blends);

/* Set, or with NULL end, the blend of output 'name', or of all outputs for NULL. Errors: ARGUMENT,
 * NAME. */
int blends_set(struct blends *blends, const char *name, const pyemu_blend *settings,
               const struct error *error);

/* Errors: ARGUMENT, NAME, SIZE, KIND. */
int blends_bind_weight(struct blends *blends, const char *name, const pyemu_array *array,
                       const struct error *error);

/* Errors: those of layout_make. */
int blends_bind_aside(struct blends *blends, int64_t index, const struct layout *layout,
                      const struct error *error);

/* Forget the caller's arrays. */
void blends_unbind(struct blends *blends);

/* See that arrays have so many columns and have room for as many; with 'is_tapered' mix all
 * outputs. Errors: SIZE, MEMORY. */
int blends_prepare(struct blends *blends, int64_t columns, int is_tapered,
                   const struct error *error);

/* The weights of a run. Errors: ARGUMENT (no step, a weight that is none). */
int blends_begin(struct blends *blends, int64_t step, int64_t columns, const struct error *error);

/* The weight of a column of output 'i', 0 to 1. */
static inline double blend_weight(const struct blends *blends, int64_t i, int64_t column) {
  const struct blend *blend = &blends->of[i];
  return blend->has_columns ? blend->weight * blend->column_weights[column] : blend->weight;
}

/* 1 if some column of output 'i' may have a weight below 1 in this run. */
static inline int blend_holds_back(const struct blends *blends, int64_t i) {
  return blends->of[i].has_columns || blends->of[i].weight < 1;
}

/*
 * Mix 'items' items of output 'i' from 'first' on, from the tensor into the host's array, with
 * weights above 0 and below 1: host + weight * (emulator - host), in double precision.
 */
void blend_mix(const struct blends *blends, int64_t i, const struct layout *dense,
               const struct layout *host, int64_t first, int64_t items, const double *weights);

#endif
