program mixed_kinds
  !! Arrays of three kinds, an integer among them, one number that holds for all columns, and two outputs.
  use, intrinsic :: iso_fortran_env, only: int32, real32, real64
  use pyemu, only: emulator_t, variable_t
  implicit none

  integer, parameter :: ncol = 2, nlay = 10
  type(emulator_t) :: radiation
  real(real32), target :: temperature(ncol, nlay)   ! [K]
  real(real64), target :: surface(ncol)             ! [K]
  integer(int32), target :: is_land(ncol)           ! 0 sea, 1 land
  real(real64), target :: carbon_dioxide            ! one for all columns [mol mol-1]
  real(real64), target :: heating(ncol, nlay)       ! [K s-1]
  real(real32), target :: outgoing(ncol)            ! flux at the top [W m-2]
  integer :: ilay, step

  temperature = spread([(205 + 8 * ilay, ilay=1, nlay)], 1, ncol)
  surface = 290
  is_land = [0, 1]

  call radiation%open('longwave_land.onnx')
  call list_variables()
  call radiation%bind('air_temperature', temperature, units='K')
  call radiation%bind('surface_temperature', surface, units='K')
  call radiation%bind('land_binary_mask', is_land)
  call radiation%bind('mole_fraction_of_carbon_dioxide_in_air', carbon_dioxide, units='mol mol-1')
  call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1')
  call radiation%bind('toa_outgoing_longwave_flux', outgoing, units='W m-2')

  print '(a)', 'CO2 [ppm]   outgoing flux [W m-2]: sea    land'
  do step = 0, 2
    carbon_dioxide = 4e-4_real64 * 2**step
    call radiation%run(step)
    print '(f9.0, f33.2, f8.2)', 1e6_real64 * carbon_dioxide, outgoing
  end do
  call radiation%close()

contains

  subroutine list_variables()
    !! What the file says of its inputs and outputs.
    type(variable_t) :: variable
    integer :: i

    do i = 1, radiation%n_variables()
      call radiation%variable(i, variable)
      print '(6a)', merge('in  ', 'out ', variable%is_input), variable%name, ' [', variable%units, '], ', &
          trim(merge('one per column', 'one for all   ', variable%has_batch))
    end do
  end subroutine list_variables

end program mixed_kinds
