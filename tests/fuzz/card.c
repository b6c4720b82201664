/* A card: its variables are named, each once. */
#include "card.h"
#include "fuzz.h"

/* What is summed is there. */
static void promise_terms(const struct card *card, const struct budget *budget) {
  PROMISE(budget->name && budget->units && budget->tolerance > 0 && budget->n_terms > 0);
  for (int i = 0; i < budget->n_terms; ++i) {
    const struct budget_term *term = &budget->terms[i];
    PROMISE(term->variable >= 0 && term->variable < card->n_variables);
    PROMISE(card->variables[term->variable].has_batch);
    if (term->place == BUDGET_LAYERS)
      PROMISE(budget->pressure >= 0 && budget->gravity > 0 &&
              card->variables[budget->pressure].width == card->variables[term->variable].width + 1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct card card;
  int status = card_parse(&card, (const char *)data, size, &error);
  PROMISE_STATUS(status, message);
  if (status == PYEMU_OK) {
    PROMISE(card.n_inputs > 0 && card.n_variables > card.n_inputs);
    PROMISE(memcmp(card.text, data, size) == 0 && card.text[size] == '\0');
    for (int64_t i = 0; i < card.n_variables; ++i) {
      PROMISE(card_find(&card, card.variables[i].name) == i);
      PROMISE(card.variables[i].width >= 1 && card.variables[i].units);
      PROMISE(card.variables[i].valid_range[0] < card.variables[i].valid_range[1]);
      PROMISE(!card.variables[i].seen_range[0] == !card.variables[i].seen_range[1]);
      const struct noise *noise = &card.variables[i].noise;
      PROMISE(!noise->distribution || (i < card.n_inputs && card.variables[i].has_batch &&
                                       card.variables[i].dtype != PYEMU_INT32));
      PROMISE(noise->ar1 >= 0 && noise->ar1 < 1);
      PROMISE(noise->ar1 == 0 || noise->distribution == PYEMU_NORMAL);
    }
    for (int64_t b = 0; b < card.n_budgets; ++b)
      promise_terms(&card, &card.budgets[b]);
    PROMISE(card_fail_name(&card, "no such name", &error) == PYEMU_ERR_NAME);
    PROMISE_STATUS(PYEMU_ERR_NAME, message);
    card_free(&card);
  }
  PROMISE(card.variables == NULL && card.text == NULL);
  return 0;
}
