module bench_host
  !! The host of the benchmark: emulators opened, bound and run from Fortran, called from bench_runtime.c, which keeps the
  !! time.
  use, intrinsic :: iso_c_binding, only: c_char, c_double, c_f_pointer, c_float, c_int, c_null_char, c_ptr
  use pyemu, only: emulator_t, report_t
  implicit none
  private

  public :: host_open, host_bind_real32, host_bind_real64, host_run, host_report, host_close

  integer, parameter :: n_slots = 8
  type(emulator_t) :: hosts(n_slots)

contains

  subroutine host_open(slot, path, engine, runtime, threads) bind(c)
    !! Open a file in a slot, 1 to 8.
    integer(c_int), value :: slot
    character(kind=c_char), intent(in) :: path(*)       !! emulator file
    character(kind=c_char), intent(in) :: engine(*)     !! name of the engine
    character(kind=c_char), intent(in) :: runtime(*)    !! library of the engine, or its directory; empty: search
    integer(c_int), value :: threads

    if (runtime(1) == c_null_char) then
      call hosts(slot)%open(text(path), engine=text(engine), threads=int(threads), allow_code=.true.)
    else
      call hosts(slot)%open(text(path), engine=text(engine), threads=int(threads), runtime_library=text(runtime), &
        allow_code=.true.)
    end if
  end subroutine host_open

  subroutine host_bind_real32(slot, name, data, rank, sizes, level_dim) bind(c)
    !! Bind a dense array of rank 1 to 4 in Fortran's order.
    integer(c_int), value :: slot, rank
    character(kind=c_char), intent(in) :: name(*)
    type(c_ptr), value :: data
    integer(c_int), intent(in) :: sizes(rank)
    integer(c_int), value :: level_dim                  !! 0: not given
    real(c_float), pointer :: a1(:), a2(:, :), a3(:, :, :), a4(:, :, :, :)

    select case (rank)
    case (1)
      call c_f_pointer(data, a1, sizes)
      call hosts(slot)%bind(text(name), a1)
    case (2)
      call c_f_pointer(data, a2, sizes)
      call hosts(slot)%bind(text(name), a2, level_dim=int(level_dim))
    case (3)
      call c_f_pointer(data, a3, sizes)
      call hosts(slot)%bind(text(name), a3)
    case (4)
      call c_f_pointer(data, a4, sizes)
      call hosts(slot)%bind(text(name), a4)
    end select
  end subroutine host_bind_real32

  subroutine host_bind_real64(slot, name, data, rank, sizes, level_dim) bind(c)
    !! The same in double precision.
    integer(c_int), value :: slot, rank
    character(kind=c_char), intent(in) :: name(*)
    type(c_ptr), value :: data
    integer(c_int), intent(in) :: sizes(rank)
    integer(c_int), value :: level_dim
    real(c_double), pointer :: a1(:), a2(:, :), a3(:, :, :), a4(:, :, :, :)

    select case (rank)
    case (1)
      call c_f_pointer(data, a1, sizes)
      call hosts(slot)%bind(text(name), a1)
    case (2)
      call c_f_pointer(data, a2, sizes)
      call hosts(slot)%bind(text(name), a2, level_dim=int(level_dim))
    case (3)
      call c_f_pointer(data, a3, sizes)
      call hosts(slot)%bind(text(name), a3)
    case (4)
      call c_f_pointer(data, a4, sizes)
      call hosts(slot)%bind(text(name), a4)
    end select
  end subroutine host_bind_real64

  subroutine host_run(slot) bind(c)
    !! What is timed.
    integer(c_int), value :: slot

    call hosts(slot)%run()
  end subroutine host_run

  function host_report(slot) result(seconds) bind(c)
    !! Time to open [s].
    integer(c_int), value :: slot
    real(c_double) :: seconds
    type(report_t) :: found

    found = hosts(slot)%report()
    seconds = found%open_seconds
  end function host_report

  subroutine host_close(slot) bind(c)
    integer(c_int), value :: slot

    call hosts(slot)%close()
  end subroutine host_close

  function text(characters) result(copy)
    character(kind=c_char), intent(in) :: characters(*)
    character(:), allocatable :: copy
    integer :: i, n

    n = 0
    do while (characters(n + 1) /= c_null_char)
      n = n + 1
    end do
    allocate (character(n) :: copy)
    do i = 1, n
      copy(i:i) = characters(i)
    end do
  end function text

end module bench_host
