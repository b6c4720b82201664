/* file.h - the bytes of an emulator file, their kind, and the two texts that travel in them. */
#ifndef PYEMU_FILE_H
#define PYEMU_FILE_H

#include "error.h"

/* What an emulator file can be. It is told by the content, never by the name. */
enum file_kind { FILE_ONNX, FILE_AOTI, FILE_TORCHSCRIPT, FILE_PYTHON };

/* The kind of a file, and views into its bytes; not null-terminated. */
struct file_texts {
  enum file_kind kind;
  const char *card;
  size_t card_size;
  const char *reference;
  size_t reference_size;
};

/* Read the whole file into new memory. Errors: FILE, FORMAT, MEMORY. */
int file_read(const char *path, unsigned char **bytes, size_t *size, const struct error *error);

/* Tell the kind of a file and find the card and the reference columns in it.
 * Errors: FORMAT, NO_CARD, CARD, UNSUPPORTED. */
int file_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error);

/* Tell the kind only: the texts may be missing. Errors: FORMAT, UNSUPPORTED. */
int file_find_kind(const unsigned char *bytes, size_t size, struct file_texts *texts,
                   const struct error *error);

/* A kind for messages ("an ONNX graph"), the engine that runs it, and 1 if it carries code. */
const char *file_kind_description(enum file_kind kind);
const char *file_kind_engine(enum file_kind kind);
int file_kind_carries_code(enum file_kind kind);

/* Refuse an engine that is known to run another kind. Errors: ARGUMENT. */
int file_check_engine(enum file_kind kind, const char *engine, const struct error *error);

#endif
