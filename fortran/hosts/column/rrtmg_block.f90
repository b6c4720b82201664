!> A block of columns as RRTMG wants them: bottom first, hPa, mole fractions per dry air, cloud paths in g m-2.
!>
!> The choices are those of pyemu/data/rrtmg.py, so that an emulator trained there meets the same scheme here.
module column_rrtmg_block
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: cloud_ice_radius_um, cloud_liquid_radius_um, epsilon_water, gravity, &
    methane_mole_fraction, nitrous_oxide_mole_fraction, oxygen_mole_fraction
  use column_state, only: state_t
  use column_vertical_grid, only: n_layers
  implicit none
  private

  integer, parameter, public :: n_longwave_bands = 16, n_shortwave_bands = 14
  integer, parameter :: n_most_bands = max(n_longwave_bands, n_shortwave_bands)
  real(real64), parameter :: coldest = 161.0_real64, warmest = 339.0_real64  ! K, ends of RRTMG's tables

  !> Inputs (n, nlay), (n, nlay+1) or (n), and room for outputs.
  type, public :: rrtmg_block_t
    real(real64), allocatable, dimension(:,:) :: layer_pressure, interface_pressure  !! [hPa]
    real(real64), allocatable, dimension(:,:) :: layer_temperature, interface_temperature  !! [K]
    real(real64), allocatable, dimension(:,:) :: water, ozone, carbon_dioxide, methane, nitrous_oxide, oxygen  !! [1]
    real(real64), allocatable, dimension(:,:) :: cloud_fraction, ice_radius, liquid_radius  !! [1], [um]
    real(real64), allocatable, dimension(:,:) :: ice_path, liquid_path  !! [g m-2]
    real(real64), allocatable, dimension(:,:) :: emissivity  !! (n, band) [1]
    real(real64), allocatable, dimension(:) :: surface_temperature, albedo, cosine
    real(real64), allocatable, dimension(:,:) :: none      !! (n, nlay) zeros, for gases that are absent
    real(real64), allocatable, dimension(:) :: no_optics   !! zeros, for optical properties that are not given
    real(real64), allocatable, dimension(:,:) :: up, down  !! (n, nlay+1) [W m-2]
    real(real64), allocatable, dimension(:,:) :: unused, unused_up, unused_down, unused_heating  !! outputs not kept
  contains
    procedure :: resize
    procedure :: gather
    procedure :: scatter
  end type rrtmg_block_t

