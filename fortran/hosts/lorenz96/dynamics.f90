!> The equations of Lorenz (1996) on two scales and on one, and how they are stepped.
!>
!> The sequence of operations is the same for every trajectory, whatever runs beside it: no reductions that a compiler
!> may order, no fused operations.
module lorenz96_dynamics
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: resolved_tendency, two_scale_tendency, step_two_scale

  integer, parameter :: lanes = 8  !! partial sums of the fast variables

  !> Constants of the equations.
  type, public :: constants_t
    integer :: n_slow  !! K
    integer :: n_fast  !! J, of each slow variable
    real(real64) :: h  !! coupling
    real(real64) :: b  !! ratio of amplitudes
    real(real64) :: c  !! ratio of time scales
    real(real64) :: forcing  !! F
  end type constants_t

  !> Fields of one trajectory during a step of the two-scale model; made once, by its constants.
  type, public :: workspace_t
    real(real64), allocatable :: x(:), dx(:), sum_dx(:)
    real(real64), allocatable :: y(:), next_y(:)  !! ring with a halo: elements n and 1, 2 once more, from -1 on
    real(real64), allocatable :: sum_dy(:)
  contains
    procedure :: make => make_workspace
  end type workspace_t

contains

  subroutine make_workspace(self, constants)
    class(workspace_t), intent(inout) :: self
    type(constants_t), intent(in) :: constants
    integer :: n

    n = constants%n_slow * constants%n_fast
    allocate(self%x(constants%n_slow), self%dx(constants%n_slow), self%sum_dx(constants%n_slow), self%sum_dy(n), &
      source=0.0_real64)
    allocate(self%y(0:n + 2), self%next_y(0:n + 2), source=0.0_real64)
  end subroutine make_workspace

  !> What the slow variables do to each other: x(k-1) (x(k+1) - x(k-2)) - x(k) + F, in a ring.
  pure subroutine resolved_tendency(forcing, n, x, dx)
    real(real64), intent(in) :: forcing
    integer, intent(in) :: n
    real(real64), intent(in) :: x(n)
    real(real64), intent(out) :: dx(n)
    integer :: k

    dx(1) = x(n) * (x(2) - x(n - 1)) - x(1) + forcing
    dx(2) = x(1) * (x(3) - x(n)) - x(2) + forcing
    do k = 3, n - 1
      dx(k) = x(k - 1) * (x(k + 1) - x(k - 2)) - x(k) + forcing
    end do
    dx(n) = x(n - 1) * (x(1) - x(n - 2)) - x(n) + forcing
  end subroutine resolved_tendency

  !> Tendencies of both scales of one trajectory.
  subroutine two_scale_tendency(constants, x, y, dx, dy)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in) :: x(:)    !! (K)
    real(real64), intent(in) :: y(:)    !! (K J)
    real(real64), intent(out) :: dx(:)  !! (K)
    real(real64), intent(out) :: dy(:)  !! (K J)
    real(real64) :: ring(0:size(y) + 2), next(0:size(y) + 2)

    associate (s => constants)
      ring(1:size(y)) = y
      call close_ring(size(y), ring)
      call slow_tendency(s, x, ring, dx)
      dy = 0.0_real64
      call fast_stage(s%n_slow, s%n_fast, s%c * s%b, s%c, s%h * s%c / s%b, x, ring, y, 0.0_real64, 1.0_real64, next, dy)
    end associate
  end subroutine two_scale_tendency

  !> One classical Runge-Kutta step of fourth order of one trajectory.
  subroutine step_two_scale(constants, time_step, x, y, work)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in) :: time_step
    real(real64), intent(inout) :: x(:)  !! (K)
    real(real64), intent(inout) :: y(:)  !! (K J)
    type(workspace_t), intent(inout) :: work
    real(real64) :: half

    half = 0.5_real64 * time_step
    work%x = x
    work%sum_dx = 0.0_real64
    work%sum_dy = 0.0_real64
    work%y(1:size(y)) = y
    call close_ring(size(y), work%y)
    call stage(half, 1.0_real64, work%y, work%next_y)
    call stage(half, 2.0_real64, work%next_y, work%y)
    call stage(time_step, 2.0_real64, work%y, work%next_y)
    call stage(0.0_real64, 1.0_real64, work%next_y, work%y)
    x = x + time_step / 6.0_real64 * work%sum_dx
    y = y + time_step / 6.0_real64 * work%sum_dy

  contains

    !> Add the tendency at (work%x, ring) to the sums, and make the next state from the start and that tendency.
    subroutine stage(to_next, weight, ring, next)
      real(real64), intent(in) :: to_next, weight
      real(real64), intent(in) :: ring(0:)
      real(real64), intent(inout) :: next(0:)

      associate (s => constants)
        call slow_tendency(s, work%x, ring, work%dx)
        call fast_stage(s%n_slow, s%n_fast, s%c * s%b, s%c, s%h * s%c / s%b, work%x, ring, y, to_next, weight, next, &
          work%sum_dy)
        work%sum_dx = work%sum_dx + weight * work%dx
        work%x = x + to_next * work%dx
      end associate
    end subroutine stage
  end subroutine step_two_scale

  pure subroutine slow_tendency(constants, x, ring, dx)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in) :: x(:)
    real(real64), intent(in) :: ring(0:)
    real(real64), intent(out) :: dx(:)
    integer :: k

    call resolved_tendency(constants%forcing, size(x), x, dx)
    do k = 1, size(x)
      dx(k) = dx(k) - constants%h * constants%c / constants%b * sum_in_lanes(constants%n_fast, &
        ring(1 + (k - 1) * constants%n_fast:k * constants%n_fast))
    end do
  end subroutine slow_tendency

  !> Tendency of the fast variables; its weighted sum; and the next state of all but its halo, which is closed here too.
  pure subroutine fast_stage(n_slow, n_fast, cb, c, coupling, x, ring, start, to_next, weight, next, sum_dy)
    integer, intent(in) :: n_slow, n_fast
    real(real64), intent(in) :: cb, c, coupling
    real(real64), intent(in) :: x(n_slow)
    real(real64), intent(in) :: ring(0:n_slow * n_fast + 2), start(n_slow * n_fast)
    real(real64), intent(in) :: to_next, weight
    real(real64), intent(inout) :: next(0:n_slow * n_fast + 2)
    real(real64), intent(inout) :: sum_dy(n_slow * n_fast)
    real(real64) :: pull, dy
    integer :: k, j

    do k = 1, n_slow
      pull = coupling * x(k)
      do j = (k - 1) * n_fast + 1, k * n_fast
        dy = cb * ring(j + 1) * (ring(j - 1) - ring(j + 2)) - c * ring(j) + pull
        sum_dy(j) = sum_dy(j) + weight * dy
        next(j) = start(j) + to_next * dy
      end do
    end do
    call close_ring(n_slow * n_fast, next)
  end subroutine fast_stage

  !> The halo: what lies before the first and after the last of n fast variables.
  pure subroutine close_ring(n, ring)
    integer, intent(in) :: n
    real(real64), intent(inout) :: ring(0:n + 2)

    ring(0) = ring(n)
    ring(n + 1) = ring(1)
    ring(n + 2) = ring(1 + modulo(1, n))
  end subroutine close_ring

  !> Sum in an order of its own, which suits vectors of any length: partial sums of every eighth value, then theirs.
  pure function sum_in_lanes(n, values) result(total)
    integer, intent(in) :: n
    real(real64), intent(in) :: values(n)
    real(real64) :: total
    real(real64) :: parts(lanes)
    integer :: i, rest

    parts = 0.0_real64
    do i = 0, n - lanes, lanes
      parts = parts + values(i + 1:i + lanes)
    end do
    rest = modulo(n, lanes)
    parts(:rest) = parts(:rest) + values(n - rest + 1:)
    parts(:4) = parts(:4) + parts(5:)
    total = (parts(1) + parts(3)) + (parts(2) + parts(4))
  end function sum_in_lanes

end module lorenz96_dynamics
