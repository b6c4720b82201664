program keeps_masked_levels
  !! A host in double precision gives an emulator in single precision some levels of its arrays. All other levels, and
  !! columns that a run leaves out, keep every bit, though single precision could not hold what is there.
  use, intrinsic :: ieee_arithmetic, only: ieee_negative_inf, ieee_value
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use checks, only: check, data_file, finish
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: ncol = 50, nlay = 9, top = 3, bottom = 7   ! the emulator has five layers
  type(emulator_t) :: e

  call e%open(data_file('scale_float32.onnx'))
  call levels_last(ncol)
  call levels_last(13)
  call levels_first(ncol)
  call levels_first(13)
  call finish()

contains

  elemental function awkward(i) result(value)
    !! Numbers that change in a conversion to single precision and back.
    integer, intent(in) :: i
    real(real64) :: value

    select case (mod(i, 6))
    case (0)
      value = 1.0e300_real64
    case (1)
      value = -1.0_real64 / (3 + i)
    case (2)
      value = transfer(int(z'7FF8000012345678', int64), value)   ! not a number, with a payload
    case (3)
      value = ieee_value(value, ieee_negative_inf)
    case (4)
      value = -tiny(value) / 8
    case default
      value = 0.1_real64 * i
    end select
  end function awkward

  subroutine levels_last(n_run)
    integer, intent(in) :: n_run   !! columns of the run
    real(real64), target :: x(ncol, nlay), y(ncol, nlay)
    integer(int64) :: x_bits(ncol, nlay), y_bits(ncol, nlay), new_bits(ncol, nlay)
    integer :: i

    x = reshape(awkward([(i, i=1, size(x))]), shape(x))
    y = reshape(awkward([(i + 1, i=1, size(y))]), shape(y))
    x(:n_run, top:bottom) = 2
    x_bits = reshape(transfer(x, x_bits), shape(x))
    y_bits = reshape(transfer(y, y_bits), shape(y))
    call e%unbind()
    call e%bind('x', x(:, top:bottom))
    call e%bind('y', y(:, top:bottom))
    call e%run(columns=n_run)
    do i = 1, 5
      call check(all(y(:n_run, top + i - 1) == 2 * i), 'levels last: what the emulator computes')
    end do
    y_bits(:n_run, top:bottom) = 0
    y(:n_run, top:bottom) = 0
    new_bits = reshape(transfer(y, new_bits), shape(y))
    call check(all(new_bits == y_bits), 'levels last: all else keeps its bits')
    new_bits = reshape(transfer(x, new_bits), shape(x))
    call check(all(new_bits == x_bits), 'levels last: the input keeps its bits')
  end subroutine levels_last

  subroutine levels_first(n_run)
    !! The same with the levels adjacent, every other column of the host, and the layers upside down.
    integer, intent(in) :: n_run
    real(real64), target :: x(nlay, 2 * ncol), y(nlay, 2 * ncol)
    integer(int64) :: x_bits(nlay, 2 * ncol), y_bits(nlay, 2 * ncol), new_bits(nlay, 2 * ncol)
    integer :: i

    x = reshape(awkward([(i, i=1, size(x))]), shape(x))
    y = reshape(awkward([(i + 1, i=1, size(y))]), shape(y))
    x(top:bottom, 1:2 * n_run:2) = 2
    x_bits = reshape(transfer(x, x_bits), shape(x))
    y_bits = reshape(transfer(y, y_bits), shape(y))
    call e%unbind()
    call e%bind('x', x(bottom:top:-1, ::2), level_dim=1)
    call e%bind('y', y(bottom:top:-1, ::2), level_dim=1)
    call e%run(columns=n_run)
    do i = 1, 5
      call check(all(y(bottom + 1 - i, 1:2 * n_run:2) == 2 * i), 'levels first: what the emulator computes')
    end do
    y_bits(top:bottom, 1:2 * n_run:2) = 0
    y(top:bottom, 1:2 * n_run:2) = 0
    new_bits = reshape(transfer(y, new_bits), shape(y))
    call check(all(new_bits == y_bits), 'levels first: all else keeps its bits')
    new_bits = reshape(transfer(x, new_bits), shape(x))
    call check(all(new_bits == x_bits), 'levels first: the input keeps its bits')
  end subroutine levels_first

end program keeps_masked_levels
