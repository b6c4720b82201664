!> The namelist file of the coupling, `pyemu_namelist` in the folder of the run; README.md has the table of entries.
module plasim_settings
  use, intrinsic :: iso_fortran_env, only: real64
  use host_namelist_file, only: choose, open_namelist, report_group, require, text_length
  implicit none
  private
  public :: read_settings

  !> Every entry, by its own name.
  type, public :: settings_t
    character(len=16) :: scheme = 'own'
    character(len=16) :: beside = 'none'
    real(real64) :: interval_hours = 0.0_real64       ! hour; 0: every time step
    character(len=text_length) :: rrtmg_directory = ''
    real(real64) :: cloud_water_scale = 2.0_real64    ! 1

    character(len=text_length) :: longwave_file = ''
    character(len=text_length) :: shortwave_file = ''
    character(len=64) :: engine = ''
    character(len=16) :: guard = 'off'
    real(real64) :: guard_limit = 1.1_real64          ! 1
    character(len=text_length) :: longwave_record = ''
    character(len=text_length) :: shortwave_record = ''
    integer :: record_every = 1                       ! time steps
    integer :: record_columns = 1                     ! every n-th column

    character(len=16) :: moist = 'own'
    character(len=text_length) :: moist_file = ''
    character(len=64) :: moist_engine = ''
    character(len=16) :: moist_guard = 'off'
    character(len=text_length) :: moist_record = ''
    integer :: moist_record_every = 1                 ! time steps
    integer :: moist_record_columns = 1               ! every n-th column
    character(len=text_length) :: moist_output_file = ''

    character(len=text_length) :: output_file = 'plasim.nc'
    real(real64) :: output_interval_days = 10.0_real64
    real(real64) :: perturbation = 0.0_real64         ! K
    integer :: perturbation_seed = 1
  end type settings_t

