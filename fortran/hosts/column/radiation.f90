!> What a radiation scheme is to the host, and the physics that all schemes share.
module column_radiation
  use, intrinsic :: iso_fortran_env, only: real64
  use column_constants, only: cp_dry, gravity
  use column_guard_log, only: guard_log_t
  use column_state, only: fluxes_t, state_t
  implicit none
  private
  public :: heating_rate, energy_residual

  !> Fills fluxes and heating rates of one band for all columns of the state.
  type, abstract, public :: radiation_t
    real(real64) :: day = 0.0_real64        !! model time of the call [day], set by the model
    type(guard_log_t) :: longwave_guard, shortwave_guard
  contains
    procedure(radiate), deferred :: longwave
    procedure(radiate), deferred :: shortwave
    procedure(release), deferred :: close
  end type radiation_t

  abstract interface
    subroutine radiate(self, state, fluxes, stat, errmsg)
      import :: radiation_t, state_t, fluxes_t
      implicit none
      class(radiation_t), intent(inout) :: self
      type(state_t), intent(in) :: state
      type(fluxes_t), intent(inout) :: fluxes
      integer, intent(out) :: stat               !! 0, or 2 with a message
      character(len=*), intent(inout) :: errmsg
    end subroutine radiate

    subroutine release(self)
      import :: radiation_t
      implicit none
      class(radiation_t), intent(inout) :: self
    end subroutine release
  end interface

contains

  !> Heating rate: convergence of the net flux over the heat capacity of the layer.
  pure function heating_rate(up, down, thickness) result(rate)
    real(real64), intent(in) :: up(:,:)         !! (ncol, nlay+1) upwelling flux [W m-2], top first
    real(real64), intent(in) :: down(:,:)       !! (ncol, nlay+1) downwelling flux [W m-2]
    real(real64), intent(in) :: thickness(:,:)  !! (ncol, nlay) pressure thickness [Pa]
    real(real64) :: rate(size(thickness, 1), size(thickness, 2))  !! (ncol, nlay) [K s-1]
    integer :: k

    do k = 1, size(thickness, 2)
      rate(:, k) = gravity / cp_dry * ((down(:, k) - up(:, k)) - (down(:, k + 1) - up(:, k + 1))) / thickness(:, k)
    end do
  end function heating_rate

  !> Distance between the heat that the heating rates put into a column and what the fluxes leave there.
  pure function energy_residual(up, down, heating, thickness) result(residual)
    real(real64), intent(in) :: up(:,:)         !! (ncol, nlay+1) upwelling flux [W m-2], top first
    real(real64), intent(in) :: down(:,:)       !! (ncol, nlay+1) downwelling flux [W m-2]
    real(real64), intent(in) :: heating(:,:)    !! (ncol, nlay) [K s-1]
    real(real64), intent(in) :: thickness(:,:)  !! (ncol, nlay) pressure thickness [Pa]
    real(real64) :: residual(size(thickness, 1))  !! (ncol) [W m-2], not negative
    integer :: bottom

    bottom = size(up, 2)
    residual = abs(cp_dry / gravity * sum(heating * thickness, dim=2) &
      - ((down(:, 1) - up(:, 1)) - (down(:, bottom) - up(:, bottom))))
  end function energy_residual

end module column_radiation
