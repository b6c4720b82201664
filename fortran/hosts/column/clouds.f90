!> Prescribed clouds: every column belongs to one of five regimes.
module column_clouds
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: gravity
  implicit none
  private
  public :: set_clouds

  integer, parameter, public :: n_regimes = 5
  integer, parameter, public :: clear = 0, low_liquid = 1, mid_mixed = 2, high_ice = 3, deep = 4
  character(len=*), parameter, public :: regime_meanings = 'clear low_liquid mid_mixed high_ice deep'

contains

  !> Condensate of one column of a regime.
  !>
  !> Layers are given in pressure over surface pressure; ice clouds lie lower at high latitudes, as the tropopause does.
  !> Paths stay within 20-150 g m-2 of liquid and 5-60 g m-2 of ice for amounts of 0.5 to 1.5.
  pure subroutine set_clouds(regime, amount, sine_of_latitude, pressure, thickness, surface_pressure, liquid, ice)
    integer, intent(in) :: regime                 !! 0 to 4
    real(real64), intent(in) :: amount            !! factor on the paths [1]
    real(real64), intent(in) :: sine_of_latitude  !! [1]
    real(real64), intent(in) :: pressure(:)       !! (nlay) [Pa]
    real(real64), intent(in) :: thickness(:)      !! (nlay) pressure thickness [Pa]
    real(real64), intent(in) :: surface_pressure  !! [Pa]
    real(real64), intent(out) :: liquid(:)        !! (nlay) mass fraction [kg kg-1]
    real(real64), intent(out) :: ice(:)           !! (nlay) mass fraction [kg kg-1]
    real(real64) :: sigma(size(pressure)), shift

    sigma = pressure / surface_pressure
    shift = 0.12_real64 * sine_of_latitude**2
    liquid = 0.0_real64
    ice = 0.0_real64
    select case (regime)
    case (low_liquid)
      call fill(liquid, 0.07_real64 * amount, 0.82_real64, 0.93_real64)
    case (mid_mixed)
      call fill(liquid, 0.045_real64 * amount, 0.50_real64, 0.66_real64)
      call fill(ice, 0.02_real64 * amount, 0.44_real64, 0.60_real64)
    case (high_ice)
      call fill(ice, 0.012_real64 * amount, 0.22_real64 + shift, 0.32_real64 + shift)
    case (deep)
      call fill(liquid, 0.09_real64 * amount, 0.55_real64, 0.90_real64)
      call fill(ice, 0.035_real64 * amount, 0.28_real64 + shift, 0.62_real64)
    end select

  contains

    !> Spread a path [kg m-2] over the layers between two values of sigma, as one mass fraction.
    pure subroutine fill(condensate, path, top, bottom)
      real(real64), intent(inout) :: condensate(:)
      real(real64), intent(in) :: path, top, bottom
      logical :: inside(size(sigma))

      inside = sigma >= top .and. sigma <= bottom
      where (inside) condensate = path * gravity / sum(thickness, mask=inside)
    end subroutine fill
  end subroutine set_clouds

end module column_clouds
