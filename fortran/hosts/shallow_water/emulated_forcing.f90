!> Tendencies from emulator files: the only file of this host that knows emulator_t.
!>
!> An emulator of columns sees each cell as a column, and reads values in it or the 3 x 3 points around it, which are
!> gathered here; one of fields reads the model's own arrays with as much halo as its card asks for. What a card names as
!> its outputs is what the emulator gives: wind, drag and viscosity on either face, the tendency of the thickness, or the
!> transports it follows from.
module shallow_water_emulated_forcing
  use, intrinsic :: iso_fortran_env, only: int64, int8, real32, real64
  use host_namelist_file, only: text_length
  use pyemu, only: emulator_t, variable_t
  use shallow_water_domain, only: domain_t
  use shallow_water_kernel_types, only: kernels_t
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: settings_t
  implicit none
  private

  integer, parameter :: n_of_state = 3, n_inputs = 5  ! the state comes first, in its own order
  character(len=32), parameter :: input_names(n_inputs) = [character(len=32) :: 'sea_water_x_velocity', &
    'sea_water_y_velocity', 'layer_thickness_anomaly', 'surface_downward_x_stress', 'surface_downward_y_stress']
  character(len=8), parameter :: input_units(n_inputs) = [character(len=8) :: 'm s-1', 'm s-1', 'm', 'Pa', 'Pa']

  integer, parameter, public :: x_forcing = 1, y_forcing = 2, tendency = 3, x_transport = 4, y_transport = 5, n_outputs = 5
  character(len=56), parameter :: output_names(n_outputs) = [character(len=56) :: &
    'tendency_of_sea_water_x_velocity_due_to_forcing', 'tendency_of_sea_water_y_velocity_due_to_forcing', &
    'tendency_of_layer_thickness_anomaly', 'layer_x_transport_at_east_face', 'layer_y_transport_at_south_face']
  character(len=8), parameter :: output_units(n_outputs) = [character(len=8) :: 'm s-2', 'm s-2', 'm s-1', 'm2 s-1', 'm2 s-1']

  character(len=*), parameter :: stencil_suffix = '_stencil'
  integer, parameter :: stencil_size = 9
  integer, parameter :: in_cell = 1, in_stencil = 2, in_field = 3  ! how an emulator reads a variable

  !> The gathered points around each cell, single precision as the graphs are.
  type :: stencil_t
    real(real32), pointer, contiguous :: values(:,:,:) => null()  !! (nx, ny, 9)
  end type stencil_t

  !> One emulator file and how its variables meet the model's.
  type :: file_t
    type(emulator_t) :: emulator
    character(len=text_length) :: path = ''
    integer :: reads(n_inputs) = 0                    !! in_cell, in_stencil or in_field; 0: it does not read it
    logical :: gives(n_outputs) = .false.
    logical :: has_noise = .false., has_memory = .false.
    integer :: input_size(2) = 0, patch(2) = 0        !! of its fields, with and without halo; 0: it is of columns
    integer(int64), pointer :: ids(:,:) => null()     !! numbers of columns, or of patches, in the whole grid
    integer(int64) :: id(1) = 0                       !! number of the patch being run
  contains
    procedure :: reach
  end type file_t

  !> What the emulators read and write: the model's arrays, which stay where they are during a run of them.
  type, public :: bound_t
    real(real64), pointer, contiguous :: state(:,:,:) => null()   !! u, v, h with halo
    real(real64), pointer, contiguous :: stress(:,:,:) => null()  !! along x and y, with halo
    real(real64), pointer, contiguous :: outputs(:,:,:) => null() !! (nx, ny, n_outputs)
  end type bound_t

  !> Declare variables of this type with the target attribute and do not copy them: the emulators are bound to them.
  type, public :: emulated_forcing_t
    private
    type(file_t), allocatable :: files(:)
    type(stencil_t) :: stencils(n_inputs)
    integer, public :: halo = 1                       !! of the model's arrays, for all files
    logical, public :: gives(n_outputs) = .false.     !! what comes from some file
  contains
    procedure :: open => open_files
    procedure :: attach
    procedure :: gather_stress
    procedure :: run => run_files
    procedure :: close => close_files
    procedure :: has_memory
    procedure :: n_files
    procedure :: save_memory
    procedure :: load_memory
  end type emulated_forcing_t

