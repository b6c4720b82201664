module pyemu_mpi_group
  !! Ranks that share one engine. Each rank's run hands over its packed tensors; the leader, rank 0 of the group, gathers
  !! them, runs the engine once on all columns, and scatters the results. See csrc/mpi/group.h.
  !!
  !! Ranks need not call the engine equally often: one has no columns, another cannot run at all. So they meet in
  !! turns. Each turn begins with what every rank offers: columns to work on, nothing more to do, or an error. Ranks
  !! take turns until none has work left, or until one has failed.
  use, intrinsic :: iso_c_binding, only: c_char, c_f_pointer, c_int, c_int32_t, c_int64_t, c_loc, c_null_char, c_ptr, c_size_t
  use, intrinsic :: iso_fortran_env, only: int32, int64, int8, real32, real64
  use mpi_f08, only: MPI_Allgather, MPI_Bcast, MPI_BYTE, MPI_Comm, MPI_COMM_NULL, MPI_Comm_dup, MPI_Comm_free, MPI_Comm_rank, &
      MPI_Comm_set_errhandler, MPI_Comm_size, MPI_Datatype, MPI_DATATYPE_NULL, MPI_ERRORS_RETURN, MPI_Gatherv, MPI_INTEGER, &
      MPI_INTEGER8, MPI_Scatterv, MPI_Type_commit, MPI_Type_contiguous, MPI_Type_free, operator(/=)
  use pyemu, only: emulator_t, pyemu_ok, pyemu_err_argument, pyemu_err_inference, pyemu_err_memory, pyemu_err_size, &
      pyemu_err_unsupported, variable_t
  use pyemu_mpi_status, only: agree_on_status, message_length, mpi_failed
  implicit none
  private

  public :: group_t, begin_run, disband, finish_run, forget, form, name_tensors, set_opening

  integer, parameter :: leader = 0

  ! Element types, as in pyemu.h.
  integer, parameter :: type_float32 = 1, type_float64 = 2, type_int32 = 3

  ! What a rank offers in a turn. Any other number is no offer.
  integer(int64), parameter :: has_work = 1, has_done = 2, has_failed = 3

  type :: tensor_t
    !! One variable of the emulator.
    character(:), allocatable :: name
    logical :: is_input = .false.
    integer :: dtype = 0
    integer :: rank = 0                                             !! 2, 1 for one value per column, 0 for one in all
    integer(int64) :: width = 0                                     !! values per column
    type(MPI_Datatype) :: column = MPI_DATATYPE_NULL                !! one column
    real(real64), pointer, contiguous :: memory(:) => null()        !! on the leader: the columns of all ranks
  end type tensor_t

  type :: shares_t
    !! How much each rank has, and how much the ranks before it.
    integer, allocatable :: counts(:), offsets(:)
  end type shares_t

  type :: group_t
    type(MPI_Comm) :: comm = MPI_COMM_NULL         !! the group's own: its messages meet none of the host's
    integer :: rank = 0, n_ranks = 0
    type(emulator_t) :: engine                     !! open on the leader alone
    character(64) :: engine_name = ' '
    type(tensor_t), allocatable :: tensors(:)      !! inputs, then outputs
    integer(int64) :: n_columns = -1               !! columns of all ranks that the leader's arrays are bound for
    integer :: step = 0
    logical :: is_done = .false.                   !! no rank has work left in this run
    logical :: is_stopped = .false.                !! a rank has failed in this run
    integer :: own_status = pyemu_ok               !! this rank's own failure in this run
    character(message_length) :: own_message = ' '
    integer(int64), allocatable :: offers(:, :)    !! (2, rank): offer and number of columns
    type(shares_t) :: columns                      !! of each rank
    type(shares_t) :: values                       !! the same for what is one value for all columns of a rank
  end type group_t

  interface
    subroutine set_opening(group) bind(c, name='pyemu_mpi_set_opening')
      !! Say for which group this thread is opening an emulator; null: for none.
      import :: c_ptr
      implicit none
      type(c_ptr), value :: group
    end subroutine set_opening
  end interface

