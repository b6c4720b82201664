! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Radiation of PlaSim by the scheme that the namelist names: its own, RRTMG, or an emulator; perhaps another one beside it.
!>
!> A band's columns are gathered, a scheme fills their fluxes, and the fluxes are kept until the next call. Between calls
!> the longwave stays, and the shortwave follows the sun: it is computed for the mean cosine of the hours to come, and
!> scaled by the present one, so that each point receives what its latitude should.
module plasim_radiation
  use, intrinsic :: iso_fortran_env, only: real64
  use plasim_columns, only: columns_t
  use plasim_radiation_emulator, only: band_emulator_t
  use plasim_radiation_rrtmg, only: rrtmg_t
  use plasim_settings, only: settings_t
  use pumamod, only: nhor, nlep, nstep
  use radmod, only: gmu0
  implicit none
  private

  integer, parameter, public :: longwave = 1, shortwave = 2

  !> Fluxes of both bands at all points, in the order of PlaSim: (nhor, nlev+1, band), positive as their name says.
  type, public :: fluxes_t
    real(real64), dimension(nhor, nlep, 2) :: up = 0, down = 0  !! [W m-2]
    real(real64) :: cosine(nhor) = 0    !! for which the shortwave was computed [1]
    integer :: left = 0, computed = 0   !! columns that the guard left to RRTMG, of all since the last report
    real(real64) :: seconds = 0         !! processor time of the scheme [s]
  end type fluxes_t

  type, public :: radiation_t
    private
    character(len=16) :: scheme = 'own'
    real(real64) :: cloud_water_scale = 1
    type(rrtmg_t) :: rrtmg
    type(band_emulator_t) :: emulators(2)
    type(columns_t), pointer :: columns(:) => null()  ! (band), targets of the emulators
  contains
    procedure :: open => open_radiation
    procedure :: compute
    procedure :: close => close_radiation
  end type radiation_t

contains

  !> Open one scheme, 'rrtmg' or 'emulator', and what it needs. stat is 0, or 2 with a message.
  subroutine open_radiation(self, scheme, settings, stat, errmsg)
    class(radiation_t), intent(inout) :: self
    character(len=*), intent(in) :: scheme
    type(settings_t), intent(in) :: settings
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    logical :: needs_emulator
    integer :: band

    stat = 0
    self%scheme = scheme
    self%cloud_water_scale = settings%cloud_water_scale
    allocate(self%columns(2))
    needs_emulator = scheme == 'emulator' .or. any([settings%longwave_record, settings%shortwave_record] /= '')
    if (scheme == 'rrtmg' .or. settings%guard == 'fallback') call self%rrtmg%open(settings%rrtmg_directory, stat, errmsg)
    do band = 1, merge(2, 0, needs_emulator)
      if (stat == 0) call self%emulators(band)%open(band, settings, self%columns(band), stat, errmsg)
    end do
  end subroutine open_radiation

  !> Fluxes of both bands now; the shortwave for a given cosine of the solar zenith angle (nhor).
  subroutine compute(self, cosine, fluxes, stat, errmsg)
    class(radiation_t), intent(inout), target :: self
    real(real64), intent(in) :: cosine(:)
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    real(real64) :: start, now
    logical :: mask(nhor)
    integer :: band

    call cpu_time(start)
    fluxes%cosine = cosine
    mask = .true.
    do band = 1, 2
      call self%columns(band)%gather(mask, cosine, self%cloud_water_scale)
      call compute_band(self, band, self%columns(band), fluxes, stat, errmsg)
      if (stat /= 0) return
      mask = cosine > 0.0_real64  ! the night has no shortwave
    end do
    call cpu_time(now)
    fluxes%seconds = fluxes%seconds + now - start
  end subroutine compute

  subroutine compute_band(self, band, columns, fluxes, stat, errmsg)
    class(radiation_t), intent(inout) :: self
    integer, intent(in) :: band
    type(columns_t), intent(inout), target :: columns
    type(fluxes_t), intent(inout) :: fluxes
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer, allocatable :: left(:)
    integer :: i

    stat = 0
    if (self%scheme == 'emulator') then
      call self%emulators(band)%run(columns, nstep, left, stat, errmsg)
      fluxes%left = fluxes%left + size(left)
    else
      allocate(left, source=[(i, i = 1, columns%n)])
    end if
    if (stat /= 0) return
    if (band == longwave .and. size(left) > 0) call self%rrtmg%longwave(columns, left)
    if (band == shortwave .and. size(left) > 0) call self%rrtmg%shortwave(columns, left)
    call self%emulators(band)%record(columns, nstep, stat, errmsg)
    fluxes%computed = fluxes%computed + columns%n
    fluxes%up(:, :, band) = 0.0_real64
    fluxes%down(:, :, band) = 0.0_real64
    fluxes%up(columns%places(:columns%n), :, band) = columns%up(:columns%n, :)
    fluxes%down(columns%places(:columns%n), :, band) = columns%down(:columns%n, :)
  end subroutine compute_band

  subroutine close_radiation(self)
    class(radiation_t), intent(inout) :: self
    integer :: band

    do band = 1, 2
      call self%emulators(band)%close()
    end do
    if (associated(self%columns)) deallocate(self%columns)
  end subroutine close_radiation

end module plasim_radiation
