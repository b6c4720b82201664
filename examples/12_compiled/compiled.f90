program compiled
  !! Longwave heating of many columns in the program's own loop, by an emulator that was compiled to C.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use longwave_emulator, only: longwave
  implicit none

  integer, parameter :: ncol = 1000, nlay = 10
  real(real64), parameter :: seconds_per_day = 86400
  real(real64) :: temperature(ncol, nlay)   ! of the layers, from the top down [K]
  real(real64) :: surface(ncol)             ! temperature of the surface [K]
  real(real64) :: heating(ncol, nlay)       ! what the emulator computes [K s-1]
  integer :: icol, ilay

  temperature = spread([(205 + 8 * ilay, ilay=1, nlay)], 1, ncol)
  surface = [(280 + 0.02_real64 * icol, icol=1, ncol)]

  do concurrent(icol=1:ncol)
    call heat(temperature(icol, :), surface(icol), heating(icol, :))
  end do

  print '(a)', 'layer  temperature [K]  heating [K day-1] over 285 K  over 290 K'
  print '(i5, f17.1, f29.3, f12.3)', &
    (ilay, temperature(1, ilay), seconds_per_day * heating([250, 500], ilay), ilay=1, nlay)

contains

  pure subroutine heat(temperature, surface, heating)
    !! One column; the emulator works in single precision.
    real(real64), intent(in) :: temperature(nlay)   !! [K]
    real(real64), intent(in) :: surface             !! [K]
    real(real64), intent(out) :: heating(nlay)      !! [K s-1]
    real(real32) :: found(nlay)

    call longwave(real(temperature, real32), real(surface, real32), found)
    heating = found
  end subroutine heat

end program compiled
