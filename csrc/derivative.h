/* derivative.h - the derivatives that an emulator's ONNX file carries: models without the weights,
 * which they share with the emulator's graph. */
#ifndef PYEMU_DERIVATIVE_H
#define PYEMU_DERIVATIVE_H

#include "error.h"

/* 1 if 'name' is a derivative that files can have: "vjp" or "jvp". */
int derivative_is_known(const char *name);

/*
 * Put together the model of a derivative in new memory, which the caller frees. The file has been
 * read by onnx_find_texts; the model has not, and must be read by it before anything else.
 *
 * The derivative is a model in base64 in the file's metadata, under "pyemu.derivative.<name>". Its
 * initializers whose data are said to be external are those of the same name in the file's graph.
 *
 * Errors: ARGUMENT (the file has no such derivative), FORMAT, MEMORY.
 */
int derivative_compose(const unsigned char *file, size_t size, const char *name,
                       unsigned char **model, size_t *model_size, const struct error *error);

#endif
