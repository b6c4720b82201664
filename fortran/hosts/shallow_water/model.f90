!> The model: state, forcing and clock of one run, and what happens in a step.
module shallow_water_model
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use, intrinsic :: ieee_arithmetic, only: ieee_is_finite
  use pyemu, only: pyemu_fill_noise
  use shallow_water_domain, only: domain_t, share_of, thickness, x_velocity, y_velocity
  use shallow_water_emulated_forcing, only: bound_t, emulated_forcing_t, n_outputs, tendency, x_forcing, x_transport, &
    y_forcing, y_transport
  use shallow_water_kernel_types, only: kernels_t, physics_t, span_t
  use shallow_water_kernels, only: choose_kernels
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: seconds_per_day, settings_t
  use shallow_water_sums, only: total
  implicit none
  private

  real(real64), parameter :: pi = acos(-1.0_real64)

  !> Declare variables of this type with the target attribute and do not copy them: emulators are bound to the arrays.
  type, public :: model_t
    type(settings_t) :: settings
    type(domain_t) :: domain
    type(physics_t) :: physics
    type(kernels_t) :: kernels
    class(ranks_t), pointer :: ranks => null()
    integer :: step = 0                     !! steps since the start of the first run
    logical :: is_first = .true.            !! the next step has no state before this one: a forward step
    !> u [m s-1], v [m s-1] and h [m] with halo: the state, and the filtered one before it.
    real(real64), pointer, contiguous :: now(:,:,:) => null(), old(:,:,:) => null()
    real(real64), pointer, contiguous :: stress(:,:,:) => null()   !! wind along x and y, with halo [Pa]
    !> (nx, ny, n_outputs) what the last step used: forcing along x and y [m s-2], tendency of h [m s-1]. The rest is room
    !> for transports by an emulator [m2 s-1].
    real(real64), pointer, contiguous :: tendencies(:,:,:) => null()
    real(real64), allocatable :: coriolis(:)                       !! (ny + 1) at south faces [s-1]
    real(real64), pointer, contiguous, private :: new(:,:,:) => null(), transport(:,:,:) => null(), &
      emulated_transport(:,:,:) => null()
    real(real64), allocatable, private :: vorticity(:,:), head(:,:)
    type(emulated_forcing_t), pointer :: emulated => null()        !! only with emulators
  contains
    procedure :: initialise
    procedure :: day
    procedure :: compute_tendencies
    procedure :: advance
    procedure :: settle
    procedure :: perturb
    procedure :: close => close_model
    procedure, private :: allocate_arrays
    procedure, private :: blow
    procedure, private :: emulate
    procedure, private :: project
    procedure, private :: report_blow_up
    procedure, private :: first_bad
  end type model_t

