! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> The coupling: what PlaSim calls instead of its radiation, by the linker's --wrap=radstep_, after every step, and at its end.
!>
!> PlaSim keeps its state in modules and calls `radstep` without arguments. The linker sends that call here; the original
!> is still there as `__real_radstep_`. No line of PlaSim changes.
module plasim_radiation_step
  use, intrinsic :: iso_fortran_env, only: real64
  use host_namelist_file, only: require
  use plasim_failure, only: fail
  use plasim_diagnostics, only: check_temperature, diagnostics_t
  use plasim_perturbation, only: perturb
  use plasim_radiation, only: fluxes_t, longwave, radiation_t, shortwave
  use plasim_settings, only: read_settings, settings_t
  use pumamod, only: acpd, adv, dfd, dflux, dftd, dftu, dfu, dlwfl, dp, dq, dsigma, dswfl, dtdt, dtdtlwr, dtdtswr, ga, nhor, &
    nlep, nlev, nstep, ntspd
  use radmod, only: gmu0, no3
  implicit none
  private

  interface
    subroutine own_radiation() bind(c, name='__real_radstep_')
      implicit none
    end subroutine own_radiation

    subroutine own_accumulation() bind(c, name='__real_outaccu_')
      implicit none
    end subroutine own_accumulation

    subroutine own_end() bind(c, name='__real_radstop_')
      implicit none
    end subroutine own_end

    subroutine solang()  ! PlaSim's: cosine of the solar zenith angle at nstep
      implicit none
    end subroutine solang

    subroutine mko3()  ! PlaSim's: ozone
      implicit none
    end subroutine mko3
  end interface

  type(settings_t) :: settings
  type(radiation_t) :: scheme, beside
  type(fluxes_t) :: fluxes, fluxes_beside
  type(diagnostics_t) :: diagnostics
  integer :: interval = 1  ! time steps between calls of a scheme
  logical :: is_open = .false., is_due = .true.

