program bits_on_ranks
  !! The bits of emulators on the ranks of MPI_COMM_WORLD, each with its own block of columns: 'bits_on_ranks FOLDER'.
  !!
  !! FOLDER/cases.txt has a line 'number columns types' for each emulator, with a letter for each variable (f for real32,
  !! d for real64, i for int32); number.onnx is its file, number.in its inputs and number.out what the outputs should be, one
  !! variable after the other, columns slowest. Rank 0 prints a line for each case: number, values that differ and NaNs of
  !! another sign or payload ('0+0') with an engine on every rank, and with one that all share, or '-' if it cannot be shared.
  use, intrinsic :: iso_c_binding, only: c_f_pointer, c_loc
  use, intrinsic :: iso_fortran_env, only: error_unit, int32, int64, int8, real32, real64
  use mpi_f08, only: MPI_Abort, MPI_Allreduce, MPI_Comm_rank, MPI_Comm_size, MPI_COMM_WORLD, MPI_Finalize, MPI_IN_PLACE, &
      MPI_Init, MPI_INTEGER8, MPI_SUM
  use pyemu, only: emulator_t, pyemu_ok, variable_t
  use pyemu_mpi, only: open_on_all_ranks, run_on_all_ranks, shared_emulator_t
  implicit none

  type :: values_t
    !! A variable on this rank: its bytes, and if it is an output those it should have.
    character(1) :: letter = ' '
    logical :: is_input = .false.
    integer(int8), pointer, contiguous :: bytes(:) => null()
    integer(int8), pointer, contiguous :: expected(:) => null()
  end type values_t

  character(4096) :: folder, line
  character(16) :: letters
  character(48) :: names(2)
  integer :: case_number, n_columns, n_ranks, rank, status, unit
  integer(int64) :: private_counts(2), shared_counts(2) !! values that differ, NaNs of other bits
  logical :: can_share

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call get_command_argument(1, folder)
  open (newunit=unit, file=trim(folder) // '/cases.txt', action='read', status='old')
  do
    read (unit, '(a)', iostat=status) line
    if (status /= 0) exit
    read (line, *) case_number, n_columns, letters
    call try_private(private_counts)
    call try_shared(shared_counts, can_share)
    if (rank == 0) then
      write (names(1), '(i0, a, i0)') private_counts(1), '+', private_counts(2)
      write (names(2), '(i0, a, i0)') shared_counts(1), '+', shared_counts(2)
      if (.not. can_share) names(2) = '-'
      print '(i0, a, a, a, a)', case_number, ',', trim(names(1)), ',', trim(names(2))
    end if
  end do
  close (unit)
  call MPI_Finalize()

contains

  function path_of(suffix) result(path)
    character(*), intent(in) :: suffix
    character(:), allocatable :: path
    character(16) :: digits

    write (digits, '(i0)') case_number
    path = trim(folder) // '/' // trim(digits) // suffix
  end function path_of

  subroutine try_private(counts)
    !! An engine on every rank.
    integer(int64), intent(out) :: counts(2)
    type(emulator_t) :: e
    type(values_t), allocatable :: values(:)

    call open_on_all_ranks(e, path_of('.onnx'), MPI_COMM_WORLD, engine='native', check_finite=.false.)
    call bind_all(e, values)
    call run_on_all_ranks(e, MPI_COMM_WORLD)
    counts = count_on_all_ranks(values)
    call e%close()
  end subroutine try_private

  subroutine try_shared(counts, can_share)
    !! One engine for all ranks, which only emulators of columns may have.
    integer(int64), intent(out) :: counts(2)
    logical, intent(out) :: can_share
    type(shared_emulator_t) :: e
    type(values_t), allocatable :: values(:)
    character(1024) :: message

    message = ' '
    counts = 0
    call e%open_shared(path_of('.onnx'), MPI_COMM_WORLD, engine='native', check_finite=.false., stat=status, errmsg=message)
    can_share = status == pyemu_ok
    if (.not. can_share) then
      if (index(message, 'only emulators of columns can be shared') == 0) call stop_all(message)
      return
    end if
    call bind_all(e, values)
    call e%run()
    counts = count_on_all_ranks(values)
    call e%close()
  end subroutine try_shared

  subroutine bind_all(e, values)
    !! Read this rank's columns of all variables and bind them.
    class(emulator_t), intent(inout) :: e
    type(values_t), intent(out), allocatable, target :: values(:)
    integer(int64) :: at(2)
    integer :: i

    at = 1
    allocate (values(e%n_variables()))
    do i = 1, size(values)
      values(i)%letter = letters(i:i)
      call bind_one(e, i, values(i), at)
    end do
  end subroutine bind_all

  subroutine bind_one(e, i, values, at)
    class(emulator_t), intent(inout) :: e
    integer, intent(in) :: i
    type(values_t), intent(inout) :: values
    integer(int64), intent(inout) :: at(2) !! where the next variable begins in the file of inputs and in that of outputs
    type(variable_t) :: variable
    integer(int64) :: all_bytes, column_bytes, first, last
    integer :: file

    call e%variable(i, variable)
    values%is_input = variable%is_input
    column_bytes = merge(8, 4, values%letter == 'd') * product(int(variable%shape, int64))
    first = 0
    last = 1
    all_bytes = column_bytes
    if (variable%has_batch) then
      first = int(rank, int64) * n_columns / n_ranks
      last = int(rank + 1, int64) * n_columns / n_ranks
      all_bytes = column_bytes * n_columns
    end if
    file = merge(1, 2, variable%is_input)
    allocate (values%bytes((last - first) * column_bytes), values%expected((last - first) * column_bytes))
    call read_bytes(merge('.in ', '.out', variable%is_input), at(file) + first * column_bytes, values%expected)
    at(file) = at(file) + all_bytes
    values%bytes = 90_int8
    if (variable%is_input) values%bytes = values%expected
    if (variable%has_batch) then
      call bind_shape(e, variable, values, [variable%shape, int(last - first)])
    else
      call bind_shape(e, variable, values, variable%shape)
    end if
  end subroutine bind_one

  subroutine read_bytes(suffix, at, bytes)
    character(*), intent(in) :: suffix
    integer(int64), intent(in) :: at
    integer(int8), intent(out), contiguous :: bytes(:)
    integer :: file

    open (newunit=file, file=path_of(trim(suffix)), access='stream', form='unformatted', action='read', status='old')
    read (file, pos=at) bytes
    close (file)
  end subroutine read_bytes

  subroutine bind_shape(e, variable, values, extents)
    !! Bind the bytes as an array of these extents; the vertical of a column is the first.
    class(emulator_t), intent(inout) :: e
    type(variable_t), intent(in) :: variable
    type(values_t), intent(in), target :: values
    integer, intent(in) :: extents(:)
    integer(int32), pointer :: i0, i1(:), i2(:, :), i3(:, :, :), i4(:, :, :, :), i5(:, :, :, :, :)
    real(real32), pointer :: f0, f1(:), f2(:, :), f3(:, :, :), f4(:, :, :, :), f5(:, :, :, :, :)
    real(real64), pointer :: d0, d1(:), d2(:, :), d3(:, :, :), d4(:, :, :, :), d5(:, :, :, :, :)
    integer, allocatable :: level

    if (variable%level_name /= '') level = 1
    associate (at => c_loc(values%bytes), name => variable%name)
      select case (values%letter // achar(iachar('0') + size(extents)))
      case ('f0')
        call c_f_pointer(at, f0)
        call e%bind(name, f0)
      case ('f1')
        call c_f_pointer(at, f1, extents)
        call e%bind(name, f1)
      case ('f2')
        call c_f_pointer(at, f2, extents)
        call e%bind(name, f2, level_dim=level)
      case ('f3')
        call c_f_pointer(at, f3, extents)
        call e%bind(name, f3)
      case ('f4')
        call c_f_pointer(at, f4, extents)
        call e%bind(name, f4)
      case ('f5')
        call c_f_pointer(at, f5, extents)
        call e%bind(name, f5)
      case ('d0')
        call c_f_pointer(at, d0)
        call e%bind(name, d0)
      case ('d1')
        call c_f_pointer(at, d1, extents)
        call e%bind(name, d1)
      case ('d2')
        call c_f_pointer(at, d2, extents)
        call e%bind(name, d2, level_dim=level)
      case ('d3')
        call c_f_pointer(at, d3, extents)
        call e%bind(name, d3)
      case ('d4')
        call c_f_pointer(at, d4, extents)
        call e%bind(name, d4)
      case ('d5')
        call c_f_pointer(at, d5, extents)
        call e%bind(name, d5)
      case ('i0')
        call c_f_pointer(at, i0)
        call e%bind(name, i0)
      case ('i1')
        call c_f_pointer(at, i1, extents)
        call e%bind(name, i1)
      case ('i2')
        call c_f_pointer(at, i2, extents)
        call e%bind(name, i2, level_dim=level)
      case ('i3')
        call c_f_pointer(at, i3, extents)
        call e%bind(name, i3)
      case ('i4')
        call c_f_pointer(at, i4, extents)
        call e%bind(name, i4)
      case ('i5')
        call c_f_pointer(at, i5, extents)
        call e%bind(name, i5)
      case default
        call stop_all('a variable has too many dimensions')
      end select
    end associate
  end subroutine bind_shape

  function count_on_all_ranks(values) result(counts)
    !! Values of outputs that are not as they should be, and NaNs of another sign or payload.
    type(values_t), intent(inout) :: values(:)
    integer(int64) :: counts(2)
    integer :: i

    counts = 0
    do i = 1, size(values)
      if (.not. values(i)%is_input) counts = counts + count_differing(values(i))
      deallocate (values(i)%bytes, values(i)%expected)
    end do
    call MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_INTEGER8, MPI_SUM, MPI_COMM_WORLD)
  end function count_on_all_ranks

  function count_differing(values) result(counts)
    type(values_t), intent(in), target :: values
    integer(int64) :: counts(2)
    logical, allocatable :: differ(:), is_nan(:)
    integer(int32), pointer :: a4(:), b4(:)
    integer(int64), pointer :: a8(:), b8(:)
    real(real32), pointer :: f(:), g(:)
    real(real64), pointer :: x(:), y(:)

    if (values%letter == 'd') then
      call c_f_pointer(c_loc(values%bytes), a8, [size(values%bytes) / 8])
      call c_f_pointer(c_loc(values%expected), b8, [size(values%bytes) / 8])
      call c_f_pointer(c_loc(values%bytes), x, [size(values%bytes) / 8])
      call c_f_pointer(c_loc(values%expected), y, [size(values%bytes) / 8])
      differ = a8 /= b8
      is_nan = x /= x .and. y /= y
    else
      call c_f_pointer(c_loc(values%bytes), a4, [size(values%bytes) / 4])
      call c_f_pointer(c_loc(values%expected), b4, [size(values%bytes) / 4])
      call c_f_pointer(c_loc(values%bytes), f, [size(values%bytes) / 4])
      call c_f_pointer(c_loc(values%expected), g, [size(values%bytes) / 4])
      differ = a4 /= b4
      is_nan = values%letter == 'f' .and. f /= f .and. g /= g
    end if
    counts = [count(differ .and. .not. is_nan), count(differ .and. is_nan)]
  end function count_differing

  subroutine stop_all(message)
    character(*), intent(in) :: message

    write (error_unit, '(a, i0, a, a)') 'case ', case_number, ': ', trim(message)
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine stop_all

end program bits_on_ranks
