program host_mpi
  !! A host on many ranks that share one engine, as a user writes it.
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use pyemu_mpi, only: shared_emulator_t, split_into_groups
  implicit none
  type(shared_emulator_t) :: e
  type(MPI_Comm) :: group
  real(real64), target :: x(2, 5), y(2, 5)
  character(4096) :: path
  integer :: i, rank

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call get_command_argument(1, path)
  x = reshape([(real(i + rank, real64), i = 1, 10)], shape(x))
  call split_into_groups(MPI_COMM_WORLD, group)
  call e%open_shared(trim(path), group)
  call MPI_Comm_free(group)
  call e%bind('x', x, units='1')
  call e%bind('y', y, units='1')
  call e%run(1)
  call e%close()
  if (abs(y(2, 5) - 5 * (10 + rank)) > 0) error stop 'wrong result'
  if (rank == 0) print '(a, f5.1)', 'on rank 0: y =', y(2, 5)
  call MPI_Finalize()
end program host_mpi
