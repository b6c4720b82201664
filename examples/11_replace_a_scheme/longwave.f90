subroutine longwave(ncol, nlay, temperature, surface, heating)
  !! Longwave radiation of a grey atmosphere of optical depth 3 and 1000 hPa, over a black surface.
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  integer, intent(in) :: ncol, nlay
  real(real64), intent(in) :: temperature(ncol, nlay)   !! of the layers, from the top down [K]
  real(real64), intent(in) :: surface(ncol)             !! temperature of the surface [K]
  real(real64), intent(out) :: heating(ncol, nlay)      !! [K s-1]
  real(real64), parameter :: sigma = 5.67e-8_real64, gravity = 9.81_real64, heat_capacity = 1004
  real(real64) :: up(ncol, nlay + 1), down(ncol, nlay + 1), planck(ncol), passed
  integer :: k

  passed = exp(-3.0_real64 / nlay)
  down(:, 1) = 0
  do k = 1, nlay
    planck = sigma * temperature(:, k)**4
    down(:, k + 1) = down(:, k) * passed + planck * (1 - passed)
  end do
  up(:, nlay + 1) = sigma * surface**4
  do k = nlay, 1, -1
    planck = sigma * temperature(:, k)**4
    up(:, k) = up(:, k + 1) * passed + planck * (1 - passed)
  end do
  do k = 1, nlay
    heating(:, k) = (up(:, k + 1) - up(:, k) - down(:, k + 1) + down(:, k)) * gravity * nlay / (heat_capacity * 1.0e5_real64)
  end do
end subroutine longwave