contains

  !> Read and check the file. stat is 0, or 1 with a message that names what was found and expected.
  subroutine read_settings(path, settings, stat, errmsg)
    character(len=*), intent(in) :: path
    type(settings_t), intent(out) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=13), parameter :: groups(4) = [character(len=13) :: 'radiation_nml', 'emulator_nml', 'moist_nml', &
      'output_nml']
    integer :: unit

    call open_namelist(path, groups, unit, stat, errmsg)
    if (stat /= 0) return
    call read_radiation(unit, settings, stat, errmsg)
    rewind(unit)
    if (stat == 0) call read_emulator(unit, settings, stat, errmsg)
    rewind(unit)
    if (stat == 0) call read_moist(unit, settings, stat, errmsg)
    rewind(unit)
    if (stat == 0) call read_output(unit, settings, stat, errmsg)
    close(unit)
    if (stat == 0) call check(settings, stat, errmsg)
  end subroutine read_settings

  subroutine read_radiation(unit, s, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=16) :: scheme, beside
    character(len=text_length) :: rrtmg_directory, iomsg
    real(real64) :: interval_hours, cloud_water_scale
    integer :: iostat
    namelist /radiation_nml/ scheme, beside, interval_hours, rrtmg_directory, cloud_water_scale

    scheme = s%scheme
    beside = s%beside
    interval_hours = s%interval_hours
    rrtmg_directory = s%rrtmg_directory
    cloud_water_scale = s%cloud_water_scale
    iomsg = ''
    read(unit, nml=radiation_nml, iostat=iostat, iomsg=iomsg)
    call report_group('radiation_nml', 'plasim', iostat, iomsg, stat, errmsg)
    s%scheme = scheme
    s%beside = beside
    s%interval_hours = interval_hours
    s%rrtmg_directory = rrtmg_directory
    s%cloud_water_scale = cloud_water_scale
  end subroutine read_radiation

  subroutine read_emulator(unit, s, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: longwave_file, shortwave_file, longwave_record, shortwave_record, iomsg
    character(len=64) :: engine
    character(len=16) :: guard
    real(real64) :: guard_limit
    integer :: record_every, record_columns, iostat
    namelist /emulator_nml/ longwave_file, shortwave_file, engine, guard, guard_limit, longwave_record, shortwave_record, &
      record_every, record_columns

    longwave_file = s%longwave_file
    shortwave_file = s%shortwave_file
    engine = s%engine
    guard = s%guard
    guard_limit = s%guard_limit
    longwave_record = s%longwave_record
    shortwave_record = s%shortwave_record
    record_every = s%record_every
    record_columns = s%record_columns
    iomsg = ''
    read(unit, nml=emulator_nml, iostat=iostat, iomsg=iomsg)
    call report_group('emulator_nml', 'plasim', iostat, iomsg, stat, errmsg)
    s%longwave_file = longwave_file
    s%shortwave_file = shortwave_file
    s%engine = engine
    s%guard = guard
    s%guard_limit = guard_limit
    s%longwave_record = longwave_record
    s%shortwave_record = shortwave_record
    s%record_every = record_every
    s%record_columns = record_columns
  end subroutine read_emulator

  subroutine read_moist(unit, s, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: moist_file, moist_record, moist_output_file, iomsg
    character(len=64) :: moist_engine
    character(len=16) :: moist, moist_guard
    integer :: moist_record_every, moist_record_columns, iostat
    namelist /moist_nml/ moist, moist_file, moist_engine, moist_guard, moist_record, moist_record_every, &
      moist_record_columns, moist_output_file

    moist = s%moist
    moist_file = s%moist_file
    moist_engine = s%moist_engine
    moist_guard = s%moist_guard
    moist_record = s%moist_record
    moist_record_every = s%moist_record_every
    moist_record_columns = s%moist_record_columns
    moist_output_file = s%moist_output_file
    iomsg = ''
    read(unit, nml=moist_nml, iostat=iostat, iomsg=iomsg)
    call report_group('moist_nml', 'plasim', iostat, iomsg, stat, errmsg)
    s%moist = moist
    s%moist_file = moist_file
    s%moist_engine = moist_engine
    s%moist_guard = moist_guard
    s%moist_record = moist_record
    s%moist_record_every = moist_record_every
    s%moist_record_columns = moist_record_columns
    s%moist_output_file = moist_output_file
  end subroutine read_moist

  subroutine read_output(unit, s, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: output_file, iomsg
    real(real64) :: output_interval_days, perturbation
    integer :: perturbation_seed, iostat
    namelist /output_nml/ output_file, output_interval_days, perturbation, perturbation_seed

    output_file = s%output_file
    output_interval_days = s%output_interval_days
    perturbation = s%perturbation
    perturbation_seed = s%perturbation_seed
    iomsg = ''
    read(unit, nml=output_nml, iostat=iostat, iomsg=iomsg)
    call report_group('output_nml', 'plasim', iostat, iomsg, stat, errmsg)
    s%output_file = output_file
    s%output_interval_days = output_interval_days
    s%perturbation = perturbation
    s%perturbation_seed = perturbation_seed
  end subroutine read_output

  subroutine check(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call choose('scheme', s%scheme, [character(len=8) :: 'own', 'rrtmg', 'emulator'], stat, errmsg)
    call choose('beside', s%beside, [character(len=8) :: 'none', 'rrtmg', 'emulator'], stat, errmsg)
    call choose('guard', s%guard, [character(len=8) :: 'off', 'count', 'clip', 'fallback'], stat, errmsg)
    call require(s%beside /= s%scheme .and. (s%beside == 'none' .or. s%scheme /= 'own'), 'beside', 0.0_real64, &
      "another scheme than 'scheme', which must not be 'own'", stat, errmsg)
    call require(s%interval_hours >= 0.0_real64 .and. s%interval_hours <= 24.0_real64, 'interval_hours', &
      s%interval_hours, '0 (every time step) to 24 hours', stat, errmsg)
    call require(s%cloud_water_scale >= 0.0_real64, 'cloud_water_scale', s%cloud_water_scale, '0 or more', stat, errmsg)
    call require(s%output_interval_days > 0.0_real64, 'output_interval_days', s%output_interval_days, 'more than 0', &
      stat, errmsg)
    call require(s%perturbation >= 0.0_real64, 'perturbation', s%perturbation, '0 K or more', stat, errmsg)
    call choose('moist', s%moist, [character(len=8) :: 'own', 'emulator'], stat, errmsg)
    call choose('moist_guard', s%moist_guard, [character(len=8) :: 'off', 'count', 'clip'], stat, errmsg)
    call require(s%moist_record_every >= 1, 'moist_record_every', real(s%moist_record_every, real64), '1 or more', stat, &
      errmsg)
    call require(s%moist_record_columns >= 1, 'moist_record_columns', real(s%moist_record_columns, real64), '1 or more', &
      stat, errmsg)
    call require(s%record_every >= 1, 'record_every', real(s%record_every, real64), '1 or more', stat, errmsg)
    call require(s%record_columns >= 1, 'record_columns', real(s%record_columns, real64), '1 or more', stat, errmsg)
  end subroutine check

end module plasim_settings
