!> U from an emulator file: the only file of this host that knows emulator_t.
!>
!> The emulator is bound once to the arrays of the hook, which must have the target attribute and stay where they are
!> until close. Its noise, the memory of that noise, and what its card says is carried are libpyemu's business.
module lorenz96_emulator
  use, intrinsic :: iso_fortran_env, only: int8
  use lorenz96_settings, only: settings_t
  use lorenz96_subgrid, only: parameterization_t, subgrid_t
  use pyemu, only: emulator_t, variable_t
  implicit none
  private

  character(len=*), parameter :: slow = 'lorenz96_slow_variable', previous = 'lorenz96_previous_subgrid_tendency', &
    tendency = 'lorenz96_subgrid_tendency'

  type, extends(parameterization_t), public :: emulator_parameterization_t
    private
    type(emulator_t), allocatable :: emulator
  contains
    procedure :: open => open_emulator
    procedure :: evaluate
    procedure :: save_state
    procedure :: load_state
    procedure :: close => close_emulator
    procedure, private :: check_variables
    procedure, private :: bind
  end type emulator_parameterization_t

contains

  !> Open the file and bind it. stat is 0, or 2 with a message.
  subroutine open_emulator(self, settings, subgrid, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    type(subgrid_t), intent(inout), target :: subgrid
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    allocate(self%emulator)
    if (settings%emulator_file == '') then
      stat = 2
      errmsg = "namelist entry emulator_file is empty, but scheme = 'emulator' needs the path of an emulator file"
      return
    end if
    if (settings%engine == '') then
      call self%emulator%open(trim(settings%emulator_file), device=trim(settings%device), threads=settings%threads, &
        stat=stat, errmsg=errmsg)
    else
      call self%emulator%open(trim(settings%emulator_file), engine=trim(settings%engine), device=trim(settings%device), &
        threads=settings%threads, stat=stat, errmsg=errmsg)
    end if
    call blame('emulator_file', stat, errmsg)
    if (stat == 0) call self%check_variables(stat, errmsg)
    if (stat == 0) call self%bind(settings, subgrid, stat, errmsg)
  end subroutine open_emulator

  !> Refuse a file whose card asks for what this host does not have, before the first step.
  subroutine check_variables(self, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(variable_t) :: found
    integer :: i

    do i = 1, self%emulator%n_variables()
      call self%emulator%variable(i, found, stat, errmsg)
      if (stat /= 0) exit
      if (found%noise /= '' .or. found%is_carried) cycle
      if (found%is_input .and. (found%name == slow .or. found%name == previous)) cycle
      if (.not. found%is_input .and. found%name == tendency) cycle
      stat = 2
      errmsg = "the emulator's "//trim(merge('input ', 'output', found%is_input))//" '"//found%name// &
        "' is unknown to the Lorenz '96 host, which has inputs "//slow//', '//previous//' and noise, and output '//tendency
      return
    end do
    if (stat == 0 .and. self%emulator%find(tendency) == 0) then
      stat = 2
      errmsg = "the emulator has no output '"//tendency//"', which the Lorenz '96 host needs"
    end if
    call blame('card', stat, errmsg)
  end subroutine check_variables

  subroutine bind(self, settings, subgrid, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings
    type(subgrid_t), intent(inout), target :: subgrid
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%bind(tendency, subgrid%u, units='1', stat=stat, errmsg=errmsg)
    if (stat == 0 .and. self%emulator%find(slow) > 0) call self%emulator%bind(slow, subgrid%x, units='1', stat=stat, &
      errmsg=errmsg)
    if (stat == 0 .and. self%emulator%find(previous) > 0) call self%emulator%bind(previous, subgrid%previous, units='1', &
      stat=stat, errmsg=errmsg)
    if (stat == 0) call self%emulator%bind_ids(subgrid%ids, stat=stat, errmsg=errmsg)
    if (stat == 0) call self%emulator%set_noise(settings%seed, stat=stat, errmsg=errmsg)
    call blame('binding', stat, errmsg)
  end subroutine bind

  subroutine evaluate(self, subgrid, step, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    type(subgrid_t), intent(inout) :: subgrid
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%run(step, stat=stat, errmsg=errmsg)
    call blame('run', stat, errmsg)
  end subroutine evaluate

  subroutine save_state(self, bytes, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%save_state_memory(bytes, stat, errmsg)
    call blame('state', stat, errmsg)
  end subroutine save_state

  subroutine load_state(self, bytes, stat, errmsg)
    class(emulator_parameterization_t), intent(inout) :: self
    integer(int8), intent(in) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call self%emulator%load_state_memory(bytes, stat=stat, errmsg=errmsg)
    call blame('state', stat, errmsg)
  end subroutine load_state

  subroutine close_emulator(self)
    class(emulator_parameterization_t), intent(inout) :: self
    integer :: stat
    character(len=256) :: errmsg

    if (.not. allocated(self%emulator)) return
    call self%emulator%close(stat=stat, errmsg=errmsg)
    deallocate(self%emulator)
  end subroutine close_emulator

  !> Say where a failure of the emulator library happened, with this host's status for parameterizations.
  subroutine blame(place, stat, errmsg)
    character(len=*), intent(in) :: place
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg

    if (stat == 0) return
    stat = 2
    errmsg = 'emulator ('//place//'): '//errmsg
  end subroutine blame

end module lorenz96_emulator
