!> A block of columns as RRTMG (Iacono et al. 2008, doi:10.1029/2008JD009944) wants them, and the call: bottom first, hPa,
!> mole fractions per dry air, cloud paths in g m-2.
!>
!> The choices are those of pyemu/data/rrtmg.py, so that an emulator trained there meets the same scheme in a host. A host
!> fills the inputs, calls a band and reads the fluxes of all sky and of clear sky.
module host_rrtmg_block
  use, intrinsic :: iso_c_binding, only: c_double, c_int32_t
  use, intrinsic :: iso_fortran_env, only: real64
  use host_rrtmg_library, only: rrtmg_library_t
  implicit none
  private

  integer, parameter, public :: n_longwave_bands = 16, n_shortwave_bands = 14
  integer, parameter :: n_most_bands = max(n_longwave_bands, n_shortwave_bands)
  real(real64), parameter :: coldest = 161.0_real64, warmest = 339.0_real64  ! K, ends of RRTMG's tables

  ! The same numbers as pyemu/constants.py.
  real(real64), parameter, public :: solar_irradiance = 1360.85_real64  !! [W m-2] that RRTMG is given
  real(real64), parameter :: gravity = 9.80665_real64  ! m s-2
  real(real64), parameter :: epsilon_water = 18.016_real64 / 28.966_real64
  real(real64), parameter :: methane = 1.83e-6_real64, nitrous_oxide = 3.28e-7_real64, oxygen = 0.209_real64  ! mol mol-1
  real(real64), parameter :: liquid_radius_um = 10.0_real64, ice_radius_um = 30.0_real64

  ! RRTMG's switches
  integer(c_int32_t), parameter :: random_overlap = 1      ! no matter: a layer is clear or overcast
  integer(c_int32_t), parameter :: no_derivative = 0, no_aerosol = 0, no_day_of_year = 0, no_variability = 0
  integer(c_int32_t), parameter :: optics_from_paths = 2   ! inflg
  integer(c_int32_t), parameter :: ebert_curry = 1         ! iceflg
  integer(c_int32_t), parameter :: hu_stamnes = 1          ! liqflg

  !> Inputs (n, nlay), (n, nlay+1) or (n), and outputs.
  type, public :: rrtmg_block_t
    real(real64), allocatable, dimension(:,:) :: layer_pressure, interface_pressure  !! [hPa]
    real(real64), allocatable, dimension(:,:) :: layer_temperature, interface_temperature  !! [K]
    real(real64), allocatable, dimension(:,:) :: water, ozone, carbon_dioxide  !! [mol mol-1] per dry air
    real(real64), allocatable, dimension(:,:) :: cloud_fraction  !! [1] 0 or 1: in between the shortwave stops the process
    real(real64), allocatable, dimension(:,:) :: ice_path, liquid_path  !! [g m-2]
    real(real64), allocatable, dimension(:,:) :: emissivity  !! (n, band) [1]
    real(real64), allocatable, dimension(:) :: surface_temperature, albedo, cosine
    real(real64), allocatable, dimension(:,:) :: up, down  !! (n, nlay+1) [W m-2]
    real(real64), allocatable, dimension(:,:) :: clear_up, clear_down  !! (n, nlay+1) without clouds [W m-2]
    real(real64), allocatable, dimension(:,:), private :: methane, nitrous_oxide, oxygen, ice_radius, liquid_radius
    real(real64), allocatable, dimension(:,:), private :: none       ! (n, nlay) zeros, for gases that are absent
    real(real64), allocatable, dimension(:), private :: no_optics    ! zeros, for optical properties that are not given
    real(real64), allocatable, dimension(:,:), private :: unused, unused_heating, unused_up  ! outputs not kept
  contains
    procedure :: set_atmosphere
    procedure :: set_clouds
    procedure :: longwave
    procedure :: shortwave
  end type rrtmg_block_t

