! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> How a run ends that cannot go on: one line on standard error, and the exit status of all hosts.
module plasim_failure
  use, intrinsic :: iso_fortran_env, only: error_unit
  implicit none
  private
  public :: fail

contains

  !> Nothing if stat is 0; else the process ends with that status: 1 namelist, 2 emulator or scheme, 3 blow-up, 4 file.
  subroutine fail(stat, errmsg)
    integer, intent(in) :: stat
    character(len=*), intent(in) :: errmsg

    if (stat == 0) return
    write(error_unit, '(a)') 'plasim: '//trim(errmsg)
    stop stat, quiet=.true.
  end subroutine fail

end module plasim_failure
