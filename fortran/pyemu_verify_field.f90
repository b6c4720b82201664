module pyemu_verify_field
  !! One variable of an emulator as pyemu_verify replays it: what the file holds, and an array of a host bound to it.
  !!
  !! The array has the layout that is usual in Fortran: (ncol, nlay), fields with the batch last, 0 to 7 dimensions. It is
  !! integer(int32) where the graph's tensor is, and otherwise real(real64), the host's usual kind.
  use, intrinsic :: iso_fortran_env, only: int32, real64
  use pyemu, only: emulator_t, pyemu_err_size, pyemu_ok, variable_t
  implicit none
  private

  public :: field_t, bind_field, largest_difference, largest_recorded

  integer, parameter :: max_rank = 7

  type :: field_t
    !! Either the reals or the integers are allocated, in the order of the host's array.
    type(variable_t) :: variable
    real(real64), allocatable :: reals(:)              !! what is bound
    real(real64), allocatable :: recorded_reals(:)     !! what the file holds
    integer(int32), allocatable :: integers(:)
    integer(int32), allocatable :: recorded_integers(:)
  end type field_t

  interface pass
    !! Hand values to the library as an array of the rank that a host would have: to be bound, or to be filled with what
    !! is recorded.
    module procedure pass_reals, pass_integers
  end interface pass

  interface hand_over
    module procedure hand_over_reals, hand_over_integers
  end interface hand_over

