! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Radiation by two emulator files: the only file of this host that knows emulator_t.
module plasim_radiation_emulator
  use, intrinsic :: iso_fortran_env, only: real64
  use plasim_columns, only: columns_t
  use plasim_settings, only: settings_t
  use pumamod, only: mypid
  use pyemu, only: emulator_t
  implicit none
  private

  character(len=*), parameter :: names(2) = [character(len=9) :: 'longwave', 'shortwave']

  !> The emulator of one band, bound to columns that must have the target attribute and stay where they are.
  type, public :: band_emulator_t
    private
    type(emulator_t) :: emulator
    integer :: band = 0
    logical :: records = .false.
  contains
    procedure :: open => open_band
    procedure :: run
    procedure :: record
    procedure :: close => close_band
  end type band_emulator_t

contains

  !> Open the file of band 1 (longwave) or 2 (shortwave). stat is 0, or 2 with a message.
  subroutine open_band(self, band, settings, columns, stat, errmsg)
    class(band_emulator_t), intent(inout) :: self
    integer, intent(in) :: band
    type(settings_t), intent(in) :: settings
    type(columns_t), intent(inout), target :: columns
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    self%band = band
    associate (file => merge(settings%longwave_file, settings%shortwave_file, band == 1))
      if (settings%engine == '') then
        call self%emulator%open(trim(file), stat=stat, errmsg=errmsg)
      else
        call self%emulator%open(trim(file), engine=trim(settings%engine), stat=stat, errmsg=errmsg)
      end if
    end associate
    if (stat == 0) call bind(self%emulator, trim(names(band)), columns, stat, errmsg)
    if (stat == 0 .and. settings%guard /= 'off') call self%emulator%set_guard(trim(settings%guard), &
      limit=settings%guard_limit, stat=stat, errmsg=errmsg)
    if (stat == 0) call start_record(self, settings, merge(settings%longwave_record, settings%shortwave_record, band == 1), &
      stat, errmsg)
    call blame(self, stat, errmsg)
  end subroutine open_band

  !> Run the first columns; left are those that the guard wants the host's scheme to compute.
  subroutine run(self, columns, step, left, stat, errmsg)
    class(band_emulator_t), intent(inout) :: self
    type(columns_t), intent(in), target :: columns
    integer, intent(in) :: step
    integer, allocatable, intent(out) :: left(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%run(step, columns=columns%n, stat=stat, errmsg=errmsg)
    call blame(self, stat, errmsg)
    left = self%emulator%fallback()
  end subroutine run

  !> Record what the bound arrays hold: inputs, and the fluxes of whichever scheme has filled them.
  subroutine record(self, columns, step, stat, errmsg)
    class(band_emulator_t), intent(inout) :: self
    type(columns_t), intent(in), target :: columns
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (self%records) call self%emulator%record_host(step, columns=columns%n, stat=stat, errmsg=errmsg)
    call blame(self, stat, errmsg)
  end subroutine record

  subroutine close_band(self)
    class(band_emulator_t), intent(inout) :: self
    integer :: stat
    character(len=256) :: errmsg

    if (self%emulator%is_open()) call self%emulator%close(stat=stat, errmsg=errmsg)
  end subroutine close_band

  subroutine start_record(self, settings, path, stat, errmsg)
    class(band_emulator_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    self%records = path /= ''
    if (self%records) call self%emulator%set_record(trim(path), rank=mypid, replace=.true., source='host', &
      every=settings%record_every, every_column=settings%record_columns, stat=stat, errmsg=errmsg)
  end subroutine start_record

  !> Bind what both bands read, then what is the band's own.
  subroutine bind(emulator, band, columns, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    character(len=*), intent(in) :: band
    type(columns_t), intent(inout), target :: columns
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('air_temperature', columns%temperature, units='K', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('air_pressure_at_interfaces', columns%pressure, units='Pa', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('specific_humidity', columns%humidity, units='kg kg-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mole_fraction_of_ozone_in_air', columns%ozone, units='mol mol-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('mole_fraction_of_carbon_dioxide_in_air', columns%carbon_dioxide, units='mol mol-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mass_fraction_of_cloud_liquid_water_in_air', columns%liquid, units='kg kg-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mass_fraction_of_cloud_ice_in_air', columns%ice, units='kg kg-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('cloud_area_fraction', columns%cover, units='1', stat=stat, errmsg=errmsg)
    if (band == 'longwave') then
      if (stat == 0) call emulator%bind('surface_temperature', columns%surface_temperature, units='K', stat=stat, errmsg=errmsg)
      if (stat == 0) call emulator%bind('surface_longwave_emissivity', columns%emissivity, units='1', stat=stat, errmsg=errmsg)
    else
      if (stat == 0) call emulator%bind('surface_albedo', columns%albedo, units='1', stat=stat, errmsg=errmsg)
      if (stat == 0) call emulator%bind('cosine_of_solar_zenith_angle', columns%cosine, units='1', stat=stat, errmsg=errmsg)
      if (stat == 0) call emulator%bind('toa_incoming_shortwave_flux', columns%incoming, units='W m-2', stat=stat, &
        errmsg=errmsg)
    end if
    if (stat == 0) call emulator%bind('upwelling_'//band//'_flux_in_air_at_interfaces', columns%up, units='W m-2', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('downwelling_'//band//'_flux_in_air_at_interfaces', columns%down, units='W m-2', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind_ids(columns%ids, stat=stat, errmsg=errmsg)
  end subroutine bind

  !> Say which emulator failed, with this host's status for radiation.
  subroutine blame(self, stat, errmsg)
    class(band_emulator_t), intent(in) :: self
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat == 0) return
    stat = 2
    errmsg = 'emulator ('//trim(names(self%band))//'): '//errmsg
  end subroutine blame

end module plasim_radiation_emulator
