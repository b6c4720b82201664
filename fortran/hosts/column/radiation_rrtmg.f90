!> Radiation by RRTMG (Iacono et al. 2008, doi:10.1029/2008JD009944), block by block.
module column_radiation_rrtmg
  use, intrinsic :: iso_c_binding, only: c_double, c_int32_t
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: solar_irradiance
  use column_radiation, only: heating_rate, radiation_t
  use column_rrtmg_block, only: n_shortwave_bands, rrtmg_block_t
  use column_rrtmg_library, only: load_rrtmg, rrtmg_library_t
  use column_state, only: fluxes_t, state_t
  use column_vertical_grid, only: n_layers
  implicit none
  private

  ! RRTMG's switches
  integer(c_int32_t), parameter :: n_lay = n_layers
  integer(c_int32_t), parameter :: random_overlap = 1      ! no matter: a layer is clear or overcast
  integer(c_int32_t), parameter :: no_derivative = 0, no_aerosol = 0, no_day_of_year = 0, no_variability = 0
  integer(c_int32_t), parameter :: optics_from_paths = 2   ! inflg
  integer(c_int32_t), parameter :: ebert_curry = 1         ! iceflg
  integer(c_int32_t), parameter :: hu_stamnes = 1          ! liqflg

  type, extends(radiation_t), public :: rrtmg_radiation_t
    private
    type(rrtmg_library_t) :: library
    type(rrtmg_block_t) :: block
    integer :: block_size = 1
  contains
    procedure :: open => open_rrtmg
    procedure :: longwave
    procedure :: shortwave
    procedure :: longwave_of
    procedure :: shortwave_of
    procedure :: close => close_rrtmg
  end type rrtmg_radiation_t

