program host
  !! A host in Fortran, as a user writes it: open, bind, run, close.
  use, intrinsic :: iso_fortran_env, only: real64
  use pyemu, only: emulator_t, pyemu_version
  implicit none
  type(emulator_t) :: e
  real(real64), target :: x(2, 5), y(2, 5)
  character(4096) :: path
  integer :: i

  call get_command_argument(1, path)
  x = reshape([(real(i, real64), i = 1, 10)], shape(x))
  call e%open(trim(path))
  call e%bind('x', x, units='1')
  call e%bind('y', y, units='1')
  call e%run(1)
  call e%close()
  print '(3a, f5.1)', 'libpyemu ', pyemu_version(), ': y =', y(2, 5)
  if (abs(y(2, 5) - 50) > 0) error stop 'wrong result'
end program host
