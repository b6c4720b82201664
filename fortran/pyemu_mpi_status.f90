module pyemu_mpi_status
  !! One status for all ranks of a communicator, so that an error on one rank is an error code on every rank.
  use mpi_f08, only: MPI_Allreduce, MPI_Bcast, MPI_CHARACTER, MPI_Comm, MPI_COMM_NULL, MPI_Comm_rank, MPI_Comm_size, &
      MPI_Comm_test_inter, MPI_Error_string, MPI_Finalized, MPI_Initialized, MPI_INTEGER, MPI_MAX_ERROR_STRING, MPI_MIN, &
      MPI_SUCCESS, operator(==)
  use pyemu, only: pyemu_ok, pyemu_err_argument
  implicit none
  private

  public :: agree_on_status, check_communicator, mpi_failed, report

  integer, parameter, public :: message_length = 1280

contains

  subroutine agree_on_status(comm, stat, errmsg)
    !! Agree on the outcome of something that every rank has just done, for instance bind. Collective.
    type(MPI_Comm), intent(in) :: comm
    integer, intent(inout) :: stat             !! this rank's status; becomes zero, or that of the first rank that failed
    character(*), intent(inout) :: errmsg      !! this rank's message; becomes 'rank 2 of 4: ' and the message of that rank
    character(message_length) :: text
    integer :: code, first, n_ranks, rank, status

    call check_communicator(comm, status, text)
    if (status /= pyemu_ok) then
      stat = status
      errmsg = text
      return
    end if
    call MPI_Comm_rank(comm, rank)
    call MPI_Comm_size(comm, n_ranks)
    call MPI_Allreduce(merge(n_ranks, rank, stat == pyemu_ok), first, 1, MPI_INTEGER, MPI_MIN, comm, code)
    if (mpi_failed(code, 'MPI_Allreduce', stat, errmsg)) return
    if (first == n_ranks) return
    text = errmsg
    call MPI_Bcast(stat, 1, MPI_INTEGER, first, comm, code)
    if (mpi_failed(code, 'MPI_Bcast', stat, errmsg)) return
    call MPI_Bcast(text, len(text), MPI_CHARACTER, first, comm, code)
    if (mpi_failed(code, 'MPI_Bcast', stat, errmsg)) return
    write (errmsg, '(a)') rank_text(first, n_ranks) // trim(text)
  end subroutine agree_on_status

  function rank_text(rank, n_ranks) result(text)
    integer, intent(in) :: rank, n_ranks
    character(:), allocatable :: text
    character(40) :: buffer

    write (buffer, '(a, i0, a, i0, a)') 'rank ', rank, ' of ', n_ranks, ':'
    text = trim(buffer) // ' '
  end function rank_text

  subroutine check_communicator(comm, stat, errmsg)
    !! Refuse what no collective call can be made on. All that is asked here is known without the other ranks.
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: stat
    character(*), intent(inout) :: errmsg
    logical :: is_finalized, is_initialized, is_inter

    stat = pyemu_err_argument
    call MPI_Initialized(is_initialized)
    call MPI_Finalized(is_finalized)
    if (is_finalized .or. .not. is_initialized) then
      errmsg = 'MPI is not running: call this between MPI_Init and MPI_Finalize'
      return
    end if
    if (comm == MPI_COMM_NULL) then
      errmsg = 'the communicator is MPI_COMM_NULL: give one that this rank belongs to'
      return
    end if
    call MPI_Comm_test_inter(comm, is_inter)
    if (is_inter) then
      errmsg = 'the communicator is an intercommunicator: give the one inside the group (an intracommunicator)'
      return
    end if
    stat = pyemu_ok
  end subroutine check_communicator

  function mpi_failed(code, procedure_name, stat, errmsg) result(has_failed)
    !! Turn the code of an MPI call into a status. It is only seen where the host lets MPI return errors.
    integer, intent(in) :: code
    character(*), intent(in) :: procedure_name
    integer, intent(inout) :: stat             !! left alone on success
    character(*), intent(inout) :: errmsg      !! likewise
    logical :: has_failed
    character(MPI_MAX_ERROR_STRING) :: text
    integer :: length

    has_failed = code /= MPI_SUCCESS
    if (.not. has_failed) return
    call MPI_Error_string(code, text, length)
    stat = pyemu_err_argument
    errmsg = procedure_name // ' failed: ' // text(1:length)
  end function mpi_failed

  subroutine report(status, message, stat, errmsg)
    !! Report a result as ALLOCATE does.
    integer, intent(in) :: status
    character(*), intent(in) :: message
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (present(stat)) stat = status
    if (status == pyemu_ok) return
    if (present(errmsg)) errmsg = message
    if (.not. present(stat)) error stop 'pyemu: ' // trim(message)
  end subroutine report

end module pyemu_mpi_status
