program pyemu_verify
  !! Replay the reference columns of an emulator file from Fortran: pyemu_verify FILE [ENGINE] [--allow-code] [--derivative=NAME]
  !!
  !! Without ENGINE it is the one that runs the file's kind. --allow-code allows code that the file carries to run.
  !! --derivative opens a derivative that the file carries, 'vjp' or 'jvp', in the emulator's place.
  !! Inputs and outputs are bound as real64 arrays, or int32 ones where the graph has integers, (ncol, nlay), the usual
  !! layout of a host, and fields in Fortran's order, of up to seven dimensions. Prints one JSON object
  !! a line for every output: its name, the largest absolute difference from the recorded output, and the largest
  !! absolute recorded value [units on the card]. On an error it prints a JSON object with "error" and stops with
  !! status 1.
  use, intrinsic :: iso_fortran_env, only: error_unit, output_unit
  use pyemu, only: emulator_t, pyemu_ok
  use pyemu_verify_field, only: bind_field, field_t, largest_difference, largest_recorded
  implicit none

  type(emulator_t) :: emulator
  type(field_t), allocatable, target :: fields(:)
  character(:), allocatable :: engine, derivative   ! not allocated: the file's own, none
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
    else if (index(argument, '--derivative=') == 1) then
      derivative = trim(argument(len('--derivative=') + 1:))
    else if (allocated(engine)) then
      call stop_with_usage()
    else
      engine = trim(argument)
    end if
  end do
  if (len_trim(path) == 0) call stop_with_usage()

  call emulator%open(path, engine=engine, allow_code=allow_code, stat=stat, errmsg=message, derivative=derivative)
  call stop_on_error(stat, message)
  allocate (fields(emulator%n_variables()))
  do i = 1, size(fields)
    call bind_field(emulator, i, fields(i), stat, message)
    call stop_on_error(stat, message)
  end do
  call emulator%run(stat=stat, errmsg=message)
  call stop_on_error(stat, message)
  do i = 1, size(fields)
    if (.not. fields(i)%variable%is_input) call report(fields(i))
  end do
  call emulator%close()
  deallocate (fields)

contains

  subroutine stop_with_usage()
    write (error_unit, '(a)') 'usage: pyemu_verify FILE [ENGINE] [--allow-code] [--derivative=NAME]'
    stop 2, quiet=.true.
  end subroutine stop_with_usage

  subroutine report(field)
    !! One line of JSON.
    type(field_t), intent(in) :: field

    write (output_unit, '(5a, es23.16, a, es23.16, a)') '{"name": "', field%variable%name, &
        '", "units": "', field%variable%units, '", "max_abs_difference": ', largest_difference(field), &
        ', "max_abs_reference": ', largest_recorded(field), '}'
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
