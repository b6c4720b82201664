module pyemu_mpi
  !! Emulators in a model that runs on many MPI ranks. Kept apart from module pyemu, which needs no MPI.
  !!
  !!     use mpi_f08, only: MPI_COMM_WORLD
  !!     use pyemu, only: emulator_t
  !!     use pyemu_mpi, only: open_on_all_ranks, run_on_all_ranks
  !!     type(emulator_t) :: radiation
  !!     call open_on_all_ranks(radiation, 'radiation.onnx', MPI_COMM_WORLD, stat=stat, errmsg=message)
  !!     ... bind as ever ...
  !!     call run_on_all_ranks(radiation, MPI_COMM_WORLD, step, stat=stat, errmsg=message)
  !!
  !! Every procedure here is collective: all ranks of the communicator call it. All of them get the same status and
  !! message, those of the first rank that failed, so no rank waits for one that has left.
  use, intrinsic :: iso_fortran_env, only: int8
  use mpi_f08, only: MPI_Comm
  use pyemu, only: emulator_t, pyemu_ok
  use pyemu_mpi_file, only: broadcast_file
  use pyemu_mpi_status, only: agree_on_status, check_communicator, message_length, report
  implicit none
  private

  public :: agree_on_status, broadcast_file, open_on_all_ranks, run_on_all_ranks

contains

  subroutine open_on_all_ranks(emulator, path, comm, engine, device, threads, check_finite, runtime_library, stat, errmsg)
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
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer(int8), allocatable :: bytes(:)
    logical :: is_opened
    integer :: closing, status

    message = ' '
    call broadcast_file(path, comm, bytes, stat=status, errmsg=message)
    if (status == pyemu_ok) then
      call emulator%open_memory(bytes, engine, device, threads, check_finite, runtime_library, status, message)
      is_opened = status == pyemu_ok
      if (.not. is_opened) message = "'" // trim(path) // "': " // trim(message)
      call agree_on_status(comm, status, message)
      if (is_opened .and. status /= pyemu_ok) call emulator%close(stat=closing)
    end if
    call report(status, message, stat, errmsg)
  end subroutine open_on_all_ranks

  subroutine run_on_all_ranks(emulator, comm, step, stat, errmsg)
    !! Run on every rank, each on its own bound arrays, and agree on the status. If it fails on one rank, the outputs of
    !! the others may have been written: treat the step as failed everywhere.
    class(emulator_t), intent(inout) :: emulator
    type(MPI_Comm), intent(in) :: comm
    integer, intent(in), optional :: step                   !! the host's time step, default 0
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    character(message_length) :: message
    integer :: status

    message = ' '
    call check_communicator(comm, status, message)
    if (status == pyemu_ok) then
      call emulator%run(step, status, message)
      call agree_on_status(comm, status, message)
    end if
    call report(status, message, stat, errmsg)
  end subroutine run_on_all_ranks

end module pyemu_mpi
