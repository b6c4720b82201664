!> Physical constants of the column host, SI; the same numbers as pyemu/constants.py.
module column_constants
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private

  real(real64), parameter, public :: pi = acos(-1.0_real64)
  real(real64), parameter, public :: gravity = 9.80665_real64                   ! m s-2
  real(real64), parameter, public :: cp_dry = 1004.64_real64                    ! J kg-1 K-1
  real(real64), parameter, public :: molar_mass_dry = 28.966e-3_real64          ! kg mol-1
  real(real64), parameter, public :: molar_mass_water = 18.016e-3_real64        ! kg mol-1
  real(real64), parameter, public :: gas_constant = 8.31446261815324_real64     ! J mol-1 K-1
  real(real64), parameter, public :: r_dry = gas_constant / molar_mass_dry      ! J kg-1 K-1
  real(real64), parameter, public :: epsilon_water = molar_mass_water / molar_mass_dry
  real(real64), parameter, public :: latent_heat = 2.501e6_real64               ! J kg-1, vaporization at 0 Celsius
  real(real64), parameter, public :: freezing_temperature = 273.15_real64       ! K
  real(real64), parameter, public :: sea_water_heat = 3990.0_real64 * 1025.0_real64  ! J m-3 K-1
  real(real64), parameter, public :: seconds_per_day = 86400.0_real64
  real(real64), parameter, public :: solar_irradiance = 1360.85_real64          ! W m-2

  real(real64), parameter, public :: present_carbon_dioxide = 4.0e-4_real64    ! mol mol-1
end module column_constants
