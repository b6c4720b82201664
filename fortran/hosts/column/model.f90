!> The model: state, scheme and clock of one run, and what happens in a step.
module column_model
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use column_constants, only: cp_dry, gravity, sea_water_heat, seconds_per_day
  use column_convection, only: adjust_to_lapse_rate, adjust_to_moist_adiabat
  use column_initial_state, only: build_state
  use column_radiation, only: energy_residual, radiation_t
  use column_radiation_open, only: open_radiation
  use column_settings, only: settings_t
  use column_state, only: allocate_fluxes, fluxes_t, state_t
  use column_surface, only: turbulent_fluxes
  use column_thermodynamics, only: diagnose_humidity, enthalpy
  use column_vertical_grid, only: n_layers
  implicit none
  private

  real(real64), parameter :: coldest = 100.0_real64, warmest = 400.0_real64  ! K, beyond is blow-up

  !> Declare variables of this type with the target attribute and do not copy them: an emulator is bound to the arrays.
  type, public :: column_model_t
    type(settings_t) :: settings
    type(state_t) :: state
    type(fluxes_t) :: fluxes
    class(radiation_t), allocatable :: scheme
    integer :: step = 0                                    !! steps since the start of the first run
    logical :: knows_ocean_heat_flux = .false.
    real(real64), allocatable :: sensible(:)               !! (ncol) upward heat flux of the last step [W m-2]
    real(real64), allocatable :: latent(:)                 !! (ncol) upward heat flux of the last step [W m-2]
    real(real64), allocatable :: convective_heating(:,:)   !! (ncol, nlay) of the last step, surface included [K s-1]
    real(real64), allocatable :: longwave_residual(:)      !! (ncol) largest since reset_residuals [W m-2]
    real(real64), allocatable :: shortwave_residual(:)     !! (ncol) largest since reset_residuals [W m-2]
    real(real64), allocatable :: column_residual(:)        !! (ncol) largest since reset_residuals [W m-2]
    real(real64) :: longwave_time = 0.0_real64             !! wall time in the longwave scheme [s]
    real(real64) :: shortwave_time = 0.0_real64            !! wall time in the shortwave scheme [s]
    real(real64) :: longwave_cpu_time = 0.0_real64         !! processor time in the longwave scheme, all threads [s]
    real(real64) :: shortwave_cpu_time = 0.0_real64        !! processor time in the shortwave scheme, all threads [s]
    integer(int64) :: column_calls = 0                     !! columns times radiation calls
    integer, allocatable, private :: boundary_layer_top(:) !! (ncol) highest layer that turbulent fluxes warm
  contains
    procedure :: initialise
    procedure :: open_scheme
    procedure :: day
    procedure :: radiation_is_due
    procedure :: radiate
    procedure :: advance
    procedure :: reset_residuals
    procedure :: close => close_model
    procedure, private :: step_column
    procedure, private :: heat_gain
    procedure, private :: solve_surface_flux
    procedure, private :: try_flux
    procedure, private :: convect
    procedure, private :: slab_temperature
    procedure, private :: surface_radiation
    procedure, private :: balance_ocean
    procedure, private :: check
    procedure, private :: describe_blow_up
  end type column_model_t

