program restarts
  !! A run that is stopped at an odd step and goes on with its columns on other ranks, in other blocks, has the bits of one
  !! handle with all columns that is never stopped.
  use, intrinsic :: iso_fortran_env, only: int8, int64, real32
  use mpi_f08
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_argument, pyemu_err_file
  use pyemu_mpi, only: open_on_all_ranks, run_on_all_ranks
  implicit none

  integer, parameter :: ncol = 280, nlay = 5, n_steps = 6, stop_after = 3
  integer(int64), parameter :: seed = 42

  type :: columns_t
    integer(int64), allocatable :: ids(:)
    real(real32), allocatable :: x(:, :), seen(:, :)
  end type columns_t

  type(columns_t), target :: whole(n_steps)
  integer :: rank, n_ranks

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call run_the_whole()
  call stop_and_go_on()
  call go_on_from_memory()
  call refuses()
  call MPI_Finalize()
  call finish()

contains

  subroutine make(columns, ids)
    type(columns_t), intent(out) :: columns
    integer(int64), intent(in) :: ids(:)
    integer :: i, k

    columns%ids = ids
    allocate (columns%x(size(ids), nlay), columns%seen(size(ids), nlay))
    do k = 1, nlay
      do i = 1, size(ids)
        columns%x(i, k) = 0.01_real32 * k * mod(ids(i), 13_int64)
      end do
    end do
  end subroutine make

  subroutine run_block(e, columns, first, last, step)
    type(emulator_t), intent(inout) :: e
    type(columns_t), intent(in), target :: columns
    integer, intent(in) :: first, last, step

    call e%unbind()
    call e%bind_ids(columns%ids(first:last))
    call e%bind('x', columns%x(first:last, :))
    call e%bind('seen', columns%seen(first:last, :))
    call run_on_all_ranks(e, MPI_COMM_WORLD, step)
  end subroutine run_block

  subroutine run_the_whole()
    type(emulator_t) :: e
    integer(int64) :: i
    integer :: step

    call open_on_all_ranks(e, data_file('carrying.onnx'), MPI_COMM_WORLD, engine='native')
    call e%set_noise(seed)
    do step = 1, n_steps
      call make(whole(step), [(3 * i, i=1, ncol)])
      call run_block(e, whole(step), 1, ncol, step)
    end do
    call check(any(whole(3)%seen /= whole(4)%seen), 'something is carried')
  end subroutine run_the_whole

  subroutine run_share(e, is_scattered, block, first_step, last_step)
    !! This rank's columns, adjacent ones or every n_ranks-th.
    type(emulator_t), intent(inout) :: e
    logical, intent(in) :: is_scattered
    integer, intent(in) :: block, first_step, last_step
    type(columns_t), target :: own
    integer :: mine(ncol / n_ranks), first, i, step

    mine = [(rank * size(mine) + i, i=1, size(mine))]
    if (is_scattered) mine = [(ncol - rank - i * n_ranks, i=0, size(mine) - 1)]
    call make(own, whole(1)%ids(mine))
    do step = first_step, last_step
      do first = 1, size(mine), block
        call run_block(e, own, first, min(first + block - 1, size(mine)), step)
      end do
      call check(all(own%seen == whole(step)%seen(mine, :)), 'the bits of a run that was not stopped')
    end do
  end subroutine run_share

  function state_file(of_rank) result(path)
    integer, intent(in) :: of_rank
    character(:), allocatable :: path
    character(40) :: text

    write (text, '(a, i0, a, i0)') 'restarts_', n_ranks, '.state.', of_rank
    path = trim(text)
  end function state_file

  subroutine stop_and_go_on()
    type(emulator_t) :: before, after
    integer :: of_rank

    call open_on_all_ranks(before, data_file('carrying.onnx'), MPI_COMM_WORLD, engine='native')
    call before%set_noise(seed)
    call run_share(before, is_scattered=.false., block=128, first_step=1, last_step=stop_after)
    call before%save_state(state_file(rank))
    call before%close()
    call MPI_Barrier(MPI_COMM_WORLD)
    call open_on_all_ranks(after, data_file('carrying.onnx'), MPI_COMM_WORLD, engine='native')
    do of_rank = 0, n_ranks - 1
      call after%load_state(state_file(of_rank), more=of_rank > 0, counts=.false.)
    end do
    call run_share(after, is_scattered=.true., block=7, first_step=stop_after + 1, last_step=n_steps)
  end subroutine stop_and_go_on

  subroutine go_on_from_memory()
    type(emulator_t) :: e
    integer(int8), allocatable :: bytes(:)

    call open_on_all_ranks(e, data_file('carrying.onnx'), MPI_COMM_WORLD, engine='native')
    call e%set_noise(seed)
    call run_share(e, is_scattered=.true., block=ncol, first_step=1, last_step=1)
    call e%save_state_memory(bytes)
    call run_share(e, is_scattered=.true., block=ncol, first_step=2, last_step=4)
    call e%load_state_memory(bytes)
    call run_share(e, is_scattered=.true., block=7, first_step=2, last_step=n_steps)
  end subroutine go_on_from_memory

  subroutine refuses()
    type(emulator_t) :: e
    character(300) :: message
    integer :: stat

    call e%open(data_file('noisy.onnx'), engine='native')
    call e%load_state(state_file(rank), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'of another emulator file')
    call e%load_state('no such file', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, 'cannot open')
    call e%save_state('no such folder/state', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, 'cannot write the state')
  end subroutine refuses

end program restarts
