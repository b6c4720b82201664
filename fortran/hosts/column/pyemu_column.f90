!> Driver of the column host: pyemu_column NAMELIST. See README.md.
program pyemu_column
  use, intrinsic :: iso_fortran_env, only: error_unit, int64, real64
  use column_guard_log, only: guard_log_t
  use column_model, only: column_model_t
  use column_output, only: output_t
  use column_restart, only: read_restart, write_restart
  use column_settings, only: read_settings, settings_t
  use host_namelist_file, only: text_length
  implicit none
  type(column_model_t), target :: model
  type(settings_t) :: settings
  character(len=text_length) :: namelist_file, errmsg
  integer :: stat

  if (command_argument_count() /= 1) call fail(1, 'usage: pyemu_column NAMELIST')
  call get_command_argument(1, namelist_file)
  call read_settings(namelist_file, settings, stat, errmsg)
  if (stat /= 0) call fail(stat, errmsg)
  call model%initialise(settings)
  if (settings%restart_in /= '') call read_restart(model, stat, errmsg)
  if (stat == 0) call model%open_scheme(stat, errmsg)
  if (stat == 0) call integrate(model, stat, errmsg)
  if (stat == 0 .and. settings%restart_out /= '') call write_restart(model, stat, errmsg)
  call tell(model)
  call model%close()
  if (stat /= 0) call fail(stat, errmsg)

contains

  !> What the guard has done, one line for each band.
  subroutine tell(model)
    type(column_model_t), intent(in) :: model

    if (.not. allocated(model%scheme)) return
    call tell_band('longwave', model%scheme%longwave_guard, model%column_calls)
    call tell_band('shortwave', model%scheme%shortwave_guard, model%column_calls)
  end subroutine tell

  subroutine tell_band(band, guard, column_calls)
    character(len=*), intent(in) :: band
    type(guard_log_t), intent(in) :: guard
    integer(int64), intent(in) :: column_calls

    if (guard%is_on) print '(a, i0, a, i0, a, i0, a)', 'guard of the '//band//': of ', column_calls, ' columns ', &
      guard%totals(1), ' flagged, ', guard%totals(3), ' computed by RRTMG'
  end subroutine tell_band

  !> All steps of the run. Radiation of the last record belongs to the state at the end, hence the exit in the middle.
  subroutine integrate(model, stat, errmsg)
    type(column_model_t), intent(inout), target :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(output_t) :: output
    integer :: last_step, closing_stat
    integer(int64) :: start
    character(len=text_length) :: closing_errmsg

    call system_clock(start)
    call output%open(model, stat, errmsg)
    last_step = model%step + model%settings%n_steps()
    do while (stat == 0)
      if (model%radiation_is_due()) call model%radiate(stat, errmsg)
      if (stat == 0) call output%write(model, seconds_since(start), model%step == last_step, stat, errmsg)
      if (stat /= 0 .or. model%step == last_step) exit
      call model%advance(stat, errmsg)
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

  subroutine fail(status, message)
    integer, intent(in) :: status
    character(len=*), intent(in) :: message

    write(error_unit, '(a)') 'pyemu_column: '//trim(message)
    stop status, quiet=.true.
  end subroutine fail

end program pyemu_column
