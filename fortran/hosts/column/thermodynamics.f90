!> Moist thermodynamics of the column host.
module column_thermodynamics
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: cp_dry, epsilon_water, freezing_temperature, gravity, latent_heat, r_dry
  implicit none
  private
  public :: saturation_vapour_pressure, saturation_humidity, relative_humidity, diagnose_humidity
  public :: moist_exponent, lapse_exponent, enthalpy

  real(real64), parameter :: ice_temperature = freezing_temperature - 23.0_real64  ! K, all ice below

contains

  !> Saturation vapour pressure over water, ice below 250.15 K, blended between (quadratic in temperature, as in the IFS).
  !> Magnus formulae of Alduchov and Eskridge (1996).
  elemental function saturation_vapour_pressure(temperature) result(pressure)
    real(real64), intent(in) :: temperature  !! [K]
    real(real64) :: pressure                 !! [Pa]
    real(real64) :: celsius, liquid_fraction

    celsius = temperature - freezing_temperature
    liquid_fraction = min(1.0_real64, max(0.0_real64, (temperature - ice_temperature) / 23.0_real64))**2
    pressure = 0.0_real64
    if (liquid_fraction > 0.0_real64) then
      pressure = liquid_fraction * 610.94_real64 * exp(17.625_real64 * celsius / (celsius + 243.04_real64))
    end if
    if (liquid_fraction < 1.0_real64) then
      pressure = pressure &
        + (1.0_real64 - liquid_fraction) * 611.21_real64 * exp(22.587_real64 * celsius / (celsius + 273.86_real64))
    end if
  end function saturation_vapour_pressure

  !> Specific humidity of moist air with the given fraction of the saturation vapour pressure.
  elemental function saturation_humidity(temperature, pressure, relative_humidity) result(humidity)
    real(real64), intent(in) :: temperature        !! [K]
    real(real64), intent(in) :: pressure           !! [Pa]
    real(real64), intent(in) :: relative_humidity  !! [1]
    real(real64) :: humidity                       !! [kg kg-1]
    real(real64) :: vapour

    ! In the upper stratosphere air can hold more vapour than there is air.
    vapour = min(relative_humidity * saturation_vapour_pressure(temperature), 0.5_real64 * pressure)
    humidity = epsilon_water * vapour / (pressure - (1.0_real64 - epsilon_water) * vapour)
  end function saturation_humidity

  !> Relative humidity of Manabe and Wetherald (1967).
  elemental function relative_humidity(pressure, surface_pressure) result(humidity)
    real(real64), intent(in) :: pressure          !! [Pa]
    real(real64), intent(in) :: surface_pressure  !! [Pa]
    real(real64) :: humidity                      !! [1]
    real(real64), parameter :: at_surface = 0.77_real64, top = 0.02_real64

    humidity = at_surface * max(0.0_real64, (pressure / surface_pressure - top) / (1.0_real64 - top))
  end function relative_humidity

  !> Specific humidity of one column from its relative humidity, never increasing with height (what passes the cold
  !> trap stays) and never below 4 ppmv.
  pure subroutine diagnose_humidity(temperature, pressure, surface_pressure, humidity)
    real(real64), intent(in) :: temperature(:)   !! (nlay) [K], top first
    real(real64), intent(in) :: pressure(:)      !! (nlay) [Pa]
    real(real64), intent(in) :: surface_pressure !! [Pa]
    real(real64), intent(out) :: humidity(:)     !! (nlay) [kg kg-1]
    real(real64), parameter :: minimum = 2.5e-6_real64
    real(real64) :: below
    integer :: k

    below = 1.0_real64
    do k = size(temperature), 1, -1
      if (below > minimum) then
        humidity(k) = max(minimum, min(below, saturation_humidity(temperature(k), pressure(k), &
          relative_humidity(pressure(k), surface_pressure))))
      else
        humidity(k) = minimum
      end if
      below = humidity(k)
    end do
  end subroutine diagnose_humidity

  !> d ln T / d ln p along the saturated pseudoadiabat.
  elemental function moist_exponent(temperature, pressure) result(exponent)
    real(real64), intent(in) :: temperature  !! [K]
    real(real64), intent(in) :: pressure     !! [Pa]
    real(real64) :: exponent                 !! [1]
    real(real64) :: vapour, ratio, heat

    vapour = min(saturation_vapour_pressure(temperature), 0.5_real64 * pressure)
    ratio = epsilon_water * vapour / (pressure - vapour)
    heat = latent_heat * ratio / (r_dry * temperature)
    exponent = r_dry / cp_dry * (1.0_real64 + heat) &
      / (1.0_real64 + heat * latent_heat * epsilon_water / (cp_dry * temperature))
  end function moist_exponent

  !> d ln T / d ln p of a hydrostatic atmosphere with a constant lapse rate.
  elemental function lapse_exponent(lapse_rate) result(exponent)
    real(real64), intent(in) :: lapse_rate  !! [K m-1]
    real(real64) :: exponent                !! [1]

    exponent = r_dry * lapse_rate / gravity
  end function lapse_exponent

  !> Enthalpy of one column per area.
  pure function enthalpy(temperature, thickness)
    real(real64), intent(in) :: temperature(:)  !! (nlay) [K]
    real(real64), intent(in) :: thickness(:)    !! (nlay) pressure thickness [Pa]
    real(real64) :: enthalpy                    !! [J m-2]

    enthalpy = cp_dry / gravity * sum(temperature * thickness)
  end function enthalpy

end module column_thermodynamics
