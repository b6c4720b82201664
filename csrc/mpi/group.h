/*
 * group.h - between the engine plugin 'group' and the library of module pyemu_mpi.
 *
 * Ranks that share an engine each open the emulator with the engine 'group'. The core then does for
 * them what it does for every engine: it checks, converts and packs their arrays into tensors and
 * unpacks what comes back. Where another engine would compute, this one hands the tensors to
 * fortran/pyemu_mpi_group.f90, which gathers them on the rank that leads the group, runs the real
 * engine there, and scatters the results. So neither the core nor the plugin needs MPI.
 */
#ifndef PYEMU_MPI_GROUP_H
#define PYEMU_MPI_GROUP_H

#include <stddef.h>
#include <stdint.h>

/* The group this thread is opening an emulator for; NULL but during that call (opening.c). */
void *pyemu_mpi_opening(void);
void pyemu_mpi_set_opening(void *group);

/* The card's next tensor, in order. 'rank' is 2 for profiles, 1 for one value per column, and 0 for
 * an input that is one value for all columns. */
void pyemu_mpi_add_tensor(void *group, int32_t dtype, int32_t rank, int64_t width,
                          int32_t is_input);

/* Take part in one inference of the group with 'columns' columns of this rank. The memory of
 * 'tensors' is this rank's: inputs are read, outputs are written. */
int pyemu_mpi_exchange(void *group, int64_t columns, void *const *tensors, char *errmsg,
                       size_t errlen);

#endif
