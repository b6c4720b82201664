!> The model: state, parameterization and clock of one run, and what happens in a step.
module lorenz96_model
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use lorenz96_dynamics, only: constants_t, resolved_tendency, step_two_scale, workspace_t
  use lorenz96_parameterization_open, only: open_parameterization
  use lorenz96_settings, only: settings_t
  use lorenz96_subgrid, only: parameterization_t, subgrid_t
  use pyemu, only: pyemu_fill_noise
  implicit none
  private

  real(real64), parameter :: largest = 1000.0_real64  ! of a slow variable, beyond is blow-up
  integer(int64), parameter :: member_numbers = 2_int64**20  ! room for the members of a start
  integer, parameter :: perturbation_stream = 1  ! residuals of the polynomial have stream 0

  !> Trajectories lie side by side, the members of a start adjacent. Declare variables of this type with the target
  !> attribute and do not copy them: an emulator is bound to the arrays.
  type, public :: lorenz96_model_t
    type(settings_t) :: settings
    type(constants_t) :: constants
    real(real64), allocatable :: x(:,:)     !! (K, trajectory) slow variables
    real(real64), allocatable :: y(:,:)     !! (K J, trajectory) fast variables; none in the one-scale model
    real(real64), allocatable :: u(:,:)     !! (K, trajectory) what the parameterization made of x before the last step
    real(real64), allocatable :: start_time(:)  !! (start) time of the initial states in the file they come from
    type(subgrid_t) :: subgrid
    class(parameterization_t), allocatable :: scheme
    integer :: step = 0                     !! steps since the start of the first run
    type(workspace_t), private :: work
  contains
    procedure :: initialise
    procedure :: perturb
    procedure :: open_scheme
    procedure :: time
    procedure :: advance
    procedure :: close => close_model
    procedure, private :: advance_two_scale
    procedure, private :: advance_one_scale
    procedure, private :: add_tendency
    procedure, private :: check
  end type lorenz96_model_t

