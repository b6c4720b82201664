! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Means over intervals of a run, written as CF NetCDF by the first rank; and the watch for a state that has blown up.
module plasim_diagnostics
  use, intrinsic :: iso_fortran_env, only: real64
  use host_netcdf_file, only: netcdf_file_t
  use plasim_radiation, only: fluxes_t, longwave, shortwave
  use plasim_settings, only: settings_t
  use pumamod, only: acpd, adv, co2, dcc, dfd, dfu, dicec, dlhfl, dlwfl, dp, dprc, dprl, dq, dqvi, dshfl, dsigma, &
    dswfl, dt, dtdtlwr, dtdtswr, du, ga, gwd, mpstep, mypid, nhor, nlat, nlep, nlev, nlon, nroot, nstep, nugp, sid, sigma
  implicit none
  private
  public :: check_temperature

  real(real64), parameter :: coldest = 100.0_real64, warmest = 400.0_real64  ! K; beyond, the run has blown up
  real(real64), parameter :: minutes_per_day = 1440.0_real64
  real(real64), parameter :: degrees = 180.0_real64 / acos(-1.0_real64)

  !> Name, units, long name; those of maps and sections are CF standard names, the residual's apart.
  type :: variable_t
    character(len=56) :: name
    character(len=16) :: units
    character(len=80) :: long_name
  end type variable_t

  type(variable_t), parameter :: maps(16) = [ &
    variable_t('toa_outgoing_longwave_flux', 'W m-2', 'Outgoing longwave radiation'), &
    variable_t('toa_incoming_shortwave_flux', 'W m-2', 'Insolation'), &
    variable_t('toa_outgoing_shortwave_flux', 'W m-2', 'Reflected sunlight'), &
    variable_t('toa_net_downward_shortwave_flux', 'W m-2', 'Absorbed solar radiation'), &
    variable_t('toa_net_downward_radiative_flux', 'W m-2', 'Absorbed solar minus outgoing longwave radiation'), &
    variable_t('surface_net_downward_longwave_flux', 'W m-2', 'Net longwave radiation at the surface'), &
    variable_t('surface_net_downward_shortwave_flux', 'W m-2', 'Net shortwave radiation at the surface'), &
    variable_t('surface_upward_sensible_heat_flux', 'W m-2', 'Sensible heat flux'), &
    variable_t('surface_upward_latent_heat_flux', 'W m-2', 'Latent heat flux'), &
    variable_t('surface_temperature', 'K', 'Temperature of the surface'), &
    variable_t('precipitation_flux', 'kg m-2 s-1', 'Rain and snow'), &
    variable_t('cloud_area_fraction', '1', 'Total cloud cover'), &
    variable_t('sea_ice_area_fraction', '1', 'Cover of sea ice'), &
    variable_t('atmosphere_mass_content_of_water_vapor', 'kg m-2', 'Precipitable water'), &
    variable_t('surface_air_pressure', 'Pa', 'Pressure at the surface'), &
    variable_t('radiation_column_residual', 'W m-2', 'Heating of the column minus the net flux that stays in it')]
  type(variable_t), parameter :: sections(6) = [ &
    variable_t('air_temperature', 'K', 'Temperature, zonal mean'), &
    variable_t('eastward_wind', 'm s-1', 'Zonal wind, zonal mean'), &
    variable_t('specific_humidity', 'kg kg-1', 'Specific humidity, zonal mean'), &
    variable_t('cloud_area_fraction_in_atmosphere_layer', '1', 'Cloud cover of a layer, zonal mean'), &
    variable_t('tendency_of_air_temperature_due_to_longwave_heating', 'K s-1', 'Longwave heating, zonal mean'), &
    variable_t('tendency_of_air_temperature_due_to_shortwave_heating', 'K s-1', 'Shortwave heating, zonal mean')]
  type(variable_t), parameter :: series(5) = [ &
    variable_t('fallback_fraction', '1', 'Columns that the guard left to RRTMG'), &
    variable_t('beside_longwave_rmse', 'W m-2', 'RMS difference of longwave fluxes at all interfaces, scheme beside'), &
    variable_t('beside_shortwave_rmse', 'W m-2', 'RMS difference of shortwave fluxes at all interfaces, scheme beside'), &
    variable_t('radiation_seconds', 's', 'Processor time of radiation since the start, first rank'), &
    variable_t('processor_seconds', 's', 'Processor time since the start, first rank')]

  !> Sums over the present interval, and the file of the first rank.
  type, public :: diagnostics_t
    private
    type(netcdf_file_t) :: file
    integer :: interval = 1, n = 0, record = 0, n_beside = 0
    real(real64) :: map_sums(nhor, size(maps)) = 0, section_sums(nhor, nlev, size(sections)) = 0, beside_sums(nhor, 2) = 0
  contains
    procedure :: open => open_diagnostics
    procedure :: add
    procedure :: close => close_diagnostics
  end type diagnostics_t

  interface
    subroutine mpgagp(whole, part, levels)  ! PlaSim's: gather points of all ranks on the first
      import :: nhor, nugp, real64
      implicit none
      integer, intent(in) :: levels
      real(real64), intent(inout) :: whole(nugp, levels)
      real(real64), intent(in) :: part(nhor, levels)
    end subroutine mpgagp

    subroutine mpsumr(values, n)  ! PlaSim's: sums over all ranks on the first
      import :: real64
      implicit none
      integer, intent(in) :: n
      real(real64), intent(inout) :: values(n)
    end subroutine mpsumr
  end interface

