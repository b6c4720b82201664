program gpu_bench
  !! Parity and time of an emulator on a card, from Fortran:
  !!
  !!     gpu_bench FILE DEVICE RUNTIME LIMIT COLUMNS...
  !!
  !! FILE is an emulator whose variables are all float32, profiles or fields of three dimensions; DEVICE is 'cuda:N' or
  !! 'cpu'; RUNTIME is ONNX Runtime's library or its directory; LIMIT is the memory that arrays on the host may take
  !! [bytes]. Prints one JSON object a line:
  !!
  !! - where it runs ("device"), with which ONNX Runtime ("version") and libpyemu ("pyemu");
  !! - for every output, from host and from device arrays: the largest difference from the recorded value
  !!   (max_abs_difference) and the largest recorded value (max_abs_reference);
  !! - for every number of columns and kind of arrays: the median time of a run (us) and the quickest (best_us), the
  !!   bytes of the graph's inputs and outputs (input_bytes, output_bytes), and the number of runs. "real64 (ncol,nlay)"
  !!   is a usual host's array, which is converted and transposed; "real32 (nlay,ncol)" is that of the graph; "device"
  !!   is the latter on the card.
  !!
  !! What cannot be run is a row with "error".
  use, intrinsic :: iso_c_binding, only: c_associated, c_f_pointer, c_float, c_int, c_int64_t, c_loc, c_null_ptr, c_ptr
  use, intrinsic :: iso_fortran_env, only: error_unit, int64, output_unit, real32, real64
  use pyemu, only: emulator_t, pyemu_ok, pyemu_version, report_t, variable_t
  implicit none

  integer, parameter :: on_host64 = 1, on_host32 = 2, on_device = 3
  character(*), parameter :: array_names(3) = [character(18) :: 'real64 (ncol,nlay)', 'real32 (nlay,ncol)', 'device']
  integer, parameter :: n_warm = 3, min_runs = 5, max_runs = 1000
  real(real64), parameter :: max_seconds = 1

  type :: field_t
    !! A variable and its arrays for one number of columns.
    type(variable_t) :: variable
    real(real32), allocatable :: values32(:)
    real(real64), allocatable :: values64(:)
    type(c_ptr) :: address = c_null_ptr      ! on the card
  end type field_t

  interface
    function gpu_start(ordinal) result(done) bind(c)
      import :: c_int
      implicit none
      integer(c_int), value :: ordinal
      integer(c_int) :: done
    end function gpu_start

    function gpu_allocate(size) result(memory) bind(c)
      import :: c_int64_t, c_ptr
      implicit none
      integer(c_int64_t), value :: size
      type(c_ptr) :: memory
    end function gpu_allocate

    subroutine gpu_release(memory) bind(c)
      import :: c_ptr
      implicit none
      type(c_ptr), value :: memory
    end subroutine gpu_release

    function gpu_upload(to, from, size) result(done) bind(c)
      import :: c_float, c_int, c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: to
      real(c_float), intent(in) :: from(*)
      integer(c_int64_t), value :: size
      integer(c_int) :: done
    end function gpu_upload

    function gpu_download(to, from, size) result(done) bind(c)
      import :: c_float, c_int, c_int64_t, c_ptr
      implicit none
      real(c_float), intent(inout) :: to(*)
      type(c_ptr), value :: from
      integer(c_int64_t), value :: size
      integer(c_int) :: done
    end function gpu_download
  end interface

  type(emulator_t) :: emulator
  type(report_t) :: opened
  type(field_t), allocatable, target :: fields(:)
  character(4096) :: path, device, runtime, argument
  character(1024) :: message
  integer(int64) :: limit
  integer :: i, columns, stat
  logical :: has_card

  if (command_argument_count() < 4) then
    write (error_unit, '(a)') 'usage: gpu_bench FILE DEVICE RUNTIME LIMIT COLUMNS...'
    stop 2, quiet=.true.
  end if
  call get_command_argument(1, path)
  call get_command_argument(2, device)
  call get_command_argument(3, runtime)
  call get_command_argument(4, argument)
  read (argument, *) limit
  call emulator%open(path, device=trim(device), runtime_library=trim(runtime), check_finite=.false., stat=stat, &
                     errmsg=message)
  if (stat /= pyemu_ok) then
    call write_error('open', 0, message)
    stop 1, quiet=.true.
  end if
  opened = emulator%report()
  write (output_unit, '(7a)') '{"device": "', emulator%device(), '", "version": "', opened%engine_version, &
      '", "pyemu": "', pyemu_version(), '"}'
  has_card = emulator%device() /= 'cpu'
  if (has_card) has_card = gpu_start(card_number(emulator%device())) == 1
  allocate (fields(emulator%n_variables()))
  do i = 1, size(fields)
    call emulator%variable(i, fields(i)%variable)
  end do
  call check_parity(on_host32)
  call check_parity(on_host64)
  if (has_card) call check_parity(on_device)
  do i = 5, command_argument_count()
    call get_command_argument(i, argument)
    read (argument, *) columns
    call measure(on_host64, columns)
    call measure(on_host32, columns)
    if (has_card) call measure(on_device, columns)
  end do
  call emulator%close()

