program first_call
  !! Longwave heating of one column, from an emulator file.
  use, intrinsic :: iso_fortran_env, only: real64
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: nlay = 10
  real(real64), parameter :: seconds_per_day = 86400
  type(emulator_t) :: radiation
  real(real64), target :: temperature(nlay)   ! of the layers, from the top down [K]
  real(real64), target :: surface             ! temperature of the surface [K]
  real(real64), target :: heating(nlay)       ! what the emulator computes [K s-1]
  character(500) :: message
  integer :: ilay, stat

  temperature = [(205 + 8 * ilay, ilay=1, nlay)]
  surface = 290

  call radiation%open('longwave.onnx', stat=stat, errmsg=message)
  if (stat /= 0) error stop trim(message)
  call radiation%bind('air_temperature', temperature, units='K')
  call radiation%bind('surface_temperature', surface, units='K')
  call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1')
  call radiation%run()
  call radiation%close()

  print '(a)', 'layer  temperature [K]  heating [K day-1]'
  print '(i5, f17.1, f19.3)', (ilay, temperature(ilay), seconds_per_day * heating(ilay), ilay=1, nlay)
end program first_call
