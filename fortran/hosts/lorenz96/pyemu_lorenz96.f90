!> Driver of the Lorenz '96 host: pyemu_lorenz96 NAMELIST. See README.md.
program pyemu_lorenz96
  use, intrinsic :: iso_fortran_env, only: error_unit
  use host_namelist_file, only: text_length
  use lorenz96_initial_state, only: read_initial_state
  use lorenz96_model, only: lorenz96_model_t
  use lorenz96_output, only: output_t
  use lorenz96_restart, only: load_scheme, read_restart, write_restart
  use lorenz96_settings, only: read_settings, settings_t
  implicit none
  type(lorenz96_model_t), target :: model
  type(settings_t) :: settings
  character(len=text_length) :: namelist_file, errmsg
  integer :: stat

  if (command_argument_count() /= 1) call fail(1, 'usage: pyemu_lorenz96 NAMELIST')
  call get_command_argument(1, namelist_file)
  call read_settings(namelist_file, settings, stat, errmsg)
  if (stat /= 0) call fail(stat, errmsg)
  call model%initialise(settings)
  if (settings%restart_in /= '') then
    call read_restart(model, stat, errmsg)
  else
    if (settings%initial_file /= '') call read_initial_state(model, stat, errmsg)
    if (stat == 0) call model%perturb(stat, errmsg)
  end if
  if (stat == 0) call model%open_scheme(stat, errmsg)
  if (stat == 0 .and. settings%restart_in /= '') call load_scheme(model, stat, errmsg)
  if (stat == 0) call integrate(model, stat, errmsg)
  if (stat == 0 .and. settings%restart_out /= '') call write_restart(model, stat, errmsg)
  call model%close()
  if (stat /= 0) call fail(stat, errmsg)

contains

  !> All steps of the run.
  subroutine integrate(model, stat, errmsg)
    type(lorenz96_model_t), intent(inout), target :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(output_t) :: output
    integer :: i, closing_stat
    character(len=text_length) :: closing_errmsg

    call output%open(model, stat, errmsg)
    do i = 1, model%settings%burn_in
      if (stat == 0) call model%advance(stat, errmsg)
    end do
    do i = 1, model%settings%n_steps
      if (stat /= 0) exit
      call output%before_step(model)
      call model%advance(stat, errmsg)
      if (stat == 0) call output%after_step(model, stat, errmsg)
    end do
    call output%close(closing_stat, closing_errmsg)
    if (stat == 0 .and. closing_stat /= 0) then
      stat = closing_stat
      errmsg = closing_errmsg
    end if
  end subroutine integrate

  subroutine fail(status, message)
    integer, intent(in) :: status
    character(len=*), intent(in) :: message

    write(error_unit, '(a)') 'pyemu_lorenz96: '//trim(message)
    stop status, quiet=.true.
  end subroutine fail

end program pyemu_lorenz96
