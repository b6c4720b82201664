!> Ranks of MPI: neighbours exchange halos, sums and decisions go over all. Used by the driver alone.
module shallow_water_ranks_mpi
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_null_char
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use mpi_f08, only: MPI_Allreduce, MPI_Bcast, MPI_Cart_coords, MPI_Cart_create, MPI_Cart_shift, MPI_CHARACTER, MPI_Comm, &
    MPI_Comm_rank, MPI_Comm_size, MPI_COMM_WORLD, MPI_DOUBLE_PRECISION, MPI_IN_PLACE, MPI_Init, MPI_INTEGER, MPI_MAX, &
    MPI_MIN, MPI_Sendrecv, MPI_STATUS_IGNORE, MPI_SUM
  use pyemu_mpi, only: broadcast_file
  use shallow_water_domain, only: domain_t
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: settings_t
  use shallow_water_walls, only: fill_behind_x_walls, fill_behind_y_walls
  implicit none
  private

  integer, parameter :: text_length = 512

  type, extends(ranks_t), public :: mpi_ranks_t
    type(MPI_Comm) :: comm                                 !! all ranks, laid out over the grid
    integer, private :: west = 0, east = 0, south = 0, north = 0
  contains
    procedure :: begin
    procedure :: arrange
    procedure :: exchange
    procedure :: add_up
    procedure :: largest
    procedure :: agree
    procedure :: get_file
  end type mpi_ranks_t

  interface
    integer(c_int) function setenv(name, value, overwrite) bind(c, name='setenv')
      import :: c_char, c_int
      implicit none
      character(kind=c_char), intent(in) :: name(*), value(*)
      integer(c_int), value :: overwrite
    end function setenv
  end interface

