!> The parameterization that the namelist names, open.
module lorenz96_parameterization_open
  use lorenz96_emulator, only: emulator_parameterization_t
  use lorenz96_polynomial, only: polynomial_t
  use lorenz96_settings, only: settings_t
  use lorenz96_subgrid, only: parameterization_t, subgrid_t
  implicit none
  private
  public :: open_parameterization

contains

  !> stat is 0, or 2 with a message.
  subroutine open_parameterization(settings, subgrid, scheme, stat, errmsg)
    type(settings_t), intent(in) :: settings
    type(subgrid_t), intent(inout), target :: subgrid
    class(parameterization_t), allocatable, intent(out) :: scheme
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(polynomial_t), allocatable :: polynomial
    type(emulator_parameterization_t), allocatable :: emulator

    stat = 0
    select case (settings%scheme)
    case ('polynomial')
      allocate(polynomial)
      call polynomial%open(settings)
      call move_alloc(polynomial, scheme)
    case ('emulator')
      allocate(emulator)
      call emulator%open(settings, subgrid, stat, errmsg)
      call move_alloc(emulator, scheme)
    case default
      allocate(parameterization_t :: scheme)
    end select
  end subroutine open_parameterization

end module lorenz96_parameterization_open
