!> Sums over the grid whose bits do not depend on the order of the terms, hence not on the ranks.
!>
!> Every number is cut into three whole numbers of at most 2**30, with the largest magnitude of all as the unit. Sums of
!> whole numbers below 2**53 are exact in double precision, in any order; what is cut off is below 2**-90 of the largest.
module shallow_water_sums
  use, intrinsic :: iso_fortran_env, only: real64
  use, intrinsic :: ieee_arithmetic, only: ieee_is_finite, ieee_quiet_nan, ieee_value
  use shallow_water_ranks, only: ranks_t
  implicit none
  private
  public :: total

  real(real64), parameter :: to_nearest = 6755399441055744.0_real64  ! 1.5 * 2**52: adding it rounds to whole numbers
  real(real64), parameter :: part = 2.0_real64**30

contains

  !> Sum of the values on all ranks, the same bits on all; NaN if one is not finite. Collective.
  function total(ranks, values) result(sum_of_all)
    class(ranks_t), intent(in) :: ranks
    real(real64), intent(in) :: values(:,:)
    real(real64) :: sum_of_all, most(2), sums(3), unit

    most = [maxval(abs(values)), merge(0.0_real64, 1.0_real64, all(ieee_is_finite(values)))]
    call ranks%largest(most)
    if (most(2) > 0.0_real64) then
      sum_of_all = ieee_value(sum_of_all, ieee_quiet_nan)
      return
    end if
    sum_of_all = 0.0_real64
    if (most(1) <= 0.0_real64) return
    unit = scale(1.0_real64, exponent(most(1)) - 30)
    sums = whole_sums(values, 1.0_real64 / unit)
    call ranks%add_up(sums)
    sum_of_all = ((sums(3) / part + sums(2)) / part + sums(1)) * unit
  end function total

  !> Sums of the three whole parts of values * per_unit.
  pure function whole_sums(values, per_unit) result(sums)
    real(real64), intent(in) :: values(:,:), per_unit
    real(real64) :: sums(3), rest, whole(3)
    integer :: i, j

    sums = 0.0_real64
    do j = 1, size(values, 2)
      do i = 1, size(values, 1)
        rest = values(i, j) * per_unit
        whole(1) = (rest + to_nearest) - to_nearest
        rest = (rest - whole(1)) * part
        whole(2) = (rest + to_nearest) - to_nearest
        rest = (rest - whole(2)) * part
        whole(3) = (rest + to_nearest) - to_nearest
        sums = sums + whole
      end do
    end do
  end function whole_sums

end module shallow_water_sums