contains

  !> Load RRTMG. An empty directory means the environment variable PYEMU_RRTMG. stat is 0, or 2 with a message.
  subroutine open_rrtmg(self, directory, block_size, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    character(len=*), intent(in) :: directory  !! climt/_components/rrtmg of an installed climt, or ''
    integer, intent(in) :: block_size          !! columns per call
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=len(errmsg)) :: place

    place = directory
    if (place == '') call get_environment_variable('PYEMU_RRTMG', place)
    if (place == '') then
      stat = 2
      errmsg = 'RRTMG not found: neither rrtmg_directory nor PYEMU_RRTMG is set; install climt and set one of them to '// &
        'its folder climt/_components/rrtmg'
      return
    end if
    self%block_size = block_size
    call load_rrtmg(place, self%library, stat, errmsg)
  end subroutine open_rrtmg

  subroutine longwave(self, state, fluxes, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call self%longwave_of(all_of(state), state, fluxes)
  end subroutine longwave

  subroutine shortwave(self, state, fluxes, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call self%shortwave_of(all_of(state), state, fluxes)
  end subroutine shortwave

  !> Longwave fluxes and heating of some columns; all others are left as they are.
  subroutine longwave_of(self, columns, state, fluxes)
    class(rrtmg_radiation_t), intent(inout) :: self
    integer, intent(in) :: columns(:)
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer :: first

    do first = 1, size(columns), self%block_size
      associate (some => columns(first:min(first + self%block_size - 1, size(columns))))
        call self%block%gather(state, some)
        call call_longwave(self%library, self%block)
        call self%block%scatter(some, spread(1.0_real64, 1, size(some)), fluxes%longwave_up, fluxes%longwave_down)
      end associate
    end do
    fluxes%longwave_heating(columns, :) = heating_rate(fluxes%longwave_up(columns, :), fluxes%longwave_down(columns, :), &
      state%air_pressure_thickness(columns, :))
  end subroutine longwave_of

  !> The same in the shortwave. RRTMG is given the full solar irradiance; its fluxes, linear in it, are scaled to the
  !> column's incoming flux.
  subroutine shortwave_of(self, columns, state, fluxes)
    class(rrtmg_radiation_t), intent(inout) :: self
    integer, intent(in) :: columns(:)
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    real(real64) :: factor(self%block_size)
    integer :: first, n

    do first = 1, size(columns), self%block_size
      n = min(self%block_size, size(columns) - first + 1)
      associate (some => columns(first:first + n - 1))
        call self%block%gather(state, some)
        call call_shortwave(self%library, self%block)
        factor(:n) = 0.0_real64
        where (self%block%cosine > 0.0_real64) &
          factor(:n) = state%toa_incoming_shortwave(some) / (solar_irradiance * self%block%cosine)
        call self%block%scatter(some, factor(:n), fluxes%shortwave_up, fluxes%shortwave_down)
      end associate
    end do
    fluxes%shortwave_heating(columns, :) = heating_rate(fluxes%shortwave_up(columns, :), &
      fluxes%shortwave_down(columns, :), state%air_pressure_thickness(columns, :))
  end subroutine shortwave_of

  !> Every column.
  pure function all_of(state) result(columns)
    type(state_t), intent(in) :: state
    integer :: columns(size(state%surface_temperature))
    integer :: i

    columns = [(i, i = 1, size(columns))]
  end function all_of

  !> The libraries stay loaded: their module data serves the whole process.
  subroutine close_rrtmg(self)
    class(rrtmg_radiation_t), intent(inout) :: self

    self%library = rrtmg_library_t()
  end subroutine close_rrtmg

  subroutine call_longwave(library, b)
    type(rrtmg_library_t), intent(in) :: library
    type(rrtmg_block_t), intent(inout) :: b
    integer(c_int32_t) :: overlap

    overlap = random_overlap
    call library%longwave(size(b%cosine, kind=c_int32_t), n_lay, overlap, no_derivative, b%layer_pressure, &
      b%interface_pressure, b%layer_temperature, b%interface_temperature, b%surface_temperature, b%water, b%ozone, &
      b%carbon_dioxide, b%methane, b%nitrous_oxide, b%oxygen, b%none, b%none, b%none, b%none, b%emissivity, &
      optics_from_paths, ebert_curry, hu_stamnes, b%cloud_fraction, b%no_optics, b%ice_path, b%liquid_path, &
      b%ice_radius, b%liquid_radius, b%no_optics, b%up, b%down, b%unused, b%unused_up, b%unused_down, &
      b%unused_heating, b%unused_up, b%unused_down)
  end subroutine call_longwave

  subroutine call_shortwave(library, b)
    type(rrtmg_library_t), intent(in) :: library
    type(rrtmg_block_t), intent(inout) :: b
    real(c_double), parameter :: unscaled(n_shortwave_bands + 2) = 1.0_c_double, full = 1.0_c_double, phase = 0.0_c_double
    real(c_double) :: sunspots(2)
    integer(c_int32_t) :: overlap, aerosol

    overlap = random_overlap
    aerosol = no_aerosol
    sunspots = 1.0_c_double
    call library%shortwave(size(b%cosine, kind=c_int32_t), n_lay, overlap, aerosol, b%layer_pressure, &
      b%interface_pressure, b%layer_temperature, b%interface_temperature, b%surface_temperature, b%water, b%ozone, &
      b%carbon_dioxide, b%methane, b%nitrous_oxide, b%oxygen, b%albedo, b%albedo, b%albedo, b%albedo, b%cosine, full, &
      no_day_of_year, solar_irradiance, no_variability, optics_from_paths, ebert_curry, hu_stamnes, &
      b%cloud_fraction, b%no_optics, b%no_optics, b%no_optics, b%no_optics, b%ice_path, b%liquid_path, b%ice_radius, &
      b%liquid_radius, b%no_optics, b%no_optics, b%no_optics, b%no_optics, b%up, b%down, b%unused, b%unused_up, &
      b%unused_down, b%unused_heating, unscaled, sunspots, phase)
  end subroutine call_shortwave

end module column_radiation_rrtmg
