!> The surface under one column: slab ocean and turbulent heat fluxes.
module column_surface
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: cp_dry, latent_heat, r_dry
  use column_thermodynamics, only: saturation_humidity
  implicit none
  private
  public :: turbulent_fluxes

contains

  !> Sensible and latent heat flux, implicit in the temperatures of the lowest layer and of the surface.
  !>
  !> The flux is linear in both temperatures around their present values, so its mean over the step follows from the
  !> present flux by one division: warming air and cooling surface both weaken it. Evaporation is never negative.
  pure subroutine turbulent_fluxes(air_temperature, surface_temperature, humidity, pressure, surface_pressure, &
      conductance, air_capacity, surface_capacity, time_step, sensible, latent)
    real(real64), intent(in) :: air_temperature      !! of the lowest layer [K]
    real(real64), intent(in) :: surface_temperature  !! [K]
    real(real64), intent(in) :: humidity             !! specific humidity of the lowest layer [kg kg-1]
    real(real64), intent(in) :: pressure             !! of the lowest layer [Pa]
    real(real64), intent(in) :: surface_pressure     !! [Pa]
    real(real64), intent(in) :: conductance          !! wind speed times exchange coefficient [m s-1]
    real(real64), intent(in) :: air_capacity         !! heat capacity of the air that is warmed [J m-2 K-1]
    real(real64), intent(in) :: surface_capacity     !! of the surface [J m-2 K-1]; huge() where temperature is fixed
    real(real64), intent(in) :: time_step            !! [s]
    real(real64), intent(out) :: sensible            !! upward [W m-2]
    real(real64), intent(out) :: latent              !! upward [W m-2]
    real(real64), parameter :: increment = 0.1_real64  ! K, for the slope of saturation humidity
    real(real64) :: mass_flux, surface_humidity, slope_surface, slope_air, damping

    mass_flux = surface_pressure / (r_dry * surface_temperature) * conductance
    surface_humidity = saturation_humidity(surface_temperature, surface_pressure, 1.0_real64)
    sensible = mass_flux * cp_dry * (surface_temperature - air_temperature)
    latent = mass_flux * latent_heat * (surface_humidity - humidity)

    slope_surface = mass_flux * cp_dry
    slope_air = mass_flux * cp_dry
    if (latent > 0.0_real64) then
      slope_surface = slope_surface + mass_flux * latent_heat / increment &
        * (saturation_humidity(surface_temperature + increment, surface_pressure, 1.0_real64) - surface_humidity)
      ! At fixed relative humidity the air's humidity follows saturation.
      slope_air = slope_air + mass_flux * latent_heat * humidity / increment &
        * (saturation_humidity(air_temperature + increment, pressure, 1.0_real64) &
        / saturation_humidity(air_temperature, pressure, 1.0_real64) - 1.0_real64)
    end if
    latent = max(0.0_real64, latent)

    damping = 1.0_real64 / (1.0_real64 + time_step * (slope_air / air_capacity + slope_surface / surface_capacity))
    sensible = sensible * damping
    latent = latent * damping
  end subroutine turbulent_fluxes

end module column_surface
