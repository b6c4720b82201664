program pyemu_verify
  !! Replay the reference columns of an emulator file from Fortran: pyemu_verify FILE [ENGINE] [--allow-code]
  !!
  !! Without ENGINE it is the one that runs the file's kind. --allow-code allows code that the file carries to run.
  !! Inputs and outputs are bound as real64 arrays (ncol, nlay), the usual layout of a host, and fields in Fortran's
  !! order, of up to five dimensions. Prints one JSON object
  !! a line for every output: its name, the largest absolute difference from the recorded output, and the largest
  !! absolute recorded value [units on the card]. On an error it prints a JSON object with "error" and stops with
  !! status 1.
  use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real64
  use pyemu, only: emulator_t, pyemu_ok, variable_t
  implicit none

  type :: field_t
    type(variable_t) :: variable
    real(real64), allocatable :: values(:)     ! what is bound, in the order of the host's array
    real(real64), allocatable :: recorded(:)   ! what the file holds
  end type field_t

  type(emulator_t) :: emulator
  type(field_t), allocatable, target :: fields(:)
  character(64) :: engine   ! blank: the file's own
  character(4096) :: path, argument
  character(1024) :: message
  logical :: allow_code
  integer :: i, stat

  call get_command_argument(1, path)
  allow_code = .false.
  engine = ''
  do i = 2, command_argument_count()
    call get_command_argument(i, argument)
    if (argument == '--allow-code') then
      allow_code = .true.
    else if (engine /= '') then
      call stop_with_usage()
    else
      engine = argument(:len(engine))
    end if
  end do
  if (len_trim(path) == 0) call stop_with_usage()

  if (engine /= '') call emulator%open(path, engine=engine, allow_code=allow_code, stat=stat, errmsg=message)
  if (engine == '') call emulator%open(path, allow_code=allow_code, stat=stat, errmsg=message)
  call stop_on_error(stat, message)
  allocate (fields(emulator%n_variables()))
  do i = 1, size(fields)
    call bind_field(emulator, i, fields(i))
  end do
  call emulator%run(stat=stat, errmsg=message)
  call stop_on_error(stat, message)
  do i = 1, size(fields)
    if (.not. fields(i)%variable%is_input) call report(fields(i))
  end do
  call emulator%close()

contains

  subroutine stop_with_usage()
    write (error_unit, '(a)') 'usage: pyemu_verify FILE [ENGINE] [--allow-code]'
    stop 2, quiet=.true.
  end subroutine stop_with_usage

  subroutine bind_field(emulator, index, field)
    !! Fill a field from the file and bind it; an output is bound to memory that holds something else.
    type(emulator_t), intent(inout) :: emulator
    integer, intent(in) :: index                      !! of the variable
    type(field_t), intent(inout), target :: field

    call emulator%variable(index, field%variable, stat, message)
    call stop_on_error(stat, message)
    allocate (field%recorded(product(host_shape(emulator, field%variable))))
    call pass(emulator, field%variable, field%recorded, is_bound=.false.)
    field%values = field%recorded
    if (.not. field%variable%is_input) field%values = -huge(1.0_real64)
    call pass(emulator, field%variable, field%values, is_bound=.true.)
  end subroutine bind_field

  function host_shape(emulator, variable) result(sizes)
    !! Shape of a host's array: (ncol, nlay), or that of a field with the batch last.
    type(emulator_t), intent(in) :: emulator
    type(variable_t), intent(in) :: variable
    integer, allocatable :: sizes(:), batch(:)

    allocate (batch(merge(1, 0, variable%has_batch)), source=emulator%n_references())
    if (len(variable%level_name) > 0) then
      sizes = [batch, variable%shape]
    else
      sizes = [variable%shape, batch]
    end if
  end function host_shape

  subroutine pass(emulator, variable, values, is_bound)
    !! Hand the values to the library as an array of the rank that a host would have: to be bound, or to be filled with
    !! what is recorded.
    type(emulator_t), intent(inout) :: emulator
    type(variable_t), intent(in) :: variable
    real(real64), intent(inout), target, contiguous :: values(:)
    logical, intent(in) :: is_bound
    real(real64), pointer :: a0, a2(:, :), a3(:, :, :), a4(:, :, :, :), a5(:, :, :, :, :)
    integer :: n(5), rank

    rank = size(host_shape(emulator, variable))
    n(:rank) = host_shape(emulator, variable)
    stat = pyemu_ok
    select case (rank)
    case (0)
      a0 => values(1)
      if (is_bound) call emulator%bind(variable%name, a0, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, a0, stat=stat, errmsg=message)
    case (1)
      if (is_bound) call emulator%bind(variable%name, values, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, values, stat=stat, errmsg=message)
    case (2)
      a2(1:n(1), 1:n(2)) => values
      if (is_bound) call emulator%bind(variable%name, a2, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, a2, stat=stat, errmsg=message)
    case (3)
      a3(1:n(1), 1:n(2), 1:n(3)) => values
      if (is_bound) call emulator%bind(variable%name, a3, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, a3, stat=stat, errmsg=message)
    case (4)
      a4(1:n(1), 1:n(2), 1:n(3), 1:n(4)) => values
      if (is_bound) call emulator%bind(variable%name, a4, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, a4, stat=stat, errmsg=message)
    case (5)
      a5(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5)) => values
      if (is_bound) call emulator%bind(variable%name, a5, variable%units, stat=stat, errmsg=message)
      if (.not. is_bound) call emulator%reference(variable%name, a5, stat=stat, errmsg=message)
    end select
    call stop_on_error(stat, message)
  end subroutine pass

  subroutine report(field)
    !! One line of JSON. A result that is not a number must not pass for a small difference.
    type(field_t), intent(in) :: field
    real(real64) :: difference

    difference = maxval(abs(field%values - field%recorded))
    if (any(.not. abs(field%values) <= huge(difference))) difference = huge(difference)
    write (output_unit, '(5a, es23.16, a, es23.16, a)') '{"name": "', field%variable%name, &
        '", "units": "', field%variable%units, '", "max_abs_difference": ', difference, &
        ', "max_abs_reference": ', maxval(abs(field%recorded)), '}'
  end subroutine report

  subroutine stop_on_error(stat, message)
    integer, intent(in) :: stat
    character(*), intent(in) :: message
    integer :: i

    if (stat == pyemu_ok) return
    write (output_unit, '(a, i0, a)', advance='no') '{"status": ', stat, ', "error": "'
    do i = 1, len_trim(message)
      if (scan(message(i:i), '"\') > 0) write (output_unit, '(a)', advance='no') '\'
      write (output_unit, '(a)', advance='no') message(i:i)
    end do
    write (output_unit, '(a)') '"}'
    stop 1, quiet=.true.
  end subroutine stop_on_error

end program pyemu_verify
