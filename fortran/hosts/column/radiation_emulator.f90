!> Radiation by two emulator files: the only file of this host that knows emulator_t.
!>
!> The emulators are bound once to the host's own arrays, which must have the target attribute and stay where they are
!> until close.
module column_radiation_emulator
  use column_radiation, only: radiation_t
  use column_settings, only: settings_t
  use column_state, only: fluxes_t, state_t
  use pyemu, only: emulator_t
  implicit none
  private

  type, extends(radiation_t), public :: emulator_radiation_t
    private
    type(emulator_t) :: longwave_emulator, shortwave_emulator
    integer :: calls = 0
  contains
    procedure :: open => open_emulators
    procedure :: longwave
    procedure :: shortwave
    procedure :: close => close_emulators
  end type emulator_radiation_t

contains

  !> Open both files and bind them. stat is 0, or 2 with a message.
  subroutine open_emulators(self, settings, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout), target :: state
    type(fluxes_t), intent(inout), target :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call open_file(self%longwave_emulator, 'longwave_file', settings%longwave_file, settings, stat, errmsg)
    if (stat == 0) call open_file(self%shortwave_emulator, 'shortwave_file', settings%shortwave_file, settings, stat, errmsg)
    if (stat == 0) call bind_atmosphere(self%longwave_emulator, state, stat, errmsg)
    if (stat == 0) call bind_atmosphere(self%shortwave_emulator, state, stat, errmsg)
    if (stat == 0) call bind_longwave(self%longwave_emulator, state, fluxes, stat, errmsg)
    if (stat == 0) call bind_shortwave(self%shortwave_emulator, state, fluxes, stat, errmsg)
    if (stat == 0) call record(self%longwave_emulator, settings%longwave_record, settings%record_only, stat, errmsg)
    if (stat == 0) call record(self%shortwave_emulator, settings%shortwave_record, settings%record_only, stat, errmsg)
  end subroutine open_emulators

  subroutine longwave(self, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    self%calls = self%calls + 1
    call self%longwave_emulator%run(step=self%calls, stat=stat, errmsg=errmsg)
    call blame('longwave', stat, errmsg)
  end subroutine longwave

  subroutine shortwave(self, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%shortwave_emulator%run(step=self%calls, stat=stat, errmsg=errmsg)
    call blame('shortwave', stat, errmsg)
  end subroutine shortwave

  subroutine close_emulators(self)
    class(emulator_radiation_t), intent(inout) :: self
    integer :: stat
    character(len=256) :: errmsg

    call self%longwave_emulator%close(stat=stat, errmsg=errmsg)
    call self%shortwave_emulator%close(stat=stat, errmsg=errmsg)
  end subroutine close_emulators

  subroutine open_file(emulator, entry, path, settings, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    character(len=*), intent(in) :: entry, path
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    if (path == '') then
      stat = 2
      errmsg = "namelist entry "//entry//" is empty, but scheme = 'emulator' needs the path of an emulator file"
      return
    end if
    if (settings%engine == '') then
      call emulator%open(trim(path), device=trim(settings%device), threads=settings%threads, stat=stat, errmsg=errmsg)
    else
      call emulator%open(trim(path), engine=trim(settings%engine), device=trim(settings%device), &
        threads=settings%threads, stat=stat, errmsg=errmsg)
    end if
    call blame(entry, stat, errmsg)
  end subroutine open_file

  !> Record all columns of every call, or those that the guard finds outside what the emulator has seen in training.
  subroutine record(emulator, path, only, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    character(len=*), intent(in) :: path, only
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (path == '') return
    if (only == 'flagged') call emulator%set_guard('count', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%set_record(trim(path), replace=.true., only=trim(only), stat=stat, errmsg=errmsg)
    call blame('record', stat, errmsg)
  end subroutine record

  !> Inputs of both bands.
  subroutine bind_atmosphere(emulator, state, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(state_t), intent(inout), target :: state
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('air_temperature', state%air_temperature, units='K', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('air_pressure_at_interfaces', state%air_pressure_at_interfaces, units='Pa', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('specific_humidity', state%specific_humidity, units='kg kg-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mole_fraction_of_ozone_in_air', state%ozone, units='mol mol-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mole_fraction_of_carbon_dioxide_in_air', state%carbon_dioxide, &
      units='mol mol-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mass_fraction_of_cloud_liquid_water_in_air', state%cloud_liquid, &
      units='kg kg-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('mass_fraction_of_cloud_ice_in_air', state%cloud_ice, units='kg kg-1', &
      stat=stat, errmsg=errmsg)
    call blame('binding', stat, errmsg)
  end subroutine bind_atmosphere

  subroutine bind_longwave(emulator, state, fluxes, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(state_t), intent(inout), target :: state
    type(fluxes_t), intent(inout), target :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('surface_temperature', state%surface_temperature, units='K', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('surface_longwave_emissivity', state%emissivity, units='1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('upwelling_longwave_flux_in_air_at_interfaces', fluxes%longwave_up, &
      units='W m-2', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('downwelling_longwave_flux_in_air_at_interfaces', fluxes%longwave_down, &
      units='W m-2', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_air_temperature_due_to_longwave_heating', &
      fluxes%longwave_heating, units='K s-1', stat=stat, errmsg=errmsg)
    call blame('binding', stat, errmsg)
  end subroutine bind_longwave

  subroutine bind_shortwave(emulator, state, fluxes, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(state_t), intent(inout), target :: state
    type(fluxes_t), intent(inout), target :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('surface_albedo', state%albedo, units='1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('cosine_of_solar_zenith_angle', state%cosine_of_zenith, units='1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('toa_incoming_shortwave_flux', state%toa_incoming_shortwave, units='W m-2', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('upwelling_shortwave_flux_in_air_at_interfaces', fluxes%shortwave_up, &
      units='W m-2', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('downwelling_shortwave_flux_in_air_at_interfaces', fluxes%shortwave_down, &
      units='W m-2', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_air_temperature_due_to_shortwave_heating', &
      fluxes%shortwave_heating, units='K s-1', stat=stat, errmsg=errmsg)
    call blame('binding', stat, errmsg)
  end subroutine bind_shortwave

  !> Say where a failure of the emulator library happened, with this host's status for radiation.
  subroutine blame(place, stat, errmsg)
    character(len=*), intent(in) :: place
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat == 0) return
    stat = 2
    errmsg = 'emulator ('//place//'): '//errmsg
  end subroutine blame

end module column_radiation_emulator
