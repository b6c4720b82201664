/* card.h - what an emulator says of itself: its variables, and its recorded reference columns. */
#ifndef PYEMU_CARD_H
#define PYEMU_CARD_H

#include "budget.h"
#include "engine.h"
#include "error.h"
#include "novelty.h"

/* The newest card schema that this library reads, and the first that has noise. */
enum { CARD_SCHEMA = 2, CARD_SCHEMA_OF_NOISE = 2 };

/* A dimension of one column's values or of one field. */
struct dimension {
  char *name;
  int64_t size;
};

/* What the library fills an input with if nothing is bound to it. */
struct noise {
  int32_t distribution; /* PYEMU_NORMAL, PYEMU_UNIFORM; 0: the variable is no noise */
  uint32_t stream;
  double ar1; /* coefficient of the process, 0 for noise without memory */
};

/*
 * One input or output. Its tensor has the columns (or members of a batch of fields) first, if there
 * is a batch, and then 'dims' in their order: none for one value per column, the level for a
 * profile, several for a field.
 */
struct variable {
  char *name;
  char *standard_name;
  char *units;
  struct dimension dims[PYEMU_MAX_RANK];
  int n_dims;
  int has_batch;
  int is_level;  /* 'dims' is the one level of a column */
  int64_t width; /* product of the sizes of 'dims' */
  int32_t dtype;
  int32_t direction;
  double valid_range[2]; /* what is physically possible; -infinity to infinity if not given */
  double *seen_range[2]; /* smallest and largest value in training, by element; NULL if not given */
  struct noise noise;
  int64_t partner; /* of an input that is an output of the step before: that one, and the other way
                      round; -1 */
};

struct card {
  char *text;
  struct variable *variables; /* inputs, then outputs */
  int64_t n_variables;
  int64_t n_inputs;
  struct budget *budgets;
  int64_t n_budgets;
  struct novelty *novelty; /* NULL: none is given */
  int is_real64;           /* the engine's tensors of float32 variables are float64 */
};

/* The element type of a variable's tensor. */
static inline int32_t card_tensor_dtype(const struct card *card, const struct variable *v) {
  return card->is_real64 && v->dtype == PYEMU_FLOAT32 ? PYEMU_FLOAT64 : v->dtype;
}

/* The recorded columns: for each variable of the card a (columns, width) array in its own dtype. */
struct reference {
  int64_t columns;
  void **values;
  int64_t n_values;
};

/* Read and check the card. Errors: SCHEMA, CARD, UNSUPPORTED, MEMORY. */
int card_parse(struct card *card, const char *text, size_t length, const struct error *error);
void card_free(struct card *card);

/* Stand in for a card with what an engine says of its graph: names and sizes, but no units.
 * Errors: MEMORY. */
int card_from_tensors(struct card *card, const struct engine_tensor *tensors, int64_t n_tensors,
                      int64_t n_inputs, const struct error *error);

/* Index of the variable 'name', or -1. */
int64_t card_find(const struct card *card, const char *name);

/* Say that there is no variable 'name', and which ones there are. Returns NAME. */
int card_fail_name(const struct card *card, const char *name, const struct error *error);

/* Append to a message the place of an element in an item, along every dimension. */
void card_append_place(const struct variable *v, int64_t element, const struct error *error);

/* Decode and check the reference columns of every variable. Errors: CARD, MEMORY. */
int reference_parse(struct reference *reference, const struct card *card, const char *text,
                    size_t length, const struct error *error);
void reference_free(struct reference *reference);

#endif
