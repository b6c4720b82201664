!> The namelist file of a run: read, checked, and kept as one value.
module column_settings
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: seconds_per_day
  use column_vertical_grid, only: n_layers
  use host_namelist_file, only: choose, is_multiple, is_positive_multiple, open_namelist, report_group, require, &
    text_length, word
  implicit none
  private
  public :: read_settings
  real(real64), parameter :: longest_step = 21600.0_real64, longest_interval = 43200.0_real64  ! s

  !> Every namelist entry, by its own name; see README.md for meanings.
  type, public :: settings_t
    integer :: ncol = 128
    integer :: first_column = 1
    real(real64) :: n_days = 200.0_real64                ! day
    real(real64) :: time_step = 21600.0_real64           ! s
    real(real64) :: output_interval_days = 1.0_real64    ! day
    real(real64) :: profile_interval_days = 10.0_real64  ! day
    character(len=text_length) :: output_file = 'column.nc'
    character(len=text_length) :: restart_in = ''
    character(len=text_length) :: restart_out = ''

    real(real64) :: co2 = 4.0e-4_real64                  ! mol mol-1
    real(real64) :: sst_offset = 0.0_real64              ! K
    character(len=16) :: surface = 'fixed'
    real(real64) :: slab_depth = 2.0_real64              ! m
    character(len=16) :: slab_heat_flux = 'balance'
    real(real64) :: declination = 0.0_real64             ! degree
    real(real64) :: emissivity = 0.98_real64             ! 1

    character(len=16) :: scheme = 'rrtmg'
    real(real64) :: interval = 21600.0_real64            ! s
    character(len=text_length) :: longwave_file = ''
    character(len=text_length) :: shortwave_file = ''
    character(len=text_length) :: longwave_record = ''
    character(len=text_length) :: shortwave_record = ''
    character(len=16) :: record_only = 'all'
    character(len=64) :: engine = ''
    character(len=64) :: device = 'cpu'
    integer :: threads = 1
    character(len=text_length) :: rrtmg_directory = ''
    integer :: block_size = 1

    real(real64) :: wind_speed = 7.0_real64              ! m s-1
    real(real64) :: exchange_coefficient = 1.5e-3_real64 ! 1
    real(real64) :: boundary_layer_depth = 1.0e4_real64  ! Pa

    character(len=16) :: kind = 'hard'
    real(real64) :: critical_lapse_rate = 6.5e-3_real64  ! K m-1

    character(len=16) :: guard = 'off'
    real(real64) :: guard_limit = 1.1_real64             ! 1
    real(real64) :: guard_taper = 0.0_real64             ! 1
    character(len=64) :: guard_reasons = 'not_finite invalid novel budget'

    real(real64) :: push_share = 0.0_real64              ! 1
    integer :: push_seed = 0
    real(real64) :: push_co2_factor = 1.0_real64         ! 1
    real(real64) :: push_sst_offset = 0.0_real64         ! K
    integer :: nan_column = 0
    integer :: nan_layer = 30
    integer :: nan_call = 0
  contains
    procedure :: n_steps
    procedure :: steps_in
  end type settings_t