contains

  !> Make room for n columns; nothing is done when there is just that.
  subroutine resize(self, n)
    class(rrtmg_block_t), intent(inout) :: self
    integer, intent(in) :: n

    if (allocated(self%cosine)) then
      if (size(self%cosine) == n) return
      call deallocate_all(self)
    end if
    allocate(self%layer_pressure(n, n_layers), self%layer_temperature(n, n_layers), self%water(n, n_layers), &
      self%ozone(n, n_layers), self%carbon_dioxide(n, n_layers), self%cloud_fraction(n, n_layers), &
      self%ice_path(n, n_layers), self%liquid_path(n, n_layers), self%none(n, n_layers), &
      self%unused(n, n_layers), self%unused_heating(n, n_layers), source=0.0_real64)
    allocate(self%interface_pressure(n, n_layers + 1), self%interface_temperature(n, n_layers + 1), &
      self%up(n, n_layers + 1), self%down(n, n_layers + 1), self%unused_up(n, n_layers + 1), &
      self%unused_down(n, n_layers + 1), source=0.0_real64)
    allocate(self%methane(n, n_layers), source=methane_mole_fraction)
    allocate(self%nitrous_oxide(n, n_layers), source=nitrous_oxide_mole_fraction)
    allocate(self%oxygen(n, n_layers), source=oxygen_mole_fraction)
    allocate(self%ice_radius(n, n_layers), source=cloud_ice_radius_um)
    allocate(self%liquid_radius(n, n_layers), source=cloud_liquid_radius_um)
    allocate(self%emissivity(n, n_longwave_bands), source=0.0_real64)
    allocate(self%surface_temperature(n), self%albedo(n), self%cosine(n), source=0.0_real64)
    allocate(self%no_optics(n * n_layers * n_most_bands), source=0.0_real64)
  end subroutine resize

  subroutine deallocate_all(block)
    type(rrtmg_block_t), intent(out) :: block  ! intent(out) deallocates every component
  end subroutine deallocate_all

  !> Copy some columns of the state into the block.
  subroutine gather(self, state, columns)
    class(rrtmg_block_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    integer, intent(in) :: columns(:)  !! (n) which, in any order
    real(real64) :: kg_to_path(size(columns))
    integer :: k, up

    call self%resize(size(columns))
    do k = 1, n_layers
      up = n_layers + 1 - k
      self%layer_pressure(:, up) = state%air_pressure(columns, k) / 100.0_real64
      self%layer_temperature(:, up) = in_tables(state%air_temperature(columns, k))
      self%water(:, up) = dry_mole_fraction(state%specific_humidity(columns, k))
      self%ozone(:, up) = state%ozone(columns, k)
      self%carbon_dioxide(:, up) = state%carbon_dioxide(columns)
      kg_to_path = 1000.0_real64 * state%air_pressure_thickness(columns, k) / gravity
      self%liquid_path(:, up) = state%cloud_liquid(columns, k) * kg_to_path
      self%ice_path(:, up) = state%cloud_ice(columns, k) * kg_to_path
      ! Strictly between 0 and 1 the shortwave would stop the process.
      self%cloud_fraction(:, up) = merge(1.0_real64, 0.0_real64, self%liquid_path(:, up) + self%ice_path(:, up) > 0.0_real64)
    end do
    self%interface_pressure = state%air_pressure_at_interfaces(columns, n_layers + 1:1:-1) / 100.0_real64
    call interpolate_temperature(state, columns, self%interface_temperature)
    self%surface_temperature = state%surface_temperature(columns)
    self%emissivity = spread(state%emissivity(columns), 2, n_longwave_bands)
    self%albedo = state%albedo(columns)
    self%cosine = min(1.0_real64, max(0.0_real64, state%cosine_of_zenith(columns)))
  end subroutine gather

  !> Copy fluxes of the block back, times a factor per column.
  subroutine scatter(self, columns, factor, up, down)
    class(rrtmg_block_t), intent(in) :: self
    integer, intent(in) :: columns(:)          !! (n) as given to gather
    real(real64), intent(in) :: factor(:)      !! (n) [1]
    real(real64), intent(inout) :: up(:,:)     !! (ncol, nlay+1) top first [W m-2]
    real(real64), intent(inout) :: down(:,:)   !! (ncol, nlay+1) top first [W m-2]
    integer :: k

    do k = 1, n_layers + 1
      up(columns, k) = factor * self%up(:, n_layers + 2 - k)
      down(columns, k) = factor * self%down(:, n_layers + 2 - k)
    end do
  end subroutine scatter

  !> Temperature at interfaces, bottom first: linear in log pressure between layers and on to the surface; the top
  !> interface takes the temperature of the top layer.
  subroutine interpolate_temperature(state, columns, interface_temperature)
    type(state_t), intent(in) :: state
    integer, intent(in) :: columns(:)
    real(real64), intent(out) :: interface_temperature(:,:)  !! (n, nlay+1) [K]
    real(real64), dimension(size(columns)) :: log_here, log_below, slope
    integer :: k

    interface_temperature(:, n_layers + 1) = in_tables(state%air_temperature(columns, 1))
    slope = 0.0_real64
    log_below = log(state%air_pressure(columns, 1))
    do k = 1, n_layers
      log_here = log_below
      if (k < n_layers) then
        log_below = log(state%air_pressure(columns, k + 1))
        slope = (state%air_temperature(columns, k + 1) - state%air_temperature(columns, k)) / (log_below - log_here)
      end if
      interface_temperature(:, n_layers + 1 - k) = in_tables(state%air_temperature(columns, k) &
        + slope * (log(state%air_pressure_at_interfaces(columns, k + 1)) - log_here))
    end do
  end subroutine interpolate_temperature

  elemental function in_tables(temperature)
    real(real64), intent(in) :: temperature  !! [K]
    real(real64) :: in_tables                !! [K]
    in_tables = min(warmest, max(coldest, temperature))
  end function in_tables

  !> Water per dry air [mol mol-1] from specific humidity of moist air [kg kg-1].
  elemental function dry_mole_fraction(humidity) result(fraction)
    real(real64), intent(in) :: humidity
    real(real64) :: fraction
    fraction = humidity / (1.0_real64 - humidity) / epsilon_water
  end function dry_mole_fraction

end module column_rrtmg_block
