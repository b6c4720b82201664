! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Means of moist physics over intervals of a run, and how well every column's water and energy close, as CF NetCDF.
module plasim_moist_diagnostics
  use, intrinsic :: iso_fortran_env, only: real64
  use host_netcdf_file, only: netcdf_file_t
  use plasim_moist_columns, only: moist_columns_t
  use plasim_settings, only: settings_t
  use pumamod, only: mpstep, mypid, nhor, nlat, nlev, nlon, nroot, nstep, nugp, sid, sigma
  implicit none
  private

  real(real64), parameter :: minutes_per_day = 1440.0_real64
  real(real64), parameter :: degrees = 180.0_real64 / acos(-1.0_real64)

  real(real64), parameter :: rounding = 1.0e-15_real64  ! kg kg-1; humidity below zero by less is no fault of drying

  !> Name, units, long name.
  type :: variable_t
    character(len=56) :: name
    character(len=16) :: units
    character(len=64) :: long_name
  end type variable_t

  type(variable_t), parameter :: maps(7) = [ &
    variable_t('convective_precipitation_flux', 'kg m-2 s-1', 'Rain and snow from convection'), &
    variable_t('stratiform_precipitation_flux', 'kg m-2 s-1', 'Rain and snow from large-scale condensation'), &
    variable_t('snowfall_flux', 'kg m-2 s-1', 'Snow'), &
    variable_t('moist_water_residual', 'kg m-2 s-1', 'Water that moist physics makes'), &
    variable_t('moist_energy_residual', 'W m-2', 'Heat that moist physics makes beyond latent heat'), &
    variable_t('moist_water_residual_magnitude', 'kg m-2 s-1', 'Its absolute value, before the mean over time'), &
    variable_t('moist_energy_residual_magnitude', 'W m-2', 'Its absolute value, before the mean over time')]
  type(variable_t), parameter :: sections(2) = [ &
    variable_t('tendency_of_air_temperature_due_to_moist_processes', 'K s-1', 'Heating by moist physics, zonal mean'), &
    variable_t('tendency_of_specific_humidity_due_to_moist_processes', 's-1', 'Moistening by moist physics, zonal mean')]
  integer, parameter :: water = 1, energy = 2, lowest = 3, dried = 4
  type(variable_t), parameter :: series(6) = [ &
    variable_t('largest_moist_water_residual', 'kg m-2 s-1', 'Of any column and step of the interval'), &
    variable_t('largest_moist_energy_residual', 'W m-2', 'Of any column and step of the interval'), &
    variable_t('lowest_specific_humidity_made', 'kg kg-1', 'Lowest that drying leaves, below what was negative before'), &
    variable_t('negative_humidity_fraction', '1', 'Points that moist physics dries below zero'), &
    variable_t('flagged_fraction', '1', 'Columns that the guard flagged, first rank'), &
    variable_t('moist_seconds', 's', 'Processor time of moist physics since the start, first rank')]

  !> Sums over the present interval, and the file of the first rank.
  type, public :: moist_diagnostics_t
    private
    type(netcdf_file_t) :: file
    integer :: interval = 1, n = 0, record = 0, flagged = 0
    real(real64) :: map_sums(nhor, size(maps)) = 0, section_sums(nhor, nlev, size(sections)) = 0
    real(real64) :: extremes(nhor, 4) = 0  ! by point: residuals, lowest humidity, count of dried layers
  contains
    procedure :: open => open_diagnostics
    procedure :: add
    procedure :: close => close_diagnostics
  end type moist_diagnostics_t

  interface
    subroutine mpgagp(whole, part, levels)  ! PlaSim's: gather points of all ranks on the first
      import :: nhor, nugp, real64
      implicit none
      integer, intent(in) :: levels
      real(real64), intent(inout) :: whole(nugp, levels)
      real(real64), intent(in) :: part(nhor, levels)
    end subroutine mpgagp
  end interface