contains

  !> The standard start: the first slow and the first fast variable are 1, all others 0. The parameterization is opened
  !> apart, so that a restart file can come in between.
  subroutine initialise(self, settings)
    class(lorenz96_model_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer :: n

    self%settings = settings
    self%constants = constants_t(settings%n_slow, settings%n_fast, settings%h, settings%b, settings%c, settings%forcing)
    n = settings%n_trajectories()
    allocate(self%x(settings%n_slow, n), source=0.0_real64)
    allocate(self%y(merge(settings%n_slow * settings%n_fast, 0, settings%model == 'two_scale'), n), source=0.0_real64)
    allocate(self%u, self%subgrid%x, self%subgrid%previous, self%subgrid%u, source=self%x)
    allocate(self%start_time(settings%n_starts), source=0.0_real64)
    allocate(self%subgrid%ids(settings%n_slow, n))
    call number_columns(settings, self%subgrid%ids)
    self%x(1, :) = 1.0_real64
    if (size(self%y, 1) > 0) then
      self%y(1, :) = 1.0_real64
      call self%work%make(self%constants)
    end if
  end subroutine initialise

  !> Numbers that depend on the record a trajectory starts from, its member, and the place in the ring; not on what else
  !> is in the run.
  pure subroutine number_columns(settings, ids)
    type(settings_t), intent(in) :: settings
    integer(int64), intent(out) :: ids(:,:)  !! (K, trajectory)
    integer(int64) :: trajectory
    integer :: start, member, k

    do start = 1, settings%n_starts
      do member = 1, settings%n_members
        trajectory = settings%first_member + member - 2 &
          + member_numbers * (settings%initial_record + (start - 1) * settings%record_interval)
        do k = 1, settings%n_slow
          ids(k, (start - 1) * settings%n_members + member) = trajectory * settings%n_slow + k - 1
        end do
      end do
    end do
  end subroutine number_columns

  !> Add the namelist's perturbation to the slow variables. stat is 0, or 2 with a message.
  subroutine perturb(self, stat, errmsg)
    class(lorenz96_model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64), allocatable :: normal(:,:)

    stat = 0
    if (.not. self%settings%perturbation > 0.0_real64) return
    allocate(normal, mold=self%x)
    call pyemu_fill_noise(normal, self%subgrid%ids, self%settings%seed, 0, stream=perturbation_stream, stat=stat, &
      errmsg=errmsg)
    if (stat /= 0) then
      stat = 2
      errmsg = 'noise of the perturbation: '//errmsg
      return
    end if
    self%x = self%x + self%settings%perturbation * normal
  end subroutine perturb

  !> Open the parameterization of the namelist on this model's arrays. stat is 0, or 2 with a message.
  subroutine open_scheme(self, stat, errmsg)
    class(lorenz96_model_t), intent(inout), target :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call open_parameterization(self%settings, self%subgrid, self%scheme, stat, errmsg)
  end subroutine open_scheme

  !> Model time since the start of the first run.
  pure function time(self)
    class(lorenz96_model_t), intent(in) :: self
    real(real64) :: time
    time = real(self%step, real64) * self%settings%time_step
  end function time

  !> One time step. stat is 0; 2 with a message from the parameterization; or 3 with a message after a blow-up.
  subroutine advance(self, stat, errmsg)
    class(lorenz96_model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    if (self%settings%model == 'two_scale') then
      call self%advance_two_scale()
      self%step = self%step + 1
      call self%check(self%x, stat, errmsg)
    else
      call self%advance_one_scale(stat, errmsg)
    end if
  end subroutine advance

  subroutine advance_two_scale(self)
    class(lorenz96_model_t), intent(inout) :: self
    integer :: i

    do i = 1, size(self%x, 2)
      call step_two_scale(self%constants, self%settings%time_step, self%x(:, i), self%y(:, i), self%work)
    end do
  end subroutine advance_two_scale

  !> Midpoint method. The parameterization is asked in both stages; it holds its noise during the step. What it is told
  !> as the U before is that of the last evaluation, or is held too, as the namelist says.
  subroutine advance_one_scale(self, stat, errmsg)
    class(lorenz96_model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    associate (dt => self%settings%time_step, subgrid => self%subgrid)
      subgrid%x = self%x
      call self%scheme%evaluate(subgrid, self%step + 1, stat, errmsg)
      if (stat /= 0) return
      self%u = subgrid%u
      if (self%settings%previous_tendency == 'stage') subgrid%previous = subgrid%u
      call self%add_tendency(0.5_real64 * dt)
      call self%check(subgrid%x, stat, errmsg)
      if (stat /= 0) return
      call self%scheme%evaluate(subgrid, self%step + 1, stat, errmsg)
      if (stat /= 0) return
      subgrid%previous = subgrid%u
      call self%add_tendency(dt)
      self%x = subgrid%x
      self%step = self%step + 1
      call self%check(self%x, stat, errmsg)
    end associate
  end subroutine advance_one_scale

  !> Replace the slow variables of a stage by the step's start plus 'duration' times their tendency.
  subroutine add_tendency(self, duration)
    class(lorenz96_model_t), intent(inout) :: self
    real(real64), intent(in) :: duration
    real(real64) :: dx(size(self%x, 1))
    integer :: i

    do i = 1, size(self%x, 2)
      call resolved_tendency(self%constants%forcing, size(dx), self%subgrid%x(:, i), dx)
      self%subgrid%x(:, i) = self%x(:, i) + duration * (dx - self%subgrid%u(:, i))
    end do
  end subroutine add_tendency

  !> Look for a blow-up.
  subroutine check(self, x, stat, errmsg)
    class(lorenz96_model_t), intent(in) :: self
    real(real64), intent(in) :: x(:,:)  !! (K, trajectory)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=24) :: value, time
    integer :: place(2), start, member

    stat = 0
    if (all(abs(x) <= largest)) return
    stat = 3
    place = findloc(abs(x) <= largest, .false.)
    start = (place(2) - 1) / self%settings%n_members
    member = self%settings%first_member + modulo(place(2) - 1, self%settings%n_members)
    write(value, '(g0.6)') x(place(1), place(2))
    write(time, '(f20.4)') self%time()
    write(errmsg, '(5(a, i0), a)') 'lorenz96_slow_variable is '//trim(value)//' at k = ', place(1), ' of member ', member, &
      ' from record ', self%settings%initial_record + start * self%settings%record_interval, ' at time '// &
      trim(adjustl(time))//' (step ', self%step, '), expected -', int(largest)
    write(errmsg, '(a, i0, a)') trim(errmsg)//' to ', int(largest), ': the run has blown up'
  end subroutine check

  subroutine close_model(self)
    class(lorenz96_model_t), intent(inout) :: self

    if (.not. allocated(self%scheme)) return
    call self%scheme%close()
    deallocate(self%scheme)
  end subroutine close_model

end module lorenz96_model
