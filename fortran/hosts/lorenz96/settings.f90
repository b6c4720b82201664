!> The namelist file of a run: read, checked, and kept as one value.
module lorenz96_settings
  use, intrinsic :: iso_fortran_env, only: real64
  use host_namelist_file, only: choose, open_namelist, report_group, require, text_length
  implicit none
  private
  public :: read_settings

  integer, parameter, public :: max_coefficients = 8
  real(real64), parameter :: not_given = huge(1.0_real64)

  !> Every namelist entry, by its own name; see README.md for meanings.
  type, public :: settings_t
    character(len=16) :: model = 'two_scale'
    integer :: n_steps = 5000
    integer :: burn_in = 0
    real(real64) :: time_step = 0.0_real64               ! MTU; 0 becomes that of the model
    integer :: output_interval = 5
    integer :: tendency_interval = 5
    character(len=16) :: output_precision = 'double'
    logical :: output_fast = .false.
    integer :: n_members = 1
    integer :: first_member = 1
    character(len=text_length) :: output_file = 'lorenz96.nc'
    character(len=text_length) :: restart_in = ''
    character(len=text_length) :: restart_out = ''

    integer :: n_slow = 8
    integer :: n_fast = 32
    real(real64) :: h = 1.0_real64
    real(real64) :: b = 10.0_real64
    real(real64) :: c = 10.0_real64
    real(real64) :: forcing = 20.0_real64

    character(len=text_length) :: initial_file = ''
    integer :: initial_record = 0
    integer :: record_interval = 1
    integer :: n_starts = 1
    real(real64) :: perturbation = 0.0_real64

    character(len=16) :: scheme = 'none'
    character(len=16) :: noise = 'none'
    integer :: seed = 0
    real(real64), allocatable :: coefficients(:)         ! from the constant up
    real(real64) :: residual_sd = 0.0_real64
    real(real64) :: residual_phi = 0.0_real64
    character(len=text_length) :: emulator_file = ''
    character(len=64) :: engine = ''
    character(len=64) :: device = 'cpu'
    integer :: threads = 1
    character(len=16) :: previous_tendency = 'stage'
  contains
    procedure :: n_trajectories
  end type settings_t

