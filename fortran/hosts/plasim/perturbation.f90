! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> A small disturbance of temperature, so that runs from one restart file become an ensemble.
module plasim_perturbation
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use pumamod, only: deltsec2, dtdt, mypid, nhor, nlev
  implicit none
  private
  public :: perturb

  integer(int64), parameter :: modulus = 2147483647_int64, factor = 16807_int64  ! Park and Miller 1988

contains

  !> Change temperature at all points and levels by a number between -amplitude and amplitude [K] during this leapfrog step. It
  !> depends on the seed and the place in the whole grid, not on ranks.
  subroutine perturb(amplitude, seed)
    real(real64), intent(in) :: amplitude
    integer, intent(in) :: seed
    integer(int64) :: number
    integer :: i, k, turn

    do k = 1, nlev
      do i = 1, nhor
        number = 1 + modulo(int(seed, int64) * 1000003_int64 + int(mypid, int64) * nhor + i + int(k, int64) * 7919_int64, &
          modulus - 1)
        do turn = 1, 8  ! neighbouring seeds must have nothing in common
          number = modulo(factor * number, modulus)
        end do
        dtdt(i, k) = dtdt(i, k) + amplitude * (2.0_real64 * real(number, real64) / modulus - 1.0_real64) / deltsec2
      end do
    end do
  end subroutine perturb

end module plasim_perturbation
