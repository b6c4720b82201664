!> The built-in columns: latitudes, surface, clouds and a first guess of the equilibrium. Everything about a column follows
!> from its global number, so a column is the same in any run that contains it.
module column_initial_state
  use, intrinsic :: iso_fortran_env, only: real64
  use column_clouds, only: n_regimes, set_clouds
  use column_constants, only: pi, present_carbon_dioxide
  use column_ozone, only: ozone_mole_fraction
  use column_settings, only: settings_t
  use column_state, only: allocate_state, state_t
  use column_sunlight, only: mean_sun
  use column_thermodynamics, only: diagnose_humidity, lapse_exponent
  use column_vertical_grid, only: interface_pressure, n_layers
  implicit none
  private
  public :: build_state, sea_surface_temperature

  real(real64), parameter :: golden_ratio = 0.61803398874989485_real64
  real(real64), parameter :: plastic_ratio = 0.75487766624669276_real64
  real(real64), parameter :: root_of_two = 1.41421356237309505_real64
  real(real64), parameter :: highest_latitude = 65.0_real64  ! degree

contains

  !> All fields of all columns of a run.
  subroutine build_state(settings, state)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(out) :: state
    integer :: icol

    call allocate_state(state, settings%ncol)
    do icol = 1, settings%ncol
      call place_column(settings%first_column + icol - 1, state%latitude(icol), state%cloud_regime(icol))
      state%is_pushed(icol) = fraction_of(modulo(settings%push_seed * golden_ratio, 1.0_real64), root_of_two, &
        settings%first_column + icol - 1) < settings%push_share
    end do
    state%surface_air_pressure = 101000.0_real64 + 1000.0_real64 * cos(4.0_real64 * pi / 180.0_real64 * state%latitude)
    state%air_pressure_at_interfaces = interface_pressure(state%surface_air_pressure)
    associate (interfaces => state%air_pressure_at_interfaces)
      state%air_pressure = 0.5_real64 * (interfaces(:, 2:) + interfaces(:, :n_layers))
      state%air_pressure_thickness = interfaces(:, 2:) - interfaces(:, :n_layers)
    end associate
    call set_boundary(settings, state)
    call set_composition(settings, state)
    call set_temperature(settings, state)
  end subroutine build_state

  !> Latitude and cloud regime of a column: golden-ratio steps in the sine of latitude sample equal areas for any number
  !> of columns.
  pure subroutine place_column(number, latitude, regime)
    integer, intent(in) :: number           !! global number of the column, from 1
    real(real64), intent(out) :: latitude   !! [degree]
    integer, intent(out) :: regime          !! 0 to 4
    real(real64) :: sine

    sine = sin(highest_latitude * pi / 180.0_real64) * fraction_of(0.5_real64, golden_ratio, number)
    latitude = asin(sine) * 180.0_real64 / pi
    regime = modulo(number - 1, n_regimes)
  end subroutine place_column

  !> Additive recurrence: fractional part of start + (number - 1) * ratio.
  elemental function fraction_of(start, ratio, number) result(fraction)
    real(real64), intent(in) :: start, ratio
    integer, intent(in) :: number
    real(real64) :: fraction

    fraction = modulo(start + real(number - 1, real64) * ratio, 1.0_real64)
  end function fraction_of

  !> Qobs of Neale and Hoskins (2000, doi:10.1006/asle.2000.0022): 27 Celsius at the equator, 0 from 60 degrees on.
  elemental function sea_surface_temperature(latitude) result(temperature)
    real(real64), intent(in) :: latitude  !! [degree]
    real(real64) :: temperature           !! [K]
    real(real64) :: sine_squared

    sine_squared = sin(1.5_real64 * pi / 180.0_real64 * min(60.0_real64, abs(latitude)))**2
    temperature = 273.15_real64 + 27.0_real64 * (1.0_real64 - 0.5_real64 * (sine_squared + sine_squared**2))
  end function sea_surface_temperature

  !> Surface and sun.
  subroutine set_boundary(settings, state)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout) :: state

    state%surface_temperature = sea_surface_temperature(state%latitude) + settings%sst_offset
    where (state%is_pushed) state%surface_temperature = state%surface_temperature + settings%push_sst_offset
    state%emissivity = settings%emissivity
    state%albedo = 0.07_real64 + 0.10_real64 * sin(pi / 180.0_real64 * state%latitude)**2
    call mean_sun(state%latitude, settings%declination, state%cosine_of_zenith, state%toa_incoming_shortwave)
  end subroutine set_boundary

  !> Gases and clouds.
  subroutine set_composition(settings, state)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout) :: state
    real(real64) :: sine, amount
    integer :: icol

    state%carbon_dioxide = settings%co2
    where (state%is_pushed) state%carbon_dioxide = settings%push_co2_factor * settings%co2
    do icol = 1, settings%ncol
      sine = sin(pi / 180.0_real64 * state%latitude(icol))
      amount = 0.5_real64 + fraction_of(0.25_real64, plastic_ratio, settings%first_column + icol - 1)
      state%ozone(icol, :) = ozone_mole_fraction(state%air_pressure(icol, :), sine)
      call set_clouds(state%cloud_regime(icol), amount, sine, state%air_pressure(icol, :), &
        state%air_pressure_thickness(icol, :), state%surface_air_pressure(icol), &
        state%cloud_liquid(icol, :), state%cloud_ice(icol, :))
    end do
  end subroutine set_composition

  !> Critical lapse rate from just below the surface temperature, the stratosphere above where it is warmer.
  subroutine set_temperature(settings, state)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout) :: state
    integer :: icol

    do icol = 1, settings%ncol
      associate (p => state%air_pressure(icol, :), ps => state%surface_air_pressure(icol))
        state%air_temperature(icol, :) = max( &
          stratosphere(p, sin(pi / 180.0_real64 * state%latitude(icol)), state%carbon_dioxide(icol)), &
          (state%surface_temperature(icol) - 2.0_real64) * (p / ps)**lapse_exponent(settings%critical_lapse_rate))
        call diagnose_humidity(state%air_temperature(icol, :), p, ps, state%specific_humidity(icol, :))
      end associate
    end do
  end subroutine set_temperature

  !> Temperature of the equilibrium that RRTMG leads to, fitted to a run of 400 days over the present climate and one over
  !> four times its carbon dioxide; linear in log pressure between nodes. Columns with clouds differ from it by about 2 K.
  elemental function stratosphere(pressure, sine_of_latitude, carbon_dioxide) result(temperature)
    real(real64), intent(in) :: pressure          !! [Pa]
    real(real64), intent(in) :: sine_of_latitude  !! [1]
    real(real64), intent(in) :: carbon_dioxide    !! mole fraction [mol mol-1]
    real(real64) :: temperature                   !! [K]
    integer, parameter :: n = 12
    real(real64), parameter :: pressure_hPa(n) = [0.1_real64, 0.3_real64, 0.7_real64, 1.2_real64, 3.0_real64, &
      8.0_real64, 20.0_real64, 40.0_real64, 70.0_real64, 100.0_real64, 150.0_real64, 200.0_real64]
    real(real64), parameter :: equator(n) = [228.0_real64, 255.9_real64, 271.3_real64, 273.9_real64, 259.4_real64, &
      240.2_real64, 227.6_real64, 215.9_real64, 208.3_real64, 207.8_real64, 210.8_real64, 218.5_real64]
    real(real64), parameter :: towards_pole(n) = [-20.1_real64, -24.9_real64, -29.8_real64, -34.6_real64, &
      -36.7_real64, -33.4_real64, -31.7_real64, -25.1_real64, -14.2_real64, -10.8_real64, -12.6_real64, -22.3_real64]
    real(real64), parameter :: per_doubling(n) = [-7.9_real64, -10.0_real64, -11.2_real64, -10.5_real64, -9.1_real64, &
      -6.4_real64, -3.9_real64, -1.1_real64, 0.3_real64, 0.3_real64, 0.0_real64, -0.1_real64]
    real(real64) :: doublings, weight, node(2)
    integer :: i

    doublings = log(max(carbon_dioxide, 0.25e-4_real64) / present_carbon_dioxide) / log(2.0_real64)
    i = max(1, min(n - 1, count(pressure_hPa <= pressure / 100.0_real64)))
    weight = log(pressure / 100.0_real64 / pressure_hPa(i)) / log(pressure_hPa(i + 1) / pressure_hPa(i))
    node = equator(i:i + 1) + towards_pole(i:i + 1) * sine_of_latitude**2 + per_doubling(i:i + 1) * doublings
    temperature = node(1) + max(0.0_real64, min(1.0_real64, weight)) * (node(2) - node(1))
  end function stratosphere

end module column_initial_state
