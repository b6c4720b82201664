program torch_export
  !! The first call again, with a package that torch.export and AOTInductor have compiled.
  use, intrinsic :: iso_fortran_env, only: real64
  use pyemu, only: emulator_t, pyemu_err_code, pyemu_status_name
  implicit none

  integer, parameter :: nlay = 10
  type(emulator_t) :: radiation
  real(real64), target :: temperature(nlay), surface, heating(nlay)
  character(500) :: message
  integer :: ilay, stat

  temperature = [(205 + 8 * ilay, ilay=1, nlay)]
  surface = 290

  call radiation%open('longwave.pt2', stat=stat, errmsg=message)
  if (stat /= pyemu_err_code) error stop 'a file that carries code must not open without leave'
  print '(2a)', 'without leave: ', pyemu_status_name(stat)

  call radiation%open('longwave.pt2', sha256=digest_in('longwave.pt2.sha256'), stat=stat, errmsg=message)
  if (stat /= 0) error stop trim(message)
  print '(2a)', 'with the digest: engine ', radiation%engine()
  call radiation%bind('air_temperature', temperature, units='K')
  call radiation%bind('surface_temperature', surface, units='K')
  call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1')
  call radiation%run()
  call radiation%close()

  print '(a)', 'layer  temperature [K]  heating [K day-1]'
  print '(i5, f17.1, f19.3)', (ilay, temperature(ilay), 86400 * heating(ilay), ilay=1, nlay)

contains

  function digest_in(path) result(digest)
    !! The first word of a file that sha256sum has written.
    character(*), intent(in) :: path
    character(64) :: digest
    integer :: unit

    open (newunit=unit, file=path, action='read', status='old')
    read (unit, '(a)') digest
    close (unit)
  end function digest_in

end program torch_export
