!> Radiation by two emulator files: the only file of this host that knows emulator_t.
!>
!> The emulators are bound once to the host's own arrays, which must have the target attribute and stay where they are
!> until close. With a guard, RRTMG computes the columns that an emulator has left, each band for itself.
module column_radiation_emulator
  use, intrinsic :: iso_fortran_env, only: int32, int64, real64
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use column_guard_log, only: guard_log_t, n_reasons
  use column_radiation, only: radiation_t
  use column_radiation_rrtmg, only: rrtmg_radiation_t
  use column_settings, only: settings_t
  use host_namelist_file, only: word
  use column_state, only: fluxes_t, state_t
  use pyemu, only: budget_t, emulator_t, pyemu_reason_budget, pyemu_reason_invalid, pyemu_reason_not_finite, &
    pyemu_reason_novel, variable_t
  implicit none
  private

  integer, parameter :: longwave_band = 1, shortwave_band = 2
  character(len=*), parameter :: band_names(2) = [character(len=9) :: 'longwave', 'shortwave']
  integer, parameter :: reason_numbers(n_reasons) = [pyemu_reason_not_finite, pyemu_reason_invalid, pyemu_reason_novel]

  type, extends(radiation_t), public :: emulator_radiation_t
    private
    type(emulator_t), allocatable :: emulators(:)  !! longwave, shortwave
    type(emulator_t), allocatable :: scouts(:)     !! with a taper: find the columns for which RRTMG must be there before
    type(rrtmg_radiation_t) :: rrtmg            !! open where columns may fall back
    integer :: calls = 0                        !! of this run
    logical :: falls_back = .false., tapers = .false.
    ! Test facility: what the emulators read instead of the state, so that a fault never reaches the state.
    real(real64), pointer :: faulty_temperature(:,:) => null()  !! (ncol, nlay) [K]
    integer :: nan_column = 0, nan_layer = 0, nan_call = 0      !! place in this run, and call, of a NaN
  contains
    procedure :: open => open_emulators
    procedure :: longwave
    procedure :: shortwave
    procedure :: close => close_emulators
    procedure, private :: run_band
    procedure, private :: compute
    procedure, private :: inject
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
    real(real64), pointer :: temperature(:,:)

    self%falls_back = settings%guard == 'fallback' .or. settings%guard == 'clip'
    self%tapers = settings%guard_taper > 0.0_real64
    allocate(self%emulators(2))
    if (self%tapers) allocate(self%scouts(2))
    temperature => state%air_temperature
    if (settings%nan_call > 0 .and. settings%nan_column > 0) then
      self%nan_call = settings%nan_call
      self%nan_column = settings%nan_column - settings%first_column + 1
      self%nan_layer = settings%nan_layer
      allocate(self%faulty_temperature, source=state%air_temperature)
      temperature => self%faulty_temperature
    end if
    call open_both(self%emulators, settings, state, fluxes, temperature, stat, errmsg)
    if (stat == 0 .and. self%tapers) call open_both(self%scouts, settings, state, fluxes, temperature, stat, errmsg)
    if (stat == 0 .and. self%falls_back) call self%rrtmg%open(settings%rrtmg_directory, settings%block_size, stat, errmsg)
    if (stat == 0 .and. settings%guard /= 'off') then
      call set_guards(self%emulators, settings, settings%guard_limit, settings%guard_taper, stat, errmsg)
      if (stat == 0 .and. self%tapers) call set_guards(self%scouts, settings, settings%guard_taper, 0.0_real64, stat, errmsg)
      call start_log(self%longwave_guard, self%emulators(longwave_band), settings)
      call start_log(self%shortwave_guard, self%emulators(shortwave_band), settings)
    end if
    if (stat == 0) call record(self%emulators(longwave_band), settings%longwave_record, settings, stat, errmsg)
    if (stat == 0) call record(self%emulators(shortwave_band), settings%shortwave_record, settings, stat, errmsg)
  end subroutine open_emulators

  subroutine longwave(self, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    self%calls = self%calls + 1
    if (associated(self%faulty_temperature)) call self%inject(state)
    call self%run_band(longwave_band, self%longwave_guard, state, fluxes, stat, errmsg)
  end subroutine longwave

  subroutine shortwave(self, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%run_band(shortwave_band, self%shortwave_guard, state, fluxes, stat, errmsg)
  end subroutine shortwave

  !> One band of one call: the emulator, and RRTMG on the columns that its guard has left.
  !>
  !> With a taper the outputs of some columns fade into what the arrays hold. Which ones is not known before, so a second
  !> emulator of the same file, whose guard flags all of them, goes ahead, and RRTMG fills their place.
  subroutine run_band(self, band, guard, state, fluxes, stat, errmsg)
    class(emulator_radiation_t), intent(inout) :: self
    integer, intent(in) :: band
    type(guard_log_t), intent(inout) :: guard
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer, allocatable :: computed(:)
    integer :: held_back
    integer(int32) :: reasons(size(state%surface_temperature))

    stat = 0
    if (self%tapers) then
      call self%scouts(band)%run(step=self%calls, stat=stat, errmsg=errmsg)
      computed = self%scouts(band)%fallback()
      if (stat == 0) call self%compute(band, computed, state, fluxes)
    end if
    if (stat == 0) call self%emulators(band)%run(step=self%calls, stat=stat, errmsg=errmsg)
    if (stat == 0 .and. guard%is_on) then
      if (self%tapers) then
        held_back = size(self%emulators(band)%fallback())
      else
        computed = self%emulators(band)%fallback()
        held_back = size(computed)
        call self%compute(band, computed, state, fluxes)
      end if
      call self%emulators(band)%reasons(reasons, stat, errmsg)
      call guard%add_call(self%day, reasons /= 0, held_back, computed)
      if (stat == 0) call read_budgets(guard, self%emulators(band), stat, errmsg)
      if (stat == 0 .and. any(reasons /= 0)) call read_counts(guard, self%emulators(band), stat, errmsg)
    end if
    call blame(trim(band_names(band)), stat, errmsg)
  end subroutine run_band

  !> RRTMG on some columns of one band.
  subroutine compute(self, band, columns, state, fluxes)
    class(emulator_radiation_t), intent(inout) :: self
    integer, intent(in) :: band, columns(:)
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes

    if (size(columns) == 0) return
    if (band == longwave_band) call self%rrtmg%longwave_of(columns, state, fluxes)
    if (band == shortwave_band) call self%rrtmg%shortwave_of(columns, state, fluxes)
  end subroutine compute

  !> Test facility: the temperature that the emulators read, with a NaN in one layer of one column in one call.
  subroutine inject(self, state)
    class(emulator_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state

    self%faulty_temperature = state%air_temperature
    if (self%calls /= self%nan_call) return
    if (self%nan_column < 1 .or. self%nan_column > size(self%faulty_temperature, 1)) return
    self%faulty_temperature(self%nan_column, self%nan_layer) = ieee_value(1.0_real64, ieee_quiet_nan)
  end subroutine inject

  subroutine close_emulators(self)
    class(emulator_radiation_t), intent(inout) :: self
    integer :: band, stat
    character(len=256) :: errmsg

    do band = 1, 2
      call self%emulators(band)%close(stat=stat, errmsg=errmsg)
      if (self%tapers) call self%scouts(band)%close(stat=stat, errmsg=errmsg)
    end do
    if (self%falls_back) call self%rrtmg%close()
    if (associated(self%faulty_temperature)) deallocate(self%faulty_temperature)
    deallocate(self%emulators)
    if (self%tapers) deallocate(self%scouts)
    self%longwave_guard = guard_log_t()
    self%shortwave_guard = guard_log_t()
  end subroutine close_emulators

  !> Set the same guard on both bands.
  subroutine set_guards(emulators, settings, limit, taper, stat, errmsg)
    type(emulator_t), intent(inout) :: emulators(2)
    type(settings_t), intent(in) :: settings
    real(real64), intent(in) :: limit, taper
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: band

    do band = 1, 2
      call emulators(band)%set_guard(trim(settings%guard), sum_of_reasons(settings%guard_reasons), limit, taper, stat, errmsg)
      call blame('guard of the '//trim(band_names(band)), stat, errmsg)
      if (stat /= 0) return
    end do
  end subroutine set_guards

  !> The library's number for words that the settings have checked.
  pure integer function sum_of_reasons(text) result(number)
    character(len=*), intent(in) :: text
    integer :: i

    number = 0
    do i = 1, len(text)
      select case (word(text, i))
      case ('not_finite')
        number = ior(number, pyemu_reason_not_finite)
      case ('invalid')
        number = ior(number, pyemu_reason_invalid)
      case ('novel')
        number = ior(number, pyemu_reason_novel)
      case ('budget')
        number = ior(number, pyemu_reason_budget)
      case ('')
        return
      end select
    end do
  end function sum_of_reasons

  !> A log with a place for every variable and budget of the card.
  subroutine start_log(guard, emulator, settings)
    type(guard_log_t), intent(inout) :: guard
    type(emulator_t), intent(in) :: emulator
    type(settings_t), intent(in) :: settings
    type(variable_t) :: described
    integer :: i, stat

    call guard%start(settings%ncol, iand(sum_of_reasons(settings%guard_reasons), pyemu_reason_budget) /= 0)
    allocate(guard%variables(emulator%n_variables()), guard%budgets(emulator%n_budgets()))
    do i = 1, emulator%n_variables()
      call emulator%variable(i, described, stat)
      guard%variables(i)%name = described%name
      allocate(guard%variables(i)%counts(max(1, described%level_size), n_reasons), source=0.0_real64)
    end do
    do i = 1, size(guard%budgets)
      guard%budgets(i)%name = ''
      guard%budgets(i)%units = ''
    end do
  end subroutine start_log

  !> Copy the library's counts by variable, level and reason.
  subroutine read_counts(guard, emulator, stat, errmsg)
    type(guard_log_t), intent(inout) :: guard
    type(emulator_t), intent(in) :: emulator
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int64), allocatable :: counts(:)
    integer :: i, reason

    stat = 0
    do i = 1, size(guard%variables)
      associate (found => guard%variables(i))
        allocate(counts(size(found%counts, 1)), source=0_int64)
        do reason = 1, n_reasons
          call emulator%guard_counts(found%name, reason_numbers(reason), counts, stat, errmsg)
          if (stat /= 0) return
          found%counts(:, reason) = real(counts, real64)
        end do
        deallocate(counts)
      end associate
    end do
  end subroutine read_counts

  !> Copy what the library says of the budgets; nothing if the guard does not look for them.
  subroutine read_budgets(guard, emulator, stat, errmsg)
    type(guard_log_t), intent(inout) :: guard
    type(emulator_t), intent(in) :: emulator
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(budget_t) :: found
    integer :: i

    stat = 0
    if (.not. guard%sees_budgets) return
    do i = 1, size(guard%budgets)
      call emulator%budget(i, found, stat, errmsg)
      if (stat /= 0) return
      associate (budget => guard%budgets(i))
        budget%name = found%name
        budget%units = found%units
        budget%tolerance = found%tolerance
        budget%columns = real(found%columns, real64)
        budget%exceeded = real(found%exceeded, real64)
        budget%mean = found%mean
        budget%rms = found%rms
        budget%largest = found%largest
        budget%at_call = real(found%at_step, real64)
        budget%at_column = real(found%at_column, real64)
      end associate
    end do
  end subroutine read_budgets

  !> Open the files of both bands on the host's arrays; temperature is that of the state, or a copy with a fault.
  subroutine open_both(emulators, settings, state, fluxes, temperature, stat, errmsg)
    type(emulator_t), intent(inout) :: emulators(2)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout), target :: state
    type(fluxes_t), intent(inout), target :: fluxes
    real(real64), intent(inout), pointer :: temperature(:,:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call open_file(emulators(longwave_band), 'longwave_file', settings%longwave_file, settings, stat, errmsg)
    if (stat == 0) call open_file(emulators(shortwave_band), 'shortwave_file', settings%shortwave_file, settings, stat, errmsg)
    if (stat == 0) call bind_atmosphere(emulators(longwave_band), state, temperature, stat, errmsg)
    if (stat == 0) call bind_atmosphere(emulators(shortwave_band), state, temperature, stat, errmsg)
    if (stat == 0) call bind_longwave(emulators(longwave_band), state, fluxes, stat, errmsg)
    if (stat == 0) call bind_shortwave(emulators(shortwave_band), state, fluxes, stat, errmsg)
  end subroutine open_both

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

  !> Record all columns of every call, or those that the guard finds outside what the emulator has seen in training: it
  !> counts if the namelist sets none.
  subroutine record(emulator, path, settings, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    character(len=*), intent(in) :: path
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (path == '') return
    if (settings%record_only == 'flagged' .and. settings%guard == 'off') then
      call emulator%set_guard('count', stat=stat, errmsg=errmsg)
    end if
    if (stat == 0) call emulator%set_record(trim(path), replace=.true., only=trim(settings%record_only), stat=stat, &
      errmsg=errmsg)
    call blame('record', stat, errmsg)
  end subroutine record

  !> Inputs of both bands.
  subroutine bind_atmosphere(emulator, state, temperature, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(state_t), intent(inout), target :: state
    real(real64), intent(inout), pointer :: temperature(:,:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('air_temperature', temperature, units='K', stat=stat, errmsg=errmsg)
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
