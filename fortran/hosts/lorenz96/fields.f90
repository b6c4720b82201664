!> The model's arrays by name, for callers that are not Fortran.
module lorenz96_fields
  use, intrinsic :: iso_fortran_env, only: real64
  use lorenz96_model, only: lorenz96_model_t
  implicit none
  private
  public :: find_field

contains

  !> Point at a field as (n, trajectory); not associated for an unknown name, or one that the model does not have.
  subroutine find_field(model, name, values)
    type(lorenz96_model_t), intent(in), target :: model
    character(len=*), intent(in) :: name
    real(real64), pointer, intent(out) :: values(:,:)

    values => null()
    select case (name)
    case ('lorenz96_slow_variable')
      values => model%x
    case ('lorenz96_fast_variable')
      if (size(model%y, 1) > 0) values => model%y
    case ('lorenz96_subgrid_tendency')
      if (size(model%y, 1) == 0) values => model%u
    case ('lorenz96_previous_subgrid_tendency')
      if (size(model%y, 1) == 0) values => model%subgrid%previous
    end select
  end subroutine find_field

end module lorenz96_fields
