!> Driver of the shallow-water host: pyemu_shallow_water NAMELIST, alone or under mpirun. See README.md.
program pyemu_shallow_water
  use, intrinsic :: iso_fortran_env, only: error_unit, int64, real64
  use mpi_f08, only: MPI_Finalize
  use host_namelist_file, only: text_length
  use shallow_water_model, only: model_t
  use shallow_water_output, only: output_t
  use shallow_water_ranks_mpi, only: mpi_ranks_t
  use shallow_water_restart, only: read_restart, write_restart
  use shallow_water_settings, only: read_settings, settings_t
  implicit none
  type(model_t), target :: model
  type(mpi_ranks_t), target :: ranks
  type(settings_t) :: settings
  character(len=text_length) :: namelist_file, errmsg
  integer :: stat

  call ranks%begin()
  stat = 1
  errmsg = 'usage: pyemu_shallow_water NAMELIST'
  if (command_argument_count() == 1) then
    call get_command_argument(1, namelist_file)
    call read_settings(namelist_file, settings, stat, errmsg)
    call ranks%agree(stat, errmsg)
  end if
  if (stat == 0) call model%initialise(settings, ranks, stat, errmsg)
  if (stat == 0 .and. settings%restart_in /= '') call read_restart(model, ranks%comm, stat, errmsg)
  if (stat == 0) call model%perturb(stat, errmsg)
  if (stat == 0) call integrate(model, stat, errmsg)
  if (stat == 0 .and. settings%restart_out /= '') call write_restart(model, ranks%comm, stat, errmsg)
  call model%close()
  if (stat /= 0 .and. ranks%rank == 0) then
    write(error_unit, '(a)') 'pyemu_shallow_water: '//trim(errmsg)
    flush(error_unit)
  end if
  call MPI_Finalize()  ! after the message: mpirun ends the others when the first rank stops
  if (stat /= 0) stop stat, quiet=.true.

contains

  !> All steps of the run.
  subroutine integrate(model, stat, errmsg)
    type(model_t), intent(inout), target :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(output_t) :: output
    integer :: last_step, closing_stat
    integer(int64) :: start
    character(len=text_length) :: closing_errmsg

    call system_clock(start)
    call output%open(model, ranks%comm, stat, errmsg)
    last_step = model%step + model%settings%n_steps()
    do while (stat == 0)
      call output%write(model, seconds_since(start), model%step == last_step, stat, errmsg)
      if (stat /= 0 .or. model%step == last_step) exit
      call model%advance(stat, errmsg)
      if (stat == 0) call output%write_next(model, stat, errmsg)
    end do
    call output%close(closing_stat, closing_errmsg)
    if (stat == 0 .and. closing_stat /= 0) then
      stat = closing_stat
      errmsg = closing_errmsg
    end if
  end subroutine integrate

  function seconds_since(start) result(seconds)
    integer(int64), intent(in) :: start
    real(real64) :: seconds
    integer(int64) :: count, rate

    call system_clock(count, rate)
    seconds = real(count - start, real64) / real(rate, real64)
  end function seconds_since

end program pyemu_shallow_water
