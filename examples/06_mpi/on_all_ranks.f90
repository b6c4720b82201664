program on_all_ranks
  !! A private emulator on every MPI rank: one rank reads the file, and an error on one rank is known to all.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use pyemu, only: emulator_t
  use pyemu_mpi, only: agree_on_status, open_on_all_ranks, run_on_all_ranks
  implicit none

  integer, parameter :: nlay = 10
  type(emulator_t) :: radiation
  real(real64), allocatable, target :: temperature(:, :), surface(:), heating(:, :)
  character(500) :: message
  integer :: ilay, ncol, n_ranks, rank, stat

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)

  ncol = 100 + rank                     ! each rank has as many columns as it likes
  allocate (temperature(ncol, nlay), surface(ncol), heating(ncol, nlay))
  temperature = spread([(205 + 8 * ilay, ilay=1, nlay)], 1, ncol)
  surface = 290 + rank

  call open_on_all_ranks(radiation, 'longwave.onnx', MPI_COMM_WORLD, stat=stat, errmsg=message)
  call stop_together()
  call bind_all(stat, message)          ! what each rank does by itself ...
  call agree_on_status(MPI_COMM_WORLD, stat, message)
  call stop_together()                  ! ... and then all know whether all could
  call run_on_all_ranks(radiation, MPI_COMM_WORLD, step=1, stat=stat, errmsg=message)
  call stop_together()
  call print_lowest_layer()

  if (rank == n_ranks - 1) temperature(3, 5) = ieee_value(1.0_real64, ieee_quiet_nan)
  call run_on_all_ranks(radiation, MPI_COMM_WORLD, step=2, stat=stat, errmsg=message)
  if (rank == 0) print '(2a)', 'rank 0 knows: ', trim(message)
  call radiation%close()
  call MPI_Finalize()

contains

  subroutine bind_all(stat, message)
    integer, intent(out) :: stat
    character(*), intent(inout) :: message

    call radiation%bind('air_temperature', temperature, units='K', stat=stat, errmsg=message)
    if (stat /= 0) return
    call radiation%bind('surface_temperature', surface, units='K', stat=stat, errmsg=message)
    if (stat /= 0) return
    call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1', stat=stat, &
                        errmsg=message)
  end subroutine bind_all

  subroutine stop_together()
    !! The status is the same on all ranks, so all of them leave in good order, and none waits for another.
    if (stat == 0) return
    if (rank == 0) print '(a)', trim(message)
    call MPI_Finalize()
    stop 1
  end subroutine stop_together

  subroutine print_lowest_layer()
    real(real64) :: largest

    call MPI_Reduce(maxval(heating(:, nlay)), largest, 1, MPI_DOUBLE_PRECISION, MPI_MAX, 0, MPI_COMM_WORLD)
    if (rank == 0) print '(a, f7.3, a)', 'largest heating of the lowest layer: ', 86400 * largest, ' K day-1'
  end subroutine print_lowest_layer

end program on_all_ranks
