!> One emulator file of this host: what its card asks for and gives.
!>
!> An emulator of columns sees each cell as a column; one of fields sees patches of the grid with a halo. What a card names
!> as its outputs is what the emulator gives: wind, drag and viscosity on either face, the tendency of the thickness, or the
!> transports it follows from.
module shallow_water_emulator_file
  use, intrinsic :: iso_fortran_env, only: int64, int8, real64
  use host_namelist_file, only: text_length
  use pyemu, only: emulator_t, variable_t
  use shallow_water_domain, only: domain_t
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: settings_t
  implicit none
  private
  public :: blame, refuse

  integer, parameter, public :: n_of_state = 3, n_inputs = 5  ! the state comes first, in its own order
  character(len=32), parameter, public :: input_names(n_inputs) = [character(len=32) :: 'sea_water_x_velocity', &
    'sea_water_y_velocity', 'layer_thickness_anomaly', 'surface_downward_x_stress', 'surface_downward_y_stress']
  character(len=8), parameter, public :: input_units(n_inputs) = [character(len=8) :: 'm s-1', 'm s-1', 'm', 'Pa', 'Pa']

  integer, parameter, public :: x_forcing = 1, y_forcing = 2, tendency = 3, x_transport = 4, y_transport = 5, n_outputs = 5
  character(len=56), parameter, public :: output_names(n_outputs) = [character(len=56) :: &
    'tendency_of_sea_water_x_velocity_due_to_forcing', 'tendency_of_sea_water_y_velocity_due_to_forcing', &
    'tendency_of_layer_thickness_anomaly', 'layer_x_transport_at_east_face', 'layer_y_transport_at_south_face']
  character(len=8), parameter, public :: output_units(n_outputs) = [character(len=8) :: 'm s-2', 'm s-2', 'm s-1', &
    'm2 s-1', 'm2 s-1']

  character(len=*), parameter, public :: stencil_suffix = '_stencil'
  integer, parameter, public :: stencil_size = 9
  integer, parameter, public :: in_cell = 1, in_stencil = 2, in_field = 3  ! how an emulator reads a variable

  !> One emulator file and how its variables meet the model's.
  type, public :: file_t
    type(emulator_t) :: emulator
    character(len=text_length) :: path = ''
    integer :: reads(n_inputs) = 0                    !! in_cell, in_stencil or in_field; 0: it does not read it
    logical :: gives(n_outputs) = .false.
    logical :: has_noise = .false., has_memory = .false.
    integer :: input_size(2) = 0, patch(2) = 0        !! of its fields, with and without halo; 0: it is of columns
    integer(int64), pointer :: ids(:,:) => null()     !! numbers of columns, or of patches, in the whole grid
    integer(int64) :: id(1) = 0                       !! number of the patch being run
  contains
    procedure :: open => open_file
    procedure :: read_card
    procedure :: reach
    procedure :: number_columns
  end type file_t

