module toy
  !! The toy emulator of tests/data/make_emulators.py: its names, and its formula, column by column.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  implicit none
  private

  public :: toy_flux, toy_tendency, toy_outgoing, temperature_at, pressure_at, surface_at

  integer, parameter, public :: nlay = 5
  character(*), parameter, public :: temperature_name = 'air_temperature'
  character(*), parameter, public :: pressure_name = 'air_pressure_at_interfaces'
  character(*), parameter, public :: surface_name = 'surface_temperature'
  character(*), parameter, public :: flux_name = 'upwelling_longwave_flux_in_air_at_interfaces'
  character(*), parameter, public :: tendency_name = 'tendency_of_air_temperature_due_to_longwave_heating'
  character(*), parameter, public :: outgoing_name = 'toa_outgoing_longwave_flux'

contains

  ! Inputs that single precision holds exactly, different in every column and level.

  elemental function temperature_at(icol, ilay) result(t)
    integer, intent(in) :: icol, ilay
    real(real64) :: t                     !! temperature [K]

    t = 200.0_real64 + mod(icol * 5 + ilay * 3, 64) * 0.5_real64
  end function temperature_at

  elemental function pressure_at(icol, iinterface) result(p)
    integer, intent(in) :: icol, iinterface
    real(real64) :: p                     !! pressure [Pa]

    p = 100.0_real64 * iinterface + 0.5_real64 * icol
  end function pressure_at

  elemental function surface_at(icol) result(t)
    integer, intent(in) :: icol
    real(real64) :: t                     !! surface temperature [K]

    t = 280.0_real64 + 0.25_real64 * mod(icol * 7, 16)
  end function surface_at

  ! The outputs for these inputs.

  elemental function toy_flux(icol, iinterface) result(flux)
    integer, intent(in) :: icol, iinterface
    real(real64) :: flux

    flux = pressure_at(icol, iinterface) * (iinterface / 100.0_real64) + surface_at(icol)
  end function toy_flux

  elemental function toy_tendency(icol, ilay) result(tendency)
    integer, intent(in) :: icol, ilay
    real(real64) :: tendency

    tendency = (temperature_at(icol, ilay) - surface_at(icol)) * ilay
  end function toy_tendency

  elemental function toy_outgoing(icol) result(outgoing)
    integer, intent(in) :: icol
    real(real64) :: outgoing
    integer :: ilay

    outgoing = 0
    do ilay = 1, nlay
      outgoing = outgoing + temperature_at(icol, ilay) * ilay
    end do
    outgoing = real(real(outgoing, real32), real64)
  end function toy_outgoing

end module toy
