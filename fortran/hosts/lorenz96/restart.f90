!> Restart files: everything a run remembers, so that a continued run gives the same bits.
module lorenz96_restart
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use host_netcdf_file, only: netcdf_file_t
  use lorenz96_model, only: lorenz96_model_t
  use lorenz96_settings, only: settings_t
  implicit none
  private
  public :: write_restart, read_restart, load_scheme

contains

  !> Write the file named restart_out. stat is 0; 2 with a message from the parameterization; or 4 with a message.
  subroutine write_restart(model, stat, errmsg)
    type(lorenz96_model_t), intent(inout) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file
    integer(int8), allocatable :: bytes(:)

    call model%scheme%save_state(bytes, stat, errmsg)
    if (stat /= 0) return
    call file%create(model%settings%restart_out)
    call define(file, model, size(bytes))
    call file%end_definitions()
    call file%append_records('slow', model%x, [size(model%x, 1)], 1)
    call file%append_records('fast', model%y, [size(model%y, 1)], 1)
    call file%append_records('previous', model%subgrid%previous, [size(model%x, 1)], 1)
    call file%put('start_time', model%start_time)
    if (size(bytes) > 0) call file%put_bytes('parameterization', bytes)
    call file%close()
    call report(file, stat, errmsg)
  end subroutine write_restart

  !> Fill a model from the file named restart_in. stat is 0, or 4 with a message.
  subroutine read_restart(model, stat, errmsg)
    type(lorenz96_model_t), intent(inout) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file

    call file%open_to_read(model%settings%restart_in)
    call check_agreement(file, model%settings)
    model%step = file%get_integer_attribute('step')
    call get_all(file, 'slow', model%x)
    if (size(model%y) > 0) call get_all(file, 'fast', model%y)
    call get_all(file, 'previous', model%subgrid%previous)
    call file%get('start_time', model%start_time)
    call file%close()
    call report(file, stat, errmsg)
  end subroutine read_restart

  !> Let the open parameterization remember. stat is 0; 2 with a message from the parameterization; or 4 with a message.
  subroutine load_scheme(model, stat, errmsg)
    type(lorenz96_model_t), intent(inout) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file
    integer(int8), allocatable :: bytes(:)

    call file%open_to_read(model%settings%restart_in)
    allocate(bytes(file%get_integer_attribute('parameterization_bytes')))
    if (size(bytes) > 0) call file%get_bytes('parameterization', bytes)
    call file%close()
    call report(file, stat, errmsg)
    if (stat == 0 .and. size(bytes) > 0) call model%scheme%load_state(bytes, stat, errmsg)
  end subroutine load_scheme

  subroutine get_all(file, name, values)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: name
    real(real64), intent(inout) :: values(:,:)
    real(real64) :: flat(size(values))

    call file%get_part(name, flat, [1, 1], shape(values))
    values = reshape(flat, shape(values))
  end subroutine get_all

  subroutine define(file, model, n_bytes)
    type(netcdf_file_t), intent(inout) :: file
    type(lorenz96_model_t), intent(in) :: model
    integer, intent(in) :: n_bytes
    integer :: k, kj, trajectory, start

    k = file%dimension('k', size(model%x, 1))
    trajectory = file%dimension('trajectory', size(model%x, 2))
    start = file%dimension('start', size(model%start_time))
    call file%variable('slow', [k, trajectory], '1', 'slow variables')
    if (size(model%y) > 0) then
      kj = file%dimension('kj', size(model%y, 1))
      call file%variable('fast', [kj, trajectory], '1', 'fast variables')
    end if
    call file%variable('previous', [k, trajectory], '1', 'subgrid tendency of the last evaluation')
    call file%variable('start_time', [start], '1', 'time of the initial states in the file they come from')
    if (n_bytes > 0) call file%bytes('parameterization', file%dimension('byte', n_bytes), &
      'what the parameterization remembers')
    associate (s => model%settings)
      call file%attribute('title', 'restart file of the Lorenz ''96 host of pyemu')
      call file%attribute('step', model%step)
      call file%attribute('parameterization_bytes', n_bytes)
      call file%attribute('model', trim(s%model))
      call file%attribute('time_step', s%time_step)
      call file%attribute('n_slow', s%n_slow)
      call file%attribute('n_fast', s%n_fast)
      call file%attribute('n_members', s%n_members)
      call file%attribute('first_member', s%first_member)
      call file%attribute('n_starts', s%n_starts)
      call file%attribute('initial_record', s%initial_record)
      call file%attribute('record_interval', s%record_interval)
      call file%attribute('scheme', trim(s%scheme))
      call file%attribute('noise', trim(s%noise))
      call file%attribute('seed', s%seed)
    end associate
  end subroutine define

  !> The file must be about the same trajectories, steps and noise.
  subroutine check_agreement(file, s)
    type(netcdf_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: s

    call compare_text(file, 'model', s%model)
    call compare(file, 'time_step', file%get_real_attribute('time_step'), s%time_step)
    call compare_integer(file, 'n_slow', s%n_slow)
    call compare_integer(file, 'n_fast', s%n_fast)
    call compare_integer(file, 'n_members', s%n_members)
    call compare_integer(file, 'first_member', s%first_member)
    call compare_integer(file, 'n_starts', s%n_starts)
    call compare_integer(file, 'initial_record', s%initial_record)
    call compare_integer(file, 'record_interval', s%record_interval)
    call compare_text(file, 'scheme', s%scheme)
    call compare_text(file, 'noise', s%noise)
    call compare_integer(file, 'seed', s%seed)
  end subroutine check_agreement

  subroutine compare_integer(file, entry, expected)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry
    integer, intent(in) :: expected

    call compare(file, entry, real(file%get_integer_attribute(entry), real64), real(expected, real64))
  end subroutine compare_integer

  subroutine compare(file, entry, found, expected)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry
    real(real64), intent(in) :: found, expected
    character(len=24) :: text(2)

    if (abs(found - expected) <= 0.0_real64) return
    write(text, '(g0.8)') found, expected
    call refuse(file, entry, text(1), text(2))
  end subroutine compare

  subroutine compare_text(file, entry, expected)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry, expected
    character(len=:), allocatable :: found

    found = file%get_text_attribute(entry)
    if (found /= expected) call refuse(file, entry, "'"//found//"'", "'"//trim(expected)//"'")
  end subroutine compare_text

  !> Keep the first disagreement.
  subroutine refuse(file, entry, found, expected)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry, found, expected

    if (file%stat /= 0) return
    file%stat = 4
    file%message = 'restart file has '//entry//' = '//trim(found)//', the namelist '//trim(expected)// &
      '; use the value of the run that wrote it'
  end subroutine refuse

  subroutine report(file, stat, errmsg)
    type(netcdf_file_t), intent(in) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = file%stat
    if (stat /= 0) errmsg = file%message
  end subroutine report

end module lorenz96_restart
