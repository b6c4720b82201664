!> The model's arrays by name, for callers that are not Fortran.
module column_fields
  use, intrinsic :: iso_fortran_env, only: real64
  use column_model, only: column_model_t
  implicit none
  private
  public :: find_field

contains

  !> Point at a field as (ncol, n), n = 1 for values per column; not associated for an unknown name.
  subroutine find_field(model, name, values)
    type(column_model_t), intent(in), target :: model
    character(len=*), intent(in) :: name
    real(real64), pointer, intent(out) :: values(:,:)

    values => null()
    select case (name)
    case ('air_temperature')
      values => model%state%air_temperature
    case ('specific_humidity')
      values => model%state%specific_humidity
    case ('air_pressure')
      values => model%state%air_pressure
    case ('air_pressure_at_interfaces')
      values => model%state%air_pressure_at_interfaces
    case ('mole_fraction_of_ozone_in_air')
      values => model%state%ozone
    case ('mass_fraction_of_cloud_liquid_water_in_air')
      values => model%state%cloud_liquid
    case ('mass_fraction_of_cloud_ice_in_air')
      values => model%state%cloud_ice
    case ('upwelling_longwave_flux_in_air_at_interfaces')
      values => model%fluxes%longwave_up
    case ('downwelling_longwave_flux_in_air_at_interfaces')
      values => model%fluxes%longwave_down
    case ('tendency_of_air_temperature_due_to_longwave_heating')
      values => model%fluxes%longwave_heating
    case ('upwelling_shortwave_flux_in_air_at_interfaces')
      values => model%fluxes%shortwave_up
    case ('downwelling_shortwave_flux_in_air_at_interfaces')
      values => model%fluxes%shortwave_down
    case ('tendency_of_air_temperature_due_to_shortwave_heating')
      values => model%fluxes%shortwave_heating
    case ('tendency_of_air_temperature_due_to_convection')
      values => model%convective_heating
    end select
    if (.not. associated(values)) call find_column_field(model, name, values)
  end subroutine find_field

  !> Fields with one value per column.
  subroutine find_column_field(model, name, values)
    type(column_model_t), intent(in), target :: model
    character(len=*), intent(in) :: name
    real(real64), pointer, intent(out) :: values(:,:)
    real(real64), pointer :: per_column(:)

    per_column => null()
    values => null()
    select case (name)
    case ('surface_temperature')
      per_column => model%state%surface_temperature
    case ('latitude')
      per_column => model%state%latitude
    case ('surface_air_pressure')
      per_column => model%state%surface_air_pressure
    case ('mole_fraction_of_carbon_dioxide_in_air')
      per_column => model%state%carbon_dioxide
    case ('surface_longwave_emissivity')
      per_column => model%state%emissivity
    case ('surface_albedo')
      per_column => model%state%albedo
    case ('cosine_of_solar_zenith_angle')
      per_column => model%state%cosine_of_zenith
    case ('toa_incoming_shortwave_flux')
      per_column => model%state%toa_incoming_shortwave
    case ('ocean_heat_flux')
      per_column => model%state%ocean_heat_flux
    case ('surface_upward_sensible_heat_flux')
      per_column => model%sensible
    case ('surface_upward_latent_heat_flux')
      per_column => model%latent
    case ('longwave_energy_residual')
      per_column => model%longwave_residual
    case ('shortwave_energy_residual')
      per_column => model%shortwave_residual
    case ('column_energy_residual')
      per_column => model%column_residual
    case ('longwave_flagged_calls')
      if (allocated(model%scheme)) per_column => guarded(model%scheme%longwave_guard%flagged_calls)
    case ('longwave_rrtmg_calls')
      if (allocated(model%scheme)) per_column => guarded(model%scheme%longwave_guard%fallback_calls)
    case ('shortwave_flagged_calls')
      if (allocated(model%scheme)) per_column => guarded(model%scheme%shortwave_guard%flagged_calls)
    case ('shortwave_rrtmg_calls')
      if (allocated(model%scheme)) per_column => guarded(model%scheme%shortwave_guard%fallback_calls)
    end select
    if (associated(per_column)) values(1:size(per_column), 1:1) => per_column
  end subroutine find_column_field

  !> A field of the guard, which is there only while one is set.
  function guarded(field) result(found)
    real(real64), allocatable, intent(in), target :: field(:)
    real(real64), pointer :: found(:)

    found => null()
    if (allocated(field)) found => field
  end function guarded

end module column_fields
