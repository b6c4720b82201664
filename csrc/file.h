/* file.h - the bytes of an emulator file and the two texts that travel in it. */
#ifndef PYEMU_FILE_H
#define PYEMU_FILE_H

#include "error.h"

/* Views into the bytes of an emulator file; not null-terminated. */
struct file_texts {
  const char *card;
  size_t card_size;
  const char *reference;
  size_t reference_size;
};

/* Read the whole file into new memory. Errors: FILE, MEMORY. */
int file_read(const char *path, unsigned char **bytes, size_t *size, const struct error *error);

/* Find the card and the reference columns in the bytes of an ONNX file.
 * Errors: FORMAT, NO_CARD, CARD, UNSUPPORTED. */
int file_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error);

#endif
