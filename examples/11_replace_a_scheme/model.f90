program model
  !! Columns over a warm sea on their way to equilibrium: a small model that knows nothing of emulators.
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  interface
    subroutine longwave(ncol, nlay, temperature, surface, heating)
      import :: real64
      implicit none
      integer, intent(in) :: ncol, nlay
      real(real64), intent(in) :: temperature(ncol, nlay), surface(ncol)
      real(real64), intent(out) :: heating(ncol, nlay)
    end subroutine longwave
  end interface

  integer, parameter :: ncol = 3, steps_per_day = 4, n_days = 60
  real(real64), parameter :: sun = 0.8_real64              ! heating by the sun [K day-1]
  real(real64), allocatable :: temperature(:, :), heating(:, :)
  real(real64) :: surface(ncol)
  character(8) :: argument
  integer :: icol, nlay, step

  call get_command_argument(1, argument)
  read (argument, *) nlay
  allocate (temperature(ncol, nlay), heating(ncol, nlay), source=250.0_real64)
  surface = [280, 290, 300]
  do step = 1, n_days * steps_per_day
    call longwave(ncol, nlay, temperature, surface, heating)
    temperature = temperature + (86400 * heating + sun) / steps_per_day
  end do

  print '(a)', 'surface [K]  highest layer [K]  lowest layer [K]'
  print '(f11.1, f19.2, f18.2)', (surface(icol), temperature(icol, 1), temperature(icol, nlay), icol=1, ncol)
end program model