contains

  !> Read and check a namelist file. stat is 0, or 1 with a message.
  subroutine read_settings(path, settings, stat, errmsg)
    character(len=*), intent(in) :: path
    type(settings_t), intent(out) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=20), parameter :: groups(4) = [character(len=20) :: &
      'run_nml', 'model_nml', 'initial_nml', 'parameterization_nml']
    integer :: unit

    allocate(settings%coefficients(0))
    call open_namelist(path, groups, unit, stat, errmsg)
    if (stat /= 0) return
    call read_run(unit, settings, stat, errmsg)
    if (stat == 0) call read_model(unit, settings, stat, errmsg)
    if (stat == 0) call read_initial(unit, settings, stat, errmsg)
    if (stat == 0) call read_parameterization(unit, settings, stat, errmsg)
    close(unit)
    if (stat == 0) call check(settings, stat, errmsg)
  end subroutine read_settings

  !> Trajectories that are integrated side by side: members of every start.
  elemental integer function n_trajectories(self)
    class(settings_t), intent(in) :: self
    n_trajectories = self%n_members * self%n_starts
  end function n_trajectories

  subroutine read_run(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=len(settings%model)) :: model, output_precision
    integer :: n_steps, burn_in, output_interval, tendency_interval, n_members, first_member, iostat
    real(real64) :: time_step
    logical :: output_fast
    character(len=text_length) :: output_file, restart_in, restart_out, iomsg
    namelist /run_nml/ model, n_steps, burn_in, time_step, output_interval, tendency_interval, output_precision, &
      output_fast, n_members, first_member, output_file, restart_in, restart_out

    model = settings%model
    n_steps = settings%n_steps
    burn_in = settings%burn_in
    time_step = settings%time_step
    output_interval = settings%output_interval
    tendency_interval = settings%tendency_interval
    output_precision = settings%output_precision
    output_fast = settings%output_fast
    n_members = settings%n_members
    first_member = settings%first_member
    output_file = settings%output_file
    restart_in = settings%restart_in
    restart_out = settings%restart_out
    rewind(unit)
    read(unit, nml=run_nml, iostat=iostat, iomsg=iomsg)
    call report_group('run_nml', 'Lorenz ''96', iostat, iomsg, stat, errmsg)
    settings%model = model
    settings%n_steps = n_steps
    settings%burn_in = burn_in
    settings%time_step = time_step
    settings%output_interval = output_interval
    settings%tendency_interval = tendency_interval
    settings%output_precision = output_precision
    settings%output_fast = output_fast
    settings%n_members = n_members
    settings%first_member = first_member
    settings%output_file = output_file
    settings%restart_in = restart_in
    settings%restart_out = restart_out
    if (time_step == 0.0_real64) settings%time_step = merge(0.001_real64, 0.005_real64, model == 'two_scale')
  end subroutine read_run

  subroutine read_model(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: n_slow, n_fast, iostat
    real(real64) :: h, b, c, forcing
    character(len=text_length) :: iomsg
    namelist /model_nml/ n_slow, n_fast, h, b, c, forcing

    n_slow = settings%n_slow
    n_fast = settings%n_fast
    h = settings%h
    b = settings%b
    c = settings%c
    forcing = settings%forcing
    rewind(unit)
    read(unit, nml=model_nml, iostat=iostat, iomsg=iomsg)
    call report_group('model_nml', 'Lorenz ''96', iostat, iomsg, stat, errmsg)
    settings%n_slow = n_slow
    settings%n_fast = n_fast
    settings%h = h
    settings%b = b
    settings%c = c
    settings%forcing = forcing
  end subroutine read_model

  subroutine read_initial(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: initial_record, record_interval, n_starts, iostat
    real(real64) :: perturbation
    character(len=text_length) :: initial_file, iomsg
    namelist /initial_nml/ initial_file, initial_record, record_interval, n_starts, perturbation

    initial_file = settings%initial_file
    initial_record = settings%initial_record
    record_interval = settings%record_interval
    n_starts = settings%n_starts
    perturbation = settings%perturbation
    rewind(unit)
    read(unit, nml=initial_nml, iostat=iostat, iomsg=iomsg)
    call report_group('initial_nml', 'Lorenz ''96', iostat, iomsg, stat, errmsg)
    settings%initial_file = initial_file
    settings%initial_record = initial_record
    settings%record_interval = record_interval
    settings%n_starts = n_starts
    settings%perturbation = perturbation
  end subroutine read_initial

  subroutine read_parameterization(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=len(settings%scheme)) :: scheme, noise, previous_tendency
    character(len=len(settings%engine)) :: engine, device
    integer :: seed, threads, iostat
    real(real64) :: coefficients(max_coefficients), residual_sd, residual_phi
    character(len=text_length) :: emulator_file, iomsg
    namelist /parameterization_nml/ scheme, noise, seed, coefficients, residual_sd, residual_phi, emulator_file, engine, &
      device, threads, previous_tendency

    scheme = settings%scheme
    noise = settings%noise
    seed = settings%seed
    coefficients = not_given
    residual_sd = settings%residual_sd
    residual_phi = settings%residual_phi
    emulator_file = settings%emulator_file
    engine = settings%engine
    device = settings%device
    threads = settings%threads
    previous_tendency = settings%previous_tendency
    rewind(unit)
    read(unit, nml=parameterization_nml, iostat=iostat, iomsg=iomsg)
    call report_group('parameterization_nml', 'Lorenz ''96', iostat, iomsg, stat, errmsg)
    settings%scheme = scheme
    settings%noise = noise
    settings%seed = seed
    settings%coefficients = coefficients(:findloc(.not. coefficients >= not_given, .true., dim=1, back=.true.))
    settings%residual_sd = residual_sd
    settings%residual_phi = residual_phi
    settings%emulator_file = emulator_file
    settings%engine = engine
    settings%device = device
    settings%threads = threads
    settings%previous_tendency = previous_tendency
  end subroutine read_parameterization

  !> Refuse values that cannot work, naming the entry, the value and what is allowed.
  subroutine check(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call check_run(s, stat, errmsg)
    call check_model(s, stat, errmsg)
    call check_initial(s, stat, errmsg)
    call check_parameterization(s, stat, errmsg)
  end subroutine check

  subroutine check_run(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call choose('model', s%model, [character(len=16) :: 'two_scale', 'one_scale'], stat, errmsg)
    call require(s%time_step > 0.0_real64 .and. s%time_step <= 0.1_real64, 'time_step', s%time_step, &
      '0 (that of the model), or above 0 and at most 0.1', stat, errmsg)
    call require(s%burn_in >= 0, 'burn_in', real(s%burn_in, real64), 'not negative', stat, errmsg)
    call require(s%output_interval >= 1, 'output_interval', real(s%output_interval, real64), 'at least 1 step', stat, errmsg)
    if (stat /= 0) return
    call require(s%n_steps >= 0 .and. modulo(s%n_steps, s%output_interval) == 0, 'n_steps', real(s%n_steps, real64), &
      'a multiple of output_interval', stat, errmsg)
    call require(s%n_steps <= huge(1) / 2 - s%burn_in, 'burn_in', real(s%burn_in, real64), &
      'at most 1073741823 together with n_steps', stat, errmsg)
    call require(s%model == 'one_scale' .or. &
      (s%tendency_interval >= 1 .and. s%tendency_interval <= s%output_interval), 'tendency_interval', &
      real(s%tendency_interval, real64), 'in 1 to output_interval', stat, errmsg)
    call choose('output_precision', s%output_precision, [character(len=16) :: 'double', 'single'], stat, errmsg)
    call require(.not. s%output_fast .or. s%model == 'two_scale', 'output_fast', 1.0_real64, &
      "false with model = 'one_scale', which has no fast variables", stat, errmsg)
    call require(s%n_members >= 1, 'n_members', real(s%n_members, real64), 'at least 1', stat, errmsg)
    call require(s%first_member >= 1, 'first_member', real(s%first_member, real64), 'at least 1', stat, errmsg)
    ! The numbers of columns leave room for 2**20 members; see README.md.
    call require(s%n_members <= 2**20 .and. s%first_member <= 2**20 - s%n_members + 1, 'first_member', &
      real(s%first_member, real64), 'a last member of at most 1048576', stat, errmsg)
  end subroutine check_run

  subroutine check_model(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%n_slow >= 4 .and. s%n_slow <= 1024, 'n_slow', real(s%n_slow, real64), 'in 4 to 1024', stat, errmsg)
    call require(s%n_fast >= 1 .and. s%n_fast <= 1024, 'n_fast', real(s%n_fast, real64), 'in 1 to 1024', stat, errmsg)
    call require(is_number(s%h), 'h', s%h, 'a finite number', stat, errmsg)
    call require(is_number(s%b) .and. s%b > 0.0_real64, 'b', s%b, 'positive', stat, errmsg)
    call require(is_number(s%c) .and. s%c > 0.0_real64, 'c', s%c, 'positive', stat, errmsg)
    call require(is_number(s%forcing), 'forcing', s%forcing, 'a finite number', stat, errmsg)
  end subroutine check_model

  subroutine check_initial(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%initial_record >= 0, 'initial_record', real(s%initial_record, real64), 'not negative', stat, errmsg)
    call require(s%record_interval >= 1, 'record_interval', real(s%record_interval, real64), 'at least 1', stat, errmsg)
    call require(s%n_starts >= 1, 'n_starts', real(s%n_starts, real64), 'at least 1', stat, errmsg)
    call require(s%n_starts == 1 .or. s%initial_file /= '', 'n_starts', real(s%n_starts, real64), &
      '1 without an initial_file', stat, errmsg)
    if (stat /= 0) return
    call require(s%n_starts <= 2**24 / (s%n_members * max(1, s%n_slow / 8)), 'n_starts', real(s%n_starts, real64), &
      'so few that starts x members x n_slow is at most 2**27', stat, errmsg)
    call require(s%n_starts <= 1 + (huge(1) / 2 - s%initial_record) / s%record_interval, 'record_interval', &
      real(s%record_interval, real64), 'such that the last record is below 2**30', stat, errmsg)
    call require(is_number(s%perturbation) .and. s%perturbation >= 0.0_real64, 'perturbation', s%perturbation, &
      'not negative', stat, errmsg)
  end subroutine check_initial

  subroutine check_parameterization(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call choose('scheme', s%scheme, [character(len=16) :: 'none', 'polynomial', 'emulator'], stat, errmsg)
    call choose('noise', s%noise, [character(len=16) :: 'none', 'white', 'ar1'], stat, errmsg)
    call choose('previous_tendency', s%previous_tendency, [character(len=16) :: 'stage', 'step'], stat, errmsg)
    if (stat == 0 .and. s%scheme /= 'none' .and. s%model == 'two_scale') then
      stat = 1
      errmsg = "namelist entry scheme is '"//trim(s%scheme)//"', expected 'none' with model = 'two_scale', "// &
        'which computes its fast variables'
    end if
    if (stat == 0 .and. s%noise /= 'none' .and. s%scheme /= 'polynomial') then
      stat = 1
      errmsg = "namelist entry noise is '"//trim(s%noise)//"', expected 'none' with scheme = '"//trim(s%scheme)// &
        "': noise is that of the polynomial; an emulator's is on its card"
    end if
    if (s%scheme == 'polynomial') call require(size(s%coefficients) >= 1, 'coefficients', 0.0_real64, &
      "1 to 8 numbers, from the constant up, with scheme = 'polynomial'", stat, errmsg)
    call require(all(is_number(s%coefficients)), 'coefficients', maxval([0.0_real64, s%coefficients]), 'finite numbers', &
      stat, errmsg)
    call require(is_number(s%residual_sd) .and. s%residual_sd >= 0.0_real64, 'residual_sd', s%residual_sd, &
      'not negative', stat, errmsg)
    call require(abs(s%residual_phi) < 1.0_real64, 'residual_phi', s%residual_phi, 'between -1 and 1', stat, errmsg)
    call require(s%threads >= 1, 'threads', real(s%threads, real64), 'at least 1', stat, errmsg)
  end subroutine check_parameterization

  elemental logical function is_number(value)
    real(real64), intent(in) :: value
    is_number = abs(value) < huge(value)
  end function is_number

end module lorenz96_settings
