program makes_noise
  !! A stochastic run on any number of ranks, in blocks of any size, has the bits of one handle with all columns.
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use mpi_f08
  use checks, only: check, data_file, finish
  use pyemu, only: emulator_t
  use pyemu_mpi, only: open_on_all_ranks, run_on_all_ranks, shared_emulator_t
  implicit none

  integer, parameter :: ncol = 400, nlay = 5, n_steps = 3
  integer(int64), parameter :: seed = -20261121

  type :: columns_t
    !! Some columns of the model, and what the emulator makes of them.
    integer(int64), allocatable :: ids(:)
    real(real64), allocatable :: x(:), kick(:, :)
    real(real32), allocatable :: memory(:, :), coin(:)
  end type columns_t

  type(columns_t), target :: whole(n_steps)
  integer :: rank, n_ranks

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call run_the_whole()
  call run_a_share(block=ncol, is_scattered=.false.)
  call run_a_share(block=128, is_scattered=.false.)
  call run_a_share(block=7, is_scattered=.false.)
  call run_a_share(block=7, is_scattered=.true.)
  call run_shared()
  call MPI_Finalize()
  call finish()

contains

  subroutine make(columns, ids)
    type(columns_t), intent(out) :: columns
    integer(int64), intent(in) :: ids(:)

    columns%ids = ids
    allocate (columns%x(size(ids)), columns%coin(size(ids)), columns%kick(size(ids), nlay), columns%memory(size(ids), nlay))
    columns%x = 0
  end subroutine make

  subroutine bind(e, columns, first, last)
    class(emulator_t), intent(inout) :: e
    type(columns_t), intent(in), target :: columns
    integer, intent(in) :: first, last

    call e%unbind()
    call e%bind_ids(columns%ids(first:last))
    call e%bind('x', columns%x(first:last))
    call e%bind('shown_memory', columns%memory(first:last, :))
    call e%bind('shown_kick', columns%kick(first:last, :))
    call e%bind('shown_coin', columns%coin(first:last))
  end subroutine bind

  subroutine run_the_whole()
    !! Each rank by itself: all columns, in one handle.
    type(emulator_t) :: e
    integer(int64) :: i
    integer :: step

    call e%open(data_file('noisy.onnx'), engine='native')
    call e%set_noise(seed, member=2)
    do step = 1, n_steps
      call make(whole(step), [(5 * i, i=1, ncol)])
      call bind(e, whole(step), 1, ncol)
      call e%run(step)
    end do
    call check(any(whole(1)%memory /= whole(2)%memory), 'noise changes')
  end subroutine run_the_whole

  subroutine run_a_share(block, is_scattered)
    !! This rank's columns, adjacent ones or every n_ranks-th, from the last to the first.
    integer, intent(in) :: block
    logical, intent(in) :: is_scattered
    type(emulator_t) :: e
    type(columns_t), target :: own
    integer :: mine(ncol / n_ranks), first, i, step

    mine = [(rank * size(mine) + i, i=1, size(mine))]
    if (is_scattered) mine = [(ncol - rank - i * n_ranks, i=0, size(mine) - 1)]
    call make(own, whole(1)%ids(mine))
    call open_on_all_ranks(e, data_file('noisy.onnx'), MPI_COMM_WORLD, engine='native')
    call e%set_noise(seed, member=2)
    do step = 1, n_steps
      do first = 1, size(mine), block
        call bind(e, own, first, min(first + block - 1, size(mine)))
        call run_on_all_ranks(e, MPI_COMM_WORLD, step)
      end do
      call compare(own, mine, step)
    end do
  end subroutine run_a_share

  subroutine run_shared()
    !! One engine for all ranks: each makes the noise of its own columns.
    type(shared_emulator_t) :: e
    type(columns_t), target :: own
    integer :: mine(ncol / n_ranks), i, step

    mine = [(rank * size(mine) + i, i=1, size(mine))]
    call make(own, whole(1)%ids(mine))
    call e%open_shared(data_file('noisy.onnx'), MPI_COMM_WORLD, engine='native')
    call e%set_noise(seed, member=2)
    call bind(e, own, 1, size(mine))
    do step = 1, n_steps
      call e%run(step)
      call compare(own, mine, step)
    end do
    call e%close()
  end subroutine run_shared

  subroutine compare(own, mine, step)
    type(columns_t), intent(in) :: own
    integer, intent(in) :: mine(:), step

    call check(all(own%memory == whole(step)%memory(mine, :)), 'the same process')
    call check(all(own%kick == whole(step)%kick(mine, :)), 'the same noise')
    call check(all(own%coin == whole(step)%coin(mine)), 'the same uniform noise')
  end subroutine compare

end program makes_noise
