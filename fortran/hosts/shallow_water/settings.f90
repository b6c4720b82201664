!> The namelist file of a run: read, checked, and kept as one value.
module shallow_water_settings
  use, intrinsic :: iso_fortran_env, only: real64
  use host_namelist_file, only: choose, is_multiple, is_positive_multiple, open_namelist, report_group, require, text_length
  implicit none
  private
  public :: read_settings

  real(real64), parameter, public :: seconds_per_day = 86400.0_real64
  character(len=*), parameter :: host = 'shallow_water'
  integer, parameter :: most_cells = 2**22  ! sums.f90

  !> Every namelist entry, by its own name; see README.md for meanings. The physics are those of preset 'stable'.
  type, public :: settings_t
    real(real64) :: n_days = 30.0_real64                 ! day
    real(real64) :: output_interval_days = 1.0_real64    ! day
    character(len=text_length) :: output_file = 'shallow_water.nc'
    real(real64) :: snapshot_interval_days = 30.0_real64 ! day
    character(len=text_length) :: snapshot_file = ''
    integer :: pair_interval_steps = 360
    character(len=text_length) :: pair_file = ''
    character(len=text_length) :: restart_in = ''
    character(len=text_length) :: restart_out = ''
    integer :: ranks_x = 0
    integer :: ranks_y = 0
    character(len=16) :: kernels = ''

    integer :: nx = 80
    integer :: ny = 80
    real(real64) :: dx = 2.0e4_real64                    ! m
    real(real64) :: dy = 2.0e4_real64                    ! m
    character(len=16) :: domain = 'closed'

    character(len=16) :: preset = 'stable'
    real(real64) :: time_step = 1800.0_real64            ! s
    real(real64) :: f0 = 3.5e-5_real64                   ! s-1
    real(real64) :: beta = 2.11e-11_real64               ! m-1 s-1
    real(real64) :: reduced_gravity = 0.02_real64        ! m s-2
    real(real64) :: depth = 500.0_real64                 ! m
    real(real64) :: density = 1000.0_real64              ! kg m-3
    real(real64) :: wind_stress = 0.10_real64            ! Pa
    real(real64) :: drag = 2.0e-7_real64                 ! s-1
    real(real64) :: viscosity = 10.0_real64              ! m2 s-1
    real(real64) :: robert_asselin = 0.025_real64        ! 1
    character(len=20) :: vorticity = 'product_of_means'
    character(len=20) :: kinetic_energy = 'square_of_means'
    real(real64) :: ke_factor = 0.5_real64               ! 1
    character(len=16) :: walls = 'no_slip'

    real(real64) :: perturbation = 0.0_real64            ! m
    integer :: perturbation_seed = 0

    character(len=16) :: momentum = 'analytic'
    character(len=text_length) :: momentum_file = ''
    character(len=text_length) :: momentum_y_file = ''
    character(len=16) :: thickness = 'analytic'
    character(len=text_length) :: thickness_file = ''
    character(len=16) :: mass = 'none'
    character(len=64) :: engine = ''
    character(len=64) :: device = 'cpu'
    integer :: threads = 1
    integer :: seed = 0
    integer :: member = 0
  contains
    procedure :: n_steps
    procedure :: steps_in
  end type settings_t