contains

  !> Build the state of the built-in columns. The scheme is opened apart, so that a restart file can come in between.
  subroutine initialise(self, settings)
    class(column_model_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer :: icol

    self%settings = settings
    call build_state(settings, self%state)
    call allocate_fluxes(self%fluxes, settings%ncol)
    allocate(self%sensible(settings%ncol), self%latent(settings%ncol), self%longwave_residual(settings%ncol), &
      self%shortwave_residual(settings%ncol), self%column_residual(settings%ncol), source=0.0_real64)
    allocate(self%convective_heating(settings%ncol, n_layers), source=0.0_real64)
    allocate(self%boundary_layer_top(settings%ncol))
    do icol = 1, settings%ncol
      self%boundary_layer_top(icol) = min(n_layers, findloc(self%state%air_pressure(icol, :) > &
        self%state%surface_air_pressure(icol) - settings%boundary_layer_depth, .true., dim=1))
      if (self%boundary_layer_top(icol) == 0) self%boundary_layer_top(icol) = n_layers
    end do
  end subroutine initialise

  !> Open the radiation scheme of the namelist on this model's arrays. stat is 0, or 2 with a message.
  subroutine open_scheme(self, stat, errmsg)
    class(column_model_t), intent(inout), target :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call open_radiation(self%settings, self%state, self%fluxes, self%scheme, stat, errmsg)
  end subroutine open_scheme

  !> Model time [day] since the start of the first run.
  pure function day(self)
    class(column_model_t), intent(in) :: self
    real(real64) :: day
    day = real(self%step, real64) * self%settings%time_step / seconds_per_day
  end function day

  pure logical function radiation_is_due(self)
    class(column_model_t), intent(in) :: self
    radiation_is_due = modulo(self%step, self%settings%steps_in(self%settings%interval)) == 0
  end function radiation_is_due

  !> Call the scheme on the present state. stat is 0, or 2 with a message.
  subroutine radiate(self, stat, errmsg)
    class(column_model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64) :: wall(3), cpu(3)

    self%scheme%day = self%day()
    call read_clocks(wall(1), cpu(1))
    call self%scheme%longwave(self%state, self%fluxes, stat, errmsg)
    if (stat /= 0) return
    call read_clocks(wall(2), cpu(2))
    call self%scheme%shortwave(self%state, self%fluxes, stat, errmsg)
    if (stat /= 0) return
    call read_clocks(wall(3), cpu(3))
    self%longwave_time = self%longwave_time + wall(2) - wall(1)
    self%shortwave_time = self%shortwave_time + wall(3) - wall(2)
    self%longwave_cpu_time = self%longwave_cpu_time + cpu(2) - cpu(1)
    self%shortwave_cpu_time = self%shortwave_cpu_time + cpu(3) - cpu(2)
    self%column_calls = self%column_calls + self%settings%ncol
    associate (f => self%fluxes, dp => self%state%air_pressure_thickness)
      self%longwave_residual = max(self%longwave_residual, &
        energy_residual(f%longwave_up, f%longwave_down, f%longwave_heating, dp))
      self%shortwave_residual = max(self%shortwave_residual, &
        energy_residual(f%shortwave_up, f%shortwave_down, f%shortwave_heating, dp))
    end associate
  end subroutine radiate

  !> One time step with the radiation at hand. stat is 0, or 3 with a message after a blow-up.
  subroutine advance(self, stat, errmsg)
    class(column_model_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: icol

    if (self%settings%surface == 'slab' .and. self%settings%slab_heat_flux == 'balance' &
      .and. .not. self%knows_ocean_heat_flux) call self%balance_ocean()
    self%knows_ocean_heat_flux = self%settings%surface == 'slab'
    do icol = 1, self%settings%ncol
      call self%step_column(icol)
    end do
    self%step = self%step + 1
    call self%check(stat, errmsg)
  end subroutine advance

  !> Radiation, surface, convection and humidity of one column.
  subroutine step_column(self, icol)
    class(column_model_t), intent(inout) :: self
    integer, intent(in) :: icol
    real(real64), dimension(n_layers) :: before, radiative, after

    associate (state => self%state, s => self%settings)
      before = state%air_temperature(icol, :)
      radiative = before + s%time_step * (self%fluxes%longwave_heating(icol, :) + self%fluxes%shortwave_heating(icol, :))
      call self%solve_surface_flux(icol, radiative, after)
      self%convective_heating(icol, :) = (after - radiative) / s%time_step
      state%air_temperature(icol, :) = after
      call diagnose_humidity(after, state%air_pressure(icol, :), state%surface_air_pressure(icol), &
        state%specific_humidity(icol, :))
      associate (thickness => state%air_pressure_thickness(icol, :))
        self%column_residual(icol) = max(self%column_residual(icol), abs( &
          (enthalpy(after, thickness) - enthalpy(before, thickness)) / s%time_step - self%heat_gain(icol)))
      end associate
    end associate
  end subroutine step_column

  !> Heat that radiation and the surface bring into a column [W m-2].
  pure function heat_gain(self, icol) result(gain)
    class(column_model_t), intent(in) :: self
    integer, intent(in) :: icol
    real(real64) :: gain

    associate (f => self%fluxes)
      gain = top_minus_bottom(f%longwave_up(icol, :), f%longwave_down(icol, :)) &
        + top_minus_bottom(f%shortwave_up(icol, :), f%shortwave_down(icol, :)) &
        + self%sensible(icol) + self%latent(icol)
    end associate
  end function heat_gain

  !> Net radiation that stays in a column [W m-2].
  pure function top_minus_bottom(up, down) result(gain)
    real(real64), intent(in) :: up(:), down(:)  !! (nlay+1) [W m-2], top first
    real(real64) :: gain

    gain = (down(1) - up(1)) - (down(size(down)) - up(size(up)))
  end function top_minus_bottom

  !> Find the turbulent heat flux, and the column that it and convection make.
  !>
  !> The flux is implicit: it belongs to the temperatures at the end of the step, so that the thin layers near the
  !> surface do not limit the step, and an equilibrium hardly depends on it. excess(flux) = flux - bulk formula at the end
  !> of a step with that flux grows at least as fast as the flux, because warmer air and a cooler surface both exchange
  !> less. So the root lies between a first guess, the flux of the last step, and the guess minus its excess.
  subroutine solve_surface_flux(self, icol, radiative, after)
    class(column_model_t), intent(inout) :: self
    integer, intent(in) :: icol
    real(real64), intent(in) :: radiative(:)  !! (nlay) temperature after radiation [K]
    real(real64), intent(out) :: after(:)     !! (nlay) temperature at the end of the step [K]
    integer, parameter :: max_iterations = 40
    real(real64), parameter :: tolerance = 1.0e-8_real64  ! W m-2
    real(real64) :: flux, excess, low(2), high(2)  ! (flux, excess) at both ends
    integer :: iteration

    flux = self%sensible(icol) + self%latent(icol)
    call self%try_flux(icol, radiative, flux, after, excess)
    low = [flux, excess]
    if (abs(excess) > tolerance) then
      flux = flux - excess
      call self%try_flux(icol, radiative, flux, after, excess)
    end if
    high = [flux, excess]
    do iteration = 1, max_iterations
      if (abs(excess) <= tolerance .or. .not. low(2) * high(2) < 0.0_real64) exit
      flux = low(1) - low(2) * (high(1) - low(1)) / (high(2) - low(2))
      call self%try_flux(icol, radiative, flux, after, excess)
      ! Illinois rule: an end that stays loses half its weight, which keeps the other one moving.
      if (excess * high(2) < 0.0_real64) then
        low = high
      else
        low(2) = 0.5_real64 * low(2)
      end if
      high = [flux, excess]
    end do
    self%sensible(icol) = flux - self%latent(icol)
    if (self%settings%surface == 'slab') then
      self%state%surface_temperature(icol) = self%slab_temperature(icol, flux)
    end if
  end subroutine solve_surface_flux

  !> The column after a step with a given heat flux, and by how much the flux exceeds the bulk formula there.
  subroutine try_flux(self, icol, radiative, flux, after, excess)
    class(column_model_t), intent(inout) :: self
    integer, intent(in) :: icol
    real(real64), intent(in) :: radiative(:)  !! (nlay) temperature after radiation [K]
    real(real64), intent(in) :: flux          !! upward, sensible and latent [W m-2]
    real(real64), intent(out) :: after(:)     !! (nlay) temperature at the end of the step [K]
    real(real64), intent(out) :: excess       !! [W m-2]
    real(real64) :: surface_temperature
    integer :: top

    associate (s => self%settings, state => self%state)
      top = self%boundary_layer_top(icol)
      after = radiative
      after(top:) = after(top:) + s%time_step * flux * gravity / (cp_dry * sum(state%air_pressure_thickness(icol, top:)))
      call self%convect(icol, after)
      surface_temperature = state%surface_temperature(icol)
      if (s%surface == 'slab') surface_temperature = self%slab_temperature(icol, flux)
      call turbulent_fluxes(after(n_layers), state%air_pressure(icol, n_layers), surface_temperature, &
        state%surface_air_pressure(icol), s%wind_speed * s%exchange_coefficient, self%sensible(icol), self%latent(icol))
      excess = flux - self%sensible(icol) - self%latent(icol)
    end associate
  end subroutine try_flux

  !> Convective adjustment of one column.
  subroutine convect(self, icol, temperature)
    class(column_model_t), intent(in) :: self
    integer, intent(in) :: icol
    real(real64), intent(inout) :: temperature(:)  !! (nlay) [K]

    associate (pressure => self%state%air_pressure(icol, :), thickness => self%state%air_pressure_thickness(icol, :))
      select case (self%settings%kind)
      case ('hard')
        call adjust_to_lapse_rate(temperature, pressure, thickness, self%settings%critical_lapse_rate, &
          self%boundary_layer_top(icol))
      case ('moist')
        call adjust_to_moist_adiabat(temperature, pressure, thickness, self%boundary_layer_top(icol))
      end select
    end associate
  end subroutine convect

  !> Temperature of the slab after a step with a given turbulent heat flux [K].
  pure function slab_temperature(self, icol, flux) result(temperature)
    class(column_model_t), intent(in) :: self
    integer, intent(in) :: icol
    real(real64), intent(in) :: flux  !! upward, sensible and latent [W m-2]
    real(real64) :: temperature

    temperature = self%state%surface_temperature(icol) + self%settings%time_step &
      / (self%settings%slab_depth * sea_water_heat) * (self%surface_radiation(icol) + self%state%ocean_heat_flux(icol) - flux)
  end function slab_temperature

  !> Net downward radiation at the surface, both bands [W m-2].
  pure function surface_radiation(self, icol) result(gain)
    class(column_model_t), intent(in) :: self
    integer, intent(in) :: icol
    integer, parameter :: bottom = n_layers + 1
    real(real64) :: gain

    associate (f => self%fluxes)
      gain = f%longwave_down(icol, bottom) - f%longwave_up(icol, bottom) &
        + f%shortwave_down(icol, bottom) - f%shortwave_up(icol, bottom)
    end associate
  end function surface_radiation

  !> Ocean heat flux that balances the surface budget of a slab run's first step, with turbulent fluxes over a surface
  !> that keeps its temperature.
  subroutine balance_ocean(self)
    class(column_model_t), intent(inout) :: self
    integer :: icol

    do icol = 1, self%settings%ncol
      associate (state => self%state, s => self%settings)
        call turbulent_fluxes(state%air_temperature(icol, n_layers), state%air_pressure(icol, n_layers), &
          state%surface_temperature(icol), state%surface_air_pressure(icol), s%wind_speed * s%exchange_coefficient, &
          self%sensible(icol), self%latent(icol))
        state%ocean_heat_flux(icol) = self%sensible(icol) + self%latent(icol) - self%surface_radiation(icol)
      end associate
    end do
  end subroutine balance_ocean

  !> Refuse temperatures that no atmosphere has, NaN included.
  subroutine check(self, stat, errmsg)
    class(column_model_t), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: icol

    stat = 0
    do icol = 1, self%settings%ncol
      if (is_sane(self%state%surface_temperature(icol)) .and. all(is_sane(self%state%air_temperature(icol, :)))) cycle
      stat = 3
      call self%describe_blow_up(icol, errmsg)
      return
    end do
  end subroutine check

  !> Name the first temperature of a column that is out of bounds.
  subroutine describe_blow_up(self, icol, errmsg)
    class(column_model_t), intent(in) :: self
    integer, intent(in) :: icol
    character(len=*), intent(inout) :: errmsg
    character(len=32) :: day, temperature
    integer :: ilay

    write(day, '(f12.3)') self%day()
    if (.not. is_sane(self%state%surface_temperature(icol))) then
      write(temperature, '(g0.6)') self%state%surface_temperature(icol)
      write(errmsg, '(a, i0)') 'surface_temperature is '//trim(temperature)//' K in column ', &
        self%settings%first_column + icol - 1
    else
      ilay = findloc(is_sane(self%state%air_temperature(icol, :)), .false., dim=1)
      write(temperature, '(g0.6)') self%state%air_temperature(icol, ilay)
      write(errmsg, '(a, i0, a, i0, a)') 'air_temperature is '//trim(temperature)//' K in column ', &
        self%settings%first_column + icol - 1, ', layer ', ilay, ' from the top,'
    end if
    errmsg = trim(errmsg)//' on day '//trim(adjustl(day))//', expected 100 to 400 K: the run has blown up'
  end subroutine describe_blow_up

  elemental logical function is_sane(temperature)
    real(real64), intent(in) :: temperature
    is_sane = temperature >= coldest .and. temperature <= warmest
  end function is_sane

  !> Begin a new interval of the largest residuals.
  subroutine reset_residuals(self)
    class(column_model_t), intent(inout) :: self

    self%longwave_residual = 0.0_real64
    self%shortwave_residual = 0.0_real64
    self%column_residual = 0.0_real64
  end subroutine reset_residuals

  subroutine close_model(self)
    class(column_model_t), intent(inout) :: self

    if (.not. allocated(self%scheme)) return
    call self%scheme%close()
    deallocate(self%scheme)
  end subroutine close_model

  !> Seconds of a clock that only runs forward, and of the processor in this process.
  subroutine read_clocks(wall, cpu)
    real(real64), intent(out) :: wall, cpu  !! [s]
    integer(int64) :: count, rate

    call system_clock(count, rate)
    wall = real(count, real64) / real(rate, real64)
    call cpu_time(cpu)
  end subroutine read_clocks

end module column_model
