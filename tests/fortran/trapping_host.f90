program trapping_host
  !! Compiled with -ffpe-trap: a host that stops on invalid operations is not stopped by the library.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: real64
  use checks, only: check, data_file, finish
  use pyemu
  implicit none

  type(emulator_t) :: e
  real(real64), target :: x(3, 5), y(3, 5)
  integer :: stat

  x = 2
  call e%open(data_file('scale_float32.onnx'))
  call e%bind('x', x)
  call e%bind('y', y)
  call e%run()
  call check(all(y(:, 3) == 6), 'a good run')
  x(2, 2) = 1.0e200_real64
  call e%run(stat=stat)
  call check(stat == pyemu_err_not_finite, 'overflow in the conversion is a status, not a trap')
  x(2, 2) = ieee_value(x(2, 2), ieee_quiet_nan)
  call e%run(stat=stat)
  call check(stat == pyemu_err_not_finite, 'and so is not-a-number')
  call finish()
end program trapping_host
