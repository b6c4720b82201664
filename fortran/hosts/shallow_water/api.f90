!> The host for callers in Python (f90wrap), on one rank: few routines, plain arguments, a status and a message last.
module shallow_water_api
  use, intrinsic :: iso_fortran_env, only: real64
  use shallow_water_diagnostics, only: diagnose, n_series, series_names
  use shallow_water_fields, only: find_field
  use shallow_water_model, only: model_t
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: read_settings, settings_t
  implicit none
  private
  public :: shallow_water_run, open_run, close_run, run_size, run_day, step_run, compute_run, number_of, get_field, set_field

  !> One run of the host. The model lives behind a pointer, so it never moves while an emulator is bound to it.
  type :: shallow_water_run
    integer :: is_open = 0
    type(model_t), pointer, private :: model => null()
    type(ranks_t), pointer, private :: ranks => null()
  end type shallow_water_run

contains

  !> Build the ocean of a namelist file, at rest or perturbed, and open its emulators.
  subroutine open_run(run, namelist_file, stat, errmsg)
    type(shallow_water_run), intent(inout) :: run
    character(len=*), intent(in) :: namelist_file
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    type(settings_t) :: settings

    errmsg = ''
    call close_run(run)
    call read_settings(namelist_file, settings, stat, errmsg)
    if (stat /= 0) return
    allocate(run%model, run%ranks)
    run%is_open = 1
    call run%model%initialise(settings, run%ranks, stat, errmsg)
    if (stat == 0) call run%model%perturb(stat, errmsg)
    if (stat /= 0) call close_run(run)
  end subroutine open_run

  !> Close the emulators and free the arrays; twice does no harm.
  subroutine close_run(run)
    type(shallow_water_run), intent(inout) :: run

    if (.not. associated(run%model)) return
    call run%model%close()
    deallocate(run%model, run%ranks)
    run%is_open = 0
  end subroutine close_run

  subroutine run_size(run, nx, ny)
    type(shallow_water_run), intent(in) :: run
    integer, intent(out) :: nx  !! cells from west to east; 0 when closed
    integer, intent(out) :: ny  !! cells from south to north; 0 when closed

    nx = 0
    ny = 0
    if (.not. associated(run%model)) return
    nx = run%model%settings%nx
    ny = run%model%settings%ny
  end subroutine run_size

  subroutine run_day(run, day)
    type(shallow_water_run), intent(in) :: run
    real(real64), intent(out) :: day  !! model time since the start [day]

    day = 0.0_real64
    if (associated(run%model)) day = run%model%day()
  end subroutine run_day

  !> Take n time steps.
  subroutine step_run(run, n, stat, errmsg)
    type(shallow_water_run), intent(inout) :: run
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

  !> Compute the tendencies of the present state without stepping.
  subroutine compute_run(run, stat, errmsg)
    type(shallow_water_run), intent(inout) :: run
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg

    call require_open(run, stat, errmsg)
    if (stat == 0) call run%model%compute_tendencies(stat, errmsg)
  end subroutine compute_run

  !> A number of the whole domain, by the name of its series.
  subroutine number_of(run, name, value, stat, errmsg)
    type(shallow_water_run), intent(in) :: run
    character(len=*), intent(in) :: name
    real(real64), intent(out) :: value
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64) :: series(n_series)
    integer :: i

    value = 0.0_real64
    call require_open(run, stat, errmsg)
    if (stat /= 0) return
    do i = 1, n_series
      if (series_names(i) == name) exit
    end do
    if (i > n_series) then
      stat = 1
      errmsg = "no series '"//trim(name)//"' in the shallow_water host"
      return
    end if
    series = diagnose(run%model)
    value = series(i)
  end subroutine number_of

  !> Copy a field out.
  subroutine get_field(run, name, values, nx, ny, stat, errmsg)
    type(shallow_water_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: nx, ny
    real(real64), intent(inout) :: values(nx, ny)
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)
    logical :: may_be_set

    call matching_field(run, name, nx, ny, field, may_be_set, stat, errmsg)
    if (stat == 0) values = field
  end subroutine get_field

  !> Copy a field in. The next step after that begins anew, without a state before.
  subroutine set_field(run, name, values, nx, ny, stat, errmsg)
    type(shallow_water_run), intent(inout) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: nx, ny
    real(real64), intent(in) :: values(nx, ny)
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)
    logical :: may_be_set

    call matching_field(run, name, nx, ny, field, may_be_set, stat, errmsg)
    if (stat == 0 .and. .not. may_be_set) then
      stat = 1
      errmsg = "field '"//trim(name)//"' is computed; set the state or the wind"
    end if
    if (stat /= 0) return
    field = values
    run%model%is_first = .true.
    call run%model%settle()
  end subroutine set_field

  subroutine require_open(run, stat, errmsg)
    type(shallow_water_run), intent(in) :: run
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    stat = 0
    errmsg = ''
    if (associated(run%model)) return
    stat = 1
    errmsg = 'the run is not open: open it with a namelist first'
  end subroutine require_open

  subroutine matching_field(run, name, nx, ny, field, may_be_set, stat, errmsg)
    type(shallow_water_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: nx, ny
    real(real64), pointer, intent(out) :: field(:,:)
    logical, intent(out) :: may_be_set
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    field => null()
    may_be_set = .false.
    call require_open(run, stat, errmsg)
    if (stat /= 0) return
    call find_field(run%model, name, field, may_be_set)
    stat = 1
    if (.not. associated(field)) then
      errmsg = "no field '"//trim(name)//"' in the shallow_water host"
    else if (any(shape(field) /= [nx, ny])) then
      write(errmsg, '(a, i0, a, i0, a, i0, a, i0, a)') "field '"//trim(name)//"' has shape (", size(field, 2), ', ', &
        size(field, 1), '), got (', ny, ', ', nx, ')'
    else
      stat = 0
    end if
  end subroutine matching_field

end module shallow_water_api
