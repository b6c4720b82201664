!> Prescribed ozone.
module column_ozone
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: ozone_mole_fraction

contains

  !> Mole fraction of ozone: the tropical fit of RCEMIP (Wing et al. 2018, doi:10.5194/gmd-11-793-2018), whose maximum
  !> shrinks by a third towards the pole, where a second maximum in the lower stratosphere grows; 40 ppbv near the surface.
  elemental function ozone_mole_fraction(pressure, sine_of_latitude) result(fraction)
    real(real64), intent(in) :: pressure          !! [Pa]
    real(real64), intent(in) :: sine_of_latitude  !! [1]
    real(real64) :: fraction                      !! [mol mol-1]
    real(real64), parameter :: lower_maximum_hPa = 60.0_real64, width = 0.8_real64
    real(real64) :: pressure_hPa, upper, lower

    pressure_hPa = pressure / 100.0_real64
    upper = 3.6478_real64 * pressure_hPa**0.83209_real64 * exp(-pressure_hPa / 11.3515_real64)
    lower = 2.2_real64 * exp(-0.5_real64 * (log(pressure_hPa / lower_maximum_hPa) / width)**2)
    fraction = 1.0e-6_real64 * (upper * (1.0_real64 - 0.35_real64 * sine_of_latitude**2) &
      + lower * sine_of_latitude**2 + 0.04_real64 * exp(-30.0_real64 / pressure_hPa))
  end function ozone_mole_fraction

end module column_ozone
