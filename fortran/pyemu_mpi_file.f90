module pyemu_mpi_file
  !! A file that is read once, on rank 0, and sent to all ranks: thousands of ranks do not meet in the file system.
  use, intrinsic :: iso_fortran_env, only: int64, int8
  use mpi_f08, only: MPI_Bcast, MPI_BYTE, MPI_Comm, MPI_Comm_rank, MPI_INTEGER8
  use pyemu, only: pyemu_ok, pyemu_err_file, pyemu_err_memory
  use pyemu_mpi_status, only: agree_on_status, check_communicator, message_length, mpi_failed, report
  implicit none
  private

  public :: broadcast_file

  integer(int64), parameter :: largest_message = 2_int64**30

contains

  subroutine broadcast_file(path, comm, bytes, max_message, stat, errmsg)
    !! Read a file on rank 0 and send its bytes to every rank. Collective: the status is the same on all ranks.
    character(*), intent(in) :: path                         !! read on rank 0, trailing blanks ignored
    type(MPI_Comm), intent(in) :: comm
    integer(int8), allocatable, intent(out) :: bytes(:)      !! the whole file, of any size; empty after an error
    integer, intent(in), optional :: max_message             !! bytes sent at a time, default 2**30
    integer, intent(out), optional :: stat                   !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg          !! message, left alone on success
    character(message_length) :: message
    integer(int64) :: most
    integer :: status

    allocate (bytes(0))
    message = ' '
    most = largest_message
    if (present(max_message)) most = min(most, int(max(max_message, 1), int64))
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) call read_and_send(path, comm, bytes, most, status, message)
    call report(status, message, stat, errmsg)
  end subroutine broadcast_file

  subroutine read_and_send(path, comm, bytes, most, status, message)
    character(*), intent(in) :: path
    type(MPI_Comm), intent(in) :: comm
    integer(int8), allocatable, intent(inout) :: bytes(:)
    integer(int64), intent(in) :: most
    integer, intent(out) :: status
    character(*), intent(inout) :: message
    integer(int64) :: n_bytes
    integer :: code, rank

    call MPI_Comm_rank(comm, rank)
    status = pyemu_ok
    if (rank == 0) call read_file(path, bytes, status, message)
    call agree_on_status(comm, status, message)
    if (status /= pyemu_ok) return
    n_bytes = size(bytes, kind=int64)
    call MPI_Bcast(n_bytes, 1, MPI_INTEGER8, 0, comm, code)
    if (mpi_failed(code, 'MPI_Bcast', status, message)) return
    if (rank /= 0) call resize(bytes, n_bytes, status, message)
    call agree_on_status(comm, status, message)
    if (status == pyemu_ok) call send(comm, bytes, most, status, message)
  end subroutine read_and_send

  subroutine read_file(path, bytes, status, message)
    character(*), intent(in) :: path
    integer(int8), allocatable, intent(inout) :: bytes(:)
    integer, intent(out) :: status
    character(*), intent(inout) :: message
    character(256) :: reason
    integer(int64) :: first, last, n_bytes
    integer :: code, unit

    reason = ' '
    status = pyemu_err_file
    open (newunit=unit, file=trim(path), access='stream', form='unformatted', action='read', status='old', iostat=code, &
          iomsg=reason)
    if (code /= 0) then
      message = "cannot open '" // trim(path) // "': " // trim(reason)
      return
    end if
    inquire (unit=unit, size=n_bytes)
    call resize(bytes, n_bytes, status, message)
    first = 1
    do while (status == pyemu_ok .and. first <= n_bytes)
      last = min(n_bytes, first + largest_message - 1)
      read (unit, iostat=code, iomsg=reason) bytes(first:last)
      if (code /= 0) then
        status = pyemu_err_file
        message = "cannot read '" // trim(path) // "': " // trim(reason)
      end if
      first = last + 1
    end do
    close (unit)
  end subroutine read_file

  subroutine resize(bytes, n_bytes, status, message)
    integer(int8), allocatable, intent(inout) :: bytes(:)
    integer(int64), intent(in) :: n_bytes
    integer, intent(out) :: status
    character(*), intent(inout) :: message
    integer :: code

    status = pyemu_ok
    deallocate (bytes)
    allocate (bytes(max(n_bytes, 0_int64)), stat=code)
    if (code == 0) return
    allocate (bytes(0))
    status = pyemu_err_memory
    write (message, '(a, i0, a)') 'no memory for the ', n_bytes, ' bytes of the emulator file'
  end subroutine resize

  subroutine send(comm, bytes, most, status, message)
    !! A count in MPI is a default integer: what is longer goes in pieces.
    type(MPI_Comm), intent(in) :: comm
    integer(int8), intent(inout) :: bytes(:)
    integer(int64), intent(in) :: most
    integer, intent(inout) :: status
    character(*), intent(inout) :: message
    integer(int64) :: first, last, n_bytes
    integer :: code

    n_bytes = size(bytes, kind=int64)
    first = 1
    do while (first <= n_bytes)
      last = min(n_bytes, first + most - 1)
      call MPI_Bcast(bytes(first:last), int(last - first + 1), MPI_BYTE, 0, comm, code)
      if (mpi_failed(code, 'MPI_Bcast', status, message)) return
      first = last + 1
    end do
  end subroutine send

end module pyemu_mpi_file
