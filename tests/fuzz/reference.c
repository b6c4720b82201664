/* The reference columns of a small card. */
#include "card.h"
#include "fuzz.h"

static const char text[] =
    "{\"schema\": 1, \"kind\": \"column\", \"dimensions\": {\"layer\": 2}, \"inputs\": ["
    "{\"name\": \"t\", \"units\": \"K\", \"dims\": [\"column\", \"layer\"], \"dtype\": \"float32\"}"
    "], \"outputs\": ["
    "{\"name\": \"q\", \"units\": \"W m-2\", \"dims\": [\"column\"], \"dtype\": \"float64\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct card card;
  struct reference reference;
  PROMISE(card_parse(&card, text, sizeof text - 1, &error) == PYEMU_OK);
  int status = reference_parse(&reference, &card, (const char *)data, size, &error);
  PROMISE_STATUS(status, message);
  if (status == PYEMU_OK) {
    /* All of it can be read: 8 bytes of each variable for each column. */
    unsigned sum = 0;
    PROMISE(reference.columns >= 1 && (uint64_t)reference.columns < size);
    for (int v = 0; v < 2; ++v)
      for (int64_t i = 0; i < 8 * reference.columns; ++i)
        sum += ((const unsigned char *)reference.values[v])[i];
    PROMISE(sum <= 16 * 255 * (uint64_t)reference.columns);
  }
  reference_free(&reference);
  PROMISE(reference.values == NULL);
  card_free(&card);
  return 0;
}
