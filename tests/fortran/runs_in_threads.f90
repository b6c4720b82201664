module own_handles
  !! What one thread does: open, bind, run and close emulators of its own.
  use, intrinsic :: iso_c_binding, only: c_f_pointer, c_null_ptr, c_ptr
  use, intrinsic :: iso_fortran_env, only: real64
  use pyemu, only: emulator_t
  use toy, only: flux_name, nlay, outgoing_name, pressure_at, pressure_name, surface_at, surface_name, temperature_at, &
      temperature_name, tendency_name, toy_flux, toy_outgoing, toy_tendency
  implicit none
  private

  public :: work

  integer, parameter :: n_opens = 4, n_steps = 20

  type, public :: job_t
    character(4096) :: path = ''
    integer :: first = 0     !! number of the first column: different in every thread
    integer :: ncol = 0
    integer :: n_wrong = 0
  end type job_t

contains

  recursive function work(argument) result(nothing) bind(c)
    type(c_ptr), value :: argument    !! address of a job_t
    type(c_ptr) :: nothing
    type(job_t), pointer :: job
    integer :: i

    call c_f_pointer(argument, job)
    do i = 1, n_opens
      call use_one_handle(job)
    end do
    nothing = c_null_ptr
  end function work

  recursive subroutine use_one_handle(job)
    type(job_t), intent(inout) :: job
    type(emulator_t) :: emulator
    real(real64), target :: t(job%ncol, nlay), p(job%ncol, nlay + 1), ts(job%ncol)
    real(real64), target :: flux(job%ncol, nlay + 1), tendency(job%ncol, nlay), outgoing(job%ncol)
    integer :: stat, step

    call emulator%open(job%path, stat=stat)
    job%n_wrong = job%n_wrong + merge(0, 1, stat == 0)
    call emulator%bind(temperature_name, t, 'K')
    call emulator%bind(pressure_name, p, 'Pa')
    call emulator%bind(surface_name, ts, 'K')
    call emulator%bind(flux_name, flux, 'W m-2')
    call emulator%bind(tendency_name, tendency, 'K s-1')
    call emulator%bind(outgoing_name, outgoing)
    do step = 1, n_steps
      call fill(job%first + step, t, p, ts)
      call emulator%run(step, stat=stat)
      if (stat /= 0 .or. .not. is_right(job%first + step, flux, tendency, outgoing)) job%n_wrong = job%n_wrong + 1
    end do
    call emulator%close()
  end subroutine use_one_handle

  pure subroutine fill(first, t, p, ts)
    integer, intent(in) :: first
    real(real64), intent(out) :: t(:, :), p(:, :), ts(:)
    integer :: icol, ilay

    do icol = 1, size(ts)
      ts(icol) = surface_at(first + icol)
      t(icol, :) = [(temperature_at(first + icol, ilay), ilay=1, nlay)]
      p(icol, :) = [(pressure_at(first + icol, ilay), ilay=1, nlay + 1)]
    end do
  end subroutine fill

  pure function is_right(first, flux, tendency, outgoing) result(answer)
    integer, intent(in) :: first
    real(real64), intent(in) :: flux(:, :), tendency(:, :), outgoing(:)
    logical :: answer
    integer :: icol, ilay

    answer = .true.
    do icol = 1, size(outgoing)
      answer = answer .and. abs(outgoing(icol) - toy_outgoing(first + icol)) < 1e-9_real64
      do ilay = 1, nlay
        answer = answer .and. abs(tendency(icol, ilay) - toy_tendency(first + icol, ilay)) < 1e-9_real64
        answer = answer .and. abs(flux(icol, ilay) - toy_flux(first + icol, ilay)) < 1e-9_real64
      end do
    end do
  end function is_right

end module own_handles

program runs_in_threads
  !! Threads with emulators of their own do not disturb one another. The threads are those of POSIX: sanitizers know them,
  !! as they do not know those of every compiler's OpenMP.
  use, intrinsic :: iso_c_binding, only: c_funloc, c_funptr, c_int, c_loc, c_long, c_null_ptr, c_ptr
  use checks, only: check, data_file, finish
  use own_handles, only: job_t, work
  implicit none

  interface
    function pthread_create(thread, attributes, start, argument) result(status) bind(c)
      import :: c_funptr, c_int, c_long, c_ptr
      implicit none
      integer(c_long), intent(out) :: thread   !! pthread_t of Linux
      type(c_ptr), value :: attributes
      type(c_funptr), value :: start
      type(c_ptr), value :: argument
      integer(c_int) :: status
    end function pthread_create

    function pthread_join(thread, found) result(status) bind(c)
      import :: c_int, c_long, c_ptr
      implicit none
      integer(c_long), value :: thread
      type(c_ptr), value :: found              !! address for what it returned, or null
      integer(c_int) :: status
    end function pthread_join
  end interface

  integer, parameter :: n_threads = 4
  type(job_t), target :: jobs(n_threads)
  integer(c_long) :: threads(n_threads)
  integer :: i

  do i = 1, n_threads
    jobs(i)%path = data_file('toy.onnx')
    jobs(i)%first = 7 * i
    jobs(i)%ncol = 10 + i
    call check(pthread_create(threads(i), c_null_ptr, c_funloc(work), c_loc(jobs(i))) == 0, 'a thread starts')
  end do
  do i = 1, n_threads
    call check(pthread_join(threads(i), c_null_ptr) == 0, 'a thread ends')
    call check(jobs(i)%n_wrong == 0, 'every thread opens its file and gets its own numbers')
  end do
  call finish()
end program runs_in_threads
