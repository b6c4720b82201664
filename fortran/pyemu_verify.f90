program pyemu_verify
  !! Replay the reference columns of an emulator file from Fortran: pyemu_verify FILE [ENGINE] [--allow-code]
  !!
  !! Without ENGINE it is the one that runs the file's kind. --allow-code allows code that the file carries to run.
  !! Inputs and outputs are bound as real64 arrays (ncol, nlay), the usual layout of a host. Prints one JSON object
  !! a line for every output: its name, the largest absolute difference from the recorded output, and the largest
  !! absolute recorded value [units on the card]. On an error it prints a JSON object with "error" and stops with
  !! status 1.
  use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real64
  use pyemu, only: emulator_t, pyemu_ok, variable_t
  implicit none

  type :: field_t
    type(variable_t) :: variable
    real(real64), allocatable :: values(:, :)     ! (ncol, nlay) what is bound
    real(real64), allocatable :: recorded(:, :)   ! (ncol, nlay) what the file holds
  end type field_t

  type(emulator_t) :: emulator
  type(field_t), allocatable, target :: fields(:)
  character(:), allocatable :: engine   ! not allocated: the file's own
  character(4096) :: path, argument
  character(1024) :: message
  logical :: allow_code
  integer :: i, stat

  call get_command_argument(1, path)
  allow_code = .false.
  do i = 2, command_argument_count()
    call get_command_argument(i, argument)
    if (argument == '--allow-code') then
      allow_code = .true.
    else if (allocated(engine)) then
      call stop_with_usage()
    else
      engine = trim(argument)
    end if
  end do
  if (len_trim(path) == 0) call stop_with_usage()

  call emulator%open(path, engine=engine, allow_code=allow_code, stat=stat, errmsg=message)
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
    allocate (field%recorded(emulator%n_references(), field%variable%level_size))
    call read_recorded(emulator, field)
    field%values = field%recorded
    if (.not. field%variable%is_input) field%values = -huge(1.0_real64)
    if (len(field%variable%level_name) > 0) then
      call emulator%bind(field%variable%name, field%values, units=field%variable%units, stat=stat, errmsg=message)
    else
      call emulator%bind(field%variable%name, field%values(:, 1), units=field%variable%units, stat=stat, &
                         errmsg=message)
    end if
    call stop_on_error(stat, message)
  end subroutine bind_field

  subroutine read_recorded(emulator, field)
    type(emulator_t), intent(in) :: emulator
    type(field_t), intent(inout) :: field

    if (len(field%variable%level_name) > 0) then
      call emulator%reference(field%variable%name, field%recorded, stat=stat, errmsg=message)
    else
      call emulator%reference(field%variable%name, field%recorded(:, 1), stat=stat, errmsg=message)
    end if
    call stop_on_error(stat, message)
  end subroutine read_recorded

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
