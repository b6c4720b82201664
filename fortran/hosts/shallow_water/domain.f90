!> The grid and the part of it that one rank has.
!>
!> Cell (i, j) has its thickness in the middle, u on its east face and v on its south face. Indices of this part run
!> from 1 to nx and ny; arrays have 'halo' more on each side, filled by walls.f90 and the exchange between ranks.
module shallow_water_domain
  use, intrinsic :: iso_fortran_env, only: real64
  use shallow_water_settings, only: settings_t
  implicit none
  private
  public :: share_of

  integer, parameter, public :: x_velocity = 1, y_velocity = 2, thickness = 3  !! fields of a state, in this order

  type, public :: domain_t
    integer :: nx = 0, ny = 0                !! cells of this part
    integer :: nx_all = 0, ny_all = 0        !! cells of the whole grid
    integer :: first_x = 1, first_y = 1      !! the first cell of this part, counted in the whole grid
    integer :: halo = 1                      !! cells around this part
    logical :: has_west = .true., has_east = .true., has_south = .true., has_north = .true.  !! walls here
    real(real64) :: dx = 1.0_real64, dy = 1.0_real64  !! [m]
    real(real64) :: slip = -1.0_real64       !! what a velocity along a wall is multiplied with to be that behind it
  contains
    procedure :: last_u
    procedure :: first_v
    procedure :: place
  end type domain_t

contains

  !> The part of rank (x, y), from 0, of n_x times n_y ranks. Parts differ by at most one cell each way.
  pure type(domain_t) function share_of(settings, x, y, n_x, n_y, halo) result(domain)
    type(settings_t), intent(in) :: settings
    integer, intent(in) :: x, y, n_x, n_y, halo
    integer :: last

    domain%nx_all = settings%nx
    domain%ny_all = settings%ny
    domain%halo = halo
    domain%first_x = x * settings%nx / n_x + 1
    last = (x + 1) * settings%nx / n_x
    domain%nx = last - domain%first_x + 1
    domain%first_y = y * settings%ny / n_y + 1
    last = (y + 1) * settings%ny / n_y
    domain%ny = last - domain%first_y + 1
    domain%has_west = settings%domain == 'closed' .and. x == 0
    domain%has_east = settings%domain == 'closed' .and. x == n_x - 1
    domain%has_south = settings%domain /= 'periodic' .and. y == 0
    domain%has_north = settings%domain /= 'periodic' .and. y == n_y - 1
    domain%dx = settings%dx
    domain%dy = settings%dy
    domain%slip = merge(-1.0_real64, 1.0_real64, settings%walls == 'no_slip')
  end function share_of

  !> Index of the last east face that is no wall.
  elemental integer function last_u(self)
    class(domain_t), intent(in) :: self
    last_u = merge(self%nx - 1, self%nx, self%has_east)
  end function last_u

  !> Index of the first south face that is no wall.
  elemental integer function first_v(self)
    class(domain_t), intent(in) :: self
    first_v = merge(2, 1, self%has_south)
  end function first_v

  !> Number of a cell of this part in the whole grid, from 0, rows from west to east.
  elemental integer function place(self, i, j)
    class(domain_t), intent(in) :: self
    integer, intent(in) :: i, j
    place = (self%first_y + j - 2) * self%nx_all + self%first_x + i - 2
  end function place

end module shallow_water_domain
