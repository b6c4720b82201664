!> The ranks that share a run, seen from one of them. This type is a run on one rank; ranks_mpi.f90 extends it, and the
!> model does not know the difference.
module shallow_water_ranks
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use shallow_water_domain, only: domain_t
  use shallow_water_settings, only: settings_t
  use shallow_water_walls, only: fill_behind_x_walls, fill_behind_y_walls
  implicit none
  private

  type, public :: ranks_t
    integer :: rank = 0, n_ranks = 1  !! this rank, from 0, and their number
    integer :: n_x = 1, n_y = 1       !! ranks from west to east and from south to north
    integer :: x = 0, y = 0           !! this rank's place among them, from 0
    logical :: is_periodic_x = .false., is_periodic_y = .false.
  contains
    procedure :: arrange
    procedure :: exchange
    procedure :: add_up
    procedure :: largest
    procedure :: agree
    procedure :: get_file
  end type ranks_t

contains

  !> Lay the ranks out. stat is 0, or 1 with a message.
  subroutine arrange(self, settings, stat, errmsg)
    class(ranks_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    self%is_periodic_x = settings%domain /= 'closed'
    self%is_periodic_y = settings%domain == 'periodic'
    if (max(1, settings%ranks_x) * max(1, settings%ranks_y) == 1) return
    stat = 1
    write(errmsg, '(a, i0, a, i0, a)') 'ranks_x = ', settings%ranks_x, ' and ranks_y = ', settings%ranks_y, &
      ', but this run has one rank; start it with mpirun, or leave them 0'
  end subroutine arrange

  !> Fill the halos of a state: from the neighbours, behind walls, around a periodic domain; corners too.
  subroutine exchange(self, domain, fields)
    class(ranks_t), intent(inout) :: self
    type(domain_t), intent(in) :: domain
    real(real64), intent(inout), contiguous :: fields(1 - domain%halo:, 1 - domain%halo:, :)

    associate (w => domain%halo, nx => domain%nx, ny => domain%ny)
      if (self%is_periodic_x) then
        fields(1 - w:0, 1:ny, :) = fields(nx + 1 - w:nx, 1:ny, :)
        fields(nx + 1:nx + w, 1:ny, :) = fields(1:w, 1:ny, :)
      end if
      call fill_behind_x_walls(domain, fields)
      if (self%is_periodic_y) then
        fields(:, 1 - w:0, :) = fields(:, ny + 1 - w:ny, :)
        fields(:, ny + 1:ny + w, :) = fields(:, 1:w, :)
      end if
      call fill_behind_y_walls(domain, fields)
    end associate
  end subroutine exchange

  !> Sums over all ranks. They are exact where the numbers are whole, see sums.f90.
  subroutine add_up(self, numbers)
    class(ranks_t), intent(in) :: self
    real(real64), intent(inout) :: numbers(:)
  end subroutine add_up

  !> The largest of all ranks' numbers, each for itself.
  subroutine largest(self, numbers)
    class(ranks_t), intent(in) :: self
    real(real64), intent(inout) :: numbers(:)
  end subroutine largest

  !> One status and message on all ranks: those of the first that failed.
  subroutine agree(self, stat, errmsg)
    class(ranks_t), intent(in) :: self
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg
  end subroutine agree

  !> The bytes of a file, where one rank reads it for all; not allocated where each rank reads it by itself, as one does.
  subroutine get_file(self, path, bytes, stat, errmsg)
    class(ranks_t), intent(in) :: self
    character(len=*), intent(in) :: path
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
  end subroutine get_file

end module shallow_water_ranks