contains

  !> Read and check a namelist file. stat is 0, or 1 with a message.
  subroutine read_settings(path, settings, stat, errmsg)
    character(len=*), intent(in) :: path
    type(settings_t), intent(out) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=16), parameter :: groups(7) = [character(len=16) :: &
      'run_nml', 'climate_nml', 'radiation_nml', 'surface_nml', 'convection_nml', 'guard_nml', 'test_nml']
    integer :: unit

    call open_namelist(path, groups, unit, stat, errmsg)
    if (stat /= 0) return
    call read_run(unit, settings, stat, errmsg)
    if (stat == 0) call read_climate(unit, settings, stat, errmsg)
    if (stat == 0) call read_radiation(unit, settings, stat, errmsg)
    if (stat == 0) call read_surface(unit, settings, stat, errmsg)
    if (stat == 0) call read_convection(unit, settings, stat, errmsg)
    if (stat == 0) call read_guard(unit, settings, stat, errmsg)
    if (stat == 0) call read_test(unit, settings, stat, errmsg)
    close(unit)
    if (stat == 0) call check(settings, stat, errmsg)
  end subroutine read_settings

  !> Number of time steps in this run.
  elemental integer function n_steps(self)
    class(settings_t), intent(in) :: self
    n_steps = self%steps_in(self%n_days * seconds_per_day)
  end function n_steps

  !> Number of time steps in a duration [s].
  elemental integer function steps_in(self, duration)
    class(settings_t), intent(in) :: self
    real(real64), intent(in) :: duration
    steps_in = nint(duration / self%time_step)
  end function steps_in

  subroutine read_run(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: ncol, first_column, iostat
    real(real64) :: n_days, time_step, output_interval_days, profile_interval_days
    character(len=text_length) :: output_file, restart_in, restart_out, iomsg
    namelist /run_nml/ ncol, first_column, n_days, time_step, output_interval_days, profile_interval_days, &
      output_file, restart_in, restart_out

    ncol = settings%ncol
    first_column = settings%first_column
    n_days = settings%n_days
    time_step = settings%time_step
    output_interval_days = settings%output_interval_days
    profile_interval_days = settings%profile_interval_days
    output_file = settings%output_file
    restart_in = settings%restart_in
    restart_out = settings%restart_out
    rewind(unit)
    read(unit, nml=run_nml, iostat=iostat, iomsg=iomsg)
    call report_group('run_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%ncol = ncol
    settings%first_column = first_column
    settings%n_days = n_days
    settings%time_step = time_step
    settings%output_interval_days = output_interval_days
    settings%profile_interval_days = profile_interval_days
    settings%output_file = output_file
    settings%restart_in = restart_in
    settings%restart_out = restart_out
  end subroutine read_run

  subroutine read_climate(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: iostat
    real(real64) :: co2, sst_offset, slab_depth, declination, emissivity
    character(len=len(settings%surface)) :: surface, slab_heat_flux
    character(len=text_length) :: iomsg
    namelist /climate_nml/ co2, sst_offset, surface, slab_depth, slab_heat_flux, declination, emissivity

    co2 = settings%co2
    sst_offset = settings%sst_offset
    surface = settings%surface
    slab_depth = settings%slab_depth
    slab_heat_flux = settings%slab_heat_flux
    declination = settings%declination
    emissivity = settings%emissivity
    rewind(unit)
    read(unit, nml=climate_nml, iostat=iostat, iomsg=iomsg)
    call report_group('climate_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%co2 = co2
    settings%sst_offset = sst_offset
    settings%surface = surface
    settings%slab_depth = slab_depth
    settings%slab_heat_flux = slab_heat_flux
    settings%declination = declination
    settings%emissivity = emissivity
  end subroutine read_climate

  subroutine read_radiation(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: threads, block_size, iostat
    real(real64) :: interval
    character(len=len(settings%scheme)) :: scheme
    character(len=len(settings%engine)) :: engine, device
    character(len=len(settings%record_only)) :: record_only
    character(len=text_length) :: longwave_file, shortwave_file, longwave_record, shortwave_record, rrtmg_directory, iomsg
    namelist /radiation_nml/ scheme, interval, longwave_file, shortwave_file, longwave_record, shortwave_record, &
      record_only, engine, device, threads, rrtmg_directory, block_size

    scheme = settings%scheme
    interval = settings%interval
    longwave_file = settings%longwave_file
    shortwave_file = settings%shortwave_file
    longwave_record = settings%longwave_record
    shortwave_record = settings%shortwave_record
    record_only = settings%record_only
    engine = settings%engine
    device = settings%device
    threads = settings%threads
    rrtmg_directory = settings%rrtmg_directory
    block_size = settings%block_size
    rewind(unit)
    read(unit, nml=radiation_nml, iostat=iostat, iomsg=iomsg)
    call report_group('radiation_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%scheme = scheme
    settings%interval = interval
    settings%longwave_file = longwave_file
    settings%shortwave_file = shortwave_file
    settings%longwave_record = longwave_record
    settings%shortwave_record = shortwave_record
    settings%record_only = record_only
    settings%engine = engine
    settings%device = device
    settings%threads = threads
    settings%rrtmg_directory = rrtmg_directory
    settings%block_size = block_size
  end subroutine read_radiation

  subroutine read_surface(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: iostat
    real(real64) :: wind_speed, exchange_coefficient, boundary_layer_depth
    character(len=text_length) :: iomsg
    namelist /surface_nml/ wind_speed, exchange_coefficient, boundary_layer_depth

    wind_speed = settings%wind_speed
    exchange_coefficient = settings%exchange_coefficient
    boundary_layer_depth = settings%boundary_layer_depth
    rewind(unit)
    read(unit, nml=surface_nml, iostat=iostat, iomsg=iomsg)
    call report_group('surface_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%wind_speed = wind_speed
    settings%exchange_coefficient = exchange_coefficient
    settings%boundary_layer_depth = boundary_layer_depth
  end subroutine read_surface

  subroutine read_convection(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: iostat
    real(real64) :: critical_lapse_rate
    character(len=len(settings%kind)) :: kind
    character(len=text_length) :: iomsg
    namelist /convection_nml/ kind, critical_lapse_rate

    kind = settings%kind
    critical_lapse_rate = settings%critical_lapse_rate
    rewind(unit)
    read(unit, nml=convection_nml, iostat=iostat, iomsg=iomsg)
    call report_group('convection_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%kind = kind
    settings%critical_lapse_rate = critical_lapse_rate
  end subroutine read_convection

  subroutine read_guard(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: iostat
    real(real64) :: guard_limit, guard_taper
    character(len=len(settings%guard)) :: guard
    character(len=len(settings%guard_reasons)) :: guard_reasons
    character(len=text_length) :: iomsg
    namelist /guard_nml/ guard, guard_limit, guard_taper, guard_reasons

    guard = settings%guard
    guard_limit = settings%guard_limit
    guard_taper = settings%guard_taper
    guard_reasons = settings%guard_reasons
    rewind(unit)
    read(unit, nml=guard_nml, iostat=iostat, iomsg=iomsg)
    call report_group('guard_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%guard = guard
    settings%guard_limit = guard_limit
    settings%guard_taper = guard_taper
    settings%guard_reasons = guard_reasons
  end subroutine read_guard

  subroutine read_test(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: push_seed, nan_column, nan_layer, nan_call, iostat
    real(real64) :: push_share, push_co2_factor, push_sst_offset
    character(len=text_length) :: iomsg
    namelist /test_nml/ push_share, push_seed, push_co2_factor, push_sst_offset, nan_column, nan_layer, nan_call

    push_share = settings%push_share
    push_seed = settings%push_seed
    push_co2_factor = settings%push_co2_factor
    push_sst_offset = settings%push_sst_offset
    nan_column = settings%nan_column
    nan_layer = settings%nan_layer
    nan_call = settings%nan_call
    rewind(unit)
    read(unit, nml=test_nml, iostat=iostat, iomsg=iomsg)
    call report_group('test_nml', 'column', iostat, iomsg, stat, errmsg)
    settings%push_share = push_share
    settings%push_seed = push_seed
    settings%push_co2_factor = push_co2_factor
    settings%push_sst_offset = push_sst_offset
    settings%nan_column = nan_column
    settings%nan_layer = nan_layer
    settings%nan_call = nan_call
  end subroutine read_test

  !> Refuse values that cannot work, naming the entry, the value and what is allowed.
  subroutine check(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call check_run(s, stat, errmsg)
    call require(s%co2 >= 0.0_real64 .and. s%co2 <= 0.01_real64, 'co2', s%co2, 'in 0 to 0.01 mol mol-1', stat, errmsg)
    call require(abs(s%sst_offset) <= 20.0_real64, 'sst_offset', s%sst_offset, 'in -20 to 20 K', stat, errmsg)
    call require(s%slab_depth >= 1.0_real64, 'slab_depth', s%slab_depth, 'at least 1 m', stat, errmsg)
    call require(abs(s%declination) <= 23.5_real64, 'declination', s%declination, 'in -23.5 to 23.5', stat, errmsg)
    call require(s%emissivity > 0.0_real64 .and. s%emissivity <= 1.0_real64, 'emissivity', s%emissivity, &
      'above 0, at most 1', stat, errmsg)
    call require(s%threads >= 1, 'threads', real(s%threads, real64), 'at least 1', stat, errmsg)
    call require(s%block_size >= 1, 'block_size', real(s%block_size, real64), 'at least 1', stat, errmsg)
    call require(s%wind_speed >= 0.0_real64, 'wind_speed', s%wind_speed, 'not negative', stat, errmsg)
    call require(s%exchange_coefficient >= 0.0_real64, 'exchange_coefficient', s%exchange_coefficient, &
      'not negative', stat, errmsg)
    call require(s%boundary_layer_depth > 0.0_real64, 'boundary_layer_depth', s%boundary_layer_depth, &
      'positive', stat, errmsg)
    call require(s%critical_lapse_rate > 0.0_real64 .and. s%critical_lapse_rate < 0.03_real64, &
      'critical_lapse_rate', s%critical_lapse_rate, 'in 0 to 0.03 K m-1', stat, errmsg)
    call choose('surface', s%surface, [character(len=16) :: 'fixed', 'slab'], stat, errmsg)
    call choose('slab_heat_flux', s%slab_heat_flux, [character(len=16) :: 'balance', 'zero'], stat, errmsg)
    call choose('scheme', s%scheme, [character(len=16) :: 'rrtmg', 'emulator'], stat, errmsg)
    call choose('kind', s%kind, [character(len=16) :: 'hard', 'moist', 'none'], stat, errmsg)
    call check_guard(s, stat, errmsg)
    call check_test(s, stat, errmsg)
  end subroutine check

  subroutine check_guard(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=16), parameter :: known(4) = [character(len=16) :: 'not_finite', 'invalid', 'novel', 'budget']
    integer :: i

    call choose('guard', s%guard, [character(len=16) :: 'off', 'count', 'clip', 'fallback', 'stop'], stat, errmsg)
    call require(s%guard_limit > 0.0_real64, 'guard_limit', s%guard_limit, 'above 0', stat, errmsg)
    call require(s%guard_taper >= 0.0_real64 .and. s%guard_taper <= s%guard_limit, 'guard_taper', s%guard_taper, &
      'in 0 to guard_limit', stat, errmsg)
    call require(s%guard_taper <= 0.0_real64 .or. s%guard == 'fallback', 'guard_taper', s%guard_taper, &
      "0 unless guard = 'fallback'", stat, errmsg)
    do i = 1, len(s%guard_reasons)
      if (word(s%guard_reasons, i) == '') exit
      call choose('guard_reasons', word(s%guard_reasons, i), known, stat, errmsg)
    end do
    if (stat /= 0 .or. i > 1) return
    stat = 1
    errmsg = "namelist entry guard_reasons is empty, expected some of 'not_finite invalid novel budget'"
  end subroutine check_guard

  subroutine check_test(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%push_share >= 0.0_real64 .and. s%push_share <= 1.0_real64, 'push_share', s%push_share, 'in 0 to 1', &
      stat, errmsg)
    call require(s%push_co2_factor >= 0.0_real64 .and. s%co2 * s%push_co2_factor <= 0.01_real64, 'push_co2_factor', &
      s%push_co2_factor, 'not negative, and times co2 at most 0.01 mol mol-1', stat, errmsg)
    call require(abs(s%push_sst_offset) <= 20.0_real64, 'push_sst_offset', s%push_sst_offset, 'in -20 to 20 K', stat, errmsg)
    call require(s%nan_layer >= 1 .and. s%nan_layer <= n_layers, 'nan_layer', real(s%nan_layer, real64), &
      'a layer, 1 to 60', stat, errmsg)
    call require(s%nan_column >= 0, 'nan_column', real(s%nan_column, real64), 'the number of a column, or 0 for none', &
      stat, errmsg)
    call require(s%nan_call >= 0, 'nan_call', real(s%nan_call, real64), 'the number of a call, or 0 for none', stat, errmsg)
  end subroutine check_test

  subroutine check_run(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%ncol >= 1, 'ncol', real(s%ncol, real64), 'at least 1', stat, errmsg)
    call require(s%first_column >= 1, 'first_column', real(s%first_column, real64), 'at least 1', stat, errmsg)
    call require(s%time_step > 0.0_real64 .and. s%time_step <= longest_step, 'time_step', s%time_step, &
      'above 0, at most 21600 s', stat, errmsg)
    if (stat /= 0) return
    call require(is_multiple(seconds_per_day, s%time_step), 'time_step', s%time_step, 'a divisor of 86400 s', &
      stat, errmsg)
    call require(s%n_days >= 0.0_real64 .and. is_multiple(s%n_days * seconds_per_day, s%time_step), 'n_days', &
      s%n_days, 'not negative and a whole number of steps', stat, errmsg)
    call require(is_positive_multiple(s%output_interval_days * seconds_per_day, s%time_step), &
      'output_interval_days', s%output_interval_days, 'a whole number of steps', stat, errmsg)
    call require(is_positive_multiple(s%profile_interval_days * seconds_per_day, s%time_step), &
      'profile_interval_days', s%profile_interval_days, 'a whole number of steps', stat, errmsg)
    call require(is_positive_multiple(s%interval, s%time_step) .and. s%interval <= longest_interval, 'interval', &
      s%interval, 'a multiple of time_step, at most 43200 s', stat, errmsg)
  end subroutine check_run

end module column_settings
