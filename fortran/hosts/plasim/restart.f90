! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Restarts to the bit: what PlaSim reads from a restart file and then overwrites at its start is read once more.
!>
!> The start of the surface sets the old level of surface pressure to the new one, the capacity of the soil to its default
!> and the wetness of all surfaces, the sea's too, to that of soil; it forgets the rivers, and fits orography anew, with
!> other roundings. The coupling of --wrap=surfini_ puts back what the file says.
module plasim_restart
  use landmod, only: doro, driver, duroff, dvroff, dwcl
  use pumamod, only: dcc, drhs, drunoff, dwmax, mypid, nesp, nhor, nlep, nlev, nrestart, nroot, nrsp, nspp, so, spm
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private

  interface
    subroutine own_surface_start() bind(c, name='__real_surfini_')
      implicit none
    end subroutine own_surface_start

    subroutine mpgetgp(name, points, n, levels)  ! PlaSim's: read points and scatter them
      import :: real64
      implicit none
      character(len=*), intent(in) :: name
      integer, intent(in) :: n, levels
      real(real64), intent(inout) :: points(n, levels)
    end subroutine mpgetgp

    subroutine mpgetsp(name, modes, n, levels)  ! PlaSim's: read modes and scatter them
      import :: real64
      implicit none
      character(len=*), intent(in) :: name
      integer, intent(in) :: n, levels
      real(real64), intent(inout) :: modes(n, levels)
    end subroutine mpgetsp

    subroutine get_restart_array(name, values, n, size, levels)  ! PlaSim's: read the first n, on the first rank
      import :: real64
      implicit none
      character(len=*), intent(in) :: name
      integer, intent(in) :: n, size, levels
      real(real64), intent(inout) :: values(size, levels)
    end subroutine get_restart_array
  end interface

contains

  subroutine surface_start() bind(c, name='__wrap_surfini_')
    integer :: k

    call own_surface_start()
    if (nrestart == 0) return
    if (mypid == nroot) call get_restart_array('so', so, nrsp, nesp, 1)
    call mpgetsp('spm', spm, nspp, 1)
    dcc(:, nlep) = 1.0_real64
    do k = 1, nlev  ! the total cover, which no file has, as PlaSim's rain computes it
      dcc(:, nlep) = dcc(:, nlep) * (1.0_real64 - dcc(:, k))
    end do
    dcc(:, nlep) = 1.0_real64 - dcc(:, nlep)
    call mpgetgp('drhs', drhs, nhor, 1)
    call mpgetgp('doro', doro, nhor, 1)
    call mpgetgp('dwmax', dwmax, nhor, 1)
    call mpgetgp('dwcl', dwcl, nhor, size(dwcl, 2))
    call mpgetgp('drunoff', drunoff, nhor, 1)
    call mpgetgp('driver', driver, nhor, 1)
    call mpgetgp('duroff', duroff, nhor, 1)
    call mpgetgp('dvroff', dvroff, nhor, 1)
  end subroutine surface_start

end module plasim_restart