contains

  subroutine form(group, comm, status, message)
    !! Make the group of a communicator's ranks. Collective.
    type(group_t), intent(inout) :: group
    type(MPI_Comm), intent(in) :: comm
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    integer :: code

    call MPI_Comm_dup(comm, group%comm, code)
    if (mpi_failed(code, 'MPI_Comm_dup', status, message)) return
    call MPI_Comm_set_errhandler(group%comm, MPI_ERRORS_RETURN)
    call MPI_Comm_rank(group%comm, group%rank)
    call MPI_Comm_size(group%comm, group%n_ranks)
    allocate (group%offers(2, group%n_ranks))
    allocate (group%columns%counts(group%n_ranks), group%columns%offsets(group%n_ranks))
    allocate (group%values%counts(group%n_ranks), group%values%offsets(group%n_ranks))
    allocate (group%tensors(0))
  end subroutine form

  subroutine disband(group)
    !! Free what MPI holds for the group. Collective.
    type(group_t), intent(inout) :: group
    integer :: i

    if (allocated(group%tensors)) then
      do i = 1, size(group%tensors)
        if (group%tensors(i)%column /= MPI_DATATYPE_NULL) call MPI_Type_free(group%tensors(i)%column)
      end do
    end if
    if (group%comm /= MPI_COMM_NULL) call MPI_Comm_free(group%comm)
  end subroutine disband

  subroutine forget(group)
    !! Free the memory of the group and close its engine, without a word to the other ranks.
    type(group_t), pointer, intent(inout) :: group
    integer :: i, status

    if (.not. associated(group)) return
    if (allocated(group%tensors)) then
      do i = 1, size(group%tensors)
        if (associated(group%tensors(i)%memory)) deallocate (group%tensors(i)%memory)
      end do
    end if
    if (group%engine%is_open()) call group%engine%close(stat=status)
    deallocate (group)
  end subroutine forget

  subroutine add_tensor(handle, dtype, rank, width, is_input) bind(c, name='pyemu_mpi_add_tensor')
    !! The engine 'group' says what the card says.
    type(c_ptr), value :: handle
    integer(c_int32_t), value :: dtype, rank
    integer(c_int64_t), value :: width
    integer(c_int32_t), value :: is_input
    type(group_t), pointer :: group
    type(tensor_t) :: tensor

    call c_f_pointer(handle, group)
    tensor%dtype = dtype
    tensor%rank = rank
    tensor%width = width
    tensor%is_input = is_input /= 0
    group%tensors = [group%tensors, tensor]
  end subroutine add_tensor

  subroutine name_tensors(group, member, status, message)
    !! After open: names of the tensors, and how MPI sends a column of each.
    type(group_t), intent(inout) :: group
    class(emulator_t), intent(in) :: member
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    type(variable_t) :: variable
    integer(int64) :: n_bytes
    integer :: code, i

    do i = 1, size(group%tensors)
      call member%variable(i, variable)
      group%tensors(i)%name = variable%name
      n_bytes = group%tensors(i)%width * element_size(group%tensors(i)%dtype)
      if (n_bytes <= 0 .or. n_bytes > huge(code) .or. (group%tensors(i)%rank == 2 .and. len(variable%level_name) == 0)) then
        status = pyemu_err_unsupported
        message = "'" // variable%name // "' is no variable of columns, or of a type or size that cannot be shared: " // &
            'open this emulator on every rank'
        return
      end if
      call MPI_Type_contiguous(int(n_bytes), MPI_BYTE, group%tensors(i)%column, code)
      if (mpi_failed(code, 'MPI_Type_contiguous', status, message)) return
      call MPI_Type_commit(group%tensors(i)%column, code)
      if (mpi_failed(code, 'MPI_Type_commit', status, message)) return
    end do
  end subroutine name_tensors

  pure function element_size(dtype) result(n_bytes)
    !! Bytes of one element, 0 for a type that is not known here.
    integer, intent(in) :: dtype
    integer(int64) :: n_bytes

    select case (dtype)
    case (type_float32, type_int32)
      n_bytes = 4
    case (type_float64)
      n_bytes = 8
    case default
      n_bytes = 0
    end select
  end function element_size

  subroutine begin_run(group, step)
    type(group_t), intent(inout) :: group
    integer, intent(in), optional :: step

    group%step = 0
    if (present(step)) group%step = step
    group%is_done = .false.
    group%is_stopped = .false.
    group%own_status = pyemu_ok
    group%own_message = ' '
  end subroutine begin_run

  subroutine finish_run(group, status, message)
    !! After this rank's own run, with its status: take turns until no rank has work left, then agree on the status.
    type(group_t), intent(inout) :: group
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    type(c_ptr) :: nothing(0)

    if (status /= pyemu_ok .and. .not. group%is_stopped) then
      group%own_status = status
      group%own_message = message
    end if
    do while (.not. (group%is_done .or. group%is_stopped))
      call take_turn(group, merge(has_done, has_failed, status == pyemu_ok), 0_int64, nothing)
    end do
    status = group%own_status
    message = group%own_message
    if (group%is_stopped) call agree_on_status(group%comm, status, message)
  end subroutine finish_run

  function exchange(handle, n_columns, tensors, errmsg, errlen) result(status) bind(c, name='pyemu_mpi_exchange')
    !! This rank's engine is called: its columns are work for the group.
    type(c_ptr), value :: handle
    integer(c_int64_t), value :: n_columns
    type(c_ptr), intent(in) :: tensors(*)
    character(kind=c_char), intent(inout) :: errmsg(*)
    integer(c_size_t), value :: errlen
    integer(c_int) :: status
    type(group_t), pointer :: group

    call c_f_pointer(handle, group)
    call take_turn(group, has_work, n_columns, tensors(1:size(group%tensors)))
    status = int(pyemu_ok, c_int)
    if (.not. group%is_stopped) return
    status = int(pyemu_err_inference, c_int)
    if (errlen > 0) errmsg(1) = c_null_char
  end function exchange

  subroutine take_turn(group, offer, n_columns, tensors)
    !! One turn, the same on all ranks: say what each rank has, then infer once for all that have work.
    type(group_t), intent(inout) :: group
    integer(int64), intent(in) :: offer              !! has_work, has_done or has_failed
    integer(int64), intent(in) :: n_columns          !! of this rank
    type(c_ptr), intent(in) :: tensors(:)            !! memory of this rank's tensors; none without columns
    integer :: code

    call MPI_Allgather([offer, n_columns], 2, MPI_INTEGER8, group%offers, 2, MPI_INTEGER8, group%comm, code)
    if (stopped_by_mpi(group, code, 'MPI_Allgather')) return
    group%is_stopped = any(group%offers(1, :) == has_failed)
    group%is_done = all(group%offers(1, :) == has_done)
    if (group%is_stopped .or. group%is_done) return
    call prepare(group)
    if (.not. group%is_stopped) call move_columns(group, tensors, is_input=.true.)
    if (.not. group%is_stopped) call infer(group)
    if (.not. group%is_stopped) call move_columns(group, tensors, is_input=.false.)
  end subroutine take_turn

  subroutine prepare(group)
    !! Count the columns of all ranks; when their number has changed, the leader makes room and binds.
    type(group_t), intent(inout) :: group
    integer(int64) :: total
    integer :: i

    total = sum(group%offers(2, :))
    if (total > huge(i)) then
      call fail(group, pyemu_err_size, 'the ranks of a group have more than 2147483647 columns together: make smaller groups')
      group%is_stopped = .true.
      return
    end if
    call share(group%columns, group%offers(2, :), total)
    call share(group%values, group%offers(2, :), 1_int64)
    if (total == group%n_columns) return
    group%n_columns = -1
    if (group%rank == leader) call bind_columns(group, total)
    call hear_leader(group)
    if (.not. group%is_stopped) group%n_columns = total
  end subroutine prepare

  pure subroutine share(shares, columns, most)
    !! Say how much each rank has: its columns, but not more than 'most'.
    type(shares_t), intent(inout) :: shares
    integer(int64), intent(in) :: columns(:), most
    integer :: before, i

    before = 0
    do i = 1, size(columns)
      shares%counts(i) = int(min(columns(i), most))
      shares%offsets(i) = before
      before = before + shares%counts(i)
    end do
  end subroutine share

  subroutine bind_columns(group, total)
    !! On the leader: let the engine run on the gathered columns, in the layout of the graph, without a further copy.
    type(group_t), intent(inout), target :: group
    integer(int64), intent(in) :: total
    integer(int64) :: n_columns
    integer :: code, i

    call group%engine%unbind(group%own_status, group%own_message)
    do i = 1, size(group%tensors)
      associate (tensor => group%tensors(i))
        if (group%own_status /= pyemu_ok) return
        n_columns = merge(int(group%n_ranks, int64), total, tensor%rank == 0)
        if (capacity(tensor) < n_columns) then
          if (associated(tensor%memory)) deallocate (tensor%memory)
          allocate (tensor%memory((n_columns * tensor%width * element_size(tensor%dtype) + 7) / 8), stat=code)
          if (code /= 0) then
            nullify (tensor%memory)
            call fail(group, pyemu_err_memory, 'no memory for the columns of all ranks of the group')
            return
          end if
        end if
        call bind_tensor(group, tensor, total)
      end associate
    end do
  end subroutine bind_columns

  pure function capacity(tensor) result(n_columns)
    !! Columns that the leader's memory can hold.
    type(tensor_t), intent(in) :: tensor
    integer(int64) :: n_columns

    n_columns = 0
    if (associated(tensor%memory)) n_columns = size(tensor%memory, kind=int64) * 8 / &
        (tensor%width * element_size(tensor%dtype))
  end function capacity

  subroutine bind_tensor(group, tensor, total)
    type(group_t), intent(inout) :: group
    type(tensor_t), intent(in) :: tensor
    integer(int64), intent(in) :: total
    real(real32), pointer :: x32(:), x32_levels(:, :)
    real(real64), pointer :: x64(:), x64_levels(:, :)
    integer(int32), pointer :: n32(:), n32_levels(:, :)
    integer(int64) :: n_columns
    type(c_ptr) :: address

    address = c_loc(tensor%memory)
    n_columns = merge(1_int64, total, tensor%rank == 0)
    associate (stat => group%own_status, errmsg => group%own_message)
      select case (tensor%dtype * 10 + max(1, tensor%rank))
      case (type_float32 * 10 + 1)
        call c_f_pointer(address, x32, [n_columns])
        call group%engine%bind(tensor%name, x32, stat=stat, errmsg=errmsg)
      case (type_float32 * 10 + 2)
        call c_f_pointer(address, x32_levels, [tensor%width, n_columns])
        call group%engine%bind(tensor%name, x32_levels, level_dim=1, stat=stat, errmsg=errmsg)
      case (type_float64 * 10 + 1)
        call c_f_pointer(address, x64, [n_columns])
        call group%engine%bind(tensor%name, x64, stat=stat, errmsg=errmsg)
      case (type_float64 * 10 + 2)
        call c_f_pointer(address, x64_levels, [tensor%width, n_columns])
        call group%engine%bind(tensor%name, x64_levels, level_dim=1, stat=stat, errmsg=errmsg)
      case (type_int32 * 10 + 1)
        call c_f_pointer(address, n32, [n_columns])
        call group%engine%bind(tensor%name, n32, stat=stat, errmsg=errmsg)
      case default
        call c_f_pointer(address, n32_levels, [tensor%width, n_columns])
        call group%engine%bind(tensor%name, n32_levels, level_dim=1, stat=stat, errmsg=errmsg)
      end select
    end associate
  end subroutine bind_tensor

  subroutine move_columns(group, tensors, is_input)
    !! Gather the inputs on the leader, or scatter the outputs from it.
    type(group_t), intent(inout), target :: group
    type(c_ptr), intent(in) :: tensors(:)
    logical, intent(in) :: is_input
    real(real64), target :: nothing(1)
    integer(int8), pointer, contiguous :: mine(:)
    real(real64), pointer, contiguous :: all_columns(:)
    type(shares_t), pointer :: shares
    integer :: code, count, i

    do i = 1, size(group%tensors)
      associate (tensor => group%tensors(i))
        if (tensor%is_input .neqv. is_input) cycle
        shares => group%columns
        if (tensor%rank == 0) shares => group%values
        count = shares%counts(group%rank + 1)
        all_columns => nothing
        if (group%rank == leader) all_columns => tensor%memory
        if (count > 0) then
          call c_f_pointer(tensors(i), mine, [count * tensor%width * element_size(tensor%dtype)])
        else
          call c_f_pointer(c_loc(nothing), mine, [8])
        end if
        if (is_input) then
          call MPI_Gatherv(mine, count, tensor%column, all_columns, shares%counts, shares%offsets, tensor%column, leader, &
                           group%comm, code)
        else
          call MPI_Scatterv(all_columns, shares%counts, shares%offsets, tensor%column, mine, count, tensor%column, leader, &
                            group%comm, code)
        end if
      end associate
      if (stopped_by_mpi(group, code, merge('MPI_Gatherv ', 'MPI_Scatterv', is_input))) return
    end do
  end subroutine move_columns

  subroutine infer(group)
    !! The leader runs the engine once on the columns of all ranks.
    type(group_t), intent(inout) :: group

    if (group%rank == leader) then
      call check_values(group)
      if (group%own_status == pyemu_ok) then
        call group%engine%run(group%step, stat=group%own_status, errmsg=group%own_message)
      end if
    end if
    call hear_leader(group)
  end subroutine infer

  subroutine check_values(group)
    !! What is one value for all columns must be the same on all ranks: one call cannot serve two.
    type(group_t), intent(inout) :: group
    integer(int8), pointer, contiguous :: bytes(:)
    integer(int64) :: length
    integer :: i, j

    do i = 1, size(group%tensors)
      associate (tensor => group%tensors(i))
        if (tensor%rank /= 0) cycle
        length = element_size(tensor%dtype)
        call c_f_pointer(c_loc(tensor%memory), bytes, [length * group%n_ranks])
        do j = 1, sum(group%values%counts) - 1
          if (all(bytes(:length) == bytes(j * length + 1:(j + 1) * length))) cycle
          call fail(group, pyemu_err_argument, "'" // tensor%name // "' is one value for all columns, but differs " // &
                    'between the ranks of the group: give all ranks the same, or open the emulator on every rank')
          return
        end do
      end associate
    end do
  end subroutine check_values

  subroutine hear_leader(group)
    !! Stop on all ranks if the leader has failed.
    type(group_t), intent(inout) :: group
    integer :: code, status

    status = group%own_status
    call MPI_Bcast(status, 1, MPI_INTEGER, leader, group%comm, code)
    if (stopped_by_mpi(group, code, 'MPI_Bcast')) return
    group%is_stopped = status /= pyemu_ok
  end subroutine hear_leader

  function stopped_by_mpi(group, code, procedure_name) result(has_stopped)
    type(group_t), intent(inout) :: group
    integer, intent(in) :: code
    character(*), intent(in) :: procedure_name
    logical :: has_stopped

    has_stopped = mpi_failed(code, trim(procedure_name), group%own_status, group%own_message)
    if (has_stopped) group%is_stopped = .true.
  end function stopped_by_mpi

  subroutine fail(group, status, message)
    type(group_t), intent(inout) :: group
    integer, intent(in) :: status
    character(*), intent(in) :: message

    group%own_status = status
    group%own_message = message
  end subroutine fail

end module pyemu_mpi_group