contains

  !> Create the file, on the first rank. stat is 0, or 4 with a message.
  subroutine open_diagnostics(self, settings, stat, errmsg)
    class(moist_diagnostics_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    self%interval = max(1, nint(settings%output_interval_days * minutes_per_day / mpstep))
    if (mypid /= nroot) return
    call self%file%create(settings%moist_output_file)
    call define(self%file, settings)
    call verdict(self%file, stat, errmsg)
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
      call file%variable(trim(maps(i)%name), [lon, lat, time], trim(maps(i)%units), trim(maps(i)%long_name))
    end do
    do i = 1, size(sections)
      call file%variable(trim(sections(i)%name), [lat, lev, time], trim(sections(i)%units), trim(sections(i)%long_name))
    end do
    do i = 1, size(series)
      call file%variable(trim(series(i)%name), [time], trim(series(i)%units), trim(series(i)%long_name))
    end do
    call file%attribute('Conventions', 'CF-1.11')
    call file%attribute('title', 'Moist physics of PlaSim, means over intervals that end at time')
    call file%attribute('moist', trim(settings%moist))
    call file%attribute('moist_file', trim(settings%moist_file))
    call file%attribute('moist_guard', trim(settings%moist_guard))
    call file%end_definitions()
    call file%put('lon', [(360.0_real64 / nlon * i, i = 0, nlon - 1)])
    call file%put('lat', asin(real(sid, real64)) * degrees)
    call file%put('lev', real(sigma, real64))
  end subroutine define

  !> Add the present step; write when the interval is full. stat is 0, or 4 with a message.
  subroutine add(self, columns, n_flagged, seconds, stat, errmsg)
    class(moist_diagnostics_t), intent(inout) :: self
    type(moist_columns_t), intent(in) :: columns
    integer, intent(in) :: n_flagged
    real(real64), intent(in) :: seconds
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64), dimension(nhor, nlev) :: before, after
    real(real64) :: now(nhor, size(maps))

    now(:, 1) = columns%convective_flux
    now(:, 2) = columns%stratiform_flux
    now(:, 3) = columns%snow_flux
    now(:, 4) = columns%water_residual()
    now(:, 5) = columns%energy_residual()
    now(:, 6:7) = abs(now(:, 4:5))
    self%map_sums = self%map_sums + now
    self%section_sums(:, :, 1) = self%section_sums(:, :, 1) + columns%heating
    self%section_sums(:, :, 2) = self%section_sums(:, :, 2) + columns%moistening
    before = columns%humidity + spread(columns%time_step, 2, nlev) * columns%moistening_before
    after = before + spread(columns%time_step, 2, nlev) * columns%moistening - min(before, 0.0_real64)
    where (columns%moistening >= 0.0_real64) after = 0.0_real64  ! nothing was dried there
    self%extremes(:, [water, energy]) = max(self%extremes(:, [water, energy]), now(:, 6:7))
    self%extremes(:, lowest) = min(self%extremes(:, lowest), minval(after, 2))
    self%extremes(:, dried) = self%extremes(:, dried) + count(after < -rounding, 2)
    self%flagged = self%flagged + n_flagged
    self%n = self%n + 1
    if (mod(nstep + 1, self%interval) == 0) call write_record(self, seconds)
    stat = 0
    if (mypid == nroot) call verdict(self%file, stat, errmsg)
  end subroutine add

  subroutine write_record(self, seconds)
    class(moist_diagnostics_t), intent(inout) :: self
    real(real64), intent(in) :: seconds
    real(real64), allocatable :: whole(:,:)
    real(real64) :: zonal(nlat, nlev)
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
    call mpgagp(whole, self%extremes, size(self%extremes, 2))
    if (mypid == nroot) then
      call self%file%put(trim(series(1)%name), maxval(whole(:, water)), self%record)
      call self%file%put(trim(series(2)%name), maxval(whole(:, energy)), self%record)
      call self%file%put(trim(series(3)%name), minval(whole(:, lowest)), self%record)
      call self%file%put(trim(series(4)%name), sum(whole(:, dried)) / (real(self%n, real64) * nugp * nlev), self%record)
      call self%file%put(trim(series(5)%name), self%flagged / (real(self%n, real64) * nhor), self%record)
      call self%file%put(trim(series(6)%name), seconds, self%record)
      call self%file%put('time', (nstep + 1) * mpstep / minutes_per_day, self%record)
      call self%file%sync()
    end if
    self%n = 0
    self%flagged = 0
    self%map_sums = 0.0_real64
    self%section_sums = 0.0_real64
    self%extremes = 0.0_real64
  end subroutine write_record

  subroutine close_diagnostics(self)
    class(moist_diagnostics_t), intent(inout) :: self

    if (self%record > 0 .and. mypid == nroot) call self%file%close()
  end subroutine close_diagnostics

  subroutine verdict(file, stat, errmsg)
    type(netcdf_file_t), intent(in) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = file%stat
    if (stat /= 0) errmsg = file%message
  end subroutine verdict

end module plasim_moist_diagnostics
