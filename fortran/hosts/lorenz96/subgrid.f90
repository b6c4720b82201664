!> The hook of the one-scale model: what a parameterization reads and writes, and what it can do.
module lorenz96_subgrid
  use, intrinsic :: iso_fortran_env, only: int8, int64, real64
  implicit none
  private

  !> All trajectories side by side: a column is one slow variable of one of them. Declare variables of this type with the
  !> target attribute and do not copy them: an emulator is bound to the arrays.
  type, public :: subgrid_t
    real(real64), allocatable :: x(:,:)         !! (K, trajectory) slow variables of this stage
    real(real64), allocatable :: previous(:,:)  !! (K, trajectory) U of the evaluation before
    real(real64), allocatable :: u(:,:)         !! (K, trajectory) U of this stage
    integer(int64), allocatable :: ids(:,:)     !! (K, trajectory) number of the column in the whole model
  end type subgrid_t

  !> A parameterization makes U from the slow variables. This one makes zeros.
  type, public :: parameterization_t
  contains
    procedure :: evaluate
    procedure :: save_state
    procedure :: load_state
    procedure :: close => close_parameterization
  end type parameterization_t

contains

  !> Fill subgrid%u. Both stages of a time step give the same 'step': noise is held during it. stat is 0, or 2 with a
  !> message.
  subroutine evaluate(self, subgrid, step, stat, errmsg)
    class(parameterization_t), intent(inout) :: self
    type(subgrid_t), intent(inout) :: subgrid
    integer, intent(in) :: step  !! time steps since the start of the first run, this one included
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    subgrid%u = 0.0_real64
  end subroutine evaluate

  !> What it remembers from step to step, as bytes of its own. stat is 0, or 2 with a message.
  subroutine save_state(self, bytes, stat, errmsg)
    class(parameterization_t), intent(inout) :: self
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    allocate(bytes(0))
  end subroutine save_state

  !> Remember what save_state gave. stat is 0, or 2 with a message.
  subroutine load_state(self, bytes, stat, errmsg)
    class(parameterization_t), intent(inout) :: self
    integer(int8), intent(in) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
  end subroutine load_state

  subroutine close_parameterization(self)
    class(parameterization_t), intent(inout) :: self
  end subroutine close_parameterization

end module lorenz96_subgrid
