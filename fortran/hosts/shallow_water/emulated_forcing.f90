!> Tendencies from emulator files, bound to the model's arrays and run on them.
!>
!> An emulator of columns reads values in a cell or the 3 x 3 points around it, which are gathered here; one of fields reads
!> the model's own arrays, patch by patch, with as much halo as its card asks for.
module shallow_water_emulated_forcing
  use, intrinsic :: iso_fortran_env, only: int64, int8, real32, real64
  use host_namelist_file, only: text_length
  use shallow_water_domain, only: domain_t
  use shallow_water_emulator_file, only: blame, file_t, in_cell, in_field, in_stencil, input_names, input_units, n_inputs, &
    n_of_state, n_outputs, output_names, output_units, refuse, stencil_size, stencil_suffix, tendency, x_forcing, &
    x_transport, y_forcing, y_transport
  use shallow_water_kernel_types, only: kernels_t
  use shallow_water_ranks, only: ranks_t
  use shallow_water_settings, only: settings_t
  implicit none
  private
  public :: n_outputs, tendency, x_forcing, x_transport, y_forcing, y_transport

  !> The gathered points around each cell, single precision as the graphs are.
  type :: stencil_t
    real(real32), pointer, contiguous :: values(:,:,:) => null()  !! (nx, ny, 9)
  end type stencil_t

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
      if (stat == 0) call self%files(i)%open(paths(i), settings, ranks, stat, errmsg)
      if (stat == 0) call self%files(i)%read_card(stat, errmsg)
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
      call self%files(i)%number_columns(domain, stat, errmsg)
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

end module shallow_water_emulated_forcing
