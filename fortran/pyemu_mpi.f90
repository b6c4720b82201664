module pyemu_mpi
  !! Emulators in a model that runs on many MPI ranks. Kept apart from module pyemu, which needs no MPI.
  !!
  !! A private engine on every rank:
  !!
  !!     type(emulator_t) :: radiation
  !!     call open_on_all_ranks(radiation, 'radiation.onnx', comm, stat=stat, errmsg=message)
  !!     ... bind as ever ...
  !!     call run_on_all_ranks(radiation, comm, step, stat=stat, errmsg=message)
  !!
  !! One engine for the ranks that share a GPU or a node; the rest of the program is the same:
  !!
  !!     type(shared_emulator_t) :: radiation
  !!     call split_into_groups(comm, group, ranks_per_group=8)
  !!     call radiation%open_shared('radiation.onnx', group, stat=stat, errmsg=message)
  !!     ... bind as ever ...
  !!     call radiation%run(step, stat=stat, errmsg=message)
  !!     call radiation%close()
  !!
  !! Every procedure that takes a communicator is collective, and so are run and close of a shared emulator: all ranks
  !! of the communicator call it. All of them get the same status and message, those of the first rank that failed, so
  !! no rank waits for one that has left. If MPI itself fails and the host lets it return errors, the status is
  !! pyemu_err_argument and the message is MPI's own.
  use, intrinsic :: iso_c_binding, only: c_loc, c_null_ptr
  use, intrinsic :: iso_fortran_env, only: int64, int8
  use mpi_f08, only: MPI_Bcast, MPI_CHARACTER, MPI_Comm, MPI_COMM_NULL, MPI_COMM_TYPE_SHARED, MPI_Comm_free, MPI_Comm_rank, &
      MPI_Comm_size, MPI_Comm_split, MPI_Comm_split_type, MPI_INFO_NULL
  use pyemu, only: emulator_t, pyemu_err_argument, pyemu_err_memory, pyemu_ok
  use pyemu_mpi_file, only: broadcast_file
  use pyemu_mpi_group, only: begin_run, disband, finish_run, forget, form, group_t, name_tensors, set_opening
  use pyemu_mpi_status, only: agree_on_status, check_communicator, message_length, mpi_failed, report
  implicit none
  private

  public :: agree_on_status, broadcast_file, open_on_all_ranks, record_on_all_ranks, run_on_all_ranks, shared_emulator_t
  public :: split_into_groups

  type, extends(emulator_t) :: shared_emulator_t
    !! An emulator whose engine is shared by the ranks of a group. Each rank binds its own arrays, with its own number of
    !! columns (zero is one), layout and kinds, as to an emulator of its own. A run gathers the columns on rank 0 of the
    !! group, which alone has the engine, infers once, and scatters the results.
    !!
    !! If run fails on one rank it fails on all; outputs are then untouched on all of them, unless the message says
    !! that the engine itself failed. What goes out of scope without close frees its memory but not its communicator.
    !! After a plain open, which is not collective, it is an emulator like any other.
    private
    type(group_t), pointer :: group => null()
  contains
    procedure :: open_shared             !! (path, comm, ... as open), collective
    procedure :: run => run_shared       !! (step, columns, stat, errmsg), collective
    procedure :: close => close_shared   !! (stat, errmsg), collective
    procedure :: engine => shared_engine !! () -> name of the engine that the group shares
    procedure :: is_leader               !! () -> logical: the engine is on this rank
    final :: finalise
  end type shared_emulator_t

