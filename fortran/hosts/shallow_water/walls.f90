!> What lies behind walls: mirror images, so that the same formulae hold everywhere. A velocity through a wall changes its
!> sign behind it; one along it does too without slip, and does not with free slip.
module shallow_water_walls
  use, intrinsic :: iso_fortran_env, only: real64
  use shallow_water_domain, only: domain_t, thickness, x_velocity, y_velocity
  implicit none
  private
  public :: fill_behind_x_walls, fill_behind_y_walls

contains

  !> Behind the western and eastern wall, in rows 1 to ny.
  pure subroutine fill_behind_x_walls(d, fields)
    type(domain_t), intent(in) :: d
    real(real64), intent(inout) :: fields(1 - d%halo:, 1 - d%halo:, :)
    integer :: g, j, n

    n = d%nx
    do g = 1, d%halo
      do j = 1, d%ny
        if (d%has_west) then
          fields(1 - g, j, x_velocity) = merge(0.0_real64, -fields(g - 1, j, x_velocity), g == 1)
          fields(1 - g, j, y_velocity) = d%slip * fields(g, j, y_velocity)
          fields(1 - g, j, thickness) = fields(g, j, thickness)
        end if
        if (d%has_east) then
          fields(n + g, j, x_velocity) = -fields(n - g, j, x_velocity)
          fields(n + g, j, y_velocity) = d%slip * fields(n + 1 - g, j, y_velocity)
          fields(n + g, j, thickness) = fields(n + 1 - g, j, thickness)
        end if
      end do
    end do
  end subroutine fill_behind_x_walls

  !> Behind the southern and northern wall, in all columns, those of the halo too.
  pure subroutine fill_behind_y_walls(d, fields)
    type(domain_t), intent(in) :: d
    real(real64), intent(inout) :: fields(1 - d%halo:, 1 - d%halo:, :)
    integer :: g, n

    n = d%ny
    do g = 1, d%halo
      if (d%has_south) then
        fields(:, 1 - g, x_velocity) = d%slip * fields(:, g, x_velocity)
        fields(:, 1 - g, y_velocity) = -fields(:, 1 + g, y_velocity)
        fields(:, 1 - g, thickness) = fields(:, g, thickness)
      end if
      if (d%has_north) then
        fields(:, n + g, x_velocity) = d%slip * fields(:, n + 1 - g, x_velocity)
        fields(:, n + g, y_velocity) = 0.0_real64
        if (g > 1) fields(:, n + g, y_velocity) = -fields(:, n + 2 - g, y_velocity)
        fields(:, n + g, thickness) = fields(:, n + 1 - g, thickness)
      end if
    end do
  end subroutine fill_behind_y_walls

end module shallow_water_walls
