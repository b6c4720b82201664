!> The run's NetCDF files, CF-1.10: series of the whole domain, snapshots, and pairs of consecutive states. README.md lists
!> the variables.
module shallow_water_output
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08, only: MPI_Comm
  use shallow_water_diagnostics, only: diagnose, n_series, series_meanings, series_names, series_units
  use shallow_water_domain, only: thickness, x_velocity, y_velocity
  use shallow_water_emulated_forcing, only: tendency, x_forcing, y_forcing
  use shallow_water_model, only: model_t
  use shallow_water_parallel_file, only: parallel_file_t
  use shallow_water_settings, only: settings_t
  implicit none
  private

  character(len=*), parameter :: names(3) = [character(len=24) :: 'sea_water_x_velocity', 'sea_water_y_velocity', &
    'layer_thickness_anomaly']
  character(len=*), parameter :: units(3) = [character(len=8) :: 'm s-1', 'm s-1', 'm']
  character(len=*), parameter :: next = '_at_next_step'

  type, public :: output_t
    private
    type(parallel_file_t) :: series, snapshots, pairs
    integer :: series_record = 0, snapshot_record = 0, pair_record = 0
    integer :: first_step = 0, snapshot_interval = 0, series_interval = 0, pair_interval = 0
    logical :: has_snapshots = .false., has_pairs = .false., is_pair_open = .false.
    integer :: x = 0, y = 0, x_face = 0, y_face = 0, time = 0  ! dimensions
  contains
    procedure :: open => open_output
    procedure :: write => write_records
    procedure :: write_next
    procedure :: close => close_output
    procedure, private :: define_grid
    procedure, private :: define_state
    procedure, private :: report
  end type output_t

