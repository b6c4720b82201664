/* cuda.h - ONNX Runtime on CUDA: the provider, and the kinds of memory. */
#ifndef PYEMU_ORT_CUDA_H
#define PYEMU_ORT_CUDA_H

#include "engine.h"
#include "error.h"
#include "ort_api.h"

/* Make the session of these options run on a card, on the host's stream if that is not NULL.
 * Errors: UNSUPPORTED (this ONNX Runtime has no CUDA), ENGINE (CUDA cannot be started). */
int cuda_append(const struct ort_api *ort, OrtSessionOptions *options,
                const struct engine_device *where, void *stream, const struct error *error);

/* An allocator of host memory that the card can reach by itself, of this session; NULL if there is
 * none. */
OrtAllocator *cuda_pinned_allocator(const struct ort_api *ort, const OrtSession *session,
                                    int index);

/* Refuse an address that CUDA knows not to be on the card. Errors: ARGUMENT. */
int cuda_check_address(const void *address, int index, const char *name, const struct error *error);

#endif