contains

  !> Read and check a namelist file. stat is 0, or 1 with a message.
  subroutine read_settings(path, settings, stat, errmsg)
    character(len=*), intent(in) :: path
    type(settings_t), intent(out) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=16), parameter :: groups(5) = [character(len=16) :: &
      'run_nml', 'grid_nml', 'physics_nml', 'start_nml', 'forcing_nml']
    integer :: unit

    call open_namelist(path, groups, unit, stat, errmsg)
    if (stat /= 0) return
    call read_run(unit, settings, stat, errmsg)
    if (stat == 0) call read_grid(unit, settings, stat, errmsg)
    ! The first reading finds the preset, the second overrides its values.
    if (stat == 0) call read_physics(unit, settings, stat, errmsg)
    if (stat == 0) call choose('preset', settings%preset, [character(len=16) :: 'stable', 'published'], stat, errmsg)
    if (stat == 0) call apply_preset(settings)
    if (stat == 0) call read_physics(unit, settings, stat, errmsg)
    if (stat == 0) call read_start(unit, settings, stat, errmsg)
    if (stat == 0) call read_forcing(unit, settings, stat, errmsg)
    close(unit)
    if (stat == 0) call check(settings, stat, errmsg)
  end subroutine read_settings

  !> Number of time steps in this run.
  elemental integer function n_steps(self)
    class(settings_t), intent(in) :: self
    n_steps = self%steps_in(self%n_days)
  end function n_steps

  !> Number of time steps in so many days.
  elemental integer function steps_in(self, days)
    class(settings_t), intent(in) :: self
    real(real64), intent(in) :: days
    steps_in = nint(days * seconds_per_day / self%time_step)
  end function steps_in

  !> The physics of a preset, all of them: what the namelist says besides comes after.
  subroutine apply_preset(settings)
    type(settings_t), intent(inout) :: settings
    type(settings_t) :: stable

    settings%time_step = stable%time_step
    settings%f0 = stable%f0
    settings%beta = stable%beta
    settings%reduced_gravity = stable%reduced_gravity
    settings%depth = stable%depth
    settings%density = stable%density
    settings%wind_stress = stable%wind_stress
    settings%drag = stable%drag
    settings%viscosity = stable%viscosity
    settings%robert_asselin = stable%robert_asselin
    settings%vorticity = stable%vorticity
    settings%kinetic_energy = stable%kinetic_energy
    settings%ke_factor = stable%ke_factor
    settings%walls = stable%walls
    if (settings%preset == 'stable') return
    settings%wind_stress = 0.15_real64
    settings%viscosity = 0.72_real64
    settings%ke_factor = 1.0_real64
  end subroutine apply_preset

  subroutine read_run(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: pair_interval_steps, ranks_x, ranks_y, iostat
    real(real64) :: n_days, output_interval_days, snapshot_interval_days
    character(len=text_length) :: output_file, snapshot_file, pair_file, restart_in, restart_out, iomsg
    character(len=len(settings%kernels)) :: kernels
    namelist /run_nml/ n_days, output_interval_days, output_file, snapshot_interval_days, snapshot_file, &
      pair_interval_steps, pair_file, restart_in, restart_out, ranks_x, ranks_y, kernels

    n_days = settings%n_days
    output_interval_days = settings%output_interval_days
    output_file = settings%output_file
    snapshot_interval_days = settings%snapshot_interval_days
    snapshot_file = settings%snapshot_file
    pair_interval_steps = settings%pair_interval_steps
    pair_file = settings%pair_file
    restart_in = settings%restart_in
    restart_out = settings%restart_out
    ranks_x = settings%ranks_x
    ranks_y = settings%ranks_y
    kernels = settings%kernels
    rewind(unit)
    read(unit, nml=run_nml, iostat=iostat, iomsg=iomsg)
    call report_group('run_nml', host, iostat, iomsg, stat, errmsg)
    settings%n_days = n_days
    settings%output_interval_days = output_interval_days
    settings%output_file = output_file
    settings%snapshot_interval_days = snapshot_interval_days
    settings%snapshot_file = snapshot_file
    settings%pair_interval_steps = pair_interval_steps
    settings%pair_file = pair_file
    settings%restart_in = restart_in
    settings%restart_out = restart_out
    settings%ranks_x = ranks_x
    settings%ranks_y = ranks_y
    settings%kernels = kernels
  end subroutine read_run

  subroutine read_grid(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: nx, ny, iostat
    real(real64) :: dx, dy
    character(len=len(settings%domain)) :: domain
    character(len=text_length) :: iomsg
    namelist /grid_nml/ nx, ny, dx, dy, domain

    nx = settings%nx
    ny = settings%ny
    dx = settings%dx
    dy = settings%dy
    domain = settings%domain
    rewind(unit)
    read(unit, nml=grid_nml, iostat=iostat, iomsg=iomsg)
    call report_group('grid_nml', host, iostat, iomsg, stat, errmsg)
    settings%nx = nx
    settings%ny = ny
    settings%dx = dx
    settings%dy = dy
    settings%domain = domain
  end subroutine read_grid

  subroutine read_physics(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: iostat
    real(real64) :: time_step, f0, beta, reduced_gravity, depth, density, wind_stress, drag, viscosity, robert_asselin, &
      ke_factor
    character(len=len(settings%preset)) :: preset, walls
    character(len=len(settings%vorticity)) :: vorticity, kinetic_energy
    character(len=text_length) :: iomsg
    namelist /physics_nml/ preset, time_step, f0, beta, reduced_gravity, depth, density, wind_stress, drag, viscosity, &
      robert_asselin, vorticity, kinetic_energy, ke_factor, walls

    preset = settings%preset
    time_step = settings%time_step
    f0 = settings%f0
    beta = settings%beta
    reduced_gravity = settings%reduced_gravity
    depth = settings%depth
    density = settings%density
    wind_stress = settings%wind_stress
    drag = settings%drag
    viscosity = settings%viscosity
    robert_asselin = settings%robert_asselin
    vorticity = settings%vorticity
    kinetic_energy = settings%kinetic_energy
    ke_factor = settings%ke_factor
    walls = settings%walls
    rewind(unit)
    read(unit, nml=physics_nml, iostat=iostat, iomsg=iomsg)
    call report_group('physics_nml', host, iostat, iomsg, stat, errmsg)
    settings%preset = preset
    settings%time_step = time_step
    settings%f0 = f0
    settings%beta = beta
    settings%reduced_gravity = reduced_gravity
    settings%depth = depth
    settings%density = density
    settings%wind_stress = wind_stress
    settings%drag = drag
    settings%viscosity = viscosity
    settings%robert_asselin = robert_asselin
    settings%vorticity = vorticity
    settings%kinetic_energy = kinetic_energy
    settings%ke_factor = ke_factor
    settings%walls = walls
  end subroutine read_physics

  subroutine read_start(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: perturbation_seed, iostat
    real(real64) :: perturbation
    character(len=text_length) :: iomsg
    namelist /start_nml/ perturbation, perturbation_seed

    perturbation = settings%perturbation
    perturbation_seed = settings%perturbation_seed
    rewind(unit)
    read(unit, nml=start_nml, iostat=iostat, iomsg=iomsg)
    call report_group('start_nml', host, iostat, iomsg, stat, errmsg)
    settings%perturbation = perturbation
    settings%perturbation_seed = perturbation_seed
  end subroutine read_start

  subroutine read_forcing(unit, settings, stat, errmsg)
    integer, intent(in) :: unit
    type(settings_t), intent(inout) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: threads, seed, member, iostat
    character(len=len(settings%momentum)) :: momentum, thickness, mass
    character(len=len(settings%engine)) :: engine, device
    character(len=text_length) :: momentum_file, momentum_y_file, thickness_file, iomsg
    namelist /forcing_nml/ momentum, momentum_file, momentum_y_file, thickness, thickness_file, mass, engine, device, &
      threads, seed, member

    momentum = settings%momentum
    momentum_file = settings%momentum_file
    momentum_y_file = settings%momentum_y_file
    thickness = settings%thickness
    thickness_file = settings%thickness_file
    mass = settings%mass
    engine = settings%engine
    device = settings%device
    threads = settings%threads
    seed = settings%seed
    member = settings%member
    rewind(unit)
    read(unit, nml=forcing_nml, iostat=iostat, iomsg=iomsg)
    call report_group('forcing_nml', host, iostat, iomsg, stat, errmsg)
    settings%momentum = momentum
    settings%momentum_file = momentum_file
    settings%momentum_y_file = momentum_y_file
    settings%thickness = thickness
    settings%thickness_file = thickness_file
    settings%mass = mass
    settings%engine = engine
    settings%device = device
    settings%threads = threads
    settings%seed = seed
    settings%member = member
  end subroutine read_forcing

  !> Refuse values that cannot work, naming the entry, the value and what is allowed.
  subroutine check(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call check_grid(s, stat, errmsg)
    call check_physics(s, stat, errmsg)
    call check_run(s, stat, errmsg)
    call check_forcing(s, stat, errmsg)
  end subroutine check

  subroutine check_grid(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%nx >= 3, 'nx', real(s%nx, real64), 'at least 3', stat, errmsg)
    call require(s%ny >= 3, 'ny', real(s%ny, real64), 'at least 3', stat, errmsg)
    call require(real(s%nx, real64) * real(s%ny, real64) <= most_cells, 'nx * ny', &
      real(s%nx, real64) * real(s%ny, real64), 'at most 4194304 cells', stat, errmsg)
    call require(s%dx > 0.0_real64, 'dx', s%dx, 'above 0 m', stat, errmsg)
    call require(s%dy > 0.0_real64, 'dy', s%dy, 'above 0 m', stat, errmsg)
    call choose('domain', s%domain, [character(len=16) :: 'closed', 'channel', 'periodic'], stat, errmsg)
    call require(s%domain /= 'periodic' .or. abs(s%beta) <= 0.0_real64, 'beta', s%beta, &
      "0 with domain = 'periodic', where y has no end", stat, errmsg)
  end subroutine check_grid

  subroutine check_physics(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%reduced_gravity > 0.0_real64, 'reduced_gravity', s%reduced_gravity, 'above 0 m s-2', stat, errmsg)
    call require(s%depth > 0.0_real64, 'depth', s%depth, 'above 0 m', stat, errmsg)
    call require(s%density > 0.0_real64, 'density', s%density, 'above 0 kg m-3', stat, errmsg)
    call require(s%drag >= 0.0_real64, 'drag', s%drag, 'not negative', stat, errmsg)
    call require(s%viscosity >= 0.0_real64, 'viscosity', s%viscosity, 'not negative', stat, errmsg)
    call require(s%robert_asselin >= 0.0_real64 .and. s%robert_asselin < 0.5_real64, 'robert_asselin', &
      s%robert_asselin, 'in 0 to 0.5', stat, errmsg)
    call require(s%ke_factor >= 0.0_real64, 'ke_factor', s%ke_factor, 'not negative', stat, errmsg)
    call choose('vorticity', s%vorticity, [character(len=20) :: 'product_of_means', 'enstrophy', 'energy'], stat, errmsg)
    call choose('kinetic_energy', s%kinetic_energy, [character(len=20) :: 'square_of_means', 'mean_of_squares'], &
      stat, errmsg)
    call choose('walls', s%walls, [character(len=16) :: 'no_slip', 'free_slip'], stat, errmsg)
    call require(s%perturbation >= 0.0_real64 .and. s%perturbation < s%depth, 'perturbation', s%perturbation, &
      'in 0 to depth', stat, errmsg)
  end subroutine check_physics

  subroutine check_run(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call require(s%time_step > 0.0_real64, 'time_step', s%time_step, 'above 0 s', stat, errmsg)
    if (stat /= 0) return
    call require(is_positive_multiple(seconds_per_day, s%time_step), 'time_step', s%time_step, 'a divisor of 86400 s', &
      stat, errmsg)
    call require(s%n_days >= 0.0_real64 .and. is_multiple(s%n_days * seconds_per_day, s%time_step), 'n_days', &
      s%n_days, 'not negative and a whole number of steps', stat, errmsg)
    call require(is_positive_multiple(s%output_interval_days * seconds_per_day, s%time_step), &
      'output_interval_days', s%output_interval_days, 'a whole number of steps', stat, errmsg)
    call require(is_positive_multiple(s%snapshot_interval_days * seconds_per_day, s%time_step), &
      'snapshot_interval_days', s%snapshot_interval_days, 'a whole number of steps', stat, errmsg)
    call require(s%pair_interval_steps >= 2, 'pair_interval_steps', real(s%pair_interval_steps, real64), 'at least 2', &
      stat, errmsg)
    call require(s%ranks_x >= 0, 'ranks_x', real(s%ranks_x, real64), 'not negative; 0 chooses', stat, errmsg)
    call require(s%ranks_y >= 0, 'ranks_y', real(s%ranks_y, real64), 'not negative; 0 chooses', stat, errmsg)
    call choose('kernels', s%kernels, [character(len=16) :: '', 'baseline', 'avx2'], stat, errmsg)
  end subroutine check_run

  subroutine check_forcing(s, stat, errmsg)
    type(settings_t), intent(in) :: s
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    call choose('momentum', s%momentum, [character(len=16) :: 'analytic', 'emulator'], stat, errmsg)
    call choose('thickness', s%thickness, [character(len=16) :: 'analytic', 'emulator'], stat, errmsg)
    call choose('mass', s%mass, [character(len=16) :: 'none', 'projection'], stat, errmsg)
    call require(s%threads >= 1, 'threads', real(s%threads, real64), 'at least 1', stat, errmsg)
    call require(s%member >= 0, 'member', real(s%member, real64), 'not negative', stat, errmsg)
  end subroutine check_forcing

end module shallow_water_settings
