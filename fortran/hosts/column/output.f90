!> The run's NetCDF output, CF-1.10; README.md lists the variables.
module column_output
  use, intrinsic :: iso_fortran_env, only: real64
  use column_clouds, only: regime_meanings
  use column_guard_log, only: guard_log_t, n_reasons
  use column_model, only: column_model_t
  use host_netcdf_file, only: netcdf_file_t
  use column_settings, only: settings_t
  use column_thermodynamics, only: enthalpy
  use column_vertical_grid, only: hybrid_a, hybrid_b, n_layers
  implicit none
  private

  real(real64), parameter :: reference_pressure = 1.0e5_real64  ! Pa

  type, public :: output_t
    private
    type(netcdf_file_t) :: file
    integer :: record = 0
    integer :: first_step = 0
    integer :: call = 0                                ! last radiation call in the file
    integer :: time, column, layer, interface, reason, radiation_call  ! dimensions
  contains
    procedure :: open => open_output
    procedure :: write => write_record
    procedure :: close => close_output
    procedure, private :: define_fixed
    procedure, private :: define_surface
    procedure, private :: define_profiles
    procedure, private :: define_costs
    procedure, private :: define_guard
    procedure, private :: write_fixed
    procedure, private :: write_surface
    procedure, private :: write_profiles
    procedure, private :: write_guard
    procedure, private :: report
  end type output_t