contains

  !> Create the file, on the first rank. stat is 0, or 4 with a message.
  subroutine open_diagnostics(self, settings, stat, errmsg)
    class(diagnostics_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    self%interval = max(1, nint(settings%output_interval_days * minutes_per_day / mpstep))
    if (mypid /= nroot) return
    call self%file%create(settings%output_file)
    call define(self%file, settings)
    stat = self%file%stat
    if (stat /= 0) errmsg = self%file%message
  end subroutine open_diagnostics

  subroutine define(file, settings)
    type(netcdf_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: settings
    integer :: time, lon, lat, lev, i

    time = file%dimension('time', 0)
    lon = file%dimension('lon', nlon)
    lat = file%dimension('lat', nlat)
    lev = file%dimension('lev', nlev)
    call file%variable('time', [time], 'days since 0000-01-01', 'End of the interval', 'time')
    call file%attribute('calendar', '360_day', 'time')
    call file%variable('lon', [lon], 'degrees_east', 'Longitude', 'longitude')
    call file%variable('lat', [lat], 'degrees_north', 'Latitude', 'latitude')
    call file%variable('lev', [lev], '1', 'Sigma, pressure by surface pressure', 'atmosphere_sigma_coordinate')
    do i = 1, size(maps)
      call file%variable(trim(maps(i)%name), [lon, lat, time], trim(maps(i)%units), trim(maps(i)%long_name), is_single=.true.)
    end do
    do i = 1, size(sections)
      call file%variable(trim(sections(i)%name), [lat, lev, time], trim(sections(i)%units), trim(sections(i)%long_name))
    end do
    do i = 1, size(series)
      call file%variable(trim(series(i)%name), [time], trim(series(i)%units), trim(series(i)%long_name))
    end do
    call file%attribute('Conventions', 'CF-1.11')
    call file%attribute('title', 'PlaSim, means over intervals that end at time')
    call file%attribute('scheme', trim(settings%scheme))
    call file%attribute('beside', trim(settings%beside))
    call file%attribute('interval_hours', settings%interval_hours)
    call file%attribute('cloud_water_scale', settings%cloud_water_scale)
    call file%attribute('carbon_dioxide_ppm', real(co2, real64))
    call file%attribute('longwave_file', trim(settings%longwave_file))
    call file%attribute('shortwave_file', trim(settings%shortwave_file))
    call file%attribute('guard', trim(settings%guard))
    call file%end_definitions()
    call file%put('lon', [(360.0_real64 / nlon * i, i = 0, nlon - 1)])
    call file%put('lat', asin(real(sid, real64)) * degrees)
    call file%put('lev', real(sigma, real64))
  end subroutine define

  !> Add the present step to the means; write them when the interval is full. stat is 0, or 4.
  subroutine add(self, fluxes, beside, is_compared, stat, errmsg)
    class(diagnostics_t), intent(inout) :: self
    type(fluxes_t), intent(inout) :: fluxes, beside
    logical, intent(in) :: is_compared  !! whether another scheme has computed its fluxes for this step, too
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    self%n = self%n + 1
    self%map_sums = self%map_sums + present_maps()
    self%section_sums = self%section_sums + present_sections()
    if (is_compared) call compare(self, fluxes, beside)
    if (mod(nstep + 1, self%interval) == 0) call write_record(self, fluxes)
    if (mypid /= nroot) return
    stat = self%file%stat
    if (stat /= 0) errmsg = self%file%message
  end subroutine add

  !> The first point whose temperature is not a number, or out of all bounds. stat is 0, or 3 with a message.
  subroutine check_temperature(stat, errmsg)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: at(2), place

    stat = 0
    if (all(dt(:, :nlev) > coldest .and. dt(:, :nlev) < warmest)) return
    stat = 3
    at = findloc(dt(:, :nlev) > coldest .and. dt(:, :nlev) < warmest, .false.)
    place = at(1) + mypid * nhor - 1
    write(errmsg, '(a, g0.6, a, i0, a, f0.1, a, f0.1, a, f0.2)') 'air_temperature has blown up: ', dt(at(1), at(2)), &
      ' K in layer ', at(2), ' at latitude ', asin(sid((at(1) - 1) / nlon + 1)) * degrees, ', longitude ', &
      360.0_real64 / nlon * mod(place, nlon), ' on day ', nstep * mpstep / minutes_per_day
  end subroutine check_temperature

  function present_maps() result(now)
    real(real64) :: now(nhor, size(maps)), heating(nhor)
    integer :: k

    heating = 0.0_real64
    do k = 1, nlev
      heating = heating + (dtdtswr(:, k) + dtdtlwr(:, k)) * dsigma(k) * dp * acpd * (1.0_real64 + adv * dq(:, k)) / ga
    end do
    now(:, 1) = -dlwfl(:, 1)
    now(:, 2) = dfd(:, 1)
    now(:, 3) = -dfu(:, 1)
    now(:, 4) = dswfl(:, 1)
    now(:, 5) = dswfl(:, 1) + dlwfl(:, 1)
    now(:, 6) = dlwfl(:, nlep)
    now(:, 7) = dswfl(:, nlep)
    now(:, 8) = -dshfl
    now(:, 9) = -dlhfl
    now(:, 10) = dt(:, nlep)
    now(:, 11) = 1000.0_real64 * (dprc + dprl)  ! from m s-1 of water
    now(:, 12) = dcc(:, nlep)
    now(:, 13) = dicec
    now(:, 14) = dqvi
    now(:, 15) = dp
    now(:, 16) = abs(heating - (dswfl(:, 1) + dlwfl(:, 1) - dswfl(:, nlep) - dlwfl(:, nlep)))
  end function present_maps

  function present_sections() result(now)
    real(real64) :: now(nhor, nlev, size(sections))

    now(:, :, 1) = dt(:, :nlev)
    now(:, :, 2) = du(:, :nlev)
    now(:, :, 3) = dq(:, :nlev)
    now(:, :, 4) = dcc(:, :nlev)
    now(:, :, 5) = dtdtlwr
    now(:, :, 6) = dtdtswr
  end function present_sections

  !> Mean squares of the differences of two schemes on the same columns.
  subroutine compare(self, fluxes, beside)
    class(diagnostics_t), intent(inout) :: self
    type(fluxes_t), intent(in) :: fluxes, beside
    integer :: band

    self%n_beside = self%n_beside + 1
    do band = 1, 2
      self%beside_sums(:, band) = self%beside_sums(:, band) &
        + 0.5_real64 * (mean_square(fluxes%up(:, :, band) - beside%up(:, :, band)) &
        + mean_square(fluxes%down(:, :, band) - beside%down(:, :, band)))
    end do
  end subroutine compare

  pure function mean_square(values) result(mean)
    real(real64), intent(in) :: values(nhor, nlep)
    real(real64) :: mean(nhor)
    mean = sum(values**2, dim=2) / nlep
  end function mean_square

  subroutine write_record(self, fluxes)
    class(diagnostics_t), intent(inout) :: self
    type(fluxes_t), intent(inout) :: fluxes
    real(real64), allocatable :: whole(:,:)
    real(real64) :: zonal(nlat, nlev), rmse(2), counts(2), seconds
    integer :: i

    allocate(whole(nugp, nlev))
    self%record = self%record + 1
    do i = 1, size(maps)
      call mpgagp(whole, self%map_sums(:, i:i) / self%n, 1)
      if (mypid == nroot) call self%file%put(trim(maps(i)%name), transpose(reshape(whole(:, 1), [nlon, nlat])), self%record)
    end do
    do i = 1, size(sections)
      call mpgagp(whole, self%section_sums(:, :, i) / self%n, nlev)
      zonal = sum(reshape(whole, [nlon, nlat, nlev]), dim=1) / nlon
      if (mypid == nroot) call self%file%put(trim(sections(i)%name), transpose(zonal), self%record)
    end do
    do i = 1, 2
      call mpgagp(whole, self%beside_sums(:, i:i) / max(1, self%n_beside), 1)
      if (mypid == nroot) rmse(i) = sqrt(sum(sum(reshape(whole(:, 1), [nlon, nlat]), dim=1) / nlon * gwd) / sum(gwd))
    end do
    counts = [fluxes%left, fluxes%computed]
    call mpsumr(counts, 2)
    call cpu_time(seconds)
    if (mypid == nroot) then
      call self%file%put('fallback_fraction', counts(1) / max(1.0_real64, counts(2)), self%record)
      call self%file%put('beside_longwave_rmse', rmse(longwave), self%record)
      call self%file%put('beside_shortwave_rmse', rmse(shortwave), self%record)
      call self%file%put('radiation_seconds', fluxes%seconds, self%record)
      call self%file%put('processor_seconds', seconds, self%record)
      call self%file%put('time', (nstep + 1) * mpstep / minutes_per_day, self%record)
      call self%file%sync()
    end if
    self%n = 0
    self%n_beside = 0
    self%map_sums = 0.0_real64
    self%section_sums = 0.0_real64
    self%beside_sums = 0.0_real64
    fluxes%left = 0
    fluxes%computed = 0
  end subroutine write_record

  subroutine close_diagnostics(self)
    class(diagnostics_t), intent(inout) :: self

    if (mypid == nroot) call self%file%close()
  end subroutine close_diagnostics

end module plasim_diagnostics
