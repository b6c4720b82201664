!> Numbers of the whole domain at one time: what is conserved, and how far the flow is from its limits.
module shallow_water_diagnostics
  use, intrinsic :: iso_fortran_env, only: real64
  use shallow_water_domain, only: thickness, x_velocity, y_velocity
  use shallow_water_model, only: model_t
  use shallow_water_sums, only: total
  implicit none
  private
  public :: diagnose

  integer, parameter, public :: n_series = 11
  character(len=32), parameter, public :: series_names(n_series) = [character(len=32) :: &
    'mean_layer_thickness_anomaly', 'kinetic_energy', 'potential_energy', 'total_energy', 'enstrophy', &
    'mean_potential_vorticity', 'potential_enstrophy', 'maximum_speed', 'courant_number', &
    'minimum_layer_thickness_anomaly', 'maximum_layer_thickness_anomaly']
  character(len=8), parameter, public :: series_units(n_series) = [character(len=8) :: 'm', 'm3 s-2', 'm3 s-2', 'm3 s-2', &
    's-2', 'm-1 s-1', 'm-1 s-2', 'm s-1', '1', 'm', 'm']
  character(len=80), parameter, public :: series_meanings(n_series) = [character(len=80) :: &
    'mean of h over the domain', 'mean of (H + h) |u|^2 / 2 over the domain', 'mean of g h^2 / 2 over the domain', &
    'kinetic and potential energy', 'mean of the square of relative vorticity / 2', &
    'mean of (f + zeta) / (H + h)', 'mean of (H + h) / 2 times the square of potential vorticity', &
    'largest speed in a cell', 'largest (speed + speed of gravity waves) * time step / grid length', &
    'smallest h', 'largest h']

contains

  !> The series of a model's present state, in the order of series_names. Collective.
  function diagnose(model) result(series)
    type(model_t), intent(in) :: model
    real(real64) :: series(n_series)
    real(real64), dimension(model%domain%nx, model%domain%ny) :: h, kinetic, potential, enstrophy, vorticity, square, speed
    real(real64) :: corner(2, 2), depth(2, 2), extremes(4), cells, shortest
    integer :: i, j

    associate (d => model%domain, s => model%settings, now => model%now, ranks => model%ranks)
      cells = real(d%nx_all, real64) * d%ny_all
      shortest = min(d%dx, d%dy)
      h = now(1:d%nx, 1:d%ny, thickness)
      do j = 1, d%ny
        do i = 1, d%nx
          kinetic(i, j) = 0.25_real64 * (s%depth + h(i, j)) * ( &
            (now(i - 1, j, x_velocity)**2 + now(i, j, x_velocity)**2) &
            + (now(i, j, y_velocity)**2 + now(i, j + 1, y_velocity)**2))
          speed(i, j) = sqrt(max(now(i - 1, j, x_velocity)**2, now(i, j, x_velocity)**2) &
            + max(now(i, j, y_velocity)**2, now(i, j + 1, y_velocity)**2))
          call corners_of(model, i, j, corner, depth)
          enstrophy(i, j) = mean_of(corner**2) * 0.5_real64
          corner(:, 1) = corner(:, 1) + model%coriolis(j)
          corner(:, 2) = corner(:, 2) + model%coriolis(j + 1)
          vorticity(i, j) = mean_of(corner / depth)
          square(i, j) = mean_of(corner**2 / depth) * 0.5_real64
        end do
      end do
      potential = 0.5_real64 * s%reduced_gravity * h**2
      series(1) = total(ranks, h) / cells
      series(2) = total(ranks, kinetic) / cells
      series(3) = total(ranks, potential) / cells
      series(4) = series(2) + series(3)
      series(5) = total(ranks, enstrophy) / cells
      series(6) = total(ranks, vorticity) / cells
      series(7) = total(ranks, square) / cells
      extremes = [maxval(speed), maxval(speed + sqrt(s%reduced_gravity * (s%depth + h))), -minval(h), maxval(h)]
      call ranks%largest(extremes)
      series(8) = extremes(1)
      series(9) = extremes(2) * s%time_step / shortest
      series(10) = -extremes(3)
      series(11) = extremes(4)
    end associate
  end function diagnose

  !> Relative vorticity [s-1] and thickness of the layer [m] at the corners of a cell, (west and east, south and north).
  pure subroutine corners_of(model, i, j, vorticity, depth)
    type(model_t), intent(in) :: model
    integer, intent(in) :: i, j
    real(real64), intent(out) :: vorticity(2, 2), depth(2, 2)
    integer :: a, b, east, south

    associate (now => model%now, d => model%domain)
      do b = 1, 2
        do a = 1, 2
          east = i + a - 2
          south = j + b - 1
          vorticity(a, b) = (now(east + 1, south, y_velocity) - now(east, south, y_velocity)) / d%dx &
            - (now(east, south, x_velocity) - now(east, south - 1, x_velocity)) / d%dy
          depth(a, b) = model%settings%depth + 0.25_real64 * ( &
            (now(east, south - 1, thickness) + now(east + 1, south - 1, thickness)) &
            + (now(east, south, thickness) + now(east + 1, south, thickness)))
        end do
      end do
    end associate
  end subroutine corners_of

  pure real(real64) function mean_of(corner)
    real(real64), intent(in) :: corner(2, 2)
    mean_of = 0.25_real64 * ((corner(1, 1) + corner(2, 1)) + (corner(1, 2) + corner(2, 2)))
  end function mean_of

end module shallow_water_diagnostics