contains

  subroutine bind_field(emulator, index, field, stat, errmsg)
    !! Fill a field from the file and bind it; an output is bound to memory that holds something else.
    type(emulator_t), intent(inout) :: emulator
    integer, intent(in) :: index                      !! of the variable
    type(field_t), intent(inout), target :: field
    integer, intent(out) :: stat                      !! zero, or a pyemu_err_ number
    character(*), intent(inout) :: errmsg             !! left alone on success
    integer, allocatable :: sizes(:)

    call emulator%variable(index, field%variable, stat, errmsg)
    if (stat == pyemu_ok) call find_sizes(emulator, field%variable, sizes, stat, errmsg)
    if (stat /= pyemu_ok) return
    if (field%variable%is_integer) then
      call bind_integers(emulator, field, sizes, stat, errmsg)
    else
      call bind_reals(emulator, field, sizes, stat, errmsg)
    end if
  end subroutine bind_field

  function largest_difference(field) result(difference)
    !! Largest absolute difference from the record; huge if a value is not a number, which must not pass for a small one.
    type(field_t), intent(in) :: field
    real(real64) :: difference

    if (field%variable%is_integer) then
      difference = maxval(abs(real(field%integers, real64) - real(field%recorded_integers, real64)))
      return
    end if
    difference = maxval(abs(field%reals - field%recorded_reals))
    if (any(.not. abs(field%reals) <= huge(difference))) difference = huge(difference)
  end function largest_difference

  function largest_recorded(field) result(largest)
    !! Largest absolute recorded value.
    type(field_t), intent(in) :: field
    real(real64) :: largest

    if (field%variable%is_integer) then
      largest = maxval(abs(real(field%recorded_integers, real64)))
    else
      largest = maxval(abs(field%recorded_reals))
    end if
  end function largest_recorded

  subroutine find_sizes(emulator, variable, sizes, stat, errmsg)
    !! Shape of a host's array: (ncol, nlay), or that of a field with the batch last.
    type(emulator_t), intent(in) :: emulator
    type(variable_t), intent(in) :: variable
    integer, allocatable, intent(out) :: sizes(:)
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg
    integer, allocatable :: batch(:)

    allocate (batch(merge(1, 0, variable%has_batch)), source=emulator%n_references())
    if (len(variable%level_name) > 0) then
      sizes = [batch, variable%shape]
    else
      sizes = [variable%shape, batch]
    end if
    stat = pyemu_ok
    if (size(sizes) <= max_rank) return
    stat = pyemu_err_size
    errmsg = "'" // variable%name // "' has 7 dimensions besides those of a batch, so that its record needs an array " // &
        'of rank 8; arrays of a host have rank 0 to 7, and only runs of one sample can be bound'
  end subroutine find_sizes

  subroutine bind_reals(emulator, field, sizes, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(field_t), intent(inout), target :: field
    integer, intent(in) :: sizes(:)
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg

    allocate (field%recorded_reals(product(sizes)))
    call pass(emulator, field%variable, field%recorded_reals, sizes, .false., stat, errmsg)
    if (stat /= pyemu_ok) return
    field%reals = field%recorded_reals
    if (.not. field%variable%is_input) field%reals = -huge(field%reals)
    call pass(emulator, field%variable, field%reals, sizes, .true., stat, errmsg)
  end subroutine bind_reals

  subroutine bind_integers(emulator, field, sizes, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(field_t), intent(inout), target :: field
    integer, intent(in) :: sizes(:)
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg

    allocate (field%recorded_integers(product(sizes)))
    call pass(emulator, field%variable, field%recorded_integers, sizes, .false., stat, errmsg)
    if (stat /= pyemu_ok) return
    field%integers = field%recorded_integers
    if (.not. field%variable%is_input) field%integers = -huge(field%integers)
    call pass(emulator, field%variable, field%integers, sizes, .true., stat, errmsg)
  end subroutine bind_integers

  subroutine pass_reals(emulator, variable, values, n, is_bound, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(variable_t), intent(in) :: variable
    real(real64), intent(inout), target, contiguous :: values(:)
    integer, intent(in) :: n(:)                       !! sizes of the host's array
    logical, intent(in) :: is_bound
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg
    real(real64), pointer :: a0, a1(:), a2(:, :), a3(:, :, :), a4(:, :, :, :), a5(:, :, :, :, :), a6(:, :, :, :, :, :), &
        a7(:, :, :, :, :, :, :)

    select case (size(n))
    case (0)
      a0 => values(1)
      call hand_over(emulator, variable, a0, is_bound, stat, errmsg)
    case (1)
      a1 => values
      call hand_over(emulator, variable, a1, is_bound, stat, errmsg)
    case (2)
      a2(1:n(1), 1:n(2)) => values
      call hand_over(emulator, variable, a2, is_bound, stat, errmsg)
    case (3)
      a3(1:n(1), 1:n(2), 1:n(3)) => values
      call hand_over(emulator, variable, a3, is_bound, stat, errmsg)
    case (4)
      a4(1:n(1), 1:n(2), 1:n(3), 1:n(4)) => values
      call hand_over(emulator, variable, a4, is_bound, stat, errmsg)
    case (5)
      a5(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5)) => values
      call hand_over(emulator, variable, a5, is_bound, stat, errmsg)
    case (6)
      a6(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5), 1:n(6)) => values
      call hand_over(emulator, variable, a6, is_bound, stat, errmsg)
    case (7)
      a7(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5), 1:n(6), 1:n(7)) => values
      call hand_over(emulator, variable, a7, is_bound, stat, errmsg)
    end select
  end subroutine pass_reals

  subroutine pass_integers(emulator, variable, values, n, is_bound, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(variable_t), intent(in) :: variable
    integer(int32), intent(inout), target, contiguous :: values(:)
    integer, intent(in) :: n(:)                       !! sizes of the host's array
    logical, intent(in) :: is_bound
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg
    integer(int32), pointer :: a0, a1(:), a2(:, :), a3(:, :, :), a4(:, :, :, :), a5(:, :, :, :, :), a6(:, :, :, :, :, :), &
        a7(:, :, :, :, :, :, :)

    select case (size(n))
    case (0)
      a0 => values(1)
      call hand_over(emulator, variable, a0, is_bound, stat, errmsg)
    case (1)
      a1 => values
      call hand_over(emulator, variable, a1, is_bound, stat, errmsg)
    case (2)
      a2(1:n(1), 1:n(2)) => values
      call hand_over(emulator, variable, a2, is_bound, stat, errmsg)
    case (3)
      a3(1:n(1), 1:n(2), 1:n(3)) => values
      call hand_over(emulator, variable, a3, is_bound, stat, errmsg)
    case (4)
      a4(1:n(1), 1:n(2), 1:n(3), 1:n(4)) => values
      call hand_over(emulator, variable, a4, is_bound, stat, errmsg)
    case (5)
      a5(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5)) => values
      call hand_over(emulator, variable, a5, is_bound, stat, errmsg)
    case (6)
      a6(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5), 1:n(6)) => values
      call hand_over(emulator, variable, a6, is_bound, stat, errmsg)
    case (7)
      a7(1:n(1), 1:n(2), 1:n(3), 1:n(4), 1:n(5), 1:n(6), 1:n(7)) => values
      call hand_over(emulator, variable, a7, is_bound, stat, errmsg)
    end select
  end subroutine pass_integers

  subroutine hand_over_reals(emulator, variable, array, is_bound, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(variable_t), intent(in) :: variable
    real(real64), pointer, intent(in) :: array(..)
    logical, intent(in) :: is_bound
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg

    if (is_bound) then
      call emulator%bind(variable%name, array, variable%units, stat=stat, errmsg=errmsg)
    else
      call emulator%reference(variable%name, array, stat=stat, errmsg=errmsg)
    end if
  end subroutine hand_over_reals

  subroutine hand_over_integers(emulator, variable, array, is_bound, stat, errmsg)
    type(emulator_t), intent(inout) :: emulator
    type(variable_t), intent(in) :: variable
    integer(int32), pointer, intent(in) :: array(..)
    logical, intent(in) :: is_bound
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg

    if (is_bound) then
      call emulator%bind(variable%name, array, variable%units, stat=stat, errmsg=errmsg)
    else
      call emulator%reference(variable%name, array, stat=stat, errmsg=errmsg)
    end if
  end subroutine hand_over_integers

end module pyemu_verify_field