contains

  !> A model at rest, with its emulators open. stat is 0, 1 (namelist) or 2 (emulator) with a message. Collective.
  subroutine initialise(self, settings, ranks, stat, errmsg)
    class(model_t), intent(inout), target :: self
    type(settings_t), intent(in) :: settings
    class(ranks_t), intent(inout), target :: ranks
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(bound_t) :: bound
    integer :: halo

    self%settings = settings
    self%ranks => ranks
    halo = 1
    call ranks%arrange(settings, stat, errmsg)
    if (stat == 0) call choose_kernels(settings%kernels, self%kernels, stat, errmsg)
    if (stat == 0 .and. (settings%momentum == 'emulator' .or. settings%thickness == 'emulator')) then
      allocate(self%emulated)
      call self%emulated%open(settings, ranks, stat, errmsg)
      halo = self%emulated%halo
    end if
    if (stat == 0) call check_share(settings, ranks, halo, stat, errmsg)
    if (stat /= 0) return
    self%domain = share_of(settings, ranks%x, ranks%y, ranks%n_x, ranks%n_y, halo)
    self%physics = physics_of(settings)
    call self%allocate_arrays()
    call self%blow()
    call self%settle()
    if (associated(self%emulated)) then
      bound = bound_of(self)
      call self%emulated%attach(self%domain, self%kernels, bound, stat, errmsg)
      call ranks%agree(stat, errmsg)
    end if
  end subroutine initialise

  !> Every rank must have more cells each way than the halo is wide.
  subroutine check_share(settings, ranks, halo, stat, errmsg)
    type(settings_t), intent(in) :: settings
    class(ranks_t), intent(in) :: ranks
    integer, intent(in) :: halo
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (settings%nx / ranks%n_x > halo .and. settings%ny / ranks%n_y > halo) return
    stat = 1
    write(errmsg, '(5(a, i0))') 'a grid of ', settings%nx, ' x ', settings%ny, ' cells on ', ranks%n_x, ' x ', ranks%n_y, &
      ' ranks leaves a rank too few: each needs at least ', halo + 1
    errmsg = trim(errmsg)//' each way'
  end subroutine check_share

  pure type(physics_t) function physics_of(s) result(p)
    type(settings_t), intent(in) :: s

    p%gravity = s%reduced_gravity
    p%depth = s%depth
    p%per_density = 1.0_real64 / s%density
    p%drag = s%drag
    p%viscosity = s%viscosity
    p%ke_factor = s%ke_factor
    p%has_potential_vorticity = s%vorticity /= 'product_of_means'
    p%keeps_energy = s%vorticity == 'energy'
    p%squares_means = s%kinetic_energy == 'square_of_means'
  end function physics_of

  subroutine allocate_arrays(self)
    class(model_t), intent(inout) :: self

    associate (w => self%domain%halo, nx => self%domain%nx, ny => self%domain%ny)
      allocate(self%now(1 - w:nx + w, 1 - w:ny + w, 3), self%old(1 - w:nx + w, 1 - w:ny + w, 3), &
        self%new(1 - w:nx + w, 1 - w:ny + w, 3), self%transport(1 - w:nx + w, 1 - w:ny + w, 2), &
        self%emulated_transport(1 - w:nx + w, 1 - w:ny + w, 3), self%stress(1 - w:nx + w, 1 - w:ny + w, 2), &
        self%tendencies(nx, ny, n_outputs), source=0.0_real64)
      allocate(self%vorticity(0:nx, ny + 1), self%head(nx + 1, 0:ny), self%coriolis(ny + 1), source=0.0_real64)
    end associate
  end subroutine allocate_arrays

  !> Wind and rotation, by the place in the whole grid.
  subroutine blow(self)
    class(model_t), intent(inout) :: self
    real(real64) :: length, y
    integer :: j

    associate (s => self%settings, d => self%domain)
      length = s%ny * s%dy
      do j = 1, d%ny
        y = (real(d%first_y + j - 1, real64) - 0.5_real64) * s%dy - 0.5_real64 * length
        self%stress(1:d%nx, j, 1) = s%wind_stress * cos(2.0_real64 * pi * y / length)
      end do
      do j = 1, d%ny + 1
        y = real(d%first_y + j - 2, real64) * s%dy - 0.5_real64 * length
        self%coriolis(j) = s%f0 + s%beta * y
      end do
    end associate
  end subroutine blow

  !> Make what follows from state and wind fit them, after either has been set. Collective.
  subroutine settle(self)
    class(model_t), intent(inout), target :: self
    real(real64), pointer, contiguous :: room(:,:,:)
    real(real64) :: most(1)
    integer :: k

    associate (d => self%domain)
      call still_walls(d, self%now)
      call still_walls(d, self%old)
      call self%ranks%exchange(d, self%now)
      room => self%emulated_transport
      do k = 1, 2
        room = 0.0_real64
        room(:, :, thickness) = self%stress(:, :, k)  ! the halo of the wind is that of a scalar
        call self%ranks%exchange(d, room)
        self%stress(:, :, k) = room(:, :, thickness)
      end do
      room = 0.0_real64
      most = maxval(abs(self%stress(1:d%nx, 1:d%ny, 2)))
      call self%ranks%largest(most)
      self%physics%has_y_wind = most(1) > 0.0_real64
      if (associated(self%emulated)) call self%emulated%gather_stress(d, self%kernels, bound_of(self))
    end associate
  end subroutine settle

  !> No flow through walls that are faces of this part.
  pure subroutine still_walls(d, fields)
    type(domain_t), intent(in) :: d
    real(real64), intent(inout) :: fields(1 - d%halo:, 1 - d%halo:, :)

    if (d%has_east) fields(d%nx, :, x_velocity) = 0.0_real64
    if (d%has_south) fields(:, 1, y_velocity) = 0.0_real64
  end subroutine still_walls

  !> Add noise of no mean to the thickness, by the number of the cell in the whole grid. Collective.
  subroutine perturb(self, stat, errmsg)
    class(model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int64), allocatable :: ids(:,:)
    real(real64), allocatable :: noise(:,:)
    integer :: i, j

    stat = 0
    if (self%settings%perturbation <= 0.0_real64) return
    associate (d => self%domain)
      allocate(ids(d%nx, d%ny))
      do j = 1, d%ny
        ids(:, j) = [(d%place(i, j), i = 1, d%nx)]
      end do
      allocate(noise(d%nx, d%ny), source=0.0_real64)
      call pyemu_fill_noise(noise, ids, self%settings%perturbation_seed, 0, stat=stat, errmsg=errmsg)
      noise = self%settings%perturbation * noise
      noise = noise - total(self%ranks, noise) / (real(d%nx_all, real64) * d%ny_all)
      self%now(1:d%nx, 1:d%ny, thickness) = self%now(1:d%nx, 1:d%ny, thickness) + noise
      self%old(1:d%nx, 1:d%ny, thickness) = self%old(1:d%nx, 1:d%ny, thickness) + noise
    end associate
    call self%settle()
  end subroutine perturb

  !> Model time [day] since the start of the first run.
  pure function day(self)
    class(model_t), intent(in) :: self
    real(real64) :: day
    day = real(self%step, real64) * self%settings%time_step / seconds_per_day
  end function day

  !> Forcing and tendency of the thickness for the present state. stat is 0, or 2 with a message. Collective.
  subroutine compute_tendencies(self, stat, errmsg)
    class(model_t), intent(inout), target :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    associate (d => self%domain, p => self%physics, u => self%now(:, :, x_velocity), v => self%now(:, :, y_velocity), &
      h => self%now(:, :, thickness), out => self%tendencies)
      if (self%settings%momentum == 'analytic') call self%kernels%forcing(d, p, u, v, h, self%stress(:, :, 1), &
        self%stress(:, :, 2), out(:, :, x_forcing), out(:, :, y_forcing))
      if (self%settings%thickness == 'analytic' .or. p%has_potential_vorticity) then
        call self%kernels%transports(d, p, u, v, h, self%transport(:, :, 1), self%transport(:, :, 2))
      end if
      if (self%settings%thickness == 'analytic') then
        call self%kernels%divergence(d, self%transport(:, :, 1), self%transport(:, :, 2), out(:, :, tendency))
      end if
    end associate
    if (associated(self%emulated)) call self%emulate(stat, errmsg)
    if (stat == 0 .and. self%settings%mass == 'projection') call self%project()
  end subroutine compute_tendencies

  !> What the emulators give. Transports are theirs, but walls, neighbours and the divergence are the host's.
  subroutine emulate(self, stat, errmsg)
    class(model_t), intent(inout), target :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(bound_t) :: bound

    bound = bound_of(self)
    call self%emulated%run(self%domain, self%kernels, bound, self%step, stat, errmsg)
    call self%ranks%agree(stat, errmsg)
    if (stat /= 0) return
    associate (d => self%domain, out => self%tendencies)
      if (d%has_east) out(d%nx, :, x_forcing) = 0.0_real64
      if (d%has_south) out(:, 1, y_forcing) = 0.0_real64
      if (self%settings%thickness /= 'emulator' .or. self%emulated%gives(tendency)) return
      self%emulated_transport(1:d%nx, 1:d%ny, x_velocity) = out(:, :, x_transport)
      self%emulated_transport(1:d%nx, 1:d%ny, y_velocity) = out(:, :, y_transport)
      call still_walls(d, self%emulated_transport)
      call self%ranks%exchange(d, self%emulated_transport)
      call self%kernels%divergence(d, self%emulated_transport(:, :, x_velocity), &
        self%emulated_transport(:, :, y_velocity), out(:, :, tendency))
    end associate
  end subroutine emulate

  !> Take the mean over the whole domain away from the tendency of the thickness, so that mass is kept.
  subroutine project(self)
    class(model_t), intent(inout) :: self
    real(real64) :: mean

    associate (d => self%domain, change => self%tendencies(:, :, tendency))
      mean = total(self%ranks, change) / (real(d%nx_all, real64) * d%ny_all)
      change = change - mean
    end associate
  end subroutine project

  !> One leapfrog step with a Robert-Asselin filter; a forward step where there is no state before. stat is 0, 2 (an
  !> emulator failed) or 3 (blow-up) with a message. Collective.
  subroutine advance(self, stat, errmsg)
    class(model_t), intent(inout), target :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(span_t) :: span
    real(real64), pointer, contiguous :: carried(:,:,:), spare(:,:,:)
    real(real64) :: bad(1)
    integer :: n_bad(2)

    call self%compute_tendencies(stat, errmsg)
    if (stat /= 0) return
    span = span_t(2.0_real64 * self%settings%time_step, self%settings%robert_asselin)
    if (self%is_first) then
      span = span_t(self%settings%time_step, 0.0_real64)
      self%old = self%now
    end if
    associate (d => self%domain, p => self%physics, now => self%now, old => self%old, new => self%new, &
      out => self%tendencies, u => x_velocity, v => y_velocity, h => thickness)
      call self%kernels%corners(d, p, self%coriolis, now(:, :, u), now(:, :, v), now(:, :, h), self%vorticity)
      call self%kernels%bernoulli(d, p, now(:, :, u), now(:, :, v), now(:, :, h), self%head)
      carried => self%now
      if (p%has_potential_vorticity) carried => self%transport
      call self%kernels%momentum(d, p, span, self%vorticity, self%head, carried(:, :, u), carried(:, :, v), &
        out(:, :, x_forcing), out(:, :, y_forcing), now(:, :, u), now(:, :, v), old(:, :, u), old(:, :, v), &
        new(:, :, u), new(:, :, v), n_bad(1))
      call self%kernels%thickness(d, p, span, out(:, :, tendency), now(:, :, h), old(:, :, h), new(:, :, h), n_bad(2))
    end associate
    self%is_first = .false.
    self%step = self%step + 1
    spare => self%now
    self%now => self%new
    self%new => spare
    bad = real(sum(n_bad), real64)
    call self%ranks%largest(bad)
    if (bad(1) > 0.0_real64) then
      call self%report_blow_up(stat, errmsg)
    else
      call self%ranks%exchange(self%domain, self%now)
    end if
  end subroutine advance

  !> Name the first variable, of h, u and v, that has gone, and its first cell: the same on any number of ranks.
  subroutine report_blow_up(self, stat, errmsg)
    class(model_t), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=*), parameter :: names(3) = [character(len=24) :: 'sea_water_x_velocity', 'sea_water_y_velocity', &
      'layer_thickness_anomaly']
    integer, parameter :: order(3) = [thickness, x_velocity, y_velocity]
    real(real64) :: found, first(1)
    character(len=32) :: value
    integer :: cell(2), k

    stat = 0
    do k = 1, size(order)
      call self%first_bad(order(k), cell)
      found = huge(found)
      if (cell(1) > 0) found = real(self%domain%place(cell(1), cell(2)), real64)
      first = -found
      call self%ranks%largest(first)
      if (first(1) <= -huge(found)) cycle
      if (found <= -first(1)) then
        write(value, '(g0.6)') self%now(cell(1), cell(2), order(k))
        stat = 3
        write(errmsg, '(4(a, i0), a, f0.3)') trim(names(order(k)))//' is '//trim(value)//' in cell (', &
          self%domain%first_x + cell(1) - 1, ', ', self%domain%first_y + cell(2) - 1, ') of ', self%domain%nx_all, ' x ', &
          self%domain%ny_all, ', on day ', self%day()
      end if
      call self%ranks%agree(stat, errmsg)
      return
    end do
  end subroutine report_blow_up

  !> The first cell of this part where a field has gone, by its number in the whole grid; 0 if there is none.
  pure subroutine first_bad(self, field, cell)
    class(model_t), intent(in) :: self
    integer, intent(in) :: field
    integer, intent(out) :: cell(2)
    real(real64) :: limit
    integer :: i, j

    limit = merge(self%settings%depth, huge(limit), field == thickness)
    do j = 1, self%domain%ny
      do i = 1, self%domain%nx
        cell = [i, j]
        if (.not. ieee_is_finite(self%now(i, j, field))) return
        if (abs(self%now(i, j, field)) > limit) return
      end do
    end do
    cell = 0
  end subroutine first_bad

  type(bound_t) function bound_of(model) result(bound)
    class(model_t), intent(in) :: model

    bound%state => model%now
    bound%stress => model%stress
    bound%outputs => model%tendencies
  end function bound_of

  !> Close the emulators and free the arrays; twice does no harm.
  subroutine close_model(self)
    class(model_t), intent(inout) :: self

    if (associated(self%emulated)) then
      call self%emulated%close()
      deallocate(self%emulated)
    end if
    if (.not. associated(self%now)) return
    deallocate(self%now, self%old, self%new, self%transport, self%emulated_transport, self%stress, self%tendencies)
  end subroutine close_model

end module shallow_water_model
