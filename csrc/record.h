/* record.h - what goes into an engine and what comes out, written to a NetCDF file. */
#ifndef PYEMU_RECORD_H
#define PYEMU_RECORD_H

#include "error.h"

/*
 * A recording never makes a run fail: if something goes wrong it ends, keeps what is in the file,
 * and remembers why. One that has ended stays to be asked.
 */
struct record;

/* Create the file and take all memory but that for the numbers of columns. Errors: ARGUMENT, FILE,
 * MEMORY, UNSUPPORTED. */
int record_make(struct record **made, const pyemu_emulator *e, const pyemu_recording *settings,
                const struct error *error);

/* Write what is left and close the file. */
void record_end(struct record *record);

/* End, and free. */
void record_free(struct record *record);

/* 1 until it has ended; 0 for NULL. */
int record_is_on(const struct record *record);

/* Before the first run on other bindings: have room for the numbers of the columns. */
void record_prepare(struct record *record, pyemu_emulator *e);

/* A run begins: 1 if it is to be recorded, and then goes by way of tensors. */
int record_begin_run(struct record *record, int64_t step);

/* Take the chosen columns from the emulator's tensors, which nothing has changed since the engine
 * wrote them. */
void record_take(struct record *record, const pyemu_emulator *e, int64_t columns);

/* 1 if it is runs of the host's own scheme that are recorded; these are taken from its arrays. */
int record_is_of_host(const struct record *record);
void record_take_host(struct record *record, const pyemu_emulator *e, int64_t step,
                      int64_t columns);

/* Tell what has been recorded. */
pyemu_recorded record_report(const struct record *record);

#endif
