!> The surface under one column: turbulent heat fluxes by bulk formulae.
module column_surface
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: cp_dry, latent_heat, r_dry
  use column_thermodynamics, only: relative_humidity, saturation_humidity
  implicit none
  private
  public :: turbulent_fluxes

contains

  !> Sensible and latent heat flux between the surface, saturated, and the lowest layer at its prescribed relative humidity.
  !> There is no dew: evaporation is never negative.
  pure subroutine turbulent_fluxes(air_temperature, pressure, surface_temperature, surface_pressure, conductance, &
      sensible, latent)
    real(real64), intent(in) :: air_temperature      !! of the lowest layer [K]
    real(real64), intent(in) :: pressure             !! of the lowest layer [Pa]
    real(real64), intent(in) :: surface_temperature  !! [K]
    real(real64), intent(in) :: surface_pressure     !! [Pa]
    real(real64), intent(in) :: conductance          !! wind speed times exchange coefficient [m s-1]
    real(real64), intent(out) :: sensible            !! upward [W m-2]
    real(real64), intent(out) :: latent              !! upward [W m-2]
    real(real64) :: mass_flux, humidity_difference

    mass_flux = surface_pressure / (r_dry * surface_temperature) * conductance
    humidity_difference = saturation_humidity(surface_temperature, surface_pressure, 1.0_real64) &
      - saturation_humidity(air_temperature, pressure, relative_humidity(pressure, surface_pressure))
    sensible = mass_flux * cp_dry * (surface_temperature - air_temperature)
    latent = mass_flux * latent_heat * max(0.0_real64, humidity_difference)
  end subroutine turbulent_fluxes

end module column_surface
