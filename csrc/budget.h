/* budget.h - sums that a card says are zero in every column, and what is left of them. */
#ifndef PYEMU_BUDGET_H
#define PYEMU_BUDGET_H

#include "error.h"
#include "json.h"

struct card;
struct layout;

/* Where a term takes its numbers from. */
enum budget_place {
  BUDGET_LAYERS, /* the sum over layers, each times its mass */
  BUDGET_FIRST,  /* the first level, */
  BUDGET_LAST,   /* or the last */
  BUDGET_COLUMN  /* one value for a column */
};

struct budget_term {
  int64_t variable;
  double factor;
  enum budget_place place;
};

/* The sum of its terms should be zero. The mass of a layer is the difference of the pressures at
 * its interfaces, over gravity, in Pa / (m s-2) = kg m-2. */
struct budget {
  char *name;
  char *units;
  double tolerance;
  double gravity;
  int64_t pressure; /* at interfaces; -1 if no term needs it */
  int n_terms;
  struct budget_term *terms;
};

/* Read the card's "budgets"; its variables are known already. Errors: CARD, MEMORY. */
int budgets_read(struct card *card, const struct json *json, const struct json_node *list,
                 int is_top_first, const struct error *error);
void budgets_free(struct card *card);

/* What is left of a budget in columns 'first' to before 'first + columns', into 'residuals[first]'
 * and so on; 'arrays' are the tensors of all variables. */
void budget_measure(const struct budget *budget, const struct layout *const *arrays, int64_t first,
                    int64_t columns, double *residuals);

#endif
