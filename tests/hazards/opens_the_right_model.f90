program opens_the_right_model
  !! Two emulators with the same variables and sizes, open side by side: each runs its own graph, its card says which it
  !! is, its recorded columns tell the two apart, and the digest of one does not open the other.
  use, intrinsic :: iso_fortran_env, only: real32
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_code, pyemu_ok
  implicit none

  integer, parameter :: ncol = 3, nlay = 5
  type(emulator_t) :: once, tenfold
  real(real32), target :: x(ncol, nlay), y(ncol, nlay), z(ncol, nlay)
  character(600) :: message
  integer :: stat

  call once%open(data_file('scale_float32.onnx'))
  call tenfold%open(data_file('tenfold.onnx'))
  x = 1
  call once%bind('x', x)
  call once%bind('y', y)
  call tenfold%bind('x', x)
  call tenfold%bind('y', z)
  call check_both()
  call check(index(once%card(), '"name": "scale_float32"') > 0, 'the card of one')
  call check(index(tenfold%card(), '"name": "tenfold"') > 0, 'the card of the other')
  call check(replays(once, once) .and. replays(tenfold, tenfold), 'each gives its recorded outputs')
  call check(.not. replays(once, tenfold) .and. .not. replays(tenfold, once), 'and not those of the other')
  call open_in_turn()
  call open_by_digest()
  call finish()

contains

  subroutine check_both()
    y = -1
    z = -1
    call tenfold%run()
    call check(all(y == -1), 'a run of one leaves the arrays of the other alone')
    call once%run()
    call check(all(y(:, nlay) == nlay) .and. all(z(:, nlay) == 10 * nlay), 'each runs its own graph')
  end subroutine check_both

  function replays(recorded, run) result(is_same)
    !! Whether one emulator gives the outputs that the other has recorded, from the inputs that it has recorded.
    type(emulator_t), intent(in) :: recorded
    type(emulator_t), intent(inout) :: run
    real(real32), allocatable, target :: input(:, :), output(:, :)
    real(real32), allocatable :: expected(:, :)
    logical :: is_same

    allocate (input(recorded%n_references(), nlay))
    allocate (output, expected, mold=input)
    call recorded%reference('x', input)
    call recorded%reference('y', expected)
    call run%unbind()
    call run%bind('x', input)
    call run%bind('y', output)
    call run%run()
    is_same = all(output == expected)
    call run%unbind()
  end function replays

  subroutine open_in_turn()
    !! One variable that held one emulator and now holds another runs the other.
    call once%close()
    call once%open(data_file('tenfold.onnx'))
    call once%bind('x', x)
    call once%bind('y', y)
    y = -1
    call once%run()
    call check(all(y(:, 2) == 20), 'the emulator that was opened last')
  end subroutine open_in_turn

  subroutine open_by_digest()
    type(emulator_t) :: e
    character(64) :: digest
    integer :: at

    call e%open(data_file('tenfold.onnx'), sha256=repeat('0', 64), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_code, message, 'has SHA-256 ')
    at = index(message, 'has SHA-256 ') + len('has SHA-256 ')
    digest = message(at:at + 63)
    call e%open(data_file('scale_float32.onnx'), sha256=digest, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_code, message, 'another file, or was changed')
    call check(.not. e%is_open(), 'the other file is not opened')
    call e%open(data_file('tenfold.onnx'), sha256=digest, stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'the right file is')
  end subroutine open_by_digest

end program opens_the_right_model