contains

  integer function card_number(text)
    character(*), intent(in) :: text   !! 'cuda:N'

    read (text(index(text, ':') + 1:), *) card_number
  end function card_number

  integer(int64) function count_of(field, columns)
    !! Elements of an array.
    type(field_t), intent(in) :: field
    integer, intent(in) :: columns

    count_of = product(int(field%variable%shape, int64)) * columns
  end function count_of

  subroutine check_parity(arrays)
    !! The recorded inputs give the recorded outputs.
    integer, intent(in) :: arrays
    real(real32), allocatable, target :: recorded(:)
    real(real64) :: difference
    integer :: k, n

    n = emulator%n_references()
    if (.not. prepare(arrays, n, 'parity')) return
    do k = 1, size(fields)
      if (.not. fields(k)%variable%is_input) cycle
      allocate (recorded(count_of(fields(k), n)))
      call read_reference(fields(k), n, recorded)
      call write_values(arrays, fields(k), n, recorded)
      deallocate (recorded)
    end do
    call emulator%run(stat=stat, errmsg=message)
    if (stat /= pyemu_ok) call write_error('parity', n, message, arrays)
    do k = 1, size(fields)
      if (stat /= pyemu_ok .or. fields(k)%variable%is_input) cycle
      allocate (recorded(count_of(fields(k), n)))
      call read_reference(fields(k), n, recorded)
      call read_values(arrays, fields(k), n)
      difference = maxval(abs(real(fields(k)%values32, real64) - recorded))
      if (.not. all(abs(fields(k)%values32) <= huge(1.0_real32))) difference = huge(difference)
      write (output_unit, '(5a, 2(a, es12.5), a)') '{"parity": "', fields(k)%variable%name, '", "arrays": "', &
          trim(array_names(arrays)), '"', ', "max_abs_difference": ', difference, ', "max_abs_reference": ', &
          maxval(abs(recorded)), '}'
      deallocate (recorded)
    end do
    call free_arrays()
  end subroutine check_parity

  subroutine measure(arrays, columns)
    !! Time a run on so many columns.
    integer, intent(in) :: arrays, columns
    real(real64) :: seconds(max_runs), spent
    integer(int64) :: start, finish, rate, bytes(2)
    integer :: k, n

    if (.not. prepare(arrays, columns, 'time')) return
    bytes = 0
    do k = 1, size(fields)
      n = merge(1, 2, fields(k)%variable%is_input)
      bytes(n) = bytes(n) + 4 * count_of(fields(k), columns)
    end do
    spent = 0
    n = 0
    do k = 1, n_warm + max_runs
      call system_clock(start, rate)
      call emulator%run(stat=stat, errmsg=message)
      call system_clock(finish)
      if (stat /= pyemu_ok) exit
      if (k <= n_warm) cycle
      n = n + 1
      seconds(n) = real(finish - start, real64) / real(rate, real64)
      spent = spent + seconds(n)
      if (n >= min_runs .and. spent > max_seconds) exit
    end do
    if (stat /= pyemu_ok) then
      call write_error('time', columns, message, arrays)
    else
      call sort(seconds(:n))
      write (output_unit, '(a, i0, 3a, 2(a, es14.6), 3(a, i0), a)') '{"columns": ', columns, ', "arrays": "', &
          trim(array_names(arrays)), '"', ', "us": ', 1e6_real64 * seconds((n + 1) / 2), ', "best_us": ', &
          1e6_real64 * seconds(1), ', "input_bytes": ', bytes(1), ', "output_bytes": ', bytes(2), ', "runs": ', n, '}'
    end if
    call free_arrays()
  end subroutine measure

  logical function prepare(arrays, columns, action) result(is_ready)
    !! Allocate and bind all arrays; inputs are numbers between 0 and 1.
    integer, intent(in) :: arrays, columns
    character(*), intent(in) :: action
    integer(int64) :: bytes
    integer :: k

    is_ready = .false.
    bytes = 0
    do k = 1, size(fields)
      bytes = bytes + count_of(fields(k), columns) * merge(8, 4, arrays == on_host64)
    end do
    if (bytes > limit) then
      call write_error(action, columns, 'the arrays are larger than the memory allowed on the host', arrays)
      return
    end if
    call emulator%unbind()
    do k = 1, size(fields)
      call bind_field(arrays, fields(k), columns)
      if (stat /= pyemu_ok) then
        call write_error(action, columns, message, arrays)
        call free_arrays()
        return
      end if
    end do
    is_ready = .true.
  end function prepare

  subroutine bind_field(arrays, field, columns)
    !! Make the array of one variable, and bind it.
    integer, intent(in) :: arrays, columns
    type(field_t), intent(inout), target :: field
    integer(int64) :: count

    count = count_of(field, columns)
    stat = pyemu_ok
    if (arrays == on_host64) then
      allocate (field%values64(count))
      call random_number(field%values64)
      call bind_host64(field, columns)
      return
    end if
    allocate (field%values32(count))
    call random_number(field%values32)
    if (arrays == on_host32) then
      call bind_host32(field, columns)
      return
    end if
    field%address = gpu_allocate(4 * count)
    if (.not. c_associated(field%address)) then
      stat = -1
      message = 'no memory on the card for the arrays'
    else if (gpu_upload(field%address, field%values32, 4 * count) /= 1) then
      stat = -1
      message = 'the arrays could not be copied to the card'
    else
      call bind_on_device(field, columns)
    end if
  end subroutine bind_field

  subroutine bind_host64(field, columns)
    !! As a usual host has it: the column fastest.
    type(field_t), intent(inout), target :: field
    integer, intent(in) :: columns
    real(real64), pointer :: a2(:, :), a4(:, :, :, :)

    associate (n => field%variable%shape)
      if (size(n) == 1) then
        a2(1:columns, 1:n(1)) => field%values64
        call emulator%bind(field%variable%name, a2, stat=stat, errmsg=message)
      else
        a4(1:n(1), 1:n(2), 1:n(3), 1:columns) => field%values64
        call emulator%bind(field%variable%name, a4, stat=stat, errmsg=message)
      end if
    end associate
  end subroutine bind_host64

  subroutine bind_host32(field, columns)
    !! As the graph has it.
    type(field_t), intent(inout), target :: field
    integer, intent(in) :: columns
    real(real32), pointer :: a2(:, :), a4(:, :, :, :)

    associate (n => field%variable%shape)
      if (size(n) == 1) then
        a2(1:n(1), 1:columns) => field%values32
        call emulator%bind(field%variable%name, a2, level_dim=1, stat=stat, errmsg=message)
      else
        a4(1:n(1), 1:n(2), 1:n(3), 1:columns) => field%values32
        call emulator%bind(field%variable%name, a4, stat=stat, errmsg=message)
      end if
    end associate
  end subroutine bind_host32

  subroutine bind_on_device(field, columns)
    !! The same on the card.
    type(field_t), intent(inout), target :: field
    integer, intent(in) :: columns
    real(real32), pointer :: a2(:, :), a4(:, :, :, :)

    associate (n => field%variable%shape)
      if (size(n) == 1) then
        a2(1:n(1), 1:columns) => field%values32
        call emulator%bind_device(field%variable%name, field%address, a2, level_dim=1, stat=stat, errmsg=message)
      else
        a4(1:n(1), 1:n(2), 1:n(3), 1:columns) => field%values32
        call emulator%bind_device(field%variable%name, field%address, a4, stat=stat, errmsg=message)
      end if
    end associate
  end subroutine bind_on_device

  subroutine read_reference(field, columns, recorded)
    !! The recorded values in the order of the graph.
    type(field_t), intent(in) :: field
    integer, intent(in) :: columns
    real(real32), intent(inout), target, contiguous :: recorded(:)
    real(real32), pointer :: a2(:, :), a4(:, :, :, :)

    associate (n => field%variable%shape)
      if (size(n) == 1) then
        a2(1:n(1), 1:columns) => recorded
        call emulator%reference(field%variable%name, a2, level_dim=1)
      else
        a4(1:n(1), 1:n(2), 1:n(3), 1:columns) => recorded
        call emulator%reference(field%variable%name, a4)
      end if
    end associate
  end subroutine read_reference

  subroutine write_values(arrays, field, columns, values)
    !! Put values in the order of the graph into the bound array.
    integer, intent(in) :: arrays, columns
    type(field_t), intent(inout) :: field
    real(real32), intent(in) :: values(:)

    if (arrays == on_host64) then
      if (size(field%variable%shape) == 1) then
        field%values64 = reshape(transpose(reshape(real(values, real64), [field%variable%shape(1), columns])), &
                                 [size(values)])
      else
        field%values64 = values
      end if
      return
    end if
    field%values32 = values
    if (arrays == on_host32) return
    if (gpu_upload(field%address, field%values32, 4 * count_of(field, columns)) /= 1) error stop 'cannot copy to the card'
  end subroutine write_values

  subroutine read_values(arrays, field, columns)
    !! Put what is in the bound array into values32, in the order of the graph.
    integer, intent(in) :: arrays, columns
    type(field_t), intent(inout) :: field
    integer :: n

    if (arrays == on_device) then
      if (gpu_download(field%values32, field%address, 4 * count_of(field, columns)) /= 1) error stop 'no copy from the card'
    else if (arrays == on_host64) then
      n = size(field%values64)
      allocate (field%values32(n))
      field%values32 = real(field%values64, real32)
      if (size(field%variable%shape) == 1) then
        field%values32 = reshape(transpose(reshape(field%values32, [columns, field%variable%shape(1)])), [n])
      end if
    end if
  end subroutine read_values

  subroutine free_arrays()
    integer :: k

    call emulator%unbind()
    do k = 1, size(fields)
      if (allocated(fields(k)%values32)) deallocate (fields(k)%values32)
      if (allocated(fields(k)%values64)) deallocate (fields(k)%values64)
      if (c_associated(fields(k)%address)) call gpu_release(fields(k)%address)
      fields(k)%address = c_null_ptr
    end do
  end subroutine free_arrays

  subroutine sort(x)
    real(real64), intent(inout) :: x(:)
    real(real64) :: item
    integer :: j, k

    do j = 2, size(x)
      item = x(j)
      k = j - 1
      do while (k >= 1)
        if (x(k) <= item) exit
        x(k + 1) = x(k)
        k = k - 1
      end do
      x(k + 1) = item
    end do
  end subroutine sort

  subroutine write_error(action, columns, text, arrays)
    !! A row for what could not be done.
    character(*), intent(in) :: action, text
    integer, intent(in) :: columns
    integer, intent(in), optional :: arrays
    integer :: k

    write (output_unit, '(3a, i0, a)', advance='no') '{"failed": "', action, '", "columns": ', columns, ', "arrays": "'
    if (present(arrays)) write (output_unit, '(a)', advance='no') trim(array_names(arrays))
    write (output_unit, '(a)', advance='no') '", "error": "'
    do k = 1, len_trim(text)
      if (scan(text(k:k), '"\') > 0) write (output_unit, '(a)', advance='no') '\'
      write (output_unit, '(a)', advance='no') text(k:k)
    end do
    write (output_unit, '(a)') '"}'
  end subroutine write_error

end program gpu_bench
