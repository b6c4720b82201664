! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> What PlaSim calls instead of its moist physics, by the linker's --wrap=rainstep_, and at its end.
!>
!> Clouds stay PlaSim's own: mkclouds reads humidity, temperature and where there is convection, which the emulator says.
module plasim_moist_step
  use, intrinsic :: iso_fortran_env, only: real64
  use plasim_failure, only: fail
  use plasim_moist_columns, only: moist_columns_t
  use plasim_moist_diagnostics, only: moist_diagnostics_t
  use plasim_moist_emulator, only: moist_emulator_t
  use plasim_settings, only: read_settings, settings_t
  use pumamod, only: nstep
  use rainmod, only: nclouds
  implicit none
  private

  interface
    subroutine own_moist_physics() bind(c, name='__real_rainstep_')
      implicit none
    end subroutine own_moist_physics

    subroutine own_end() bind(c, name='__real_rainstop_')
      implicit none
    end subroutine own_end

    subroutine mkdqtgp()  ! PlaSim's: advection of humidity at grid points; all ranks must call it
      implicit none
    end subroutine mkdqtgp

    subroutine mkclouds()  ! PlaSim's: cover and water of clouds
      implicit none
    end subroutine mkclouds
  end interface

  type(settings_t) :: settings
  type(moist_columns_t), target :: columns
  type(moist_emulator_t) :: emulator
  type(moist_diagnostics_t) :: diagnostics
  real(real64) :: seconds = 0  ! processor time of moist physics
  logical :: is_open = .false., is_watched = .false.

contains

  subroutine moist_step() bind(c, name='__wrap_rainstep_')
    real(real64) :: start, now
    integer :: stat
    character(len=512) :: errmsg

    if (.not. is_open) call open_moist()
    call cpu_time(start)
    if (settings%moist == 'emulator') then
      call mkdqtgp()
      call columns%gather()
      call emulator%run(nstep, stat, errmsg)
      call fail(stat, errmsg)
      call columns%give_answer()
      if (nclouds == 1) call mkclouds()
    else
      call step_own()
    end if
    call cpu_time(now)
    seconds = seconds + now - start
    if (is_watched) call diagnostics%add(columns, emulator%n_flagged(), seconds, stat, errmsg)
    if (is_watched) call fail(stat, errmsg)
  end subroutine moist_step

  subroutine moist_end() bind(c, name='__wrap_rainstop_')
    call diagnostics%close()
    call emulator%close()
    call own_end()
  end subroutine moist_end

  !> PlaSim's own scheme, looked at or recorded if asked to.
  subroutine step_own()
    integer :: stat
    character(len=512) :: errmsg

    if (.not. is_watched .and. settings%moist_record == '') then
      call own_moist_physics()
      return
    end if
    call mkdqtgp()
    call columns%gather()
    call own_moist_physics()
    call columns%take_answer()
    call emulator%record(nstep, stat, errmsg)
    call fail(stat, errmsg)
  end subroutine step_own

  subroutine open_moist()
    integer :: stat
    character(len=512) :: errmsg

    call read_settings('pyemu_namelist', settings, stat, errmsg)
    call fail(stat, errmsg)
    is_watched = settings%moist_output_file /= ''
    if (settings%moist == 'emulator' .or. settings%moist_record /= '') call emulator%open(settings, columns, stat, errmsg)
    call fail(stat, errmsg)
    if (is_watched) call diagnostics%open(settings, stat, errmsg)
    call fail(stat, errmsg)
    is_open = .true.
  end subroutine open_moist

end module plasim_moist_step
