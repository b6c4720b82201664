!> What the kernels have in common: their interfaces, and the numbers of a run that they need.
!>
!> The loops over the grid are one text, kernels.inc, compiled for several instruction sets. None of them contracts
!> products and sums or reorders sums, so all give the same bits.
module shallow_water_kernel_types
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use shallow_water_domain, only: domain_t
  implicit none
  private
  public :: transports_kernel, divergence_kernel, forcing_kernel, corners_kernel, bernoulli_kernel, momentum_kernel, &
    thickness_kernel, stencil_kernel

  type, public :: physics_t
    real(real64) :: gravity, depth, per_density, drag, viscosity  !! [m s-2, m, m3 kg-1, s-1, m2 s-1]
    real(real64) :: ke_factor
    logical :: has_y_wind = .false.             !! the wind blows along y somewhere
    logical :: has_potential_vorticity = .false., keeps_energy = .false.  !! form of the vorticity term
    logical :: squares_means = .true.           !! form of the kinetic energy
  end type physics_t

  !> How far a step goes and how much it is filtered.
  type, public :: span_t
    real(real64) :: seconds = 0.0_real64        !! from the state before to the state after [s]
    real(real64) :: filter = 0.0_real64         !! Robert-Asselin coefficient
  end type span_t

  type, public :: kernels_t
    character(len=8) :: name = ''
    procedure(transports_kernel), pointer, nopass :: transports => null()
    procedure(divergence_kernel), pointer, nopass :: divergence => null()
    procedure(forcing_kernel), pointer, nopass :: forcing => null()
    procedure(corners_kernel), pointer, nopass :: corners => null()
    procedure(bernoulli_kernel), pointer, nopass :: bernoulli => null()
    procedure(momentum_kernel), pointer, nopass :: momentum => null()
    procedure(thickness_kernel), pointer, nopass :: thickness => null()
    procedure(stencil_kernel), pointer, nopass :: stencil => null()
  end type kernels_t

  abstract interface

    !> Volume transports per unit width through east and south faces [m2 s-1], wherever a neighbour needs them.
    pure subroutine transports_kernel(d, p, u, v, h, x_transport, y_transport)
      import :: domain_t, physics_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: u, v, h
      real(real64), intent(inout), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: x_transport, &
        y_transport
    end subroutine transports_kernel

    !> Tendency of thickness from transports [m s-1].
    pure subroutine divergence_kernel(d, x_transport, y_transport, tendency)
      import :: domain_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: x_transport, &
        y_transport
      real(real64), intent(inout) :: tendency(d%nx, d%ny)
    end subroutine divergence_kernel

    !> Wind, drag and viscosity on east and south faces [m s-2]; zero on walls.
    pure subroutine forcing_kernel(d, p, u, v, h, x_stress, y_stress, x_forcing, y_forcing)
      import :: domain_t, physics_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: u, v, h, x_stress, y_stress
      real(real64), intent(inout), dimension(d%nx, d%ny) :: x_forcing, y_forcing
    end subroutine forcing_kernel

    !> Absolute [s-1] or potential [m-1 s-1] vorticity at the south-east corners of cells.
    pure subroutine corners_kernel(d, p, coriolis, u, v, h, vorticity)
      import :: domain_t, physics_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      real(real64), intent(in) :: coriolis(1:d%ny + 1)  !! at south faces [s-1]
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: u, v, h
      real(real64), intent(inout) :: vorticity(0:d%nx, 1:d%ny + 1)
    end subroutine corners_kernel

    !> Kinetic energy and pressure in the middle of cells [m2 s-2].
    pure subroutine bernoulli_kernel(d, p, u, v, h, head)
      import :: domain_t, physics_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: u, v, h
      real(real64), intent(inout) :: head(1:d%nx + 1, 0:d%ny)
    end subroutine bernoulli_kernel

    !> A step of both velocities. Before it 'old' is the filtered state before 'now'; after it the filtered 'now'.
    pure subroutine momentum_kernel(d, p, span, vorticity, head, x_carried, y_carried, x_forcing, y_forcing, now_u, now_v, &
                                    old_u, old_v, new_u, new_v, n_bad)
      import :: domain_t, physics_t, span_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      type(span_t), intent(in) :: span
      real(real64), intent(in) :: vorticity(0:d%nx, 1:d%ny + 1)
      real(real64), intent(in) :: head(1:d%nx + 1, 0:d%ny)
      !> What the vorticity is multiplied with: velocities, or transports.
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: x_carried, y_carried
      real(real64), intent(in), dimension(d%nx, d%ny) :: x_forcing, y_forcing
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: now_u, now_v
      real(real64), intent(inout), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: old_u, old_v, new_u, new_v
      integer, intent(out) :: n_bad             !! velocities that are not finite
    end subroutine momentum_kernel

    !> A step of the thickness, as of the velocities.
    pure subroutine thickness_kernel(d, p, span, tendency, now, old, new, n_bad)
      import :: domain_t, physics_t, span_t, real64
      implicit none
      type(domain_t), intent(in) :: d
      type(physics_t), intent(in) :: p
      type(span_t), intent(in) :: span
      real(real64), intent(in) :: tendency(d%nx, d%ny)
      real(real64), intent(in), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: now
      real(real64), intent(inout), dimension(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo) :: old, new
      integer, intent(out) :: n_bad             !! anomalies that are not finite or beyond the depth of the layer
    end subroutine thickness_kernel

    !> The 3 x 3 points around each cell, as an emulator of columns reads them: from south-west, rows from west to east.
    pure subroutine stencil_kernel(d, field, stencil)
      import :: domain_t, real32, real64
      implicit none
      type(domain_t), intent(in) :: d
      real(real64), intent(in) :: field(1 - d%halo:d%nx + d%halo, 1 - d%halo:d%ny + d%halo)
      real(real32), intent(inout) :: stencil(d%nx, d%ny, 9)
    end subroutine stencil_kernel

  end interface

end module shallow_water_kernel_types
