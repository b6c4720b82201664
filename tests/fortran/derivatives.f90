program derivatives
  !! The tangent linear and the adjoint of an emulator, with the dot-product test and the Taylor test of data assimilation.
  !!
  !! Of the files of the native tests: derivatives DIRECTORY. Of any emulator file: derivatives DIRECTORY FILE.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  implicit none

  type :: field_t
    !! A variable of any size as the host has it: one row of numbers for each column, columns first.
    character(:), allocatable :: name
    real(real64), pointer :: values(:) => null()
    integer :: n = 0   ! levels
  end type field_t

  character(4096) :: argument

  call get_command_argument(2, argument)
  if (argument /= '') then
    call test_file(trim(argument), 'onnxruntime')
    call test_file(trim(argument), 'native')
  else
    call test_file(data_file('derivable.onnx'), 'native')
    call refuses()
    call shares_the_guard()
  end if
  call finish()

contains

  subroutine test_file(path, engine)
    character(*), intent(in) :: path, engine

    call test_dot_product(path, engine, 'real32', 1.0e-5_real64)
    if (engine /= 'native') return
    call test_dot_product(path, engine, 'real64', 1.0e-12_real64)
    call test_taylor(path)
  end subroutine test_file

  subroutine test_dot_product(path, engine, precision, tolerance)
    !! <J u, v> = <u, J* v> for v = J u, weighted so that no output drowns the others.
    character(*), intent(in) :: path, engine, precision
    real(real64), intent(in) :: tolerance
    type(emulator_t) :: tangent, adjoint
    type(field_t), allocatable, target :: forward(:), backward(:)
    real(real64) :: left, right
    character(200) :: line
    integer :: i, j

    call tangent%open(path, engine=engine, precision=precision, derivative='jvp')
    call adjoint%open(path, engine=engine, precision=precision, derivative='vjp')
    call bind_all(tangent, forward)
    call set_directions(forward)
    call tangent%run(1)
    call bind_all(adjoint, backward)
    left = 0
    do i = 1, size(backward)
      if (index(backward(i)%name, 'adjoint_of_') /= 1) cycle
      j = position(forward, 'tangent_of_' // backward(i)%name(12:))
      if (is_input(adjoint, i)) then
        backward(i)%values = single(forward(j)%values / (sum(forward(j)%values**2) / size(forward(j)%values)))
        left = left + sum(forward(j)%values * backward(i)%values)
      end if
    end do
    call adjoint%run(1)
    right = 0
    do i = 1, size(backward)
      if (is_input(adjoint, i)) cycle
      j = position(forward, 'tangent_of_' // backward(i)%name(12:))
      right = right + sum(forward(j)%values * backward(i)%values)
    end do
    write (line, '(5a, 3es24.16)') 'dot products with ', engine, ' in ', precision, ':', left, right, &
        abs(left - right) / abs(left)
    print '(a)', trim(line)
    call check(left > 0 .and. abs(left - right) <= tolerance * abs(left), trim(line))
    call tangent%close()
    call adjoint%close()
    call release(forward)
    call release(backward)
  end subroutine test_dot_product

  subroutine test_taylor(path)
    !! f(x + e u) - f(x) - e J u falls with the square of e, once e is small enough for the bends of the emulator.
    character(*), intent(in) :: path
    integer, parameter :: most_steps = 10
    real(real64), parameter :: near_rounding = 1.0e-11_real64
    type(emulator_t) :: emulator, tangent
    type(field_t), allocatable, target :: at(:), forward(:)
    type(field_t), allocatable :: start(:)
    real(real64) :: remainder(most_steps), slope, e
    character(200) :: line
    integer :: i, j, step

    call emulator%open(path, engine='native', precision='real64')
    call tangent%open(path, engine='native', precision='real64', derivative='jvp')
    call bind_all(tangent, forward)
    call set_directions(forward)
    call tangent%run(1)
    call bind_all(emulator, at)
    call emulator%run(1)
    allocate (start, source=at)
    do i = 1, size(start)
      allocate (start(i)%values, source=at(i)%values)
    end do
    do step = 1, most_steps
      e = 5.0e-4_real64 / 4.0_real64**step
      do i = 1, size(at)
        j = position(forward, 'tangent_of_' // at(i)%name)
        if (j > 0 .and. is_input(emulator, i)) at(i)%values = start(i)%values + e * forward(j)%values
      end do
      call emulator%run(1)
      remainder(step) = 0
      do i = 1, size(at)
        j = position(forward, 'tangent_of_' // at(i)%name)
        if (j == 0 .or. is_input(emulator, i)) cycle
        remainder(step) = remainder(step) + &
            norm2(at(i)%values - start(i)%values - e * forward(j)%values) / norm2(forward(j)%values)
      end do
      if (step > 1 .and. remainder(step) < near_rounding) exit
    end do
    step = min(step, most_steps)
    slope = log(remainder(step - 1) / remainder(step)) / log(4.0_real64)
    write (line, '(a, f8.4, a, 2es10.2)') 'Taylor remainder of order', slope, ':', remainder(step - 1:step)
    print '(a)', trim(line)
    call check(abs(slope - 2) < 0.1_real64, trim(line))
    call emulator%close()
    call tangent%close()
    call release(forward)
    call release(at)
    call release(start)
  end subroutine test_taylor

  subroutine bind_all(emulator, fields)
    !! Bind real64 arrays to all variables, the inputs filled with the reference columns.
    type(emulator_t), intent(inout) :: emulator
    type(field_t), allocatable, target, intent(out) :: fields(:)
    type(variable_t) :: variable
    real(real64), pointer :: columns(:, :), scalars(:)
    integer :: i, n

    n = emulator%n_references()
    allocate (fields(emulator%n_variables()))
    do i = 1, size(fields)
      call emulator%variable(i, variable)
      fields(i)%name = variable%name
      fields(i)%n = variable%level_size
      allocate (fields(i)%values(n * fields(i)%n), source=0.0_real64)
      if (variable%level_name == '') then
        scalars => fields(i)%values
        if (variable%is_input) call emulator%reference(variable%name, scalars)
        call emulator%bind(variable%name, scalars, units=variable%units)
      else
        columns(1:n, 1:fields(i)%n) => fields(i)%values
        if (variable%is_input) call emulator%reference(variable%name, columns)
        call emulator%bind(variable%name, columns, units=variable%units)
      end if
    end do
  end subroutine bind_all

  subroutine release(fields)
    type(field_t), intent(inout) :: fields(:)
    integer :: i

    do i = 1, size(fields)
      deallocate (fields(i)%values)
    end do
  end subroutine release

  subroutine set_directions(fields)
    !! Tangents of a tenth of their inputs, which are the same numbers in either precision.
    type(field_t), intent(inout) :: fields(:)
    real(real64), allocatable :: sizes(:)
    real(real64) :: spread
    integer :: i, j, k

    do i = 1, size(fields)
      if (index(fields(i)%name, 'tangent_of_') /= 1) cycle
      j = position(fields, fields(i)%name(12:))
      if (j == 0) cycle
      spread = sqrt(sum((fields(j)%values - sum(fields(j)%values) / size(fields(j)%values))**2) / size(fields(j)%values))
      sizes = merge(0.01_real64 * spread, 0.1_real64 * abs(fields(j)%values), abs(fields(j)%values) <= 0)
      fields(i)%values = single(sizes * [(sin(12.9898_real64 * k + 78.233_real64 * i), k=1, size(sizes))])
    end do
  end subroutine set_directions

  elemental real(real64) function single(x)
    !! What real32 holds of a number.
    real(real64), intent(in) :: x

    single = real(real(x, real32), real64)
  end function single

  integer function position(fields, name)
    !! Of the variable with this name, or 0.
    type(field_t), intent(in) :: fields(:)
    character(*), intent(in) :: name

    do position = size(fields), 1, -1
      if (fields(position)%name == name) return
    end do
  end function position

  logical function is_input(emulator, i)
    type(emulator_t), intent(in) :: emulator
    integer, intent(in) :: i
    type(variable_t) :: variable

    call emulator%variable(i, variable)
    is_input = variable%is_input
  end function is_input

  subroutine shares_the_guard()
    !! A derivative is an emulator like any other: a column with a bad input falls back.
    type(emulator_t) :: adjoint
    type(field_t), allocatable, target :: fields(:)
    integer, allocatable :: flagged(:)

    call adjoint%open(data_file('derivable.onnx'), engine='native', derivative='vjp')
    call bind_all(adjoint, fields)
    call adjoint%set_guard('fallback')
    fields(1)%values(2) = huge(1.0_real64)
    call adjoint%run(1)
    flagged = adjoint%fallback()
    call check(size(flagged) == 1, 'one column falls back')
    call check(all(flagged == [2]), 'the second')
    call adjoint%close()
    call release(fields)
  end subroutine shares_the_guard

  subroutine refuses()
    type(emulator_t) :: adjoint
    character(400) :: message
    integer :: stat

    call adjoint%open(data_file('derivable.onnx'), engine='native', derivative='gradient', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "derivative is 'gradient'; expected 'vjp' or 'jvp'")
    call adjoint%open(data_file('toy.onnx'), engine='native', derivative='vjp', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "the file has no derivative 'vjp'; it has none")
    call adjoint%open(data_file('derivative_jvp_only.onnx'), engine='native', derivative='vjp', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "it has 'jvp'; write it with 'pyemu export --derivative vjp'")
    call adjoint%open(data_file('toy.pt'), derivative='vjp', allow_code=.true., stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, 'the file is a TorchScript archive, which carries none')
    call check(.not. adjoint%is_open(), 'nothing is open')
  end subroutine refuses

end program derivatives