contains

  !> Take n columns, top first: arrays (n, nlay), pressure (n, nlay+1). Clouds must be set anew.
  subroutine set_atmosphere(self, interface_pressure, temperature, humidity, ozone, carbon_dioxide)
    class(rrtmg_block_t), intent(inout) :: self
    real(real64), intent(in) :: interface_pressure(:,:)  !! [Pa]
    real(real64), intent(in) :: temperature(:,:)         !! [K]
    real(real64), intent(in) :: humidity(:,:)            !! [kg kg-1] of moist air
    real(real64), intent(in) :: ozone(:,:)               !! [mol mol-1]
    real(real64), intent(in) :: carbon_dioxide(:)        !! (n) [mol mol-1]
    real(real64), allocatable :: pressure(:,:)
    integer :: nlay

    nlay = size(temperature, 2)
    call resize(self, size(temperature, 1), nlay)
    pressure = 0.5_real64 * (interface_pressure(:, 2:) + interface_pressure(:, :nlay))
    self%layer_pressure = pressure(:, nlay:1:-1) / 100.0_real64
    self%interface_pressure = interface_pressure(:, nlay + 1:1:-1) / 100.0_real64
    self%layer_temperature = in_tables(temperature(:, nlay:1:-1))
    self%water = dry_mole_fraction(humidity(:, nlay:1:-1))
    self%ozone = ozone(:, nlay:1:-1)
    self%carbon_dioxide = spread(carbon_dioxide, 2, nlay)
    call interpolate_temperature(temperature, pressure, interface_pressure, self%interface_temperature)
  end subroutine set_atmosphere

  !> Take condensate of the columns, top first (n, nlay) [kg kg-1]: a layer with any is overcast.
  subroutine set_clouds(self, liquid, ice)
    class(rrtmg_block_t), intent(inout) :: self
    real(real64), intent(in) :: liquid(:,:), ice(:,:)
    real(real64) :: air_path(size(liquid, 1))  ! g m-2
    integer :: k, up, nlay

    nlay = size(liquid, 2)
    do k = 1, nlay
      up = nlay + 1 - k
      air_path = 100000.0_real64 * (self%interface_pressure(:, up) - self%interface_pressure(:, up + 1)) / gravity
      self%liquid_path(:, up) = liquid(:, k) * air_path
      self%ice_path(:, up) = ice(:, k) * air_path
    end do
    self%cloud_fraction = merge(1.0_real64, 0.0_real64, self%liquid_path + self%ice_path > 0.0_real64)
  end subroutine set_clouds

  !> Make room for n columns of nlay layers; nothing is done when there is just that.
  subroutine resize(self, n, nlay)
    class(rrtmg_block_t), intent(inout) :: self
    integer, intent(in) :: n, nlay

    if (allocated(self%layer_pressure)) then
      if (all(shape(self%layer_pressure) == [n, nlay])) return
      call deallocate_all(self)
    end if
    allocate(self%layer_pressure(n, nlay), self%layer_temperature(n, nlay), self%water(n, nlay), self%ozone(n, nlay), &
      self%carbon_dioxide(n, nlay), self%cloud_fraction(n, nlay), self%ice_path(n, nlay), self%liquid_path(n, nlay), &
      self%none(n, nlay), self%unused(n, nlay), self%unused_heating(n, nlay), source=0.0_real64)
    allocate(self%interface_pressure(n, nlay + 1), self%interface_temperature(n, nlay + 1), self%up(n, nlay + 1), &
      self%down(n, nlay + 1), self%clear_up(n, nlay + 1), self%clear_down(n, nlay + 1), self%unused_up(n, nlay + 1), &
      source=0.0_real64)
    allocate(self%methane(n, nlay), source=methane)
    allocate(self%nitrous_oxide(n, nlay), source=nitrous_oxide)
    allocate(self%oxygen(n, nlay), source=oxygen)
    allocate(self%ice_radius(n, nlay), source=ice_radius_um)
    allocate(self%liquid_radius(n, nlay), source=liquid_radius_um)
    allocate(self%emissivity(n, n_longwave_bands), source=0.0_real64)
    allocate(self%surface_temperature(n), self%albedo(n), self%cosine(n), source=0.0_real64)
    allocate(self%no_optics(n * nlay * n_most_bands), source=0.0_real64)
  end subroutine resize

  subroutine deallocate_all(block)
    type(rrtmg_block_t), intent(out) :: block  ! intent(out) deallocates every component
  end subroutine deallocate_all

  !> Longwave fluxes of all columns, of all sky and of clear sky.
  subroutine longwave(self, library)
    class(rrtmg_block_t), intent(inout) :: self
    type(rrtmg_library_t), intent(in) :: library
    integer(c_int32_t) :: overlap

    overlap = random_overlap
    call library%longwave(size(self%cosine, kind=c_int32_t), size(self%water, 2, kind=c_int32_t), overlap, no_derivative, &
      self%layer_pressure, self%interface_pressure, self%layer_temperature, self%interface_temperature, &
      self%surface_temperature, self%water, self%ozone, self%carbon_dioxide, self%methane, self%nitrous_oxide, &
      self%oxygen, self%none, self%none, self%none, self%none, self%emissivity, optics_from_paths, ebert_curry, &
      hu_stamnes, self%cloud_fraction, self%no_optics, self%ice_path, self%liquid_path, self%ice_radius, &
      self%liquid_radius, self%no_optics, self%up, self%down, self%unused, self%clear_up, self%clear_down, &
      self%unused_heating, self%unused_up, self%unused_up)
  end subroutine longwave

  !> Shortwave fluxes of all columns, of all sky and of clear sky, for the full solar irradiance.
  subroutine shortwave(self, library)
    class(rrtmg_block_t), intent(inout) :: self
    type(rrtmg_library_t), intent(in) :: library
    real(c_double), parameter :: unscaled(n_shortwave_bands + 2) = 1.0_c_double, full = 1.0_c_double, phase = 0.0_c_double
    real(c_double) :: sunspots(2)
    integer(c_int32_t) :: overlap, aerosol

    overlap = random_overlap
    aerosol = no_aerosol
    sunspots = 1.0_c_double
    call library%shortwave(size(self%cosine, kind=c_int32_t), size(self%water, 2, kind=c_int32_t), overlap, aerosol, &
      self%layer_pressure, self%interface_pressure, self%layer_temperature, self%interface_temperature, &
      self%surface_temperature, self%water, self%ozone, self%carbon_dioxide, self%methane, self%nitrous_oxide, &
      self%oxygen, self%albedo, self%albedo, self%albedo, self%albedo, self%cosine, full, no_day_of_year, &
      solar_irradiance, no_variability, optics_from_paths, ebert_curry, hu_stamnes, self%cloud_fraction, &
      self%no_optics, self%no_optics, self%no_optics, self%no_optics, self%ice_path, self%liquid_path, &
      self%ice_radius, self%liquid_radius, self%no_optics, self%no_optics, self%no_optics, self%no_optics, self%up, &
      self%down, self%unused, self%clear_up, self%clear_down, self%unused_heating, unscaled, sunspots, phase)
  end subroutine shortwave

  !> Temperature at interfaces, bottom first: linear in log pressure between layers and on to the surface; the top
  !> interface takes the temperature of the top layer.
  subroutine interpolate_temperature(temperature, pressure, interface_pressure, interface_temperature)
    real(real64), intent(in) :: temperature(:,:), pressure(:,:)  ! (n, nlay) top first
    real(real64), intent(in) :: interface_pressure(:,:)          ! (n, nlay+1) top first
    real(real64), intent(out) :: interface_temperature(:,:)      ! (n, nlay+1)
    real(real64), dimension(size(temperature, 1)) :: log_here, log_below, slope
    integer :: k, nlay

    nlay = size(temperature, 2)
    interface_temperature(:, nlay + 1) = in_tables(temperature(:, 1))
    slope = 0.0_real64
    log_below = log(pressure(:, 1))
    do k = 1, nlay
      log_here = log_below
      if (k < nlay) then
        log_below = log(pressure(:, k + 1))
        slope = (temperature(:, k + 1) - temperature(:, k)) / (log_below - log_here)
      end if
      interface_temperature(:, nlay + 1 - k) = in_tables(temperature(:, k) &
        + slope * (log(interface_pressure(:, k + 1)) - log_here))
    end do
  end subroutine interpolate_temperature

  elemental function in_tables(temperature)
    real(real64), intent(in) :: temperature  !! [K]
    real(real64) :: in_tables                !! [K], within RRTMG's tables
    in_tables = min(warmest, max(coldest, temperature))
  end function in_tables

  !> Water per dry air [mol mol-1] from specific humidity of moist air [kg kg-1].
  elemental function dry_mole_fraction(humidity) result(fraction)
    real(real64), intent(in) :: humidity
    real(real64) :: fraction
    fraction = humidity / (1.0_real64 - humidity) / epsilon_water
  end function dry_mole_fraction

end module host_rrtmg_block
