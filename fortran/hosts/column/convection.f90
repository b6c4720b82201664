!> Convective adjustment of one column that keeps its enthalpy exactly.
!>
!> Write T(k) = theta(k) * r(k), where the reference r follows the neutral profile. The column is stable where theta
!> does not decrease with height. The adjusted column is the nearest stable one in the mass-weighted sense: blocks of
!> neighbouring layers that share one theta and keep their enthalpy. That is isotonic regression, solved exactly in one
!> pass by pooling adjacent violators; adjusting twice changes nothing. Wind keeps the boundary layer mixed, stable or
!> not: its layers are one block from the start.
module column_convection
  use, intrinsic :: iso_fortran_env, only: real64
  use column_thermodynamics, only: lapse_exponent, moist_exponent
  implicit none
  private
  public :: adjust_to_lapse_rate, adjust_to_moist_adiabat

  integer, parameter :: max_iterations = 50
  real(real64), parameter :: tolerance = 1.0e-9_real64  ! K, between iterations of the moist adiabat

contains

  !> Adjust to a constant lapse rate.
  pure subroutine adjust_to_lapse_rate(temperature, pressure, thickness, lapse_rate, boundary_top)
    real(real64), intent(inout) :: temperature(:)  !! (nlay) [K], top first
    real(real64), intent(in) :: pressure(:)        !! (nlay) [Pa]
    real(real64), intent(in) :: thickness(:)       !! (nlay) pressure thickness [Pa]
    real(real64), intent(in) :: lapse_rate         !! critical lapse rate [K m-1]
    integer, intent(in) :: boundary_top            !! highest layer of the boundary layer; nlay: there is none
    real(real64) :: reference(size(temperature))

    reference = (pressure / pressure(size(pressure)))**lapse_exponent(lapse_rate)
    call pool(temperature, reference, thickness, boundary_top)
  end subroutine adjust_to_lapse_rate

  !> Adjust to the saturated pseudoadiabat. Its slope depends on the temperature sought, hence the iteration; every
  !> iterate keeps the enthalpy.
  pure subroutine adjust_to_moist_adiabat(temperature, pressure, thickness, boundary_top)
    real(real64), intent(inout) :: temperature(:)  !! (nlay) [K], top first
    real(real64), intent(in) :: pressure(:)        !! (nlay) [Pa]
    real(real64), intent(in) :: thickness(:)       !! (nlay) pressure thickness [Pa]
    integer, intent(in) :: boundary_top            !! highest layer of the boundary layer; nlay: there is none
    real(real64), dimension(size(temperature)) :: before, previous
    integer :: iteration

    before = temperature
    do iteration = 1, max_iterations
      previous = temperature
      temperature = before
      call pool(temperature, moist_reference(previous, pressure), thickness, boundary_top)
      if (maxval(abs(temperature - previous)) < tolerance) exit
    end do
  end subroutine adjust_to_moist_adiabat

  !> Profile proportional to the neutral one, integrated upwards with the slope of the mean of both layers.
  pure function moist_reference(temperature, pressure) result(reference)
    real(real64), intent(in) :: temperature(:)  !! (nlay) [K]
    real(real64), intent(in) :: pressure(:)     !! (nlay) [Pa]
    real(real64) :: reference(size(temperature))
    real(real64) :: exponent
    integer :: k

    reference(size(reference)) = 1.0_real64
    do k = size(reference) - 1, 1, -1
      exponent = moist_exponent(0.5_real64 * (temperature(k) + temperature(k + 1)), &
        0.5_real64 * (pressure(k) + pressure(k + 1)))
      reference(k) = reference(k + 1) * (pressure(k) / pressure(k + 1))**exponent
    end do
  end function moist_reference

  !> Pool layers, from the surface up, until theta = temperature / reference does not decrease with height.
  pure subroutine pool(temperature, reference, thickness, boundary_top)
    real(real64), intent(inout) :: temperature(:)
    real(real64), intent(in) :: reference(:), thickness(:)
    integer, intent(in) :: boundary_top
    real(real64), dimension(size(temperature)) :: heat, weight
    integer :: first(size(temperature) + 1), k, top

    top = 0
    do k = size(temperature), 1, -1
      top = top + 1
      first(top) = k
      heat(top) = thickness(k) * temperature(k)
      weight(top) = thickness(k) * reference(k)
      do while (top > 1)
        if (k < boundary_top .and. heat(top) * weight(top - 1) >= heat(top - 1) * weight(top)) exit
        top = top - 1
        heat(top) = heat(top) + heat(top + 1)
        weight(top) = weight(top) + weight(top + 1)
      end do
    end do
    first(top + 1) = 0
    call unpool(temperature, reference, heat(1:top) / weight(1:top), first(1:top + 1))
  end subroutine pool

  !> Write the theta of every block of two or more layers back; a layer on its own keeps its temperature to the bit.
  pure subroutine unpool(temperature, reference, theta, first)
    real(real64), intent(inout) :: temperature(:)
    real(real64), intent(in) :: reference(:), theta(:)
    integer, intent(in) :: first(:)  !! lowest layer of every block, and 0
    integer :: block, k

    do block = 1, size(theta)
      if (first(block) - first(block + 1) < 2) cycle
      do k = first(block + 1) + 1, first(block)
        temperature(k) = theta(block) * reference(k)
      end do
    end do
  end subroutine unpool

end module column_convection
