!> Restart files: everything a run remembers, so that a continued run gives the same bits, on any ranks.
module shallow_water_restart
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use mpi_f08, only: MPI_Comm
  use shallow_water_model, only: model_t
  use shallow_water_parallel_file, only: parallel_file_t
  implicit none
  private
  public :: write_restart, read_restart

  character(len=*), parameter :: names(3) = [character(len=24) :: 'sea_water_x_velocity', 'sea_water_y_velocity', &
    'layer_thickness_anomaly']
  character(len=*), parameter :: units(3) = [character(len=8) :: 'm s-1', 'm s-1', 'm']
  character(len=*), parameter :: before = '_before'

  !> What an emulator carries.
  type :: memory_t
    integer(int8), allocatable :: bytes(:)  !! on this rank
    real(real64), allocatable :: sizes(:)   !! bytes of every rank
  end type memory_t

contains

  !> Write the file named restart_out. stat is 0, or 2 or 4 with a message. Collective.
  subroutine write_restart(model, comm, stat, errmsg)
    type(model_t), intent(inout) :: model
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(parallel_file_t) :: file
    type(memory_t), allocatable :: memories(:)
    integer :: dimensions(2), k

    call collect(model, memories, stat, errmsg)
    if (stat /= 0) return
    call file%create(model%settings%restart_out, comm, model%ranks%rank == 0)
    dimensions = [file%dimension('x', model%settings%nx), file%dimension('y', model%settings%ny)]
    do k = 1, size(names)
      call file%variable(trim(names(k)), dimensions, trim(units(k)), 'state')
      call file%variable(trim(names(k))//before, dimensions, trim(units(k)), 'filtered state one step before')
    end do
    call file%attribute('title', 'restart file of the shallow_water host of pyemu')
    call file%attribute('step', model%step)
    call file%attribute('is_first', merge(1, 0, model%is_first))
    call file%attribute('time_step', model%settings%time_step)
    do k = 1, size(memories)
      if (sum(memories(k)%sizes) > 0.0_real64) call define_memory(file, k, memories(k)%sizes)
    end do
    call file%end_definitions()
    associate (d => model%domain)
      do k = 1, size(names)
        call file%put_field(trim(names(k)), d, model%now(1:d%nx, 1:d%ny, k))
        call file%put_field(trim(names(k))//before, d, model%old(1:d%nx, 1:d%ny, k))
      end do
    end associate
    do k = 1, size(memories)
      if (sum(memories(k)%sizes) <= 0.0_real64) cycle
      call file%put_line(memory_name(k)//'_size', memories(k)%sizes, 1)
      call file%put_bytes(memory_name(k), memories(k)%bytes, 1 + nint(sum(memories(k)%sizes(:model%ranks%rank))))
    end do
    call file%close()
    call report(file, stat, errmsg)
  end subroutine write_restart

  !> Fill a model from the file named restart_in. stat is 0, or 2 or 4 with a message. Collective.
  subroutine read_restart(model, comm, stat, errmsg)
    type(model_t), intent(inout), target :: model
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(parallel_file_t) :: file
    integer :: k

    call file%open_to_read(model%settings%restart_in, comm)
    call compare(file, 'nx', real(file%size_of('x'), real64), real(model%settings%nx, real64))
    call compare(file, 'ny', real(file%size_of('y'), real64), real(model%settings%ny, real64))
    call compare(file, 'time_step', file%get_real_attribute('time_step'), model%settings%time_step)
    model%step = file%get_integer_attribute('step')
    model%is_first = file%get_integer_attribute('is_first') == 1
    associate (d => model%domain)
      do k = 1, size(names)
        call file%get_field(trim(names(k)), d, model%now(1:d%nx, 1:d%ny, k))
        call file%get_field(trim(names(k))//before, d, model%old(1:d%nx, 1:d%ny, k))
      end do
    end associate
    call report(file, stat, errmsg)
    if (stat == 0 .and. associated(model%emulated)) then
      do k = 1, model%emulated%n_files()
        if (stat == 0) call read_memory(model, file, k, stat, errmsg)
      end do
      call model%ranks%agree(stat, errmsg)
    end if
    call file%close()
    if (stat == 0) call report(file, stat, errmsg)
    if (stat == 0) call model%settle()
  end subroutine read_restart

  !> What the emulators carry on this rank, and how much of it there is on each.
  subroutine collect(model, memories, stat, errmsg)
    type(model_t), intent(inout) :: model
    type(memory_t), allocatable, intent(out) :: memories(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: k, n

    stat = 0
    n = 0
    if (associated(model%emulated)) n = model%emulated%n_files()
    allocate(memories(n))
    do k = 1, n
      allocate(memories(k)%bytes(0))
      if (stat == 0 .and. model%emulated%has_memory(k)) then
        call model%emulated%save_memory(k, memories(k)%bytes, stat, errmsg)
      end if
      allocate(memories(k)%sizes(model%ranks%n_ranks), source=0.0_real64)
      memories(k)%sizes(model%ranks%rank + 1) = size(memories(k)%bytes)
      call model%ranks%add_up(memories(k)%sizes)
    end do
    call model%ranks%agree(stat, errmsg)
  end subroutine collect

  subroutine define_memory(file, k, sizes)
    type(parallel_file_t), intent(inout) :: file
    integer, intent(in) :: k
    real(real64), intent(in) :: sizes(:)
    integer :: dimension_of_bytes, dimension_of_ranks

    dimension_of_bytes = file%dimension(memory_name(k), nint(sum(sizes)))
    dimension_of_ranks = file%dimension(memory_name(k)//'_rank', size(sizes))
    call file%variable(memory_name(k), [dimension_of_bytes], '1', 'what an emulator carries, rank after rank', of_bytes=.true.)
    call file%variable(memory_name(k)//'_size', [dimension_of_ranks], '1', 'bytes of each rank')
  end subroutine define_memory

  !> Every rank takes what all ranks of the run before had: columns may lie elsewhere now.
  subroutine read_memory(model, file, k, stat, errmsg)
    type(model_t), intent(inout) :: model
    type(parallel_file_t), intent(inout) :: file
    integer, intent(in) :: k
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64), allocatable :: sizes(:)
    integer(int8), allocatable :: bytes(:)
    integer :: first, r

    stat = 0
    if (.not. file%has_dimension(memory_name(k))) return
    allocate(sizes(file%size_of(memory_name(k)//'_rank')))
    call file%get_line(memory_name(k)//'_size', sizes)
    first = 1
    do r = 1, size(sizes)
      allocate(bytes(nint(sizes(r))))
      call file%get_bytes(memory_name(k), bytes, first)
      if (file%stat == 0 .and. stat == 0) call model%emulated%load_memory(k, bytes, r > 1, stat, errmsg)
      first = first + size(bytes)
      deallocate(bytes)
    end do
  end subroutine read_memory

  pure function memory_name(k) result(name)
    integer, intent(in) :: k
    character(len=:), allocatable :: name
    character(len=32) :: buffer

    write(buffer, '(a, i0)') 'memory_of_emulator_', k
    name = trim(buffer)
  end function memory_name

  !> The file must be about the same grid and steps.
  subroutine compare(file, entry, found, expected)
    type(parallel_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry
    real(real64), intent(in) :: found, expected
    character(len=24) :: text(2)

    if (file%stat /= 0) return
    if (abs(found - expected) <= 0.0_real64) return
    write(text, '(g0.8)') found, expected
    file%stat = 4
    file%message = 'restart file has '//entry//' = '//trim(text(1))//', the namelist '//trim(text(2))// &
      '; use the value of the run that wrote it'
  end subroutine compare

  subroutine report(file, stat, errmsg)
    type(parallel_file_t), intent(in) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = file%stat
    if (stat /= 0) errmsg = file%message
  end subroutine report

end module shallow_water_restart