contains

  subroutine radiation_step() bind(c, name='__wrap_radstep_')
    integer :: stat
    character(len=512) :: errmsg

    is_due = .not. is_open .or. mod(nstep, interval) == 0
    if (.not. is_open) call open_coupling()
    call check_temperature(stat, errmsg)
    call fail(stat, errmsg)
    if (settings%scheme == 'own') then
      call step_own()
    else
      call step_scheme()
    end if
  end subroutine radiation_step

  !> At the end of every time step but the short first ones of a new start, when all of the step is known.
  subroutine step_end() bind(c, name='__wrap_outaccu_')
    integer :: stat
    character(len=512) :: errmsg

    call own_accumulation()
    call diagnostics%add(fluxes, fluxes_beside, is_due .and. settings%beside /= 'none', stat, errmsg)
    call fail(stat, errmsg)
  end subroutine step_end

  subroutine radiation_end() bind(c, name='__wrap_radstop_')
    call diagnostics%close()
    call scheme%close()
    call beside%close()
    call own_end()
  end subroutine radiation_end

  subroutine open_coupling()
    type(settings_t) :: unrecorded
    integer :: stat
    character(len=512) :: errmsg

    call read_settings('pyemu_namelist', settings, stat, errmsg)
    call fail(stat, errmsg)
    interval = max(1, nint(settings%interval_hours * ntspd / 24.0_real64))
    call require_steps('interval_hours', settings%interval_hours, settings%interval_hours * ntspd / 24.0_real64)
    call require_steps('output_interval_days', settings%output_interval_days, settings%output_interval_days * ntspd)
    if (settings%scheme /= 'own') call scheme%open(settings%scheme, settings, stat, errmsg)
    call fail(stat, errmsg)
    unrecorded = settings  ! what is recorded is what the run is made with
    unrecorded%longwave_record = ''
    unrecorded%shortwave_record = ''
    if (settings%beside /= 'none') call beside%open(settings%beside, unrecorded, stat, errmsg)
    call fail(stat, errmsg)
    call diagnostics%open(settings, stat, errmsg)
    call fail(stat, errmsg)
    if (settings%perturbation > 0.0_real64) call perturb(settings%perturbation, settings%perturbation_seed)
    is_open = .true.
  end subroutine open_coupling

  !> Refuse a duration that is no whole number of time steps, 0 apart, or an interval of radiation that a day is no multiple
  !> of: a run that is continued would call it at other times.
  subroutine require_steps(entry, duration, steps)
    character(len=*), intent(in) :: entry
    real(real64), intent(in) :: duration, steps
    integer :: stat
    logical :: fits
    character(len=80) :: expected
    character(len=512) :: errmsg

    stat = 0
    errmsg = ''
    fits = abs(steps - nint(steps)) < 1.0e-6_real64
    if (fits .and. entry == 'interval_hours') fits = mod(ntspd, interval) == 0
    write(expected, '(a, i0, a)') 'a whole number of time steps, ', ntspd, ' a day'
    if (entry == 'interval_hours') expected = trim(expected)//', and a day a multiple of it'
    call require(fits, entry, duration, trim(expected), stat, errmsg)
    call fail(stat, errmsg)
  end subroutine require_steps

  !> PlaSim's own scheme; between calls its heating and fluxes stay.
  subroutine step_own()
    real(real64) :: start, now

    call cpu_time(start)
    if (is_due) then
      call own_radiation()
    else
      dtdt(:, :nlev) = dtdt(:, :nlev) + dtdtswr + dtdtlwr
    end if
    call cpu_time(now)
    fluxes%seconds = fluxes%seconds + now - start
  end subroutine step_own

  subroutine step_scheme()
    real(real64) :: cosine(nhor)
    integer :: stat
    character(len=512) :: errmsg

    if (is_due) then
      cosine = mean_cosine()
      if (no3 < 3) call mko3()
      call scheme%compute(cosine, fluxes, stat, errmsg)
      call fail(stat, errmsg)
      if (settings%beside /= 'none') call beside%compute(cosine, fluxes_beside, stat, errmsg)
      call fail(stat, errmsg)
    end if
    call solang()
    call apply()
  end subroutine step_scheme

  !> Mean cosine over the sunlit steps until the next call.
  function mean_cosine() result(mean)
    real(real64) :: mean(nhor)
    integer :: sunlit(nhor), now

    mean = 0.0_real64
    sunlit = 0
    now = nstep
    do nstep = now, now + interval - 1
      call solang()
      mean = mean + gmu0
      where (gmu0 > 0.0_real64) sunlit = sunlit + 1
    end do
    nstep = now
    mean = mean / max(1, sunlit)
  end function mean_cosine

  !> Give the fluxes to PlaSim, whose upward ones are negative, and heat its air by their divergence.
  subroutine apply()
    real(real64) :: sun(nhor), mass(nhor)
    integer :: k

    sun = 0.0_real64
    where (fluxes%cosine > 0.0_real64) sun = gmu0 / fluxes%cosine
    do k = 1, nlep
      dfu(:, k) = -sun * fluxes%up(:, k, shortwave)
      dfd(:, k) = sun * fluxes%down(:, k, shortwave)
    end do
    dftu = -fluxes%up(:, :, longwave)
    dftd = fluxes%down(:, :, longwave)
    dswfl = dfu + dfd
    dlwfl = dftu + dftd
    dflux = dlwfl + dswfl
    do k = 1, nlev
      mass = dsigma(k) * dp * acpd * (1.0_real64 + adv * dq(:, k)) / ga  ! heat capacity of the layer [J m-2 K-1]
      dtdtswr(:, k) = (dswfl(:, k) - dswfl(:, k + 1)) / mass
      dtdtlwr(:, k) = (dlwfl(:, k) - dlwfl(:, k + 1)) / mass
      dtdt(:, k) = dtdt(:, k) + (dtdtswr(:, k) + dtdtlwr(:, k))
    end do
  end subroutine apply

end module plasim_radiation_step
