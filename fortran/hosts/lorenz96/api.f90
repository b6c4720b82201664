!> The host for callers in Python (f90wrap): few routines, plain arguments, a status and a message last.
module lorenz96_api
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use lorenz96_dynamics, only: constants_t, resolved_tendency, two_scale_tendency
  use lorenz96_fields, only: find_field
  use lorenz96_model, only: lorenz96_model_t
  use lorenz96_settings, only: read_settings, settings_t
  implicit none
  private
  public :: lorenz96_run, open_run, close_run, run_size, run_time, step_run, column_ids, field_size, get_field, set_field
  public :: one_scale_tendencies, two_scale_tendencies

  !> One run of the host. The model lives behind a pointer, so it never moves while an emulator is bound to it.
  type :: lorenz96_run
    integer :: is_open = 0
    type(lorenz96_model_t), pointer, private :: model => null()
  end type lorenz96_run

contains

  !> Make the standard start of a namelist file and open its parameterization.
  subroutine open_run(run, namelist_file, stat, errmsg)
    type(lorenz96_run), intent(inout) :: run
    character(len=*), intent(in) :: namelist_file
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    type(settings_t) :: settings

    errmsg = ''
    call close_run(run)
    call read_settings(namelist_file, settings, stat, errmsg)
    if (stat /= 0) return
    allocate(run%model)
    run%is_open = 1
    call run%model%initialise(settings)
    call run%model%perturb(stat, errmsg)
    if (stat == 0) call run%model%open_scheme(stat, errmsg)
    if (stat /= 0) call close_run(run)
  end subroutine open_run

  !> Close the parameterization and free the model; twice does no harm.
  subroutine close_run(run)
    type(lorenz96_run), intent(inout) :: run

    if (.not. associated(run%model)) return
    call run%model%close()
    deallocate(run%model)
    run%is_open = 0
  end subroutine close_run

  subroutine run_size(run, n_trajectories, n_slow)
    type(lorenz96_run), intent(in) :: run
    integer, intent(out) :: n_trajectories  !! 0 when closed
    integer, intent(out) :: n_slow          !! 0 when closed

    n_trajectories = 0
    n_slow = 0
    if (.not. associated(run%model)) return
    n_trajectories = size(run%model%x, 2)
    n_slow = size(run%model%x, 1)
  end subroutine run_size

  subroutine run_time(run, time)
    type(lorenz96_run), intent(in) :: run
    real(real64), intent(out) :: time  !! model time since the start

    time = 0.0_real64
    if (associated(run%model)) time = run%model%time()
  end subroutine run_time

  !> Take n time steps.
  subroutine step_run(run, n, stat, errmsg)
    type(lorenz96_run), intent(inout) :: run
    integer, intent(in) :: n
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    integer :: i

    call require_open(run, stat, errmsg)
    do i = 1, n
      if (stat /= 0) return
      call run%model%advance(stat, errmsg)
    end do
  end subroutine step_run

  !> Numbers of the columns in the whole model, which noise goes by.
  subroutine column_ids(run, ids, n, n_trajectories, stat, errmsg)
    type(lorenz96_run), intent(in) :: run
    integer, intent(in) :: n, n_trajectories
    integer(int64), intent(inout) :: ids(n, n_trajectories)
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg

    call require_open(run, stat, errmsg)
    if (stat == 0) ids = run%model%subgrid%ids
  end subroutine column_ids

  !> Values of a field in each trajectory; 0 for a name that this run does not have.
  subroutine field_size(run, name, n)
    type(lorenz96_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(out) :: n
    real(real64), pointer :: field(:,:)

    n = 0
    if (.not. associated(run%model)) return
    call find_field(run%model, name, field)
    if (associated(field)) n = size(field, 1)
  end subroutine field_size

  !> Copy a field out.
  subroutine get_field(run, name, values, n, n_trajectories, stat, errmsg)
    type(lorenz96_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: n, n_trajectories
    real(real64), intent(inout) :: values(n, n_trajectories)
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)

    call matching_field(run, name, n, n_trajectories, field, stat, errmsg)
    if (stat == 0) values = field
  end subroutine get_field

  !> Copy a field in.
  subroutine set_field(run, name, values, n, n_trajectories, stat, errmsg)
    type(lorenz96_run), intent(inout) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: n, n_trajectories
    real(real64), intent(in) :: values(n, n_trajectories)
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)

    call matching_field(run, name, n, n_trajectories, field, stat, errmsg)
    if (stat == 0) field = values
  end subroutine set_field

  !> The equations on one scale, without a parameterization, for study and tests.
  subroutine one_scale_tendencies(forcing, x, dx, n)
    integer, intent(in) :: n  !! at least 4
    real(real64), intent(in) :: forcing
    real(real64), intent(in) :: x(n)
    real(real64), intent(inout) :: dx(n)

    call resolved_tendency(forcing, n, x, dx)
  end subroutine one_scale_tendencies

  !> The equations on two scales, for study and tests.
  subroutine two_scale_tendencies(h, b, c, forcing, x, y, dx, dy, n_slow, n)
    integer, intent(in) :: n_slow  !! at least 4
    integer, intent(in) :: n       !! a multiple of n_slow
    real(real64), intent(in) :: h, b, c, forcing
    real(real64), intent(in) :: x(n_slow), y(n)
    real(real64), intent(inout) :: dx(n_slow), dy(n)

    call two_scale_tendency(constants_t(n_slow, n / n_slow, h, b, c, forcing), x, y, dx, dy)
  end subroutine two_scale_tendencies

  subroutine require_open(run, stat, errmsg)
    type(lorenz96_run), intent(in) :: run
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    stat = 0
    errmsg = ''
    if (associated(run%model)) return
    stat = 1
    errmsg = 'the run is not open: open it with a namelist first'
  end subroutine require_open

  subroutine matching_field(run, name, n, n_trajectories, field, stat, errmsg)
    type(lorenz96_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: n, n_trajectories
    real(real64), pointer, intent(out) :: field(:,:)
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    field => null()
    call require_open(run, stat, errmsg)
    if (stat /= 0) return
    call find_field(run%model, name, field)
    stat = 1
    if (.not. associated(field)) then
      errmsg = "no field '"//trim(name)//"' in the Lorenz '96 host with model = '"//trim(run%model%settings%model)//"'"
    else if (any(shape(field) /= [n, n_trajectories])) then
      write(errmsg, '(a, i0, a, i0, a, i0, a, i0, a)') "field '"//trim(name)//"' has shape (", size(field, 2), ', ', &
        size(field, 1), '), got (', n_trajectories, ', ', n, ')'
    else
      stat = 0
    end if
  end subroutine matching_field

end module lorenz96_api
