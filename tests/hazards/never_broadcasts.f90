program never_broadcasts
  !! An array that has too few or too many elements, or dimensions that fit only when repeated, is refused: input and
  !! output alike, whatever is bound first. A refused array is neither read nor written by the run that follows.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_size
  implicit none

  integer, parameter :: ncol = 6, nlay = 5
  real(real32), parameter :: mark = -999
  type(emulator_t) :: e
  real(real32), target :: x(ncol, nlay), y(ncol, nlay)
  real(real32), target :: row(1, nlay), column(ncol, 1), profile(nlay), scalar, larger(ncol + 1, nlay), cube(ncol, nlay, 2)
  character(600) :: message
  integer :: stat

  x = 1
  y = mark
  call e%open(data_file('scale_float32.onnx'))
  call e%bind('x', x)
  call refuse_all('y', pyemu_err_size)
  call e%bind('y', y)
  call refuse_all('y', pyemu_err_size)
  call refuse_all('x', pyemu_err_size)
  call e%run()
  call check(all(abs(y(:, nlay) - nlay) <= 0), 'the good bindings stay')
  call check(all(row == mark) .and. all(column == mark) .and. all(profile == mark) .and. scalar == mark .and. &
             all(larger == mark) .and. all(cube == mark), 'what was refused is untouched')
  call one_number_for_all()
  call finish()

contains

  subroutine refuse_all(name, expected)
    character(*), intent(in) :: name
    integer, intent(in) :: expected

    row = mark; column = mark; profile = mark; scalar = mark; larger = mark; cube = mark
    call e%bind(name, row, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'has 1 columns')
    call e%bind(name, column, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'has 5 layers')
    call e%bind(name, profile, stat=stat, errmsg=message)
    call check_error(stat, expected, message, "'" // name // "'")
    call e%bind(name, scalar, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'found a scalar')
    call e%bind(name, larger, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'has 7 columns')
    call e%bind(name, cube, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'has 5 layers')
    call e%bind(name, cube, level_dim=2, stat=stat, errmsg=message)
    call check_error(stat, expected, message, 'has 12 columns')
  end subroutine refuse_all

  subroutine one_number_for_all()
    !! Only what the card gives once for all columns is repeated, and then it is bound as one number.
    type(emulator_t) :: g
    real(real64), target :: factor, factors(ncol)

    factor = 3
    factors = 3
    call g%open(data_file('global.onnx'))
    call g%bind('x', x)
    call g%bind('y', y)
    call g%bind('factor', factors, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, "'factor'")
    call g%bind('factor', factor)
    call g%run()
    call check(all(abs(y - 3) <= 0), 'one number holds for all columns')
  end subroutine one_number_for_all

end program never_broadcasts
