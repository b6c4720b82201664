program records
  !! Every rank writes a file of its own, with the ids of its columns.
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use mpi_f08
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_argument, pyemu_err_file, recorded_t
  use pyemu_mpi, only: open_on_all_ranks, record_on_all_ranks, run_on_all_ranks
  implicit none

  integer, parameter :: ncol = 10, nlay = 5
  type(emulator_t) :: e
  type(recorded_t) :: found
  integer(int64), target :: ids(ncol)
  real(real64), target :: x(ncol), kick(ncol, nlay), memory(ncol, nlay), coin(ncol)
  character(300) :: message
  character(40) :: path
  logical :: exists
  integer :: i, n_ranks, rank, stat, step

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  ids = [(int(rank * ncol + i, int64), i = 0, ncol - 1)]
  x = real(ids, real64)
  write (path, '(a, i0, a)') 'records_of_', n_ranks, '_{rank}.nc'
  call open_on_all_ranks(e, data_file('noisy.onnx'), MPI_COMM_WORLD, engine='native')
  call e%set_noise(seed=1)
  call e%bind_ids(ids)
  call e%bind('x', x)
  call e%bind('shown_memory', memory)
  call e%bind('shown_kick', kick)
  call e%bind('shown_coin', coin)
  if (n_ranks > 1) then
    call record_on_all_ranks(e, 'one.nc', MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "put '{rank}' into the path")
  end if
  call record_on_all_ranks(e, '/no/such/folder/{rank}.nc', MPI_COMM_WORLD, stat=stat, errmsg=message)
  call check_error(stat, pyemu_err_file, message, 'cannot create')
  call record_on_all_ranks(e, path, MPI_COMM_WORLD, replace=.true., buffer=7)
  do step = 1, 3
    call run_on_all_ranks(e, MPI_COMM_WORLD, step)
  end do
  call e%close()
  write (path, '(a, i0, a, i4.4, a)') 'records_of_', n_ranks, '_', rank, '.nc'
  inquire (file=path, exist=exists)
  call check(exists, 'the file of this rank')
  call all_or_none()
  call MPI_Finalize()
  call finish()

contains

  subroutine all_or_none()
    !! If one rank cannot record, none does.
    call open_on_all_ranks(e, data_file('noisy.onnx'), MPI_COMM_WORLD, engine='native')
    write (path, '(a, i0, a)') 'records_of_none_', n_ranks, '_{rank}.nc'
    call record_on_all_ranks(e, path, MPI_COMM_WORLD, replace=.true., every=merge(0, 1, rank == 0), &
                             stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'every' of the recording is 0")
    found = e%recorded()
    call check(.not. found%is_on, 'no rank has begun')
    call e%close()
  end subroutine all_or_none

end program records
