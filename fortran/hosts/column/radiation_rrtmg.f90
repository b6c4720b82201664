!> Radiation by RRTMG (Iacono et al. 2008, doi:10.1029/2008JD009944), block by block.
module column_radiation_rrtmg
  use, intrinsic :: iso_fortran_env, only: real64
  use column_radiation, only: heating_rate, radiation_t
  use column_state, only: fluxes_t, state_t
  use column_vertical_grid, only: n_layers
  use host_rrtmg_block, only: n_longwave_bands, rrtmg_block_t, solar_irradiance
  use host_rrtmg_library, only: load_rrtmg, rrtmg_library_t
  implicit none
  private

  type, extends(radiation_t), public :: rrtmg_radiation_t
    private
    type(rrtmg_library_t) :: library
    type(rrtmg_block_t) :: block
    integer :: block_size = 1
  contains
    procedure :: open => open_rrtmg
    procedure :: longwave
    procedure :: shortwave
    procedure :: longwave_of
    procedure :: shortwave_of
    procedure :: close => close_rrtmg
  end type rrtmg_radiation_t

contains

  !> Load RRTMG. An empty directory means the environment variable PYEMU_RRTMG. stat is 0, or 2 with a message.
  subroutine open_rrtmg(self, directory, block_size, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    character(len=*), intent(in) :: directory  !! climt/_components/rrtmg of an installed climt, or ''
    integer, intent(in) :: block_size          !! columns per call
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=len(errmsg)) :: place

    place = directory
    if (place == '') call get_environment_variable('PYEMU_RRTMG', place)
    if (place == '') then
      stat = 2
      errmsg = 'RRTMG not found: neither rrtmg_directory nor PYEMU_RRTMG is set; install climt and set one of them to '// &
        'its folder climt/_components/rrtmg'
      return
    end if
    self%block_size = block_size
    call load_rrtmg(place, self%library, stat, errmsg)
  end subroutine open_rrtmg

  subroutine longwave(self, state, fluxes, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call self%longwave_of(all_of(state), state, fluxes)
  end subroutine longwave

  subroutine shortwave(self, state, fluxes, stat, errmsg)
    class(rrtmg_radiation_t), intent(inout) :: self
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    call self%shortwave_of(all_of(state), state, fluxes)
  end subroutine shortwave

  !> Longwave fluxes and heating of some columns; all others are left as they are.
  subroutine longwave_of(self, columns, state, fluxes)
    class(rrtmg_radiation_t), intent(inout) :: self
    integer, intent(in) :: columns(:)
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    integer :: first

    do first = 1, size(columns), self%block_size
      associate (some => columns(first:min(first + self%block_size - 1, size(columns))))
        call gather(self%block, state, some)
        call self%block%longwave(self%library)
        call scatter(self%block, some, spread(1.0_real64, 1, size(some)), fluxes%longwave_up, fluxes%longwave_down)
      end associate
    end do
    fluxes%longwave_heating(columns, :) = heating_rate(fluxes%longwave_up(columns, :), fluxes%longwave_down(columns, :), &
      state%air_pressure_thickness(columns, :))
  end subroutine longwave_of

  !> The same in the shortwave. RRTMG is given the full solar irradiance; its fluxes, linear in it, are scaled to the
  !> column's incoming flux.
  subroutine shortwave_of(self, columns, state, fluxes)
    class(rrtmg_radiation_t), intent(inout) :: self
    integer, intent(in) :: columns(:)
    type(state_t), intent(in) :: state
    type(fluxes_t), intent(inout) :: fluxes
    real(real64) :: factor(self%block_size)
    integer :: first, n

    do first = 1, size(columns), self%block_size
      n = min(self%block_size, size(columns) - first + 1)
      associate (some => columns(first:first + n - 1))
        call gather(self%block, state, some)
        call self%block%shortwave(self%library)
        factor(:n) = 0.0_real64
        where (self%block%cosine > 0.0_real64) &
          factor(:n) = state%toa_incoming_shortwave(some) / (solar_irradiance * self%block%cosine)
        call scatter(self%block, some, factor(:n), fluxes%shortwave_up, fluxes%shortwave_down)
      end associate
    end do
    fluxes%shortwave_heating(columns, :) = heating_rate(fluxes%shortwave_up(columns, :), &
      fluxes%shortwave_down(columns, :), state%air_pressure_thickness(columns, :))
  end subroutine shortwave_of

  !> Every column.
  pure function all_of(state) result(columns)
    type(state_t), intent(in) :: state
    integer :: columns(size(state%surface_temperature))
    integer :: i

    columns = [(i, i = 1, size(columns))]
  end function all_of

  !> The libraries stay loaded: their module data serves the whole process.
  subroutine close_rrtmg(self)
    class(rrtmg_radiation_t), intent(inout) :: self

    self%library = rrtmg_library_t()
  end subroutine close_rrtmg

  !> Copy some columns of the state into the block.
  subroutine gather(block, state, columns)
    type(rrtmg_block_t), intent(inout) :: block
    type(state_t), intent(in) :: state
    integer, intent(in) :: columns(:)  !! (n) which, in any order

    call block%set_atmosphere(state%air_pressure_at_interfaces(columns, :), state%air_temperature(columns, :), &
      state%specific_humidity(columns, :), state%ozone(columns, :), state%carbon_dioxide(columns))
    call block%set_clouds(state%cloud_liquid(columns, :), state%cloud_ice(columns, :))
    block%surface_temperature = state%surface_temperature(columns)
    block%emissivity = spread(state%emissivity(columns), 2, n_longwave_bands)
    block%albedo = state%albedo(columns)
    block%cosine = min(1.0_real64, max(0.0_real64, state%cosine_of_zenith(columns)))
  end subroutine gather

  !> Copy fluxes of the block back, times a factor per column.
  subroutine scatter(block, columns, factor, up, down)
    type(rrtmg_block_t), intent(in) :: block
    integer, intent(in) :: columns(:)          !! (n) as given to gather
    real(real64), intent(in) :: factor(:)      !! (n) [1]
    real(real64), intent(inout) :: up(:,:)     !! (ncol, nlay+1) top first [W m-2]
    real(real64), intent(inout) :: down(:,:)   !! (ncol, nlay+1) top first [W m-2]
    integer :: k

    do k = 1, n_layers + 1
      up(columns, k) = factor * block%up(:, n_layers + 2 - k)
      down(columns, k) = factor * block%down(:, n_layers + 2 - k)
    end do
  end subroutine scatter

end module column_radiation_rrtmg