contains

  !> Start MPI and find out who this rank is.
  !>
  !> The component vulcan of Open MPI 4 and 5 loses parts of collective writes (open-mpi/ompi#12718). It is excluded, unless
  !> the user has made a choice; a run without mpirun starts no daemon. Other MPI libraries do not know these variables.
  subroutine begin(self)
    class(mpi_ranks_t), intent(inout) :: self
    integer(c_int) :: ignored

    ignored = setenv('OMPI_MCA_fcoll'//c_null_char, '^vulcan'//c_null_char, 0_c_int)
    ignored = setenv('OMPI_MCA_ess_singleton_isolated'//c_null_char, '1'//c_null_char, 0_c_int)
    call MPI_Init()
    self%comm = MPI_COMM_WORLD
    call MPI_Comm_rank(self%comm, self%rank)
    call MPI_Comm_size(self%comm, self%n_ranks)
  end subroutine begin

  subroutine arrange(self, settings, stat, errmsg)
    class(mpi_ranks_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(MPI_Comm) :: grid
    integer :: coordinates(2)

    self%is_periodic_x = settings%domain /= 'closed'
    self%is_periodic_y = settings%domain == 'periodic'
    call choose_layout(self, settings, stat, errmsg)
    if (stat /= 0) return
    ! Ranks keep their order: rank 0 is the one that speaks, and it is in the south-west.
    call MPI_Cart_create(self%comm, 2, [self%n_y, self%n_x], [self%is_periodic_y, self%is_periodic_x], .false., grid)
    self%comm = grid
    call MPI_Cart_coords(self%comm, self%rank, 2, coordinates)
    self%y = coordinates(1)
    self%x = coordinates(2)
    call MPI_Cart_shift(self%comm, 0, 1, self%south, self%north)
    call MPI_Cart_shift(self%comm, 1, 1, self%west, self%east)
  end subroutine arrange

  !> Numbers of ranks each way: those of the namelist, or such that the halos are shortest.
  subroutine choose_layout(self, settings, stat, errmsg)
    type(mpi_ranks_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64) :: length, shortest
    integer :: n_x, n_y

    stat = 1
    shortest = huge(shortest)
    do n_x = 1, self%n_ranks
      n_y = self%n_ranks / n_x
      if (n_x * n_y /= self%n_ranks) cycle
      if (settings%ranks_x > 0 .and. settings%ranks_x /= n_x) cycle
      if (settings%ranks_y > 0 .and. settings%ranks_y /= n_y) cycle
      length = real(n_x - 1, real64) * settings%ny + real(n_y - 1, real64) * settings%nx
      if (length >= shortest) cycle
      stat = 0
      shortest = length
      self%n_x = n_x
      self%n_y = n_y
    end do
    if (stat /= 0) write(errmsg, '(3(a, i0), a)') 'ranks_x = ', settings%ranks_x, ' and ranks_y = ', settings%ranks_y, &
      ' do not make up the ', self%n_ranks, ' ranks of this run; leave them 0'
  end subroutine choose_layout

  !> From west to east first, then whole rows with what has just come: so corners arrive too.
  subroutine exchange(self, domain, fields)
    class(mpi_ranks_t), intent(inout) :: self
    type(domain_t), intent(in) :: domain
    real(real64), intent(inout), contiguous :: fields(1 - domain%halo:, 1 - domain%halo:, :)

    associate (w => domain%halo, nx => domain%nx, ny => domain%ny)
      if (self%n_x > 1 .or. self%is_periodic_x) then
        call swap(self, self%west, self%east, fields(1:w, 1:ny, :), fields(nx + 1:nx + w, 1:ny, :))
        call swap(self, self%east, self%west, fields(nx + 1 - w:nx, 1:ny, :), fields(1 - w:0, 1:ny, :))
      end if
      call fill_behind_x_walls(domain, fields)
      if (self%n_y > 1 .or. self%is_periodic_y) then
        call swap(self, self%south, self%north, fields(:, 1:w, :), fields(:, ny + 1:ny + w, :))
        call swap(self, self%north, self%south, fields(:, ny + 1 - w:ny, :), fields(:, 1 - w:0, :))
      end if
      call fill_behind_y_walls(domain, fields)
    end associate
  end subroutine exchange

  !> Send one edge and receive the opposite halo; where there is no neighbour nothing happens.
  subroutine swap(self, to, from, edge, halo)
    type(mpi_ranks_t), intent(in) :: self
    integer, intent(in) :: to, from
    real(real64), intent(in) :: edge(:,:,:)
    real(real64), intent(inout) :: halo(:,:,:)
    real(real64), dimension(size(edge, 1), size(edge, 2), size(edge, 3)) :: sent, received

    sent = edge
    received = halo
    call MPI_Sendrecv(sent, size(sent), MPI_DOUBLE_PRECISION, to, 0, received, size(received), MPI_DOUBLE_PRECISION, &
      from, 0, self%comm, MPI_STATUS_IGNORE)
    halo = received
  end subroutine swap

  subroutine add_up(self, numbers)
    class(mpi_ranks_t), intent(in) :: self
    real(real64), intent(inout) :: numbers(:)

    if (self%n_ranks > 1) then
      call MPI_Allreduce(MPI_IN_PLACE, numbers, size(numbers), MPI_DOUBLE_PRECISION, MPI_SUM, self%comm)
    end if
  end subroutine add_up

  subroutine largest(self, numbers)
    class(mpi_ranks_t), intent(in) :: self
    real(real64), intent(inout) :: numbers(:)

    if (self%n_ranks > 1) then
      call MPI_Allreduce(MPI_IN_PLACE, numbers, size(numbers), MPI_DOUBLE_PRECISION, MPI_MAX, self%comm)
    end if
  end subroutine largest

  subroutine agree(self, stat, errmsg)
    class(mpi_ranks_t), intent(in) :: self
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: text
    integer :: first

    if (self%n_ranks == 1) return
    call MPI_Allreduce(merge(self%n_ranks, self%rank, stat == 0), first, 1, MPI_INTEGER, MPI_MIN, self%comm)
    if (first == self%n_ranks) return
    text = errmsg
    call MPI_Bcast(stat, 1, MPI_INTEGER, first, self%comm)
    call MPI_Bcast(text, len(text), MPI_CHARACTER, first, self%comm)
    errmsg = text
  end subroutine agree

  subroutine get_file(self, path, bytes, stat, errmsg)
    class(mpi_ranks_t), intent(in) :: self
    character(len=*), intent(in) :: path
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (self%n_ranks > 1) call broadcast_file(path, self%comm, bytes, stat=stat, errmsg=errmsg)
  end subroutine get_file

end module shallow_water_ranks_mpi
