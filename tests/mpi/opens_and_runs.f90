program opens_and_runs
  !! A private engine on every rank: opened together, run together, and every error is one on all ranks.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: int8, real32, real64
  use mpi_f08
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use pyemu_mpi, only: agree_on_status, broadcast_file, open_on_all_ranks, run_on_all_ranks
  implicit none

  character(1500) :: message
  character(20) :: failing
  integer :: i, n_ranks, rank, stat

  call refuses_before_init()
  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call refuses_no_communicator()
  call sends_any_size()
  call refuses_bad_files()
  call opens_a_derivative()
  do i = 0, n_ranks - 1
    write (failing, '(a, i0, a, i0)') 'rank ', i, ' of ', n_ranks
    call one_rank_fails_in_open(i)
    call one_rank_fails_in_bind(i)
    call one_rank_fails_in_run(i)
  end do
  call two_ranks_fail()
  call MPI_Finalize()
  call finish()

contains

  subroutine refuses_before_init()
    type(emulator_t) :: e

    message = ' '
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'MPI is not running')
  end subroutine refuses_before_init

  subroutine refuses_no_communicator()
    type(emulator_t) :: e

    message = ' '
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_NULL, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'MPI_COMM_NULL')
    call run_on_all_ranks(e, MPI_COMM_NULL, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'MPI_COMM_NULL')
  end subroutine refuses_no_communicator

  subroutine sends_any_size()
    !! The file arrives whole, however it is cut, and is read on rank 0 alone: the other ranks name no file.
    integer(int8), allocatable :: whole(:), bytes(:)
    character(:), allocatable :: path
    integer :: length, unit
    integer, parameter :: pieces(3) = [1000, 4097, 2**30]

    path = data_file('toy.onnx')
    open (newunit=unit, file=path, access='stream', form='unformatted', action='read')
    inquire (unit=unit, size=length)
    allocate (whole(length))
    read (unit) whole
    close (unit)
    if (rank /= 0) path = 'only rank 0 reads'
    do i = 1, size(pieces)
      call broadcast_file(path, MPI_COMM_WORLD, bytes, max_message=pieces(i), stat=stat, errmsg=message)
      call check(stat == pyemu_ok .and. size(bytes) == length, 'all bytes have come')
      if (size(bytes) == length) call check(all(bytes == whole), 'the bytes are those of the file')
    end do
  end subroutine sends_any_size

  subroutine opens_a_derivative()
    type(emulator_t) :: e

    call open_on_all_ranks(e, data_file('derivable.onnx'), MPI_COMM_WORLD, engine='native', derivative='vjp')
    call check(e%n_variables() == 3 .and. e%find('adjoint_of_x') == 3, 'the adjoint is open')
    call e%close()
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_WORLD, derivative='vjp', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "the file has no derivative 'vjp'")
  end subroutine opens_a_derivative

  subroutine refuses_bad_files()
    type(emulator_t) :: e

    message = ' '
    call open_on_all_ranks(e, 'no_such_file.onnx', MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, "cannot open 'no_such_file.onnx': ")
    call check(index(message, 'rank 0 of ') == 1, 'the message names the rank that reads')
    call open_on_all_ranks(e, data_file('.'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, 'rank 0 of ')
    call open_on_all_ranks(e, data_file('truncated.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_format, message, 'rank 0 of ')
    call check_error(stat, pyemu_err_format, message, 'truncated.onnx')
    call open_on_all_ranks(e, data_file('empty.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_format, message, 'rank 0 of ')
    call check(.not. e%is_open(), 'not open after an error')
  end subroutine refuses_bad_files

  subroutine one_rank_fails_in_open(bad)
    !! The ranks that had opened are closed again, and a second attempt succeeds.
    integer, intent(in) :: bad
    type(emulator_t) :: e
    character(20) :: engine

    engine = 'stub'
    if (rank == bad) engine = 'no_such_engine'
    message = ' '
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_WORLD, engine=engine, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_engine, message, trim(failing))
    call check_error(stat, pyemu_err_engine, message, "'no_such_engine' not found")
    call check(.not. e%is_open(), 'open on no rank')
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub')
    call check(e%is_open(), 'open on all ranks')
    call open_on_all_ranks(e, data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'open already')
    call check(e%is_open(), 'what was open before stays open')
  end subroutine one_rank_fails_in_open

  subroutine one_rank_fails_in_bind(bad)
    integer, intent(in) :: bad
    type(emulator_t) :: e
    real(real64), target :: x(3, 5)
    character(10) :: units

    call open_on_all_ranks(e, data_file('scale_float32.onnx'), MPI_COMM_WORLD, engine='stub')
    units = '1'
    if (rank == bad) units = 'furlong'
    message = ' '
    call e%bind('x', x, units=units, stat=stat, errmsg=message)
    call agree_on_status(MPI_COMM_WORLD, stat, message)
    call check_error(stat, pyemu_err_units, message, trim(failing))
    call check_error(stat, pyemu_err_units, message, 'furlong')
    call e%bind('x', x, units='1', stat=stat, errmsg=message)
    call agree_on_status(MPI_COMM_WORLD, stat, message)
    call check(stat == pyemu_ok, 'no rank failed')
  end subroutine one_rank_fails_in_bind

  subroutine one_rank_fails_in_run(bad)
    !! A number that is not finite on one rank is an error on all; the next step is a good one again.
    integer, intent(in) :: bad
    type(emulator_t) :: e
    real(real32), target :: x(0:rank, 5), y(0:rank, 5)

    call open_on_all_ranks(e, data_file('scale_float32.onnx'), MPI_COMM_WORLD)
    call e%bind('x', x, units='1')
    call e%bind('y', y, units='1')
    x = rank + 1
    if (rank == bad) x(0, 3) = ieee_value(1.0_real32, ieee_quiet_nan)
    message = ' '
    call run_on_all_ranks(e, MPI_COMM_WORLD, 1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_finite, message, trim(failing))
    call check_error(stat, pyemu_err_not_finite, message, 'column 1, layer 3')
    x = rank + 1
    y = -1
    call run_on_all_ranks(e, MPI_COMM_WORLD, 2, stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'the next step succeeds')
    call check(all(nint(y(:, 5)) == 5 * (rank + 1)), 'with the right result')
  end subroutine one_rank_fails_in_run

  subroutine two_ranks_fail()
    !! The first rank that fails is named on all.
    write (message, '(a, i0)') 'message of ', rank
    stat = 0
    if (rank >= n_ranks / 2) stat = 100 + rank
    call agree_on_status(MPI_COMM_WORLD, stat, message)
    write (failing, '(a, i0)') 'message of ', n_ranks / 2
    call check_error(stat, 100 + n_ranks / 2, message, trim(failing))
  end subroutine two_ranks_fail

end program opens_and_runs
