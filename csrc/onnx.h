/* onnx.h - what the core reads in an ONNX file without an engine: its metadata. */
#ifndef PYEMU_ONNX_H
#define PYEMU_ONNX_H

#include "file.h"

/* Find the card and the reference columns in the file's metadata; a text that is not there stays
 * NULL. Errors: FORMAT, UNSUPPORTED. */
int onnx_find_texts(const unsigned char *bytes, size_t size, struct file_texts *texts,
                    const struct error *error);

#endif
