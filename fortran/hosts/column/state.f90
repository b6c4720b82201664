!> What a run remembers and what radiation sees: one array per variable, (ncol) or (ncol, nlay), top first.
module column_state
  use, intrinsic :: iso_fortran_env, only: real64
  use column_vertical_grid, only: n_layers
  implicit none
  private
  public :: allocate_state, allocate_fluxes

  !> State and prescribed fields of all columns.
  type, public :: state_t
    real(real64), allocatable :: air_temperature(:,:)             !! (ncol, nlay) [K]
    real(real64), allocatable :: surface_temperature(:)           !! (ncol) [K]
    real(real64), allocatable :: specific_humidity(:,:)           !! (ncol, nlay) of moist air [kg kg-1]
    real(real64), allocatable :: ocean_heat_flux(:)               !! (ncol) into the slab from below [W m-2]
    ! prescribed
    real(real64), allocatable :: latitude(:)                      !! (ncol) [degree]
    integer, allocatable :: cloud_regime(:)                       !! (ncol) see column_clouds
    real(real64), allocatable :: surface_air_pressure(:)          !! (ncol) [Pa]
    real(real64), allocatable :: air_pressure_at_interfaces(:,:)  !! (ncol, nlay+1) [Pa]
    real(real64), allocatable :: air_pressure(:,:)                !! (ncol, nlay) [Pa]
    real(real64), allocatable :: air_pressure_thickness(:,:)      !! (ncol, nlay) [Pa]
    real(real64), allocatable :: ozone(:,:)                       !! (ncol, nlay) mole fraction [mol mol-1]
    real(real64), allocatable :: carbon_dioxide(:)                !! (ncol) mole fraction [mol mol-1]
    real(real64), allocatable :: cloud_liquid(:,:)                !! (ncol, nlay) mass fraction [kg kg-1]
    real(real64), allocatable :: cloud_ice(:,:)                   !! (ncol, nlay) mass fraction [kg kg-1]
    real(real64), allocatable :: emissivity(:)                    !! (ncol) [1]
    real(real64), allocatable :: albedo(:)                        !! (ncol) [1]
    real(real64), allocatable :: cosine_of_zenith(:)              !! (ncol) [1]
    real(real64), allocatable :: toa_incoming_shortwave(:)        !! (ncol) [W m-2]
    logical, allocatable :: is_pushed(:)                          !! (ncol) moved by the test facility of &test_nml
  end type state_t

  !> What a radiation scheme returns, both bands.
  type, public :: fluxes_t
    real(real64), allocatable :: longwave_up(:,:)        !! (ncol, nlay+1) upwelling flux [W m-2]
    real(real64), allocatable :: longwave_down(:,:)      !! (ncol, nlay+1) downwelling flux [W m-2]
    real(real64), allocatable :: longwave_heating(:,:)   !! (ncol, nlay) [K s-1]
    real(real64), allocatable :: shortwave_up(:,:)       !! (ncol, nlay+1) upwelling flux [W m-2]
    real(real64), allocatable :: shortwave_down(:,:)     !! (ncol, nlay+1) downwelling flux [W m-2]
    real(real64), allocatable :: shortwave_heating(:,:)  !! (ncol, nlay) [K s-1]
  end type fluxes_t

contains

  subroutine allocate_state(state, ncol)
    type(state_t), intent(out) :: state
    integer, intent(in) :: ncol

    allocate(state%air_temperature(ncol, n_layers), state%specific_humidity(ncol, n_layers), &
      state%ozone(ncol, n_layers), state%cloud_liquid(ncol, n_layers), state%cloud_ice(ncol, n_layers), &
      state%air_pressure(ncol, n_layers), state%air_pressure_thickness(ncol, n_layers), &
      state%air_pressure_at_interfaces(ncol, n_layers + 1), source=0.0_real64)
    allocate(state%surface_temperature(ncol), state%ocean_heat_flux(ncol), state%latitude(ncol), &
      state%surface_air_pressure(ncol), state%carbon_dioxide(ncol), state%emissivity(ncol), state%albedo(ncol), &
      state%cosine_of_zenith(ncol), state%toa_incoming_shortwave(ncol), source=0.0_real64)
    allocate(state%cloud_regime(ncol), source=0)
    allocate(state%is_pushed(ncol), source=.false.)
  end subroutine allocate_state

  subroutine allocate_fluxes(fluxes, ncol)
    type(fluxes_t), intent(out) :: fluxes
    integer, intent(in) :: ncol

    allocate(fluxes%longwave_up(ncol, n_layers + 1), fluxes%longwave_down(ncol, n_layers + 1), &
      fluxes%shortwave_up(ncol, n_layers + 1), fluxes%shortwave_down(ncol, n_layers + 1), &
      fluxes%longwave_heating(ncol, n_layers), fluxes%shortwave_heating(ncol, n_layers), source=0.0_real64)
  end subroutine allocate_fluxes

end module column_state