contains

  subroutine open_on_all_ranks(emulator, path, comm, engine, device, threads, check_finite, runtime_library, allow_code, &
                               sha256, stat, errmsg, precision, derivative)
    !! Open an emulator on every rank. Rank 0 reads the file, the others receive its bytes. If one rank cannot open it,
    !! it is open on none.
    class(emulator_t), intent(inout) :: emulator
    character(*), intent(in) :: path                        !! emulator file, read on rank 0 alone
    type(MPI_Comm), intent(in) :: comm
    character(*), intent(in), optional :: engine            !! the options are those of open
    character(*), intent(in), optional :: device
    integer, intent(in), optional :: threads
    logical, intent(in), optional :: check_finite
    character(*), intent(in), optional :: runtime_library
    logical, intent(in), optional :: allow_code
    character(*), intent(in), optional :: sha256
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(*), intent(in), optional :: precision
    character(*), intent(in), optional :: derivative
    character(message_length) :: message
    integer(int8), allocatable :: bytes(:)
    logical :: is_opened
    integer :: closing, status

    message = ' '
    call broadcast_file(path, comm, bytes, stat=status, errmsg=message)
    if (status == pyemu_ok) then
      call emulator%open_memory(bytes, engine, device, threads, check_finite, runtime_library, allow_code, sha256, status, &
                                message, precision=precision, derivative=derivative)
      is_opened = status == pyemu_ok
      if (.not. is_opened) message = "'" // trim(path) // "': " // trim(message)
      call agree_on_status(comm, status, message)
      if (is_opened .and. status /= pyemu_ok) call emulator%close(stat=closing)
    end if
    call report(status, message, stat, errmsg)
  end subroutine open_on_all_ranks

  subroutine run_on_all_ranks(emulator, comm, step, columns, stat, errmsg)
    !! Run on every rank, each on its own bound arrays, and agree on the status. If it fails on one rank, the outputs of
    !! the others may have been written: treat the step as failed everywhere.
    class(emulator_t), intent(inout) :: emulator
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in), optional :: step                   !! the host's time step, default 0
    integer, intent(in), optional :: columns                !! the first so many of this rank's columns, default all
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer :: status

    message = ' '
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) then
      call emulator%run(step, columns, status, message)
      call agree_on_status(comm, status, message)
    end if
    call report(status, message, stat, errmsg)
  end subroutine run_on_all_ranks

  subroutine record_on_all_ranks(emulator, path, comm, replace, source, only, every_column, first_step, last_step, every, &
                                 max_bytes, buffer, stat, errmsg)
    !! Record the runs of every rank, each in a file of its own. If it fails on one rank, none records.
    class(emulator_t), intent(inout) :: emulator
    character(*), intent(in) :: path                        !! '{rank}' in it becomes the rank in comm
    type(MPI_Comm), intent(in) :: comm
    logical, intent(in), optional :: replace                !! the settings are those of set_record
    character(*), intent(in), optional :: source, only
    integer, intent(in), optional :: every_column, first_step, last_step, every, buffer
    integer(int64), intent(in), optional :: max_bytes       !! of each file
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer :: ending, n_ranks, rank, status
    logical :: is_begun

    message = ' '
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) then
      call MPI_Comm_rank(comm, rank)
      call MPI_Comm_size(comm, n_ranks)
      if (n_ranks > 1 .and. index(path, '{rank}') == 0) then
        status = pyemu_err_argument
        message = "the record '" // trim(path) // "' of many ranks has no place for the rank: put '{rank}' into the path"
      else
        call emulator%set_record(path, rank, replace, source, only, every_column, first_step, last_step, every, max_bytes, &
                                 buffer, status, message)
      end if
      is_begun = status == pyemu_ok
      call agree_on_status(comm, status, message)
      if (is_begun .and. status /= pyemu_ok) call emulator%end_record(stat=ending)
    end if
    call report(status, message, stat, errmsg)
  end subroutine record_on_all_ranks

  subroutine split_into_groups(comm, group, ranks_per_group, index_on_node, stat, errmsg)
    !! Split the ranks of each node into groups of almost equal size. The host frees the group's communicator, at the
    !! earliest after open_shared, which keeps one of its own.
    type(MPI_Comm), intent(in) :: comm
    type(MPI_Comm), intent(out) :: group                    !! the ranks of this rank's group; MPI_COMM_NULL after an error
    integer, intent(in), optional :: ranks_per_group        !! at most so many, default: all ranks of the node
    integer, intent(out), optional :: index_on_node         !! number of the group on its node, from 0: a GPU's index
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer :: index, status

    group = MPI_COMM_NULL
    index = 0
    message = ' '
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) then
      if (present(ranks_per_group)) then
        if (ranks_per_group < 1) then
          status = pyemu_err_argument
          write (message, '(a, i0, a)') 'groups of ', ranks_per_group, ' ranks asked for; expected 1 or more'
        end if
      end if
      call agree_on_status(comm, status, message)
    end if
    if (status == pyemu_ok) call split(comm, group, ranks_per_group, index, status, message)
    if (present(index_on_node)) index_on_node = index
    call report(status, message, stat, errmsg)
  end subroutine split_into_groups

  subroutine split(comm, group, ranks_per_group, index, status, message)
    type(MPI_Comm), intent(in) :: comm
    type(MPI_Comm), intent(inout) :: group
    integer, intent(in), optional :: ranks_per_group
    integer, intent(out) :: index
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    type(MPI_Comm) :: node
    integer :: code, n_groups, n_ranks, rank

    index = 0
    call MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, node, code)
    if (mpi_failed(code, 'MPI_Comm_split_type', status, message)) return
    call MPI_Comm_rank(node, rank)
    call MPI_Comm_size(node, n_ranks)
    n_groups = 1
    if (present(ranks_per_group)) n_groups = 1 + (n_ranks - 1) / ranks_per_group
    index = int(int(rank, int64) * n_groups / n_ranks)
    call MPI_Comm_split(node, index, rank, group, code)
    if (mpi_failed(code, 'MPI_Comm_split', status, message)) return
    call MPI_Comm_free(node)
  end subroutine split

  subroutine open_shared(self, path, comm, engine, device, threads, check_finite, runtime_library, allow_code, sha256, &
                         stat, errmsg, derivative)
    !! Open an emulator for a group of ranks. Rank 0 of the group reads the file and makes the engine; the others check
    !! the card. Collective; if it fails on one rank, the emulator is open on none.
    class(shared_emulator_t), intent(inout) :: self
    character(*), intent(in) :: path                        !! emulator file, read on rank 0 alone
    type(MPI_Comm), intent(in) :: comm                      !! the group, for instance of split_into_groups
    character(*), intent(in), optional :: engine            !! the options are those of open; rank 0's count
    character(*), intent(in), optional :: device
    integer, intent(in), optional :: threads
    logical, intent(in), optional :: check_finite           !! each rank's own
    character(*), intent(in), optional :: runtime_library
    logical, intent(in), optional :: allow_code
    character(*), intent(in), optional :: sha256
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(*), intent(in), optional :: derivative
    character(message_length) :: message
    integer(int8), allocatable :: bytes(:)
    integer :: status

    message = ' '
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) then
      call refuse_if_open(self, status, message)
      call agree_on_status(comm, status, message)
    end if
    if (status == pyemu_ok) call broadcast_file(path, comm, bytes, stat=status, errmsg=message)
    if (status == pyemu_ok) then
      call make_group(self, comm, status, message)
      if (status == pyemu_ok .and. self%is_leader()) then
        call self%group%engine%open_memory(bytes, engine, device, threads, .false., runtime_library, allow_code, sha256, &
                                           status, message, derivative=derivative)
      end if
      if (status == pyemu_ok) call open_member(self, bytes, check_finite, allow_code, sha256, derivative, status, message)
      if (status /= pyemu_ok) message = "'" // trim(path) // "': " // trim(message)
      call conclude_open(self, comm, status, message)
    end if
    call report(status, message, stat, errmsg)
  end subroutine open_shared

  subroutine refuse_if_open(self, status, message)
    class(shared_emulator_t), intent(in) :: self
    integer, intent(inout) :: status
    character(*), intent(inout) :: message

    if (.not. (associated(self%group) .or. self%is_open())) return
    status = pyemu_err_argument
    message = 'the emulator is open already: close it before another open'
  end subroutine refuse_if_open

  subroutine make_group(self, comm, status, message)
    class(shared_emulator_t), intent(inout) :: self
    type(MPI_Comm), intent(in) :: comm
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    integer :: code

    allocate (self%group, stat=code)
    if (code /= 0) then
      status = pyemu_err_memory
      message = 'no memory for the group'
    end if
    call agree_on_status(comm, status, message)
    if (status == pyemu_ok) call form(self%group, comm, status, message)
  end subroutine make_group

  subroutine open_member(self, bytes, check_finite, allow_code, sha256, derivative, status, message)
    !! The handle that checks, packs and unpacks on this rank.
    class(shared_emulator_t), intent(inout) :: self
    integer(int8), intent(in), contiguous :: bytes(:)
    logical, intent(in), optional :: check_finite, allow_code
    character(*), intent(in), optional :: sha256, derivative
    integer, intent(inout) :: status
    character(*), intent(inout) :: message

    call set_opening(c_loc(self%group))
    call self%emulator_t%open_memory(bytes, engine='group', check_finite=check_finite, allow_code=allow_code, &
                                      sha256=sha256, stat=status, errmsg=message, derivative=derivative)
    call set_opening(c_null_ptr)
    if (status == pyemu_ok) call name_tensors(self%group, self%emulator_t, status, message)
  end subroutine open_member

  subroutine conclude_open(self, comm, status, message)
    !! Open on all ranks, or on none.
    class(shared_emulator_t), intent(inout) :: self
    type(MPI_Comm), intent(in) :: comm
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    integer :: code

    call agree_on_status(comm, status, message)
    if (status /= pyemu_ok) then
      call dissolve(self)
      return
    end if
    if (self%is_leader()) self%group%engine_name = self%group%engine%engine()
    call MPI_Bcast(self%group%engine_name, len(self%group%engine_name), MPI_CHARACTER, 0, self%group%comm, code)
    if (mpi_failed(code, 'MPI_Bcast', status, message)) return
  end subroutine conclude_open

  subroutine dissolve(self)
    !! Close everything and free the group. Collective.
    class(shared_emulator_t), intent(inout) :: self
    integer :: status

    if (self%emulator_t%is_open()) call self%emulator_t%close(stat=status)
    if (associated(self%group)) call disband(self%group)
    call forget(self%group)
  end subroutine dissolve

  subroutine run_shared(self, step, columns, stat, errmsg)
    !! Infer once for all ranks of the group, each with its own bound arrays. Collective.
    class(shared_emulator_t), intent(inout) :: self
    integer, intent(in), optional :: step                   !! the host's time step, default 0; rank 0's counts
    integer, intent(in), optional :: columns                !! the first so many of this rank's columns, default all
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer :: status

    if (.not. associated(self%group)) then
      call self%emulator_t%run(step, columns, stat, errmsg)
      return
    end if
    message = ' '
    call begin_run(self%group, step)
    call self%emulator_t%run(step, columns, status, message)
    call finish_run(self%group, status, message)
    call report(status, message, stat, errmsg)
  end subroutine run_shared

  subroutine close_shared(self, stat, errmsg)
    !! Close the emulator on all ranks of the group. Collective. Closing one that is not open is an error,
    !! pyemu_err_closed, and does nothing else. If it fails on one rank, call it again on all.
    class(shared_emulator_t), intent(inout) :: self
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(message_length) :: message
    integer :: status

    if (.not. associated(self%group)) then
      call self%emulator_t%close(stat, errmsg)
      return
    end if
    message = ' '
    status = pyemu_ok
    if (self%is_open()) call self%emulator_t%close(status, message)
    call agree_on_status(self%group%comm, status, message)
    if (status == pyemu_ok) call dissolve(self)
    call report(status, message, stat, errmsg)
  end subroutine close_shared

  function shared_engine(self) result(text)
    !! Name of the engine that runs the emulator; empty if it is not open.
    class(shared_emulator_t), intent(in) :: self
    character(:), allocatable :: text

    if (associated(self%group)) then
      text = trim(self%group%engine_name)
    else
      text = self%emulator_t%engine()
    end if
  end function shared_engine

  function is_leader(self) result(answer)
    !! True on the rank that has the engine of the group, and of an emulator that is not shared.
    class(shared_emulator_t), intent(in) :: self
    logical :: answer

    answer = .true.
    if (associated(self%group)) answer = self%group%rank == 0
  end function is_leader

  impure elemental subroutine finalise(self)
    !! Without a word to the other ranks, which need not be here.
    type(shared_emulator_t), intent(inout) :: self

    call forget(self%group)
  end subroutine finalise

end module pyemu_mpi
