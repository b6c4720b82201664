!> The run's NetCDF output, CF-1.10; README.md lists the variables.
module lorenz96_output
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use host_netcdf_file, only: netcdf_file_t
  use lorenz96_dynamics, only: resolved_tendency
  use lorenz96_model, only: lorenz96_model_t
  use lorenz96_settings, only: settings_t
  implicit none
  private

  integer, parameter :: most_records = 8192, most_numbers = 2**19  ! of a variable, written at once

  !> Records lie at the start of steps. One is complete when its subgrid tendency is known: after that step, or in the
  !> two-scale model after the tendency interval. Many are written at once.
  type, public :: output_t
    private
    type(netcdf_file_t) :: file
    integer :: first_step = 0
    integer :: since_record = -1                 ! steps since the start of the pending record, -1 if none is pending
    integer :: n_written = 0, n_kept = 0         ! records in the file, and complete ones that are not there yet
    integer, allocatable :: lengths(:)           ! of the dimensions of a record, fastest first
    real(real64), allocatable :: time(:)         ! (record)
    real(real64), allocatable :: x(:,:), u(:,:)  ! (K trajectories, record)
    real(real64), allocatable :: y(:,:)          ! (K J trajectories, record)
    integer(int64) :: start_count = 0
    real(real64) :: start_cpu = 0.0_real64
  contains
    procedure :: open => open_output
    procedure :: before_step
    procedure :: after_step
    procedure :: close => close_output
    procedure, private :: define
    procedure, private :: write_kept
    procedure, private :: report
  end type output_t

