!> Makes the radiation scheme that the namelist names.
module column_radiation_open
  use column_radiation, only: radiation_t
  use column_radiation_emulator, only: emulator_radiation_t
  use column_radiation_rrtmg, only: rrtmg_radiation_t
  use column_settings, only: settings_t
  use column_state, only: fluxes_t, state_t
  implicit none
  private
  public :: open_radiation

contains

  !> Open a scheme on arrays that stay where they are until its close. stat is 0, or 2 with a message.
  subroutine open_radiation(settings, state, fluxes, scheme, stat, errmsg)
    type(settings_t), intent(in) :: settings
    type(state_t), intent(inout), target :: state
    type(fluxes_t), intent(inout), target :: fluxes
    class(radiation_t), allocatable, intent(out) :: scheme
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    select case (settings%scheme)
    case ('rrtmg')
      allocate(rrtmg_radiation_t :: scheme)
    case ('emulator')
      allocate(emulator_radiation_t :: scheme)
    end select
    stat = 2
    select type (scheme)
    type is (rrtmg_radiation_t)
      call scheme%open(settings%rrtmg_directory, settings%block_size, stat, errmsg)
    type is (emulator_radiation_t)
      call scheme%open(settings, state, fluxes, stat, errmsg)
    end select
  end subroutine open_radiation

end module column_radiation_open
