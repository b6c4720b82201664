! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Columns of PlaSim as radiation schemes want them: SI units, top first, pressure at interfaces, clouds as overcast part.
!>
!> A cloudy column is a mixture of a clear part and an overcast one, which has the column's total cloud cover; the overcast
!> part holds all condensate of the column. The fluxes of the mixture are linear in the cover.
module plasim_columns
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use pumamod, only: co2, dalb, dcc, dicec, dls, dp, dq, dql, dqo3, dt, mypid, nhor, nlep, nlev, sigmah
  use radmod, only: gdist2, gsol0
  implicit none
  private

  real(real64), parameter :: top_pressure = 0.01_real64  ! Pa, where PlaSim has 0: logarithms need a floor
  real(real64), parameter :: ozone_ratio = 28.966_real64 / 47.998_real64  ! molar masses, air by ozone
  real(real64), parameter :: all_liquid = 263.16_real64, all_ice = 243.16_real64  ! K, as in CCM3 (Kiehl et al. 1996)
  real(real64), parameter :: sea_emissivity = 0.98_real64  ! as PlaSim's own scheme has it
  real(real64), parameter, public :: ppm = 1.0e-6_real64

  !> Inputs and fluxes of the first n columns; arrays are (nhor, nlev), (nhor, nlev+1) or (nhor).
  type, public :: columns_t
    integer :: n = 0
    integer :: places(nhor) = 0                  !! points of the rank that the columns are
    integer(int64) :: ids(nhor) = 0              !! the same in the whole grid
    real(real64), dimension(nhor, nlev) :: temperature, humidity, ozone, liquid, ice  !! [K], [kg kg-1], ozone [mol mol-1]
    real(real64), dimension(nhor, nlev + 1) :: pressure  !! at interfaces [Pa]
    real(real64), dimension(nhor) :: carbon_dioxide      !! [mol mol-1]
    real(real64), dimension(nhor) :: cover               !! of clouds, total [1]
    real(real64), dimension(nhor) :: surface_temperature, emissivity, albedo, cosine
    real(real64), dimension(nhor) :: incoming            !! shortwave at the top [W m-2]
    real(real64), dimension(nhor, nlev + 1) :: up, down  !! fluxes at interfaces [W m-2]
  contains
    procedure :: gather
  end type columns_t

contains

  !> Take the columns at which the mask is true, with the given cosine of the solar zenith angle.
  subroutine gather(self, mask, cosine, cloud_water_scale)
    class(columns_t), intent(inout) :: self
    logical, intent(in) :: mask(:)
    real(real64), intent(in) :: cosine(:), cloud_water_scale
    integer :: i, k

    self%n = count(mask)
    self%places(:self%n) = pack([(i, i = 1, nhor)], mask)
    associate (n => self%n, at => self%places(:self%n))
      self%ids(:n) = int(at, int64) + int(mypid, int64) * nhor
      self%temperature(:n, :) = dt(at, :nlev)
      self%humidity(:n, :) = max(0.0_real64, dq(at, :nlev))  ! spectral transport undershoots
      self%ozone(:n, :) = max(0.0_real64, dqo3(at, :)) * ozone_ratio
      self%pressure(:n, 1) = top_pressure
      do k = 1, nlev
        self%pressure(:n, k + 1) = sigmah(k) * dp(at)
      end do
      self%carbon_dioxide(:n) = co2 * ppm
      self%surface_temperature(:n) = dt(at, nlep)
      self%emissivity(:n) = dls(at) + sea_emissivity * (1.0_real64 - dls(at))
      self%cosine(:n) = cosine(at)
      self%albedo(:n) = albedo_of(dalb(at), dls(at), dicec(at), cosine(at))
      self%incoming(:n) = gsol0 * gdist2 * cosine(at)
      call gather_clouds(self, cloud_water_scale)
    end associate
  end subroutine gather

  !> Condensate of the overcast part: what a layer has in its clouds, thinned to the total cover.
  subroutine gather_clouds(self, scale)
    class(columns_t), intent(inout) :: self
    real(real64), intent(in) :: scale
    real(real64), dimension(self%n) :: water, liquid_share
    integer :: k

    associate (n => self%n, at => self%places(:self%n))
      self%cover(:n) = min(1.0_real64, max(0.0_real64, dcc(at, nlep)))
      do k = 1, nlev
        water = 0.0_real64
        where (self%cover(:n) > 0.0_real64) water = scale * dql(at, k) * min(1.0_real64, dcc(at, k) / self%cover(:n))
        liquid_share = min(1.0_real64, max(0.0_real64, (dt(at, k) - all_ice) / (all_liquid - all_ice)))
        self%liquid(:n, k) = liquid_share * water
        self%ice(:n, k) = (1.0_real64 - liquid_share) * water
      end do
    end associate
  end subroutine gather_clouds

  !> Albedo of the surface. Open water reflects a low sun more, by the rule of ECHAM3 that PlaSim's own scheme uses.
  elemental function albedo_of(albedo, land, ice, cosine) result(found)
    real(real64), intent(in) :: albedo, land, ice, cosine
    real(real64) :: found, water

    water = (1.0_real64 - land) * (1.0_real64 - ice)
    found = (1.0_real64 - water) * albedo + water * min(0.05_real64 / (cosine + 0.15_real64), 0.15_real64)
  end function albedo_of

end module plasim_columns
