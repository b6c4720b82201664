! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> RRTMG on columns of PlaSim: clear and overcast in one call, mixed by the total cloud cover.
module plasim_radiation_rrtmg
  use, intrinsic :: iso_fortran_env, only: real64
  use host_rrtmg_block, only: n_longwave_bands, rrtmg_block_t, solar_irradiance
  use host_rrtmg_library, only: load_rrtmg, rrtmg_library_t
  use plasim_columns, only: columns_t
  use pumamod, only: nlev
  implicit none
  private

  integer, parameter :: block_size = 64  ! columns per call

  !> The scheme; RRTMG keeps its tables as module data, so there is one of it per process.
  type, public :: rrtmg_t
    private
    type(rrtmg_library_t) :: library
    type(rrtmg_block_t) :: block
  contains
    procedure :: open => open_rrtmg
    procedure :: longwave
    procedure :: shortwave
  end type rrtmg_t

contains

  !> Load RRTMG; stat is 0, or 2 with a message. An empty directory means the environment variable PYEMU_RRTMG.
  subroutine open_rrtmg(self, directory, stat, errmsg)
    class(rrtmg_t), intent(inout) :: self
    character(len=*), intent(in) :: directory
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=512) :: place

    place = directory
    if (place == '') call get_environment_variable('PYEMU_RRTMG', place)
    call load_rrtmg(place, self%library, stat, errmsg)
  end subroutine open_rrtmg

  !> Longwave fluxes of the columns that are listed.
  subroutine longwave(self, columns, list)
    class(rrtmg_t), intent(inout) :: self
    type(columns_t), intent(inout) :: columns
    integer, intent(in) :: list(:)  !! columns, in any order
    integer :: first

    do first = 1, size(list), block_size
      associate (some => list(first:min(first + block_size - 1, size(list))))
        call fill(self%block, columns, some)
        call self%block%longwave(self%library)
        call mix(self%block, columns, some, spread(1.0_real64, 1, size(some)))
      end associate
    end do
  end subroutine longwave

  !> Shortwave fluxes of the columns that are listed, all of them sunlit.
  subroutine shortwave(self, columns, list)
    class(rrtmg_t), intent(inout) :: self
    type(columns_t), intent(inout) :: columns
    integer, intent(in) :: list(:)  !! columns, in any order
    integer :: first

    do first = 1, size(list), block_size
      associate (some => list(first:min(first + block_size - 1, size(list))))
        call fill(self%block, columns, some)
        call self%block%shortwave(self%library)
        call mix(self%block, columns, some, columns%incoming(some) / (solar_irradiance * columns%cosine(some)))
      end associate
    end do
  end subroutine shortwave

  subroutine fill(block, columns, some)
    type(rrtmg_block_t), intent(inout) :: block
    type(columns_t), intent(in) :: columns
    integer, intent(in) :: some(:)

    call block%set_atmosphere(columns%pressure(some, :), columns%temperature(some, :), columns%humidity(some, :), &
      columns%ozone(some, :), columns%carbon_dioxide(some))
    call block%set_clouds(columns%liquid(some, :), columns%ice(some, :))
    block%surface_temperature = columns%surface_temperature(some)
    block%emissivity = spread(columns%emissivity(some), 2, n_longwave_bands)
    block%albedo = columns%albedo(some)
    block%cosine = columns%cosine(some)
  end subroutine fill

  !> Fluxes of the clear and the overcast part, weighted by the cloud cover, times a factor per column.
  subroutine mix(block, columns, some, factor)
    type(rrtmg_block_t), intent(in) :: block
    type(columns_t), intent(inout) :: columns
    integer, intent(in) :: some(:)
    real(real64), intent(in) :: factor(:)
    integer :: k, from

    do k = 1, nlev + 1
      from = nlev + 2 - k
      associate (cover => columns%cover(some))
        columns%up(some, k) = factor * (cover * block%up(:, from) + (1.0_real64 - cover) * block%clear_up(:, from))
        columns%down(some, k) = factor * (cover * block%down(:, from) + (1.0_real64 - cover) * block%clear_down(:, from))
      end associate
    end do
  end subroutine mix

end module plasim_radiation_rrtmg
