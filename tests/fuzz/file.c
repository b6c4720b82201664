/* A file of any kind: which one it is, and where its texts are. */
#include "file.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char message[512];
  struct error error = error_in(message, sizeof message);
  struct file_texts texts;
  int status = file_find_texts(data, size, &texts, &error);
  PROMISE_STATUS(status, message);
  if (status != PYEMU_OK)
    return 0;
  PROMISE(fuzz_is_inside(texts.card, texts.card_size, data, size));
  PROMISE(fuzz_is_inside(texts.reference, texts.reference_size, data, size));
  PROMISE(file_check_engine(texts.kind, file_kind_engine(texts.kind), &error) == PYEMU_OK);
  PROMISE(file_kind_carries_code(texts.kind) == (texts.kind != FILE_ONNX));
  return 0;
}