contains

  !> Create the file, with everything that does not change. stat is 0, or 4 with a message.
  subroutine open_output(self, model, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(column_model_t), intent(in) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    self%first_step = model%step
    call self%file%create(model%settings%output_file)
    self%time = self%file%dimension('time', 0)
    self%column = self%file%dimension('column', model%settings%ncol)
    self%layer = self%file%dimension('layer', n_layers)
    self%interface = self%file%dimension('interface', n_layers + 1)
    call self%define_fixed()
    call self%define_surface()
    call self%define_profiles()
    call self%define_costs()
    if (model%scheme%longwave_guard%is_on) then
      self%reason = self%file%dimension('guard_reason', n_reasons)
      self%radiation_call = self%file%dimension('radiation_call', 0)
      call self%file%variable('guard_reason', [self%reason], '1', 'reason of the guard')
      call self%file%attribute('flag_values', '1 2 4', 'guard_reason')
      call self%file%attribute('flag_meanings', 'not_finite invalid novel', 'guard_reason')
      call self%file%variable('radiation_call_time', [self%radiation_call], 'days since 0001-01-01 00:00:00', &
        'model time of the radiation call', 'time')
      call self%file%attribute('calendar', 'noleap', 'radiation_call_time')
      call self%define_guard('longwave', model%scheme%longwave_guard)
      call self%define_guard('shortwave', model%scheme%shortwave_guard)
    end if
    call describe(self%file, model%settings)
    call self%file%end_definitions()
    call self%write_fixed(model)
    call self%report(stat, errmsg)
  end subroutine open_output

  !> Write a record if the model is at an output time or is_last, and begin a new interval of residuals.
  subroutine write_record(self, model, total_time, is_last, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(column_model_t), intent(inout) :: model
    real(real64), intent(in) :: total_time  !! wall time since the start of the run [s]
    logical, intent(in) :: is_last
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (.not. (is_last .or. is_due(self, model, model%settings%output_interval_days))) return
    self%record = self%record + 1
    call self%file%put('time', model%day(), self%record)
    call self%file%put('longwave_wall_time', model%longwave_time, self%record)
    call self%file%put('shortwave_wall_time', model%shortwave_time, self%record)
    call self%file%put('longwave_cpu_time', model%longwave_cpu_time, self%record)
    call self%file%put('shortwave_cpu_time', model%shortwave_cpu_time, self%record)
    call self%file%put('total_wall_time', total_time, self%record)
    call self%file%put('radiation_column_calls', real(model%column_calls, real64), self%record)
    call self%write_surface(model)
    if (is_last .or. is_due(self, model, model%settings%profile_interval_days)) call self%write_profiles(model)
    if (model%scheme%longwave_guard%is_on) then
      associate (guard => model%scheme%longwave_guard)
        call self%file%append('radiation_call_time', guard%days(self%call + 1:guard%n_calls), self%call + 1)
      end associate
      call self%write_guard('longwave', model%scheme%longwave_guard)
      call self%write_guard('shortwave', model%scheme%shortwave_guard)
      self%call = model%scheme%longwave_guard%n_calls
    end if
    call self%file%sync()
    call model%reset_residuals()
    call self%report(stat, errmsg)
  end subroutine write_record

  subroutine close_output(self, stat, errmsg)
    class(output_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%file%close()
    call self%report(stat, errmsg)
  end subroutine close_output

  !> Records lie at multiples of the interval, and at the start of the run.
  pure logical function is_due(self, model, interval_days)
    type(output_t), intent(in) :: self
    type(column_model_t), intent(in) :: model
    real(real64), intent(in) :: interval_days

    is_due = model%step == self%first_step &
      .or. modulo(model%step, model%settings%steps_in(interval_days * 86400.0_real64)) == 0
  end function is_due

  subroutine define_fixed(self)
    class(output_t), intent(inout) :: self

    associate (file => self%file, c => [self%column], cl => [self%layer, self%column])
      call file%variable('time', [self%time], 'days since 0001-01-01 00:00:00', 'time since the start of the first run', 'time')
      call file%attribute('calendar', 'noleap', 'time')
      call file%variable('column', c, '1', 'global number of the column')
      call file%variable('layer', [self%layer], '1', 'hybrid coordinate of layers', &
        'atmosphere_hybrid_sigma_pressure_coordinate')
      call file%attribute('positive', 'down', 'layer')
      call file%attribute('formula_terms', 'ap: hybrid_ap b: hybrid_b ps: surface_air_pressure', 'layer')
      call file%variable('hybrid_ap', [self%layer], 'Pa', 'pressure part of the hybrid coordinate of layers')
      call file%variable('hybrid_b', [self%layer], '1', 'surface pressure part of the hybrid coordinate of layers')
      call file%variable('latitude', c, 'degrees_north', 'latitude', 'latitude')
      call file%variable('cloud_regime', c, '1', 'prescribed cloud regime')
      call file%attribute('flag_meanings', regime_meanings, 'cloud_regime')
      call file%attribute('flag_values', '0 1 2 3 4', 'cloud_regime')
      call file%variable('pushed', c, '1', '1 where the test facility has moved the column')
      call file%variable('surface_air_pressure', c, 'Pa', 'surface air pressure', 'surface_air_pressure')
      call file%variable('surface_albedo', c, '1', 'surface albedo', 'surface_albedo')
      call file%variable('surface_longwave_emissivity', c, '1', 'surface longwave emissivity', 'surface_longwave_emissivity')
      call file%variable('cosine_of_solar_zenith_angle', c, '1', 'cosine of the solar zenith angle, mean over daylight', &
        'cosine_of_solar_zenith_angle')
      call file%variable('toa_incoming_shortwave_flux', c, 'W m-2', 'incoming solar flux, mean over the day', &
        'toa_incoming_shortwave_flux')
      call file%variable('mole_fraction_of_carbon_dioxide_in_air', c, 'mol mol-1', 'carbon dioxide', &
        'mole_fraction_of_carbon_dioxide_in_air')
      call file%variable('air_pressure_at_interfaces', [self%interface, self%column], 'Pa', &
        'air pressure at interfaces, top first', 'air_pressure')
      call file%variable('air_pressure', cl, 'Pa', 'air pressure of layers, top first', 'air_pressure')
      call file%variable('mole_fraction_of_ozone_in_air', cl, 'mol mol-1', 'ozone', 'mole_fraction_of_ozone_in_air')
      call file%variable('mass_fraction_of_cloud_liquid_water_in_air', cl, 'kg kg-1', 'liquid water of overcast layers', &
        'mass_fraction_of_cloud_liquid_water_in_air')
      call file%variable('mass_fraction_of_cloud_ice_in_air', cl, 'kg kg-1', 'ice of overcast layers', &
        'mass_fraction_of_cloud_ice_in_air')
    end associate
  end subroutine define_fixed

  subroutine define_surface(self)
    class(output_t), intent(inout) :: self

    associate (file => self%file, ct => [self%column, self%time])
      call file%variable('surface_temperature', ct, 'K', 'surface temperature', 'surface_temperature')
      call file%variable('toa_outgoing_longwave_flux', ct, 'W m-2', 'outgoing longwave flux', 'toa_outgoing_longwave_flux')
      call file%variable('toa_outgoing_shortwave_flux', ct, 'W m-2', 'outgoing shortwave flux', &
        'toa_outgoing_shortwave_flux')
      call file%variable('toa_net_downward_shortwave_flux', ct, 'W m-2', 'net shortwave flux at the top', &
        'toa_net_downward_shortwave_flux')
      call file%variable('surface_net_downward_longwave_flux', ct, 'W m-2', 'net longwave flux at the surface', &
        'surface_net_downward_longwave_flux')
      call file%variable('surface_net_downward_shortwave_flux', ct, 'W m-2', 'net shortwave flux at the surface', &
        'surface_net_downward_shortwave_flux')
      call file%variable('surface_downwelling_longwave_flux_in_air', ct, 'W m-2', 'longwave flux on the surface', &
        'surface_downwelling_longwave_flux_in_air')
      call file%variable('surface_downwelling_shortwave_flux_in_air', ct, 'W m-2', 'shortwave flux on the surface', &
        'surface_downwelling_shortwave_flux_in_air')
      call file%variable('surface_upward_sensible_heat_flux', ct, 'W m-2', 'sensible heat flux of the step before', &
        'surface_upward_sensible_heat_flux')
      call file%variable('surface_upward_latent_heat_flux', ct, 'W m-2', 'latent heat flux of the step before', &
        'surface_upward_latent_heat_flux')
      call file%variable('ocean_heat_flux', ct, 'W m-2', 'heat that the ocean carries into the slab')
      call file%variable('atmosphere_enthalpy_content', ct, 'J m-2', 'sum of cp T dp / g', 'atmosphere_enthalpy_content')
      call file%variable('longwave_energy_residual', ct, 'W m-2', &
        'largest |heating integral - net flux difference| of longwave calls since the record before')
      call file%variable('shortwave_energy_residual', ct, 'W m-2', &
        'largest |heating integral - net flux difference| of shortwave calls since the record before')
      call file%variable('column_energy_residual', ct, 'W m-2', &
        'largest |change of enthalpy - radiation - surface fluxes| of steps since the record before')
    end associate
  end subroutine define_surface

  subroutine define_profiles(self)
    class(output_t), intent(inout) :: self

    associate (file => self%file, clt => [self%layer, self%column, self%time], &
        cit => [self%interface, self%column, self%time])
      call file%variable('air_temperature', clt, 'K', 'air temperature', 'air_temperature')
      call file%variable('specific_humidity', clt, 'kg kg-1', 'specific humidity of moist air', 'specific_humidity')
      call file%variable('tendency_of_air_temperature_due_to_longwave_heating', clt, 'K s-1', 'longwave heating', &
        'tendency_of_air_temperature_due_to_longwave_heating')
      call file%variable('tendency_of_air_temperature_due_to_shortwave_heating', clt, 'K s-1', 'shortwave heating', &
        'tendency_of_air_temperature_due_to_shortwave_heating')
      call file%variable('tendency_of_air_temperature_due_to_convection', clt, 'K s-1', &
        'heating by surface fluxes and convection in the step before', 'tendency_of_air_temperature_due_to_convection')
      call file%variable('upwelling_longwave_flux_in_air_at_interfaces', cit, 'W m-2', 'upwelling longwave flux', &
        'upwelling_longwave_flux_in_air')
      call file%variable('downwelling_longwave_flux_in_air_at_interfaces', cit, 'W m-2', 'downwelling longwave flux', &
        'downwelling_longwave_flux_in_air')
      call file%variable('upwelling_shortwave_flux_in_air_at_interfaces', cit, 'W m-2', 'upwelling shortwave flux', &
        'upwelling_shortwave_flux_in_air')
      call file%variable('downwelling_shortwave_flux_in_air_at_interfaces', cit, 'W m-2', 'downwelling shortwave flux', &
        'downwelling_shortwave_flux_in_air')
    end associate
  end subroutine define_profiles

  subroutine define_costs(self)
    class(output_t), intent(inout) :: self

    associate (file => self%file, t => [self%time])
      call file%variable('longwave_wall_time', t, 's', 'wall time in the longwave scheme, packing included, since the start')
      call file%variable('shortwave_wall_time', t, 's', 'wall time in the shortwave scheme, packing included, since the start')
      call file%variable('longwave_cpu_time', t, 's', 'processor time in the longwave scheme, all threads, since the start')
      call file%variable('shortwave_cpu_time', t, 's', 'processor time in the shortwave scheme, all threads, since the start')
      call file%variable('total_wall_time', t, 's', 'wall time of the run since the start')
      call file%variable('radiation_column_calls', t, '1', 'columns times radiation calls since the start')
    end associate
  end subroutine define_costs

  !> What the guard of a band finds: by call, by column, by variable and level, and of the budgets of its card.
  subroutine define_guard(self, band, guard)
    class(output_t), intent(inout) :: self
    character(len=*), intent(in) :: band
    type(guard_log_t), intent(in) :: guard
    integer :: i, budget

    associate (file => self%file, ct => [self%column, self%time], calls => [self%radiation_call])
      call file%variable(band//'_flagged_columns', calls, '1', 'columns that the guard has flagged')
      call file%variable(band//'_held_back_columns', calls, '1', 'columns whose outputs the guard has held back')
      call file%variable(band//'_rrtmg_columns', calls, '1', 'columns that RRTMG has computed')
      call file%variable(band//'_flagged_calls', ct, '1', 'calls that flagged the column, since the start')
      call file%variable(band//'_rrtmg_calls', ct, '1', 'calls in which RRTMG computed the column, since the start')
      do i = 1, size(guard%variables)
        call file%variable(count_name(band, guard%variables(i)%name), dimensions_of(size(guard%variables(i)%counts, 1)), &
          '1', 'numbers that the guard has flagged, by level and reason, since the start')
      end do
      if (.not. guard%sees_budgets .or. size(guard%budgets) == 0) return
      budget = file%dimension(band//'_budget', size(guard%budgets))
      associate (bt => [budget, self%time])
        call file%variable(band//'_budget_tolerance', bt, 'W m-2', 'residual that the card allows')
        call file%variable(band//'_budget_columns', bt, '1', 'residuals computed since the start')
        call file%variable(band//'_budget_exceeded', bt, '1', 'residuals beyond the tolerance since the start')
        call file%variable(band//'_budget_mean', bt, 'W m-2', 'mean residual since the start')
        call file%variable(band//'_budget_rms', bt, 'W m-2', 'root mean square residual since the start')
        call file%variable(band//'_budget_largest', bt, 'W m-2', 'largest residual by magnitude since the start')
        call file%variable(band//'_budget_largest_call', bt, '1', 'radiation call of the largest residual')
        call file%variable(band//'_budget_largest_column', bt, '1', 'column of the largest residual, counted in this run')
      end associate
    end associate

  contains

    !> Dimensions of counts, fastest first.
    function dimensions_of(n_levels) result(dimensions)
      integer, intent(in) :: n_levels
      integer, allocatable :: dimensions(:)

      dimensions = [self%reason]
      if (n_levels == n_layers) dimensions = [self%layer, self%reason]
      if (n_levels == n_layers + 1) dimensions = [self%interface, self%reason]
    end function dimensions_of
  end subroutine define_guard

  pure function count_name(band, variable) result(name)
    character(len=*), intent(in) :: band, variable
    character(len=:), allocatable :: name

    name = band//'_guard_count_of_'//variable
  end function count_name

  subroutine write_guard(self, band, guard)
    class(output_t), intent(inout) :: self
    character(len=*), intent(in) :: band
    type(guard_log_t), intent(in) :: guard
    character(len=*), parameter :: columns(3) = [character(len=18) :: &
      '_flagged_columns', '_held_back_columns', '_rrtmg_columns']
    integer :: i

    associate (file => self%file, r => self%record, first => self%call + 1)
      do i = 1, size(columns)
        call file%append(band//trim(columns(i)), guard%series(first:guard%n_calls, i), first)
      end do
      call file%put(band//'_flagged_calls', guard%flagged_calls, r)
      call file%put(band//'_rrtmg_calls', guard%fallback_calls, r)
      do i = 1, size(guard%variables)
        associate (found => guard%variables(i))
          if (size(found%counts, 1) == 1) call file%put(count_name(band, found%name), found%counts(1, :))
          ! The file has the level fastest, as every profile.
          if (size(found%counts, 1) > 1) call file%put(count_name(band, found%name), transpose(found%counts))
        end associate
      end do
      if (.not. guard%sees_budgets .or. size(guard%budgets) == 0) return
      call file%put(band//'_budget_tolerance', guard%budgets%tolerance, r)
      call file%put(band//'_budget_columns', guard%budgets%columns, r)
      call file%put(band//'_budget_exceeded', guard%budgets%exceeded, r)
      call file%put(band//'_budget_mean', guard%budgets%mean, r)
      call file%put(band//'_budget_rms', guard%budgets%rms, r)
      call file%put(band//'_budget_largest', guard%budgets%largest, r)
      call file%put(band//'_budget_largest_call', guard%budgets%at_call, r)
      call file%put(band//'_budget_largest_column', guard%budgets%at_column, r)
    end associate
  end subroutine write_guard

  subroutine write_fixed(self, model)
    class(output_t), intent(inout) :: self
    type(column_model_t), intent(in) :: model
    real(real64), dimension(n_layers) :: ap, b
    integer :: i

    ap = 0.5_real64 * (hybrid_a(:n_layers) + hybrid_a(2:))
    b = 0.5_real64 * (hybrid_b(:n_layers) + hybrid_b(2:))
    associate (file => self%file, state => model%state, s => model%settings)
      call file%put('column', [(real(s%first_column + i - 1, real64), i = 1, s%ncol)])
      call file%put('hybrid_ap', ap)
      call file%put('hybrid_b', b)
      call file%put('layer', ap / reference_pressure + b)
      call file%put('latitude', state%latitude)
      call file%put('cloud_regime', real(state%cloud_regime, real64))
      call file%put('pushed', merge(1.0_real64, 0.0_real64, state%is_pushed))
      if (model%scheme%longwave_guard%is_on) call file%put('guard_reason', [1.0_real64, 2.0_real64, 4.0_real64])
      call file%put('surface_air_pressure', state%surface_air_pressure)
      call file%put('surface_albedo', state%albedo)
      call file%put('surface_longwave_emissivity', state%emissivity)
      call file%put('cosine_of_solar_zenith_angle', state%cosine_of_zenith)
      call file%put('toa_incoming_shortwave_flux', state%toa_incoming_shortwave)
      call file%put('mole_fraction_of_carbon_dioxide_in_air', state%carbon_dioxide)
      call file%put('air_pressure_at_interfaces', state%air_pressure_at_interfaces)
      call file%put('air_pressure', state%air_pressure)
      call file%put('mole_fraction_of_ozone_in_air', state%ozone)
      call file%put('mass_fraction_of_cloud_liquid_water_in_air', state%cloud_liquid)
      call file%put('mass_fraction_of_cloud_ice_in_air', state%cloud_ice)
    end associate
  end subroutine write_fixed

  subroutine write_surface(self, model)
    class(output_t), intent(inout) :: self
    type(column_model_t), intent(in) :: model
    integer, parameter :: bottom = n_layers + 1
    integer :: i

    associate (file => self%file, f => model%fluxes, state => model%state, r => self%record)
      call file%put('surface_temperature', state%surface_temperature, r)
      call file%put('toa_outgoing_longwave_flux', f%longwave_up(:, 1), r)
      call file%put('toa_outgoing_shortwave_flux', f%shortwave_up(:, 1), r)
      call file%put('toa_net_downward_shortwave_flux', f%shortwave_down(:, 1) - f%shortwave_up(:, 1), r)
      call file%put('surface_net_downward_longwave_flux', f%longwave_down(:, bottom) - f%longwave_up(:, bottom), r)
      call file%put('surface_net_downward_shortwave_flux', f%shortwave_down(:, bottom) - f%shortwave_up(:, bottom), r)
      call file%put('surface_downwelling_longwave_flux_in_air', f%longwave_down(:, bottom), r)
      call file%put('surface_downwelling_shortwave_flux_in_air', f%shortwave_down(:, bottom), r)
      call file%put('surface_upward_sensible_heat_flux', model%sensible, r)
      call file%put('surface_upward_latent_heat_flux', model%latent, r)
      call file%put('ocean_heat_flux', state%ocean_heat_flux, r)
      call file%put('atmosphere_enthalpy_content', [(enthalpy(state%air_temperature(i, :), &
        state%air_pressure_thickness(i, :)), i = 1, model%settings%ncol)], r)
      call file%put('longwave_energy_residual', model%longwave_residual, r)
      call file%put('shortwave_energy_residual', model%shortwave_residual, r)
      call file%put('column_energy_residual', model%column_residual, r)
    end associate
  end subroutine write_surface

  subroutine write_profiles(self, model)
    class(output_t), intent(inout) :: self
    type(column_model_t), intent(in) :: model

    associate (file => self%file, f => model%fluxes, r => self%record)
      call file%put('air_temperature', model%state%air_temperature, r)
      call file%put('specific_humidity', model%state%specific_humidity, r)
      call file%put('tendency_of_air_temperature_due_to_longwave_heating', f%longwave_heating, r)
      call file%put('tendency_of_air_temperature_due_to_shortwave_heating', f%shortwave_heating, r)
      call file%put('tendency_of_air_temperature_due_to_convection', model%convective_heating, r)
      call file%put('upwelling_longwave_flux_in_air_at_interfaces', f%longwave_up, r)
      call file%put('downwelling_longwave_flux_in_air_at_interfaces', f%longwave_down, r)
      call file%put('upwelling_shortwave_flux_in_air_at_interfaces', f%shortwave_up, r)
      call file%put('downwelling_shortwave_flux_in_air_at_interfaces', f%shortwave_down, r)
    end associate
  end subroutine write_profiles

  !> Where the numbers come from: every namelist value as a global attribute.
  subroutine describe(file, s)
    type(netcdf_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: s

    call file%attribute('Conventions', 'CF-1.10')
    call file%attribute('title', 'radiative-convective equilibrium of many columns')
    call file%attribute('source', 'column host of pyemu')
    call file%attribute('ncol', s%ncol)
    call file%attribute('first_column', s%first_column)
    call file%attribute('n_days', s%n_days)
    call file%attribute('time_step', s%time_step)
    call file%attribute('output_interval_days', s%output_interval_days)
    call file%attribute('profile_interval_days', s%profile_interval_days)
    call file%attribute('output_file', trim(s%output_file))
    call file%attribute('restart_in', trim(s%restart_in))
    call file%attribute('restart_out', trim(s%restart_out))
    call file%attribute('co2', s%co2)
    call file%attribute('sst_offset', s%sst_offset)
    call file%attribute('surface', trim(s%surface))
    call file%attribute('slab_depth', s%slab_depth)
    call file%attribute('slab_heat_flux', trim(s%slab_heat_flux))
    call file%attribute('declination', s%declination)
    call file%attribute('emissivity', s%emissivity)
    call file%attribute('scheme', trim(s%scheme))
    call file%attribute('interval', s%interval)
    call file%attribute('longwave_file', trim(s%longwave_file))
    call file%attribute('shortwave_file', trim(s%shortwave_file))
    call file%attribute('longwave_record', trim(s%longwave_record))
    call file%attribute('shortwave_record', trim(s%shortwave_record))
    call file%attribute('record_only', trim(s%record_only))
    call file%attribute('engine', trim(s%engine))
    call file%attribute('device', trim(s%device))
    call file%attribute('threads', s%threads)
    call file%attribute('rrtmg_directory', trim(s%rrtmg_directory))
    call file%attribute('block_size', s%block_size)
    call file%attribute('wind_speed', s%wind_speed)
    call file%attribute('exchange_coefficient', s%exchange_coefficient)
    call file%attribute('boundary_layer_depth', s%boundary_layer_depth)
    call file%attribute('kind', trim(s%kind))
    call file%attribute('critical_lapse_rate', s%critical_lapse_rate)
    call file%attribute('guard', trim(s%guard))
    call file%attribute('guard_limit', s%guard_limit)
    call file%attribute('guard_taper', s%guard_taper)
    call file%attribute('guard_reasons', trim(s%guard_reasons))
    call file%attribute('push_share', s%push_share)
    call file%attribute('push_seed', s%push_seed)
    call file%attribute('push_co2_factor', s%push_co2_factor)
    call file%attribute('push_sst_offset', s%push_sst_offset)
    call file%attribute('nan_column', s%nan_column)
    call file%attribute('nan_layer', s%nan_layer)
    call file%attribute('nan_call', s%nan_call)
  end subroutine describe

  subroutine report(self, stat, errmsg)
    class(output_t), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = self%file%stat
    if (stat /= 0) errmsg = self%file%message
  end subroutine report

end module column_output