contains

  !> Open the file on all ranks, read by one of them. stat is 0, or 2 with a message.
  subroutine open_file(self, path, settings, ranks, stat, errmsg)
    class(file_t), intent(inout) :: self
    character(len=*), intent(in) :: path
    type(settings_t), intent(in) :: settings
    class(ranks_t), intent(in) :: ranks
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int8), allocatable :: bytes(:)
    character(len=len(settings%engine)), pointer :: engine
    character(len=len(settings%engine)), target :: given

    self%path = path
    engine => null()  ! an absent argument: by the file's suffix
    given = settings%engine
    if (given /= '') engine => given
    call ranks%get_file(self%path, bytes, stat, errmsg)
    ! The host looks for numbers that are not finite itself.
    if (stat == 0 .and. allocated(bytes)) then
      call self%emulator%open_memory(bytes, engine=engine, device=trim(settings%device), threads=settings%threads, &
        check_finite=.false., stat=stat, errmsg=errmsg)
    else if (stat == 0) then
      call self%emulator%open(trim(self%path), engine=engine, device=trim(settings%device), threads=settings%threads, &
        check_finite=.false., stat=stat, errmsg=errmsg)
    end if
    if (stat == 0) call self%emulator%set_noise(settings%seed, member=settings%member, stat=stat, errmsg=errmsg)
    call blame(self%path, stat, errmsg)
  end subroutine open_file

  !> Find the model's variable for each of the card's.
  subroutine read_card(self, stat, errmsg)
    class(file_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(variable_t) :: v
    integer :: i

    stat = 0
    do i = 1, self%emulator%n_variables()
      call self%emulator%variable(i, v, stat, errmsg)
      if (stat /= 0) exit
      if (v%noise /= '' .or. v%is_carried) then
        self%has_noise = self%has_noise .or. v%noise /= ''
        self%has_memory = self%has_memory .or. v%is_carried .or. v%noise_ar1 > 0.0_real64
      else if (v%is_input) then
        call take_input(self, v, stat, errmsg)
      else
        call take_output(self, v, stat, errmsg)
      end if
      if (stat /= 0) exit
    end do
    if (stat == 0) call check_reach(self, stat, errmsg)
    call blame(self%path, stat, errmsg)
  end subroutine read_card

  subroutine take_input(file, v, stat, errmsg)
    type(file_t), intent(inout) :: file
    type(variable_t), intent(in) :: v
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: length, which

    stat = 0
    length = len(v%name) - len(stencil_suffix)
    which = place_of(v%name, input_names)
    if (which > 0 .and. size(v%shape) == 0) then
      file%reads(which) = in_cell
      return
    else if (which > 0 .and. size(v%shape) == 2) then
      file%reads(which) = in_field
      call take_size(v, file%input_size, stat, errmsg)
      return
    else if (length > 0 .and. size(v%shape) == 1) then
      which = place_of(v%name(:length), input_names)
      if (which > 0 .and. v%name(max(1, length + 1):) == stencil_suffix .and. v%shape(1) == stencil_size) then
        file%reads(which) = in_stencil
        return
      end if
    end if
    stat = 2
    errmsg = "input '"//v%name//"' is none of this host's: one value, a field, or as NAME_stencil 9 values, of"// &
      list_of(input_names)
  end subroutine take_input

  subroutine take_output(file, v, stat, errmsg)
    type(file_t), intent(inout) :: file
    type(variable_t), intent(in) :: v
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: which

    stat = 0
    which = place_of(v%name, output_names)
    if (which == 0 .or. size(v%shape) == 1 .or. size(v%shape) > 2) then
      stat = 2
      errmsg = "output '"//v%name//"' is none of this host's: one value or a field of"//list_of(output_names)
      return
    end if
    file%gives(which) = .true.
    if (size(v%shape) == 2) call take_size(v, file%patch, stat, errmsg)
  end subroutine take_output

  !> All fields of an emulator's inputs have one size, and so have those of its outputs.
  subroutine take_size(v, known, stat, errmsg)
    type(variable_t), intent(in) :: v
    integer, intent(inout) :: known(2)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (all(known == 0)) known = v%shape
    if (all(known == v%shape)) return
    stat = 2
    write(errmsg, '(4(a, i0), a)') "'"//v%name//"' is a field of ", v%shape(1), ' x ', v%shape(2), &
      ' points, another variable one of ', known(1), ' x ', known(2), '; expected one size'
  end subroutine take_size

  !> The halo is the same on all sides.
  subroutine check_reach(file, stat, errmsg)
    type(file_t), intent(in) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: more(2)

    stat = 0
    more = file%input_size - file%patch
    if (any(file%reads == in_field) .neqv. any(file%patch > 0)) then
      stat = 2
      errmsg = 'some of its variables are fields and some are not; expected fields, or values in cells and stencils'
    else if (any(file%patch > 0) .and. any(file%reads == in_cell .or. file%reads == in_stencil)) then
      stat = 2
      errmsg = 'some of its inputs are fields and some are not; expected fields only'
    else if (more(1) /= more(2) .or. more(1) < 0 .or. modulo(more(1), 2) /= 0) then
      stat = 2
      write(errmsg, '(4(a, i0), a)') 'its inputs are fields of ', file%input_size(1), ' x ', file%input_size(2), &
        ' points and its outputs of ', file%patch(1), ' x ', file%patch(2), '; expected the same halo on all sides'
    end if
  end subroutine check_reach

  !> Halo that its fields have.
  elemental integer function reach(self)
    class(file_t), intent(in) :: self
    reach = (self%input_size(1) - self%patch(1)) / 2
  end function reach

  !> Numbers in the whole grid, by which noise and memory are known: of cells, or of patches.
  subroutine number_columns(self, domain, stat, errmsg)
    class(file_t), intent(inout) :: self
    type(domain_t), intent(in) :: domain
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: first(2), i, j

    stat = 0
    if (all(self%patch == 0)) then
      allocate(self%ids(domain%nx, domain%ny))
      do j = 1, domain%ny
        self%ids(:, j) = [(domain%place(i, j), i = 1, domain%nx)]
      end do
      return
    end if
    first = [domain%first_x, domain%first_y] - 1
    if (any(modulo([domain%nx, domain%ny], self%patch) /= 0) .or. any(modulo(first, self%patch) /= 0)) then
      stat = 2
      write(errmsg, '(6(a, i0), a)') 'it is of fields of ', self%patch(1), ' x ', self%patch(2), ' points, and a rank has ', &
        domain%nx, ' x ', domain%ny, ' from cell (', domain%first_x, ', ', domain%first_y, &
        ') on; expected whole fields on each rank: change nx, ny or the ranks'
      return
    end if
    allocate(self%ids(domain%nx / self%patch(1), domain%ny / self%patch(2)))
    do j = 1, size(self%ids, 2)
      do i = 1, size(self%ids, 1)
        self%ids(i, j) = int(first(2) / self%patch(2) + j - 1, int64) * (domain%nx_all / self%patch(1)) &
          + first(1) / self%patch(1) + i - 1
      end do
    end do
  end subroutine number_columns

  !> Index of a name, 0 if it is not there.
  pure integer function place_of(name, names) result(place)
    character(len=*), intent(in) :: name, names(:)

    do place = 1, size(names)
      if (names(place) == name) return
    end do
    place = 0
  end function place_of

  !> Names for a message.
  pure function list_of(names) result(text)
    character(len=*), intent(in) :: names(:)
    character(len=:), allocatable :: text
    integer :: i

    text = ''
    do i = 1, size(names)
      text = text//' '//trim(names(i))
    end do
  end function list_of

  !> Keep the first complaint.
  subroutine refuse(message, stat, errmsg)
    character(len=*), intent(in) :: message
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat /= 0) return
    stat = 2
    errmsg = message
  end subroutine refuse

  !> Say which file a failure is about, with this host's status for emulators.
  subroutine blame(path, stat, errmsg)
    character(len=*), intent(in) :: path
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat == 0) return
    stat = 2
    errmsg = "emulator file '"//trim(path)//"': "//errmsg
  end subroutine blame

end module shallow_water_emulator_file
