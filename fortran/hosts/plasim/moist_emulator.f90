! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Moist physics by an emulator file: of its files, the only one that knows emulator_t.
module plasim_moist_emulator
  use, intrinsic :: iso_fortran_env, only: int32
  use plasim_moist_columns, only: moist_columns_t
  use plasim_settings, only: settings_t
  use pumamod, only: mypid, nhor
  use pyemu, only: emulator_t
  implicit none
  private

  !> The emulator, bound to columns that must have the target attribute and stay where they are.
  type, public :: moist_emulator_t
    private
    type(emulator_t) :: emulator
    logical :: records = .false., is_guarded = .false.
  contains
    procedure :: open => open_emulator
    procedure :: run
    procedure :: record
    procedure :: n_flagged
    procedure :: close => close_emulator
  end type moist_emulator_t

contains

  !> Open the file, bind, and begin to record if asked to. stat is 0, or 2 with a message.
  subroutine open_emulator(self, settings, columns, stat, errmsg)
    class(moist_emulator_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    type(moist_columns_t), intent(inout), target :: columns
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    if (settings%moist_engine == '') then
      call self%emulator%open(trim(settings%moist_file), stat=stat, errmsg=errmsg)
    else
      call self%emulator%open(trim(settings%moist_file), engine=trim(settings%moist_engine), stat=stat, errmsg=errmsg)
    end if
    if (stat == 0) call bind_inputs(self%emulator, columns, stat, errmsg)
    if (stat == 0) call bind_outputs(self%emulator, columns, stat, errmsg)
    if (stat == 0 .and. settings%moist_guard /= 'off') call self%emulator%set_guard(trim(settings%moist_guard), stat=stat, &
      errmsg=errmsg)
    self%records = settings%moist_record /= ''
    self%is_guarded = settings%moist_guard /= 'off'
    if (stat == 0 .and. self%records) call self%emulator%set_record(trim(settings%moist_record), rank=mypid, replace=.true., &
      source='host', every=settings%moist_record_every, every_column=settings%moist_record_columns, stat=stat, errmsg=errmsg)
    call blame(stat, errmsg)
  end subroutine open_emulator

  !> Fill the outputs of all columns.
  subroutine run(self, step, stat, errmsg)
    class(moist_emulator_t), intent(inout) :: self
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%run(step, stat=stat, errmsg=errmsg)
    call blame(stat, errmsg)
  end subroutine run

  !> Record what the bound arrays hold: inputs, and the answer of PlaSim's own scheme.
  subroutine record(self, step, stat, errmsg)
    class(moist_emulator_t), intent(inout) :: self
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (self%records) call self%emulator%record_host(step, stat=stat, errmsg=errmsg)
    call blame(stat, errmsg)
  end subroutine record

  !> Columns that the guard flagged in the last run.
  integer function n_flagged(self)
    class(moist_emulator_t), intent(in) :: self
    integer(int32) :: reasons(nhor)
    integer :: stat
    character(len=256) :: errmsg

    n_flagged = 0
    if (.not. self%is_guarded) return
    call self%emulator%reasons(reasons, stat=stat, errmsg=errmsg)
    if (stat == 0) n_flagged = count(reasons /= 0)
  end function n_flagged

  subroutine close_emulator(self)
    class(moist_emulator_t), intent(inout) :: self
    integer :: stat
    character(len=256) :: errmsg

    if (self%emulator%is_open()) call self%emulator%close(stat=stat, errmsg=errmsg)
  end subroutine close_emulator

  subroutine bind_inputs(emulator, c, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(moist_columns_t), intent(inout), target :: c
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('air_temperature', c%temperature, units='K', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('specific_humidity', c%humidity, units='kg kg-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_air_temperature_due_to_fluxes_and_radiation', c%heating_before, &
      units='K s-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_specific_humidity_due_to_fluxes', c%moistening_before, units='s-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_specific_humidity_due_to_advection', c%advection, units='s-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('air_pressure_at_interfaces', c%pressure, units='Pa', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('surface_temperature', c%surface_temperature, units='K', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('surface_specific_humidity', c%surface_humidity, units='kg kg-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('time_step_of_tendencies', c%time_step, units='s', stat=stat, errmsg=errmsg)
  end subroutine bind_inputs

  subroutine bind_outputs(emulator, c, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(moist_columns_t), intent(inout), target :: c
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call emulator%bind('tendency_of_air_temperature_due_to_moist_processes', c%heating, units='K s-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('tendency_of_specific_humidity_due_to_moist_processes', c%moistening, units='s-1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind('convective_rain_formation_rate', c%convective_rain, units='s-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('stratiform_rain_formation_rate', c%stratiform_rain, units='s-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('convective_precipitation_flux', c%convective_flux, units='kg m-2 s-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('stratiform_precipitation_flux', c%stratiform_flux, units='kg m-2 s-1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0) call emulator%bind('snowfall_flux', c%snow_flux, units='kg m-2 s-1', stat=stat, errmsg=errmsg)
    if (stat == 0) call emulator%bind_ids(c%ids, stat=stat, errmsg=errmsg)
  end subroutine bind_outputs

  !> Say which emulator failed, with this host's status.
  subroutine blame(stat, errmsg)
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat == 0) return
    stat = 2
    errmsg = 'emulator (moist physics): '//errmsg
  end subroutine blame

end module plasim_moist_emulator