contains

  !> Open the files of the namelist, each once, and read their cards. stat is 0, or 2 with a message.
  subroutine open_files(self, settings, ranks, stat, errmsg)
    class(emulated_forcing_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    class(ranks_t), intent(in) :: ranks
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length), allocatable :: paths(:)
    integer :: i

    call list_files(settings, paths, stat, errmsg)
    if (stat /= 0) return
    allocate(self%files(size(paths)))
    do i = 1, size(paths)
      self%files(i)%path = paths(i)
      if (stat == 0) call open_file(self%files(i), settings, ranks, stat, errmsg)
      if (stat == 0) call read_card(self%files(i), stat, errmsg)
      self%halo = max(self%halo, self%files(i)%reach())
    end do
    if (stat == 0) call share_outputs(self, settings, stat, errmsg)
    call ranks%agree(stat, errmsg)
  end subroutine open_files

  !> The distinct files of the namelist.
  subroutine list_files(settings, paths, stat, errmsg)
    type(settings_t), intent(in) :: settings
    character(len=text_length), allocatable, intent(out) :: paths(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: found(3)
    integer :: n

    stat = 0
    n = 0
    if (settings%momentum == 'emulator') then
      call add('momentum', settings%momentum_file)
      if (settings%momentum_y_file /= '') call add('momentum_y', settings%momentum_y_file)
    end if
    if (settings%thickness == 'emulator') call add('thickness', settings%thickness_file)
    allocate(paths(n))
    paths = found(:n)

  contains

    subroutine add(entry, path)
      character(len=*), intent(in) :: entry, path

      if (path == '') then
        call refuse('namelist entry '//entry//'_file is empty, but '//entry//" = 'emulator' needs the path of an emulator "// &
          'file', stat, errmsg)
      else if (all(found(:n) /= path)) then
        n = n + 1
        found(n) = path
      end if
    end subroutine add

  end subroutine list_files

  subroutine open_file(file, settings, ranks, stat, errmsg)
    type(file_t), intent(inout) :: file
    type(settings_t), intent(in) :: settings
    class(ranks_t), intent(in) :: ranks
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int8), allocatable :: bytes(:)
    character(len=len(settings%engine)), pointer :: engine
    character(len=len(settings%engine)), target :: given

    engine => null()  ! an absent argument: by the file's suffix
    given = settings%engine
    if (given /= '') engine => given
    call ranks%get_file(file%path, bytes, stat, errmsg)
    ! The host looks for numbers that are not finite itself.
    if (stat == 0 .and. allocated(bytes)) then
      call file%emulator%open_memory(bytes, engine=engine, device=trim(settings%device), threads=settings%threads, &
        check_finite=.false., stat=stat, errmsg=errmsg)
    else if (stat == 0) then
      call file%emulator%open(trim(file%path), engine=engine, device=trim(settings%device), threads=settings%threads, &
        check_finite=.false., stat=stat, errmsg=errmsg)
    end if
    if (stat == 0) call file%emulator%set_noise(settings%seed, member=settings%member, stat=stat, errmsg=errmsg)
    call blame(file%path, stat, errmsg)
  end subroutine open_file

  !> Find the model's variable for each of the card's.
  subroutine read_card(file, stat, errmsg)
    type(file_t), intent(inout) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(variable_t) :: v
    integer :: i

    stat = 0
    do i = 1, file%emulator%n_variables()
      call file%emulator%variable(i, v, stat, errmsg)
      if (stat /= 0) exit
      if (v%noise /= '' .or. v%is_carried) then
        file%has_noise = file%has_noise .or. v%noise /= ''
        file%has_memory = file%has_memory .or. v%is_carried .or. v%noise_ar1 > 0.0_real64
      else if (v%is_input) then
        call take_input(file, v, stat, errmsg)
      else
        call take_output(file, v, stat, errmsg)
      end if
      if (stat /= 0) exit
    end do
    if (stat == 0) call check_reach(file, stat, errmsg)
    call blame(file%path, stat, errmsg)
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

  !> Each output comes from one file, and those that the namelist asks for are there.
  subroutine share_outputs(self, settings, stat, errmsg)
    class(emulated_forcing_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: i, k, wanted(2)

    stat = 0
    do i = 1, size(self%files)
      do k = 1, n_outputs
        if (.not. self%files(i)%gives(k)) cycle
        if (self%gives(k)) call refuse("two emulator files give '"//trim(output_names(k))//"'; expected one", stat, errmsg)
        self%gives(k) = .true.
      end do
    end do
    if (settings%momentum /= 'emulator' .and. any(self%gives([x_forcing, y_forcing]))) then
      call refuse("an emulator file gives forcing of the momentum, but momentum = 'analytic'", stat, errmsg)
    end if
    if (settings%thickness /= 'emulator' .and. any(self%gives([tendency, x_transport, y_transport]))) then
      call refuse("an emulator file gives the thickness, but thickness = 'analytic'", stat, errmsg)
    end if
    wanted = [x_forcing, y_forcing]
    if (settings%momentum == 'emulator') call require_all(wanted)
    if (settings%thickness == 'emulator' .and. .not. self%gives(tendency)) then
      wanted = [x_transport, y_transport]
      call require_all(wanted)
    end if
    if (self%gives(tendency) .and. any(self%gives([x_transport, y_transport]))) then
      call refuse('the emulator files give both the tendency of the thickness and its transports; expected one of them', &
        stat, errmsg)
    end if

  contains

    subroutine require_all(needed)
      integer, intent(in) :: needed(:)
      integer :: n

      do n = 1, size(needed)
        if (.not. self%gives(needed(n))) call refuse("no emulator file gives '"//trim(output_names(needed(n)))//"'", &
          stat, errmsg)
      end do
    end subroutine require_all

  end subroutine share_outputs

  !> Prepare for the model's arrays. stat is 0, or 2 with a message.
  subroutine attach(self, domain, kernels, bound, stat, errmsg)
    class(emulated_forcing_t), intent(inout), target :: self
    type(domain_t), intent(in) :: domain
    type(kernels_t), intent(in) :: kernels
    type(bound_t), intent(in) :: bound
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: i, k

    do k = 1, n_inputs
      if (any(self%files%reads(k) == in_stencil)) then
        allocate(self%stencils(k)%values(domain%nx, domain%ny, stencil_size), source=0.0_real32)
      end if
    end do
    call self%gather_stress(domain, kernels, bound)
    stat = 0
    do i = 1, size(self%files)
      call number_columns(self%files(i), domain, stat, errmsg)
      if (stat == 0 .and. all(self%files(i)%patch == 0)) call bind_columns(self, self%files(i), bound, stat, errmsg)
      call blame(self%files(i)%path, stat, errmsg)
      if (stat /= 0) return
    end do
  end subroutine attach

  !> Gather the wind again after it has changed.
  subroutine gather_stress(self, domain, kernels, bound)
    class(emulated_forcing_t), intent(inout) :: self
    type(domain_t), intent(in) :: domain
    type(kernels_t), intent(in) :: kernels
    type(bound_t), intent(in) :: bound
    integer :: k

    do k = n_of_state + 1, n_inputs
      if (associated(self%stencils(k)%values)) then
        call kernels%stencil(domain, bound%stress(:, :, k - n_of_state), self%stencils(k)%values)
      end if
    end do
  end subroutine gather_stress

  !> Numbers in the whole grid, by which noise and memory are known: of cells, or of patches.
  subroutine number_columns(file, domain, stat, errmsg)
    type(file_t), intent(inout) :: file
    type(domain_t), intent(in) :: domain
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: first(2), i, j

    stat = 0
    if (all(file%patch == 0)) then
      allocate(file%ids(domain%nx, domain%ny))
      do j = 1, domain%ny
        file%ids(:, j) = [(domain%place(i, j), i = 1, domain%nx)]
      end do
      return
    end if
    first = [domain%first_x, domain%first_y] - 1
    if (any(modulo([domain%nx, domain%ny], file%patch) /= 0) .or. any(modulo(first, file%patch) /= 0)) then
      stat = 2
      write(errmsg, '(6(a, i0), a)') 'it is of fields of ', file%patch(1), ' x ', file%patch(2), ' points, and a rank has ', &
        domain%nx, ' x ', domain%ny, ' from cell (', domain%first_x, ', ', domain%first_y, &
        ') on; expected whole fields on each rank: change nx, ny or the ranks'
      return
    end if
    allocate(file%ids(domain%nx / file%patch(1), domain%ny / file%patch(2)))
    do j = 1, size(file%ids, 2)
      do i = 1, size(file%ids, 1)
        file%ids(i, j) = int(first(2) / file%patch(2) + j - 1, int64) * (domain%nx_all / file%patch(1)) &
          + first(1) / file%patch(1) + i - 1
      end do
    end do
  end subroutine number_columns

  !> What an emulator of columns is bound to once.
  subroutine bind_columns(self, file, bound, stat, errmsg)
    class(emulated_forcing_t), intent(inout) :: self
    type(file_t), intent(inout), target :: file
    type(bound_t), intent(in) :: bound
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real32), pointer :: stencil(:,:,:)
    real(real64), pointer :: output(:,:)
    integer :: k

    stat = 0
    do k = 1, n_inputs
      if (file%reads(k) /= in_stencil .or. stat /= 0) cycle
      stencil => self%stencils(k)%values
      call file%emulator%bind(trim(input_names(k))//stencil_suffix, stencil, units=trim(input_units(k)), &
        stat=stat, errmsg=errmsg)
    end do
    do k = 1, n_outputs
      if (.not. file%gives(k) .or. stat /= 0) cycle
      output => bound%outputs(:, :, k)
      call file%emulator%bind(trim(output_names(k)), output, units=trim(output_units(k)), stat=stat, errmsg=errmsg)
    end do
    if (stat == 0 .and. (file%has_noise .or. file%has_memory)) then
      call file%emulator%bind_ids(file%ids, stat=stat, errmsg=errmsg)
    end if
  end subroutine bind_columns

  !> All files on the present state. stat is 0, or 2 with a message.
  subroutine run_files(self, domain, kernels, bound, step, stat, errmsg)
    class(emulated_forcing_t), intent(inout), target :: self
    type(domain_t), intent(in) :: domain
    type(kernels_t), intent(in) :: kernels
    type(bound_t), intent(in) :: bound
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: i, k

    do k = 1, n_of_state
      if (associated(self%stencils(k)%values)) then
        call kernels%stencil(domain, bound%state(:, :, k), self%stencils(k)%values)
      end if
    end do
    stat = 0
    do i = 1, size(self%files)
      if (all(self%files(i)%patch == 0)) then
        call run_columns(self%files(i), domain, bound, step, stat, errmsg)
      else
        call run_patches(self%files(i), bound, step, stat, errmsg)
      end if
      call blame(self%files(i)%path, stat, errmsg)
      if (stat /= 0) return
    end do
  end subroutine run_files

  !> The state moves from step to step, so values in cells are bound anew.
  subroutine run_columns(file, domain, bound, step, stat, errmsg)
    type(file_t), intent(inout) :: file
    type(domain_t), intent(in) :: domain
    type(bound_t), intent(in) :: bound
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64), pointer :: input(:,:)
    integer :: k

    stat = 0
    do k = 1, n_inputs
      if (file%reads(k) /= in_cell .or. stat /= 0) cycle
      if (k <= n_of_state) then
        input => bound%state(1:domain%nx, 1:domain%ny, k)
      else
        input => bound%stress(1:domain%nx, 1:domain%ny, k - n_of_state)
      end if
      call file%emulator%bind(trim(input_names(k)), input, units=trim(input_units(k)), stat=stat, errmsg=errmsg)
    end do
    if (stat == 0) call file%emulator%run(step=step, stat=stat, errmsg=errmsg)
  end subroutine run_columns

  !> An emulator of fields, patch by patch: each is bound to its part of the model's arrays.
  subroutine run_patches(file, bound, step, stat, errmsg)
    type(file_t), intent(inout), target :: file
    type(bound_t), intent(in) :: bound
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer(int64), pointer :: id(:)
    integer :: i, j

    stat = 0
    id => file%id
    do j = 1, size(file%ids, 2)
      do i = 1, size(file%ids, 1)
        file%id = file%ids(i, j)
        call bind_patch(file, [i - 1, j - 1] * file%patch, bound, stat, errmsg)
        if (stat == 0 .and. (file%has_noise .or. file%has_memory)) then
          call file%emulator%bind_ids(id, stat=stat, errmsg=errmsg)
        end if
        if (stat == 0) call file%emulator%run(step=step, stat=stat, errmsg=errmsg)
        if (stat /= 0) return
      end do
    end do
  end subroutine run_patches

  !> Bind the patch behind the first 'skipped' cells each way.
  subroutine bind_patch(file, skipped, bound, stat, errmsg)
    type(file_t), intent(inout) :: file
    integer, intent(in) :: skipped(2)
    type(bound_t), intent(in) :: bound
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64), pointer :: values(:,:,:)
    integer :: first(2), last(2), k

    stat = 0
    first = skipped + 1 - file%reach()  ! the pointers count as the model does: the halo from 0 down
    last = first + file%input_size - 1
    do k = 1, n_inputs
      if (file%reads(k) /= in_field .or. stat /= 0) cycle
      if (k <= n_of_state) then
        values => bound%state(first(1):last(1), first(2):last(2), k:k)
      else
        values => bound%stress(first(1):last(1), first(2):last(2), k - n_of_state:k - n_of_state)
      end if
      call file%emulator%bind(trim(input_names(k)), values, units=trim(input_units(k)), stat=stat, errmsg=errmsg)
    end do
    first = skipped + 1
    last = skipped + file%patch
    do k = 1, n_outputs
      if (.not. file%gives(k) .or. stat /= 0) cycle
      values => bound%outputs(first(1):last(1), first(2):last(2), k:k)
      call file%emulator%bind(trim(output_names(k)), values, units=trim(output_units(k)), stat=stat, errmsg=errmsg)
    end do
  end subroutine bind_patch

  subroutine close_files(self)
    class(emulated_forcing_t), intent(inout) :: self
    integer :: i, k, stat
    character(len=256) :: errmsg

    do i = 1, self%n_files()
      call self%files(i)%emulator%close(stat=stat, errmsg=errmsg)
      if (associated(self%files(i)%ids)) deallocate(self%files(i)%ids)
    end do
    do k = 1, n_inputs
      if (associated(self%stencils(k)%values)) deallocate(self%stencils(k)%values)
    end do
    if (allocated(self%files)) deallocate(self%files)
  end subroutine close_files

  elemental integer function n_files(self)
    class(emulated_forcing_t), intent(in) :: self
    n_files = 0
    if (allocated(self%files)) n_files = size(self%files)
  end function n_files

  !> Whether a file carries something from step to step, which a restart must keep.
  elemental logical function has_memory(self, i)
    class(emulated_forcing_t), intent(in) :: self
    integer, intent(in) :: i
    has_memory = self%files(i)%has_memory
  end function has_memory

  !> What file i carries for this rank's columns.
  subroutine save_memory(self, i, bytes, stat, errmsg)
    class(emulated_forcing_t), intent(inout) :: self
    integer, intent(in) :: i
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%files(i)%emulator%save_state_memory(bytes, stat=stat, errmsg=errmsg)
    call blame(self%files(i)%path, stat, errmsg)
  end subroutine save_memory

  !> Take what file i carried on one rank of the run before; 'is_more' adds to that of another rank.
  subroutine load_memory(self, i, bytes, is_more, stat, errmsg)
    class(emulated_forcing_t), intent(inout) :: self
    integer, intent(in) :: i
    integer(int8), intent(in), contiguous :: bytes(:)
    logical, intent(in) :: is_more
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%files(i)%emulator%load_state_memory(bytes, counts=.not. is_more, more=is_more, stat=stat, errmsg=errmsg)
    call blame(self%files(i)%path, stat, errmsg)
  end subroutine load_memory

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

end module shallow_water_emulated_forcing
