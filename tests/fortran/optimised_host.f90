program optimised_host
  !! Compiled at -O3: bound arrays change behind the compiler's back, so it must not keep them in registers across
  !! run. With TARGET it may not; a host without it would print the numbers of an earlier step.
  use, intrinsic :: iso_fortran_env, only: real64
  use checks, only: check, data_file, finish
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: nlay = 5
  type(emulator_t) :: e
  real(real64), target :: x(1, nlay), y(1, nlay)
  real(real64) :: total, expected
  integer :: step

  call e%open(data_file('scale_float64.onnx'))
  call e%bind('x', x)
  call e%bind('y', y)
  total = 0
  expected = 0
  x = 0
  y = 0
  do step = 1, 100
    x(1, 1) = step
    x(1, 2:) = y(1, 1) / max(1, step - 1)
    call e%run(step)
    total = total + y(1, 1) + y(1, nlay)
    expected = expected + step + merge(5.0_real64, 0.0_real64, step > 1)
  end do
  call check(total == expected, 'the host sees what run has written, and run what the host has')
  call finish()
end program optimised_host