contains

  !> Create the file, with everything that does not change. stat is 0, or 4 with a message.
  subroutine open_output(self, model, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(lorenz96_model_t), intent(in) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: n, largest, i

    call system_clock(self%start_count)
    call cpu_time(self%start_cpu)
    associate (s => model%settings)
      self%first_step = model%step + s%burn_in
      n = size(model%x)
      largest = merge(n * s%n_fast, n, s%output_fast)
      n = max(1, min(most_records, s%n_steps / s%output_interval, most_numbers / largest))
      allocate(self%time(n), self%x(size(model%x), n), self%u(size(model%x), n), &
        self%y(merge(size(model%y), 0, s%output_fast), n), source=0.0_real64)
      call self%file%create(s%output_file)
      call self%define(s)
      call describe(self%file, s)
      call self%file%end_definitions()
      call self%file%put('k', [(real(i, real64), i = 1, s%n_slow)])
      call self%file%put('member', [(real(s%first_member + i - 1, real64), i = 1, s%n_members)])
      if (s%initial_file /= '') then
        call self%file%put('start', [(real(s%initial_record + (i - 1) * s%record_interval, real64), i = 1, s%n_starts)])
        call self%file%put('start_time', model%start_time)
      end if
    end associate
    call self%report(stat, errmsg)
  end subroutine open_output

  !> Keep the state of a record if the model is at one.
  subroutine before_step(self, model)
    class(output_t), intent(inout) :: self
    type(lorenz96_model_t), intent(in) :: model

    if (modulo(model%step - self%first_step, model%settings%output_interval) /= 0) return
    self%since_record = 0
    associate (next => self%n_kept + 1)
      self%time(next) = model%time()
      self%x(:, next) = reshape(model%x, [size(model%x)])
      if (model%settings%output_fast) self%y(:, next) = reshape(model%y, [size(model%y)])
    end associate
  end subroutine before_step

  !> Complete the pending record if its subgrid tendency is known now. stat is 0, or 4 with a message.
  subroutine after_step(self, model, stat, errmsg)
    class(output_t), intent(inout) :: self
    type(lorenz96_model_t), intent(in) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (self%since_record < 0) return
    self%since_record = self%since_record + 1
    associate (next => self%n_kept + 1, s => model%settings)
      if (s%model == 'two_scale') then
        if (self%since_record < s%tendency_interval) return
        call diagnose(model, s%tendency_interval * s%time_step, self%x(:, next), self%u(:, next))
      else
        self%u(:, next) = reshape(model%u, [size(model%u)])
      end if
    end associate
    self%since_record = -1
    self%n_kept = self%n_kept + 1
    if (self%n_kept == size(self%time)) call self%write_kept()
    call self%report(stat, errmsg)
  end subroutine after_step

  !> The subgrid tendency that takes the slow variables in one forward step from a record's to the present ones.
  subroutine diagnose(model, interval, before, u)
    type(lorenz96_model_t), intent(in) :: model
    real(real64), intent(in) :: interval
    real(real64), intent(in) :: before(:)  !! (K trajectories)
    real(real64), intent(out) :: u(:)      !! (K trajectories)
    real(real64) :: dx(size(model%x, 1))
    integer :: i, first, last

    do i = 1, size(model%x, 2)
      last = i * size(dx)
      first = last - size(dx) + 1
      call resolved_tendency(model%settings%forcing, size(dx), before(first:last), dx)
      u(first:last) = dx - (model%x(:, i) - before(first:last)) / interval
    end do
  end subroutine diagnose

  !> Write what is kept. After a failure the last record is without its subgrid tendency.
  subroutine close_output(self, stat, errmsg)
    class(output_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int64) :: count, rate
    real(real64) :: cpu

    if (self%since_record >= 0) then
      self%n_kept = self%n_kept + 1
      self%u(:, self%n_kept) = ieee_value(1.0_real64, ieee_quiet_nan)
    end if
    call self%write_kept()
    call system_clock(count, rate)
    call cpu_time(cpu)
    call self%file%put('wall_time', [real(count - self%start_count, real64) / real(rate, real64)])
    call self%file%put('cpu_time', [cpu - self%start_cpu])
    call self%file%close()
    call self%report(stat, errmsg)
  end subroutine close_output

  subroutine write_kept(self)
    class(output_t), intent(inout) :: self

    associate (n => self%n_kept, first => self%n_written + 1)
      call self%file%append('time', self%time(:n), first)
      call self%file%append_records('lorenz96_slow_variable', self%x(:, :n), self%lengths, first)
      call self%file%append_records('lorenz96_subgrid_tendency', self%u(:, :n), self%lengths, first)
      if (size(self%y, 1) > 0) call self%file%append_records('lorenz96_fast_variable', self%y(:, :n), &
        [size(self%y, 1) / product(self%lengths(2:)), self%lengths(2:)], first)
    end associate
    self%n_written = self%n_written + self%n_kept
    self%n_kept = 0
  end subroutine write_kept

  subroutine define(self, s)
    class(output_t), intent(inout) :: self
    type(settings_t), intent(in) :: s
    integer, allocatable :: record(:)
    integer :: time, member, k, kj, start
    logical :: is_single

    is_single = s%output_precision == 'single'
    associate (file => self%file, n_chunk => size(self%time))
      time = file%dimension('time', 0)
      member = file%dimension('member', s%n_members)
      k = file%dimension('k', s%n_slow)
      record = [k, member]
      self%lengths = [s%n_slow, s%n_members]
      if (s%initial_file /= '') then
        start = file%dimension('start', s%n_starts)
        record = [record, start]
        self%lengths = [self%lengths, s%n_starts]
        call file%variable('start', [start], '1', 'record of initial_file, from 0')
        call file%variable('start_time', [start], '1', 'time of that record')
      end if
      call file%variable('time', [time], '1', 'model time since the start of the first run', chunks=[n_chunk])
      call file%variable('member', [member], '1', 'member of the ensemble')
      call file%attribute('standard_name', 'realization', 'member')
      call file%variable('k', [k], '1', 'place in the ring of slow variables')
      call file%variable('lorenz96_slow_variable', [record, time], '1', 'slow variable X', is_single=is_single, &
        chunks=[self%lengths, n_chunk])
      call file%variable('lorenz96_subgrid_tendency', [record, time], '1', 'subgrid tendency U', is_single=is_single, &
        chunks=[self%lengths, n_chunk])
      if (s%output_fast) then
        kj = file%dimension('kj', s%n_slow * s%n_fast)
        call file%variable('lorenz96_fast_variable', [kj, record(2:), time], '1', 'fast variable Y', is_single=is_single, &
          chunks=[s%n_slow * s%n_fast, self%lengths(2:), n_chunk])
      end if
      associate (none => [integer ::])
        call file%variable('wall_time', none, 's', 'wall time of the run, output included')
        call file%variable('cpu_time', none, 's', 'processor time of the run, output included')
      end associate
    end associate
  end subroutine define

  !> Where the numbers come from: every namelist value as a global attribute.
  subroutine describe(file, s)
    type(netcdf_file_t), intent(inout) :: file
    type(settings_t), intent(in) :: s

    call file%attribute('Conventions', 'CF-1.10')
    call file%attribute('title', 'Lorenz ''96, model '//trim(s%model))
    call file%attribute('source', 'Lorenz ''96 host of pyemu')
    call file%attribute('model', trim(s%model))
    call file%attribute('n_steps', s%n_steps)
    call file%attribute('burn_in', s%burn_in)
    call file%attribute('time_step', s%time_step)
    call file%attribute('output_interval', s%output_interval)
    call file%attribute('tendency_interval', s%tendency_interval)
    call file%attribute('output_precision', trim(s%output_precision))
    call file%attribute('output_fast', merge(1, 0, s%output_fast))
    call file%attribute('n_members', s%n_members)
    call file%attribute('first_member', s%first_member)
    call file%attribute('output_file', trim(s%output_file))
    call file%attribute('restart_in', trim(s%restart_in))
    call file%attribute('restart_out', trim(s%restart_out))
    call file%attribute('n_slow', s%n_slow)
    call file%attribute('n_fast', s%n_fast)
    call file%attribute('h', s%h)
    call file%attribute('b', s%b)
    call file%attribute('c', s%c)
    call file%attribute('forcing', s%forcing)
    call file%attribute('initial_file', trim(s%initial_file))
    call file%attribute('initial_record', s%initial_record)
    call file%attribute('record_interval', s%record_interval)
    call file%attribute('n_starts', s%n_starts)
    call file%attribute('perturbation', s%perturbation)
    call file%attribute('scheme', trim(s%scheme))
    call file%attribute('noise', trim(s%noise))
    call file%attribute('seed', s%seed)
    call file%attribute('coefficients', s%coefficients)
    call file%attribute('residual_sd', s%residual_sd)
    call file%attribute('residual_phi', s%residual_phi)
    call file%attribute('emulator_file', trim(s%emulator_file))
    call file%attribute('engine', trim(s%engine))
    call file%attribute('device', trim(s%device))
    call file%attribute('threads', s%threads)
    call file%attribute('previous_tendency', trim(s%previous_tendency))
  end subroutine describe

  subroutine report(self, stat, errmsg)
    class(output_t), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = self%file%stat
    if (stat /= 0) errmsg = self%file%message
  end subroutine report

end module lorenz96_output