contains

  !> Create the files. stat is 0, or 4 with a message.
  subroutine open_output(self, model, comm, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(model_t), intent(in) :: model
    type(MPI_Comm), intent(in) :: comm
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    logical :: speaks
    integer :: i

    associate (s => model%settings)
      speaks = model%ranks%rank == 0
      self%first_step = model%step
      self%series_interval = s%steps_in(s%output_interval_days)
      self%snapshot_interval = s%steps_in(s%snapshot_interval_days)
      self%pair_interval = s%pair_interval_steps
      self%has_snapshots = s%snapshot_file /= ''
      self%has_pairs = s%pair_file /= ''
      call self%series%create(s%output_file, comm, speaks)
      call describe(self%series, s, 'series of a reduced-gravity ocean')
      self%time = define_time(self%series)
      do i = 1, n_series
        call self%series%variable(trim(series_names(i)), [self%time], trim(series_units(i)), trim(series_meanings(i)))
      end do
      call self%series%variable('wall_time', [self%time], 's', 'time since the start of this run')
      call self%series%end_definitions()
      if (self%has_snapshots) then
        call self%snapshots%create(s%snapshot_file, comm, speaks)
        call describe(self%snapshots, s, 'snapshots of a reduced-gravity ocean')
        call self%define_grid(self%snapshots, s)
        call self%define_state(self%snapshots, '')
        call self%snapshots%end_definitions()
        call write_grid(self%snapshots, model)
      end if
      if (self%has_pairs) then
        call self%pairs%create(s%pair_file, comm, speaks)
        call describe(self%pairs, s, 'pairs of consecutive states of a reduced-gravity ocean')
        call self%define_grid(self%pairs, s)
        call self%define_state(self%pairs, '')
        call self%define_state(self%pairs, next)
        call self%pairs%variable('tendency_of_sea_water_x_velocity_due_to_forcing', [self%x_face, self%y, self%time], &
          'm s-2', 'wind, drag and viscosity along x on east faces of cells, between both states')
        call self%pairs%variable('tendency_of_sea_water_y_velocity_due_to_forcing', [self%x, self%y_face, self%time], &
          'm s-2', 'wind, drag and viscosity along y on south faces of cells, between both states')
        call self%pairs%variable('tendency_of_layer_thickness_anomaly', [self%x, self%y, self%time], 'm s-1', &
          'tendency of the thickness of the layer, between both states')
        call self%pairs%end_definitions()
        call write_grid(self%pairs, model)
      end if
    end associate
    call self%report(stat, errmsg)
  end subroutine open_output

  !> Write what is due of the present state; is_last: the run ends here.
  subroutine write_records(self, model, wall_time, is_last, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(model_t), intent(in) :: model
    real(real64), intent(in) :: wall_time  !! since the start of the run [s]
    logical, intent(in) :: is_last
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64) :: series(n_series)
    integer :: i

    if (is_last .or. is_due(self, model, self%series_interval)) then
      self%series_record = self%series_record + 1
      series = diagnose(model)
      call self%series%put_number('time', model%day(), self%series_record)
      do i = 1, n_series
        call self%series%put_number(trim(series_names(i)), series(i), self%series_record)
      end do
      call self%series%put_number('wall_time', wall_time, self%series_record)
    end if
    if (self%has_snapshots .and. (is_last .or. is_due(self, model, self%snapshot_interval))) then
      self%snapshot_record = self%snapshot_record + 1
      call self%snapshots%put_number('time', model%day(), self%snapshot_record)
      call write_state(self%snapshots, model, '', self%snapshot_record)
    end if
    self%is_pair_open = self%has_pairs .and. .not. is_last .and. modulo(model%step, max(1, self%pair_interval)) == 0
    if (self%is_pair_open) then
      self%pair_record = self%pair_record + 1
      call self%pairs%put_number('time', model%day(), self%pair_record)
      call write_state(self%pairs, model, '', self%pair_record)
    end if
    call self%report(stat, errmsg)
  end subroutine write_records

  !> After a step: the second state of a pair, and what led to it.
  subroutine write_next(self, model, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(model_t), intent(in) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (.not. self%is_pair_open) return
    self%is_pair_open = .false.
    associate (d => model%domain, out => model%tendencies, r => self%pair_record)
      call write_state(self%pairs, model, next, r)
      call self%pairs%put_field('tendency_of_sea_water_x_velocity_due_to_forcing', d, out(:, :, x_forcing), r)
      call self%pairs%put_field('tendency_of_sea_water_y_velocity_due_to_forcing', d, out(:, :, y_forcing), r)
      call self%pairs%put_field('tendency_of_layer_thickness_anomaly', d, out(:, :, tendency), r)
    end associate
    call self%report(stat, errmsg)
  end subroutine write_next

  subroutine close_output(self, stat, errmsg)
    class(output_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%series%close()
    call self%snapshots%close()
    call self%pairs%close()
    call self%report(stat, errmsg)
  end subroutine close_output

  !> Records lie at multiples of the interval, and at the start of the run.
  pure logical function is_due(self, model, interval)
    class(output_t), intent(in) :: self
    type(model_t), intent(in) :: model
    integer, intent(in) :: interval

    is_due = model%step == self%first_step .or. modulo(model%step, interval) == 0
  end function is_due

  integer function define_time(file) result(time)
    type(parallel_file_t), intent(inout) :: file

    time = file%dimension('time', 0)
    call file%variable('time', [time], 'days since 0001-01-01 00:00:00', 'model time', 'time')
    call file%attribute('calendar', '360_day', 'time')
  end function define_time

  !> Dimensions of the staggered grid, and what does not change with time.
  subroutine define_grid(self, file, s)
    class(output_t), intent(inout) :: self
    type(parallel_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: s

    self%time = define_time(file)
    self%x = define_axis(file, 'x', s%nx, 'projection_x_coordinate', 'x of the middle of cells', 'X')
    self%y = define_axis(file, 'y', s%ny, 'projection_y_coordinate', 'y of the middle of cells', 'Y')
    self%x_face = define_axis(file, 'x_face', s%nx, 'projection_x_coordinate', 'x of the east face of cells', 'X')
    self%y_face = define_axis(file, 'y_face', s%ny, 'projection_y_coordinate', 'y of the south face of cells', 'Y')
    call file%variable('surface_downward_x_stress', [self%x_face, self%y], 'Pa', 'wind stress along x on east faces', &
      'surface_downward_x_stress')
    call file%variable('surface_downward_y_stress', [self%x, self%y_face], 'Pa', 'wind stress along y on south faces', &
      'surface_downward_y_stress')
  end subroutine define_grid

  integer function define_axis(file, name, length, standard_name, long_name, axis) result(id)
    type(parallel_file_t), intent(inout) :: file
    character(len=*), intent(in) :: name, standard_name, long_name, axis
    integer, intent(in) :: length

    id = file%dimension(name, length)
    call file%variable(name, [id], 'm', long_name, standard_name)
    call file%attribute('axis', axis, name)
  end function define_axis

  !> Both velocities where they are, and the thickness.
  subroutine define_state(self, file, suffix)
    class(output_t), intent(in) :: self
    type(parallel_file_t), intent(inout) :: file
    character(len=*), intent(in) :: suffix  !! '', or that of another time

    call file%variable(trim(names(x_velocity))//suffix, [self%x_face, self%y, self%time], trim(units(x_velocity)), &
      'velocity along x on east faces of cells', 'sea_water_x_velocity')
    call file%variable(trim(names(y_velocity))//suffix, [self%x, self%y_face, self%time], trim(units(y_velocity)), &
      'velocity along y on south faces of cells', 'sea_water_y_velocity')
    call file%variable(trim(names(thickness))//suffix, [self%x, self%y, self%time], trim(units(thickness)), &
      'thickness of the layer minus its mean depth')
  end subroutine define_state

  subroutine write_state(file, model, suffix, record)
    type(parallel_file_t), intent(inout) :: file
    type(model_t), intent(in) :: model
    character(len=*), intent(in) :: suffix
    integer, intent(in) :: record
    integer :: k

    associate (d => model%domain)
      do k = 1, size(names)
        call file%put_field(trim(names(k))//suffix, d, model%now(1:d%nx, 1:d%ny, k), record)
      end do
    end associate
  end subroutine write_state

  subroutine write_grid(file, model)
    type(parallel_file_t), intent(inout) :: file
    type(model_t), intent(in) :: model
    integer :: i

    associate (s => model%settings, d => model%domain)
      call file%put_line('x', [((real(i, real64) - 0.5_real64) * s%dx, i = 1, s%nx)], 1)
      call file%put_line('y', [((real(i, real64) - 0.5_real64) * s%dy, i = 1, s%ny)], 1)
      call file%put_line('x_face', [(real(i, real64) * s%dx, i = 1, s%nx)], 1)
      call file%put_line('y_face', [(real(i - 1, real64) * s%dy, i = 1, s%ny)], 1)
      call file%put_field('surface_downward_x_stress', d, model%stress(1:d%nx, 1:d%ny, 1))
      call file%put_field('surface_downward_y_stress', d, model%stress(1:d%nx, 1:d%ny, 2))
    end associate
  end subroutine write_grid

  !> Where the numbers come from: every namelist value as a global attribute.
  subroutine describe(file, s, title)
    type(parallel_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: s
    character(len=*), intent(in) :: title

    call file%attribute('Conventions', 'CF-1.10')
    call file%attribute('title', title)
    call file%attribute('source', 'shallow_water host of pyemu')
    call file%attribute('n_days', s%n_days)
    call file%attribute('output_interval_days', s%output_interval_days)
    call file%attribute('output_file', trim(s%output_file))
    call file%attribute('snapshot_interval_days', s%snapshot_interval_days)
    call file%attribute('snapshot_file', trim(s%snapshot_file))
    call file%attribute('pair_interval_steps', s%pair_interval_steps)
    call file%attribute('pair_file', trim(s%pair_file))
    call file%attribute('restart_in', trim(s%restart_in))
    call file%attribute('restart_out', trim(s%restart_out))
    call file%attribute('ranks_x', s%ranks_x)
    call file%attribute('ranks_y', s%ranks_y)
    call file%attribute('kernels', trim(s%kernels))
    call file%attribute('nx', s%nx)
    call file%attribute('ny', s%ny)
    call file%attribute('dx', s%dx)
    call file%attribute('dy', s%dy)
    call file%attribute('domain', trim(s%domain))
    call file%attribute('preset', trim(s%preset))
    call file%attribute('time_step', s%time_step)
    call file%attribute('f0', s%f0)
    call file%attribute('beta', s%beta)
    call file%attribute('reduced_gravity', s%reduced_gravity)
    call file%attribute('depth', s%depth)
    call file%attribute('density', s%density)
    call file%attribute('wind_stress', s%wind_stress)
    call file%attribute('drag', s%drag)
    call file%attribute('viscosity', s%viscosity)
    call file%attribute('robert_asselin', s%robert_asselin)
    call file%attribute('vorticity', trim(s%vorticity))
    call file%attribute('kinetic_energy', trim(s%kinetic_energy))
    call file%attribute('ke_factor', s%ke_factor)
    call file%attribute('walls', trim(s%walls))
    call file%attribute('perturbation', s%perturbation)
    call file%attribute('perturbation_seed', s%perturbation_seed)
    call file%attribute('momentum', trim(s%momentum))
    call file%attribute('momentum_file', trim(s%momentum_file))
    call file%attribute('momentum_y_file', trim(s%momentum_y_file))
    call file%attribute('thickness', trim(s%thickness))
    call file%attribute('thickness_file', trim(s%thickness_file))
    call file%attribute('mass', trim(s%mass))
    call file%attribute('engine', trim(s%engine))
    call file%attribute('device', trim(s%device))
    call file%attribute('threads', s%threads)
    call file%attribute('seed', s%seed)
    call file%attribute('member', s%member)
  end subroutine describe

  subroutine report(self, stat, errmsg)
    class(output_t), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = max(self%series%stat, self%snapshots%stat, self%pairs%stat)
    if (self%series%stat /= 0) then
      errmsg = self%series%message
    else if (self%snapshots%stat /= 0) then
      errmsg = self%snapshots%message
    else if (self%pairs%stat /= 0) then
      errmsg = self%pairs%message
    end if
  end subroutine report

end module shallow_water_output
