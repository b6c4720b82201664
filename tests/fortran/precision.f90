program precision
  !! The option precision=: with 'real64' the engine 'native' rounds nothing to real32, from file and from memory.
  use, intrinsic :: iso_fortran_env, only: int8, real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_argument, pyemu_err_not_finite, pyemu_err_unsupported, pyemu_ok
  implicit none

  integer, parameter :: nlay = 5, ncol = 40
  real(real64), target :: x(ncol, nlay), y(ncol, nlay)
  real(real64) :: expected(ncol, nlay)
  type(emulator_t) :: e
  character(400) :: message
  integer :: icol, ilay, stat

  do ilay = 1, nlay
    x(:, ilay) = [(sqrt(real(icol + 100 * ilay, real64)), icol = 1, ncol)]  ! no numbers of real32
    expected(:, ilay) = x(:, ilay) * ilay
  end do

  call e%open(data_file('scale_float32.onnx'), engine='native', precision='real64')
  call run()
  call check(all(y == expected), 'real64: one rounding, of real64')
  x(1, 1) = 1e200_real64
  call run()
  call check(y(1, 1) == x(1, 1), 'real64: larger than real32')
  call e%close()

  call e%open_memory(file_bytes('scale_float32.onnx'), engine='native', precision='real64')
  call run()
  call check(all(y(2:, :) == expected(2:, :)), 'real64 from memory')
  call e%close()

  call e%open(data_file('scale_float32.onnx'), engine='native', precision='real32')
  call e%bind('x', x)
  call e%bind('y', y)
  call e%run(stat=stat, errmsg=message)
  call check_error(stat, pyemu_err_not_finite, message, 'too large for float32')
  x(1, 1) = 1
  call run()
  call check(all(y == real(real(x, real32) * spread(real([1, 2, 3, 4, 5], real32), 1, ncol), real64)), 'real32')
  call check(any(y(2:, :) /= expected(2:, :)), 'real32 rounds')
  call e%close()

  call e%open(data_file('scale_float32.onnx'), precision='real64', stat=stat, errmsg=message)
  call check_error(stat, pyemu_err_unsupported, message, "engine 'onnxruntime' computes in the types of the graph")
  call e%open(data_file('scale_float32.onnx'), engine='native', precision='double', stat=stat, errmsg=message)
  call check_error(stat, pyemu_err_argument, message, "precision is 'double'; expected 'real32' or 'real64'")
  call e%open(data_file('scale_float32.onnx'), engine='native', precision='real64 ', stat=stat, errmsg=message)
  call check(stat == pyemu_ok, 'trailing blanks are ignored')
  call finish()

contains

  subroutine run()
    y = -1
    call e%bind('x', x)
    call e%bind('y', y)
    call e%run()
  end subroutine run

  function file_bytes(name) result(bytes)
    character(*), intent(in) :: name
    integer(int8), allocatable :: bytes(:)
    integer :: n, unit

    open (newunit=unit, file=data_file(name), access='stream', form='unformatted', status='old', action='read')
    inquire (unit=unit, size=n)
    allocate (bytes(n))
    read (unit) bytes
    close (unit)
  end function file_bytes

end program precision
