!> Sunlight averaged over the day.
module column_sunlight
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: pi, solar_irradiance
  implicit none
  private
  public :: mean_sun

contains

  !> Cosine of the zenith angle averaged over daylight, and the incoming flux averaged over the whole day.
  elemental subroutine mean_sun(latitude, declination, cosine, incoming)
    real(real64), intent(in) :: latitude     !! [degree]
    real(real64), intent(in) :: declination  !! [degree]
    real(real64), intent(out) :: cosine      !! mean over daylight; 0 in polar night [1]
    real(real64), intent(out) :: incoming    !! through a horizontal plane at the top [W m-2]
    real(real64) :: phi, delta, half_day, day_fraction

    phi = latitude * pi / 180.0_real64
    delta = declination * pi / 180.0_real64
    half_day = acos(max(-1.0_real64, min(1.0_real64, -tan(phi) * tan(delta))))
    day_fraction = half_day / pi
    cosine = 0.0_real64
    if (half_day > 0.0_real64) then
      cosine = sin(phi) * sin(delta) + cos(phi) * cos(delta) * sin(half_day) / half_day
    end if
    incoming = solar_irradiance * cosine * day_fraction
  end subroutine mean_sun

end module column_sunlight
