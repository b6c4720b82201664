/* novelty.h - how far a column is from those seen in training, all its inputs taken together. */
#ifndef PYEMU_NOVELTY_H
#define PYEMU_NOVELTY_H

#include "error.h"
#include "json.h"

struct card;
struct layout;

/* One input of a column, element by element: its numbers are centred and scaled. */
struct novelty_part {
  int64_t variable;
  int64_t first; /* place of its first element in the lists below */
};

/*
 * A Mahalanobis distance of low rank (probabilistic principal components: Tipping and Bishop 1999,
 * doi:10.1111/1467-9868.00196): along each of 'rank' vectors of unit length the scaled inputs have
 * a variance of their own, across them all one variance. With z the scaled inputs of a column, d^2
 * = (|z|^2 - sum (v_k . z)^2) / rest + sum (v_k . z)^2 / variance_k.
 */
struct novelty {
  int n_parts;
  struct novelty_part *parts;
  int64_t n_elements;
  int rank;
  double *center;   /* by element */
  double *scale;    /* by element: what a difference is multiplied with */
  double *vectors;  /* by element, then by vector */
  double *inverses; /* by vector: 1 / variance - 1 / rest */
  double inverse_rest;
  double distance; /* d at which a column is as novel as the end of a range */
};

/* Read the card's "novelty", if it has one; its variables are known already. Errors: CARD, MEMORY.
 */
int novelty_read(struct card *card, const struct json *json, const struct json_node *object,
                 const struct error *error);
void novelty_free(struct novelty *novelty);

/* The novelty of columns 'first' to before 'first + columns' into 'found[first]' and so on: d over
 * 'distance'. 'arrays' are the tensors of all variables. */
void novelty_measure(const struct novelty *novelty, const struct layout *const *arrays,
                     int64_t first, int64_t columns, float *found);

/* The input of a column that is farthest out, its variable and element. */
int64_t novelty_worst(const struct novelty *novelty, const struct layout *const *arrays,
                      int64_t column, int64_t *element);

#endif
