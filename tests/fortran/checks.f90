module checks
  !! The least a test program needs: failed checks are printed and counted, and the program stops with an error.
  use, intrinsic :: iso_fortran_env, only: output_unit
  implicit none
  private

  public :: check, check_error, finish, data_file

  integer :: n_failed = 0

contains

  subroutine check(condition, what)
    logical, intent(in) :: condition    !! what must hold
    character(*), intent(in) :: what    !! the same in words

    if (condition) return
    n_failed = n_failed + 1
    write (output_unit, '(2a)') 'failed: ', what
  end subroutine check

  subroutine check_error(stat, expected, message, piece)
    !! A status, and a piece of the message that goes with it.
    integer, intent(in) :: stat, expected
    character(*), intent(in) :: message, piece

    if (stat == expected .and. index(message, piece) > 0) return
    n_failed = n_failed + 1
    write (output_unit, '(a, i0, a, i0, 5a)') 'failed: status ', stat, ', expected ', expected, ' with "', piece, &
        '"; message "', trim(message), '"'
  end subroutine check_error

  subroutine finish()
    if (n_failed > 0) error stop 'checks failed'
    write (output_unit, '(a)') 'all checks passed'
  end subroutine finish

  function data_file(name) result(path)
    !! A file in the directory that is the program's first argument.
    character(*), intent(in) :: name
    character(:), allocatable :: path
    character(4096) :: directory

    call get_command_argument(1, directory)
    path = trim(directory) // '/' // name
  end function data_file

end module checks
