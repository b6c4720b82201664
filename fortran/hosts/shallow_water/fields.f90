!> The model's arrays by name, for callers that are not Fortran.
module shallow_water_fields
  use, intrinsic :: iso_fortran_env, only: real64
  use shallow_water_domain, only: thickness, x_velocity, y_velocity
  use shallow_water_emulated_forcing, only: tendency, x_forcing, y_forcing
  use shallow_water_model, only: model_t
  implicit none
  private
  public :: find_field

contains

  !> Point at a field as (nx, ny), without halo; not associated for an unknown name. What may be set is the state and the
  !> wind; the rest is what the last step, or compute_tendencies, has used.
  subroutine find_field(model, name, values, may_be_set)
    type(model_t), intent(in), target :: model
    character(len=*), intent(in) :: name
    real(real64), pointer, intent(out) :: values(:,:)
    logical, intent(out) :: may_be_set

    values => null()
    may_be_set = .true.
    associate (nx => model%domain%nx, ny => model%domain%ny)
      select case (name)
      case ('sea_water_x_velocity')
        values => model%now(1:nx, 1:ny, x_velocity)
      case ('sea_water_y_velocity')
        values => model%now(1:nx, 1:ny, y_velocity)
      case ('layer_thickness_anomaly')
        values => model%now(1:nx, 1:ny, thickness)
      case ('surface_downward_x_stress')
        values => model%stress(1:nx, 1:ny, 1)
      case ('surface_downward_y_stress')
        values => model%stress(1:nx, 1:ny, 2)
      case ('tendency_of_sea_water_x_velocity_due_to_forcing')
        values => model%tendencies(:, :, x_forcing)
        may_be_set = .false.
      case ('tendency_of_sea_water_y_velocity_due_to_forcing')
        values => model%tendencies(:, :, y_forcing)
        may_be_set = .false.
      case ('tendency_of_layer_thickness_anomaly')
        values => model%tendencies(:, :, tendency)
        may_be_set = .false.
      end select
    end associate
  end subroutine find_field

end module shallow_water_fields
