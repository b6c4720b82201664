!> The host for callers in Python (f90wrap): few routines, plain arguments, a status and a message last.
module column_api
  use, intrinsic :: iso_fortran_env, only: real64
  use column_convection, only: adjust_to_lapse_rate, adjust_to_moist_adiabat
  use column_fields, only: find_field
  use column_model, only: column_model_t
  use column_settings, only: read_settings, settings_t
  use column_vertical_grid, only: n_layers
  implicit none
  private
  public :: column_run, open_run, close_run, run_size, run_day, step_run, radiate_run, field_size, get_field, set_field
  public :: adjust_column

  !> One run of the host. The model lives behind a pointer, so it never moves while an emulator is bound to it.
  type :: column_run
    integer :: is_open = 0
    type(column_model_t), pointer, private :: model => null()
  end type column_run

contains

  !> Build the columns of a namelist file and open its radiation scheme.
  subroutine open_run(run, namelist_file, stat, errmsg)
    type(column_run), intent(inout) :: run
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
    call run%model%open_scheme(stat, errmsg)
    if (stat /= 0) call close_run(run)
  end subroutine open_run

  !> Close the scheme and free the columns; twice does no harm.
  subroutine close_run(run)
    type(column_run), intent(inout) :: run

    if (.not. associated(run%model)) return
    call run%model%close()
    deallocate(run%model)
    run%is_open = 0
  end subroutine close_run

  subroutine run_size(run, ncol, nlay)
    type(column_run), intent(in) :: run
    integer, intent(out) :: ncol  !! columns; 0 when closed
    integer, intent(out) :: nlay  !! layers

    ncol = 0
    nlay = n_layers
    if (associated(run%model)) ncol = run%model%settings%ncol
  end subroutine run_size

  subroutine run_day(run, day)
    type(column_run), intent(in) :: run
    real(real64), intent(out) :: day  !! model time since the start [day]

    day = 0.0_real64
    if (associated(run%model)) day = run%model%day()
  end subroutine run_day

  !> Take n time steps, with radiation when it is due.
  subroutine step_run(run, n, stat, errmsg)
    type(column_run), intent(inout) :: run
    integer, intent(in) :: n
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    integer :: i

    call require_open(run, stat, errmsg)
    do i = 1, n
      if (stat /= 0) return
      if (run%model%radiation_is_due()) call run%model%radiate(stat, errmsg)
      if (stat == 0) call run%model%advance(stat, errmsg)
    end do
  end subroutine step_run

  !> Call the radiation scheme on the present state without stepping.
  subroutine radiate_run(run, stat, errmsg)
    type(column_run), intent(inout) :: run
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg

    call require_open(run, stat, errmsg)
    if (stat == 0) call run%model%radiate(stat, errmsg)
  end subroutine radiate_run

  !> Values per column of a field; 0 for an unknown name.
  subroutine field_size(run, name, n)
    type(column_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(out) :: n
    real(real64), pointer :: field(:,:)

    n = 0
    if (.not. associated(run%model)) return
    call find_field(run%model, name, field)
    if (associated(field)) n = size(field, 2)
  end subroutine field_size

  !> Copy a field out.
  subroutine get_field(run, name, values, ncol, n, stat, errmsg)
    type(column_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: ncol, n
    real(real64), intent(inout) :: values(ncol, n)  !! n = 1 for values per column
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)

    call matching_field(run, name, ncol, n, field, stat, errmsg)
    if (stat == 0) values = field
  end subroutine get_field

  !> Copy a field in.
  subroutine set_field(run, name, values, ncol, n, stat, errmsg)
    type(column_run), intent(inout) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: ncol, n
    real(real64), intent(in) :: values(ncol, n)  !! n = 1 for values per column
    integer, intent(out) :: stat
    character(len=512), intent(out) :: errmsg
    real(real64), pointer :: field(:,:)

    call matching_field(run, name, ncol, n, field, stat, errmsg)
    if (stat == 0) field = values
  end subroutine set_field

  !> Convective adjustment of one column, for study and tests.
  subroutine adjust_column(temperature, pressure, thickness, n, is_moist, lapse_rate)
    integer, intent(in) :: n
    real(real64), intent(inout) :: temperature(n)  !! [K], top first
    real(real64), intent(in) :: pressure(n)        !! [Pa]
    real(real64), intent(in) :: thickness(n)       !! pressure thickness [Pa]
    integer, intent(in) :: is_moist                !! 0: to lapse_rate; 1: to the moist adiabat
    real(real64), intent(in) :: lapse_rate         !! [K m-1]

    if (is_moist == 0) then
      call adjust_to_lapse_rate(temperature, pressure, thickness, lapse_rate, n)
    else
      call adjust_to_moist_adiabat(temperature, pressure, thickness, n)
    end if
  end subroutine adjust_column

  subroutine require_open(run, stat, errmsg)
    type(column_run), intent(in) :: run
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    stat = 0
    errmsg = ''
    if (associated(run%model)) return
    stat = 1
    errmsg = 'the run is not open: open it with a namelist first'
  end subroutine require_open

  subroutine matching_field(run, name, ncol, n, field, stat, errmsg)
    type(column_run), intent(in) :: run
    character(len=*), intent(in) :: name
    integer, intent(in) :: ncol, n
    real(real64), pointer, intent(out) :: field(:,:)
    integer, intent(out) :: stat
    character(len=*), intent(out) :: errmsg

    field => null()
    call require_open(run, stat, errmsg)
    if (stat /= 0) return
    call find_field(run%model, name, field)
    stat = 1
    if (.not. associated(field)) then
      errmsg = "no field '"//trim(name)//"' in the column host"
    else if (any(shape(field) /= [ncol, n])) then
      write(errmsg, '(a, i0, a, i0, a, i0, a, i0, a)') "field '"//trim(name)//"' has shape (", size(field, 1), ', ', &
        size(field, 2), '), got (', ncol, ', ', n, ')'
    else
      stat = 0
    end if
  end subroutine matching_field

end module column_api
