subroutine emulated_longwave(ncol, nlay, temperature, surface, heating) bind(c, name='__wrap_longwave_')
  !! Called in the place of subroutine longwave, with its arguments. What the emulator cannot do the scheme does.
  use, intrinsic :: iso_c_binding, only: c_double, c_int
  use, intrinsic :: iso_fortran_env, only: output_unit
  use pyemu, only: emulator_t
  implicit none
  interface
    subroutine real_longwave(ncol, nlay, temperature, surface, heating) bind(c, name='__real_longwave_')
      import :: c_double, c_int
      implicit none
      integer(c_int), intent(in) :: ncol, nlay
      real(c_double), intent(in) :: temperature(ncol, nlay), surface(ncol)
      real(c_double), intent(out) :: heating(ncol, nlay)
    end subroutine real_longwave
  end interface

  integer(c_int), intent(in) :: ncol, nlay
  real(c_double), intent(in), target :: temperature(ncol, nlay), surface(ncol)
  real(c_double), intent(out), target :: heating(ncol, nlay)
  type(emulator_t), save :: radiation
  logical, save :: is_known = .false.     ! what became of the first call has been told
  character(500) :: message
  integer :: stat

  call emulate(stat)
  if (stat /= 0) call real_longwave(ncol, nlay, temperature, surface, heating)
  if (is_known) return
  is_known = .true.
  if (stat == 0) message = 'emulated by longwave.onnx'
  write (output_unit, '(2a)') 'longwave radiation: ', trim(message)

contains

  subroutine emulate(stat)
    !! The arguments of a subroutine are bound in every call, since the caller may hand over others in the next.
    integer, intent(out) :: stat

    stat = 0
    if (.not. radiation%is_open()) call radiation%open('longwave.onnx', stat=stat, errmsg=message)
    if (stat == 0) call radiation%unbind(stat=stat, errmsg=message)
    if (stat == 0) call radiation%bind('air_temperature', temperature, units='K', stat=stat, errmsg=message)
    if (stat == 0) call radiation%bind('surface_temperature', surface, units='K', stat=stat, errmsg=message)
    if (stat == 0) call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1', &
                                       stat=stat, errmsg=message)
    if (stat == 0) call radiation%run(stat=stat, errmsg=message)
  end subroutine emulate

end subroutine emulated_longwave
