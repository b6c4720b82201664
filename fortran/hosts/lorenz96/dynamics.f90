!> The equations of Lorenz (1996) on two scales and on one, and how they are stepped.
!>
!> The sequence of operations is the same for every trajectory, whatever runs beside it: no reductions that a compiler
!> may order, no fused operations.
module lorenz96_dynamics
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: resolved_tendency, two_scale_tendency, step_two_scale

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
    private
    real(real64), allocatable :: x(:,:)  !! (K, 0:3) the start, and the states that its stages make
    real(real64), allocatable :: y(:,:)  !! (0:K J + 2, 0:3) the same in rings: 1 to K J, and a halo
    real(real64), allocatable :: dx(:), sum_y(:)
  contains
    procedure :: make => make_workspace
  end type workspace_t

contains

  subroutine make_workspace(self, constants)
    class(workspace_t), intent(inout) :: self
    type(constants_t), intent(in) :: constants
    integer :: n

    n = constants%n_slow * constants%n_fast
    allocate(self%x(constants%n_slow, 0:3), self%y(0:n + 2, 0:3), self%dx(constants%n_slow), self%sum_y(n), &
      source=0.0_real64)
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
    real(real64), intent(in), contiguous :: x(:)    !! (K)
    real(real64), intent(in), contiguous :: y(:)    !! (K J)
    real(real64), intent(out), contiguous :: dx(:)  !! (K)
    real(real64), intent(out), contiguous :: dy(:)  !! (K J)
    real(real64) :: ring(0:size(y) + 2), next(0:size(y) + 2)

    ring(1:size(y)) = y
    call close_ring(size(y), ring)
    call slow_tendency(constants, x, ring, dx)
    dy = 0.0_real64
    call advance_fast(constants, x, ring, dy, 1.0_real64, next)
    dy = next(1:size(y))
  end subroutine two_scale_tendency

  !> One classical Runge-Kutta step of fourth order of one trajectory. The states of the stages stand for the sum of the
  !> tendencies d: with y1 = y + dt/2 d0, y2 = y + dt/2 d1 and y3 = y + dt d2 it ends at (y1 + y3 + 2 y2 - y) / 3 + dt/6 d3.
  subroutine step_two_scale(constants, time_step, x, y, work)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in) :: time_step
    real(real64), intent(inout), contiguous :: x(:)  !! (K)
    real(real64), intent(inout), contiguous :: y(:)  !! (K J)
    type(workspace_t), intent(inout) :: work
    real(real64), parameter :: third = 1.0_real64 / 3.0_real64
    integer :: n

    n = size(y)
    work%x(:, 0) = x
    work%y(1:n, 0) = y
    call close_ring(n, work%y(:, 0))
    associate (s => constants, xs => work%x, ys => work%y, half => 0.5_real64 * time_step, sixth => time_step / 6.0_real64)
      call slow_tendency(s, xs(:, 0), ys(:, 0), work%dx)
      call advance_fast(s, xs(:, 0), ys(:, 0), y, half, ys(:, 1))
      xs(:, 1) = x + half * work%dx
      call slow_tendency(s, xs(:, 1), ys(:, 1), work%dx)
      call advance_fast(s, xs(:, 1), ys(:, 1), y, half, ys(:, 2))
      xs(:, 2) = x + half * work%dx
      call slow_tendency(s, xs(:, 2), ys(:, 2), work%dx)
      call advance_fast(s, xs(:, 2), ys(:, 2), y, time_step, ys(:, 3))
      xs(:, 3) = x + time_step * work%dx
      call slow_tendency(s, xs(:, 3), ys(:, 3), work%dx)
      work%sum_y = (ys(1:n, 1) + ys(1:n, 3) + 2.0_real64 * ys(1:n, 2) - y) * third
      call advance_fast(s, xs(:, 3), ys(:, 3), work%sum_y, sixth, ys(:, 0))
      x = (xs(:, 1) + xs(:, 3) + 2.0_real64 * xs(:, 2) - x) * third + sixth * work%dx
      y = ys(1:n, 0)
    end associate
  end subroutine step_two_scale

  !> Tendency of the slow variables.
  pure subroutine slow_tendency(constants, x, ring, dx)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in), contiguous :: x(:), ring(0:)
    real(real64), intent(out), contiguous :: dx(:)
    integer :: k

    call resolved_tendency(constants%forcing, size(x), x, dx)
    do k = 1, size(x)
      dx(k) = dx(k) - constants%h * constants%c / constants%b * sum_by_four(constants%n_fast, &
        ring(1 + (k - 1) * constants%n_fast:k * constants%n_fast))
    end do
  end subroutine slow_tendency

  !> The fast variables of 'start' plus 'duration' times their tendency in a state, as a ring.
  subroutine advance_fast(constants, x, ring, start, duration, next)
    type(constants_t), intent(in) :: constants
    real(real64), intent(in), contiguous :: x(:), ring(0:), start(:)
    real(real64), intent(in) :: duration
    real(real64), intent(inout), contiguous :: next(0:)

    associate (s => constants)
      call fast_loop(s%n_slow, s%n_fast, s%c * s%b, s%c, s%h * s%c / s%b, x, ring, start, duration, next)
    end associate
    call close_ring(size(start), next)
  end subroutine advance_fast

  !> Sizes are explicit here, so that the compiler makes vectors of it: nine tenths of a step's time are spent here.
  pure subroutine fast_loop(n_slow, n_fast, cb, c, coupling, x, ring, start, duration, next)
    integer, intent(in) :: n_slow, n_fast
    real(real64), intent(in) :: cb, c, coupling, duration
    real(real64), intent(in) :: x(n_slow)
    real(real64), intent(in) :: ring(0:n_slow * n_fast + 2), start(n_slow * n_fast)
    real(real64), intent(inout) :: next(0:n_slow * n_fast + 2)
    real(real64) :: pull, dy
    integer :: k, j

    do k = 1, n_slow
      pull = coupling * x(k)
      do j = (k - 1) * n_fast + 1, k * n_fast
        dy = cb * ring(j + 1) * (ring(j - 1) - ring(j + 2)) - c * ring(j) + pull
        next(j) = start(j) + duration * dy
      end do
    end do
  end subroutine fast_loop

  !> The halo: what lies before the first and after the last of n fast variables.
  pure subroutine close_ring(n, ring)
    integer, intent(in) :: n
    real(real64), intent(inout) :: ring(0:n + 2)

    ring(0) = ring(n)
    ring(n + 1) = ring(1)
    ring(n + 2) = ring(1 + modulo(1, n))
  end subroutine close_ring

  !> Sum in an order of its own, four partial sums at a time: one sum alone would wait for each addition.
  pure function sum_by_four(n, values) result(total)
    integer, intent(in) :: n
    real(real64), intent(in) :: values(n)
    real(real64) :: total
    real(real64) :: a, b, c, d
    integer :: i, whole

    a = 0.0_real64
    b = 0.0_real64
    c = 0.0_real64
    d = 0.0_real64
    whole = n - modulo(n, 4)
    do i = 1, whole, 4
      a = a + values(i)
      b = b + values(i + 1)
      c = c + values(i + 2)
      d = d + values(i + 3)
    end do
    if (n > whole) a = a + values(whole + 1)
    if (n > whole + 1) b = b + values(whole + 2)
    if (n > whole + 2) c = c + values(whole + 3)
    total = (a + c) + (b + d)
  end function sum_by_four

end module lorenz96_dynamics
