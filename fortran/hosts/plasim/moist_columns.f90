! SPDX-License-Identifier: GPL-2.0-or-later
! This file uses modules of PlaSim (GPL-2.0) and is not part of libpyemu (Apache-2.0): see LICENSE in this folder.
!> Columns of PlaSim as its moist physics sees them, and what it answers: SI units, top first, fluxes positive downward.
!>
!> Moist physics is convection, large-scale condensation, dry adjustment, and the fate of rain and snow on their way down. It
!> acts on the state of the leapfrog's earlier time level plus what surface fluxes and radiation have changed in this step.
module plasim_moist_columns
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use pumamod, only: acpd, adv, als, alv, deltsec2, dp, dprc, dprl, dprs, dq, dqdt, dqt, dsigma, dt, dtdt, ga, mypid, nhor, &
    nlep, nlev, sigmah
  use rainmod, only: dprcl, dprll, icclev, icctot
  implicit none
  private

  real(real64), parameter :: kg_per_m3 = 1000.0_real64        ! water, by which PlaSim turns fluxes into m s-1
  real(real64), parameter :: least_formation = 1.0e-10_real64 ! s-1; a layer that forms less convective rain has no cloud
  real(real64), parameter :: high = 0.4_real64                ! sigma above which the top of convection is cirrus

  !> Inputs and outputs of all columns of the rank: (nhor, nlev), (nhor, nlev+1) or (nhor).
  type, public :: moist_columns_t
    integer(int64) :: ids(nhor) = 0                         !! of the columns in the whole grid
    real(real64), dimension(nhor, nlev) :: temperature      !! [K]
    real(real64), dimension(nhor, nlev) :: humidity         !! [kg kg-1]; below 0 where spectral transport undershoots
    real(real64), dimension(nhor, nlev) :: heating_before   !! by fluxes and radiation [K s-1]
    real(real64), dimension(nhor, nlev) :: moistening_before !! by surface fluxes and diffusion [s-1]
    real(real64), dimension(nhor, nlev) :: advection        !! of humidity [s-1]
    real(real64), dimension(nhor, nlev + 1) :: pressure     !! at interfaces [Pa]
    real(real64), dimension(nhor) :: surface_temperature    !! [K]
    real(real64), dimension(nhor) :: surface_humidity       !! [kg kg-1]
    real(real64), dimension(nhor) :: time_step              !! over which tendencies act [s]
    real(real64), dimension(nhor, nlev) :: heating          !! by moist physics [K s-1]
    real(real64), dimension(nhor, nlev) :: moistening       !! by moist physics [s-1]
    real(real64), dimension(nhor, nlev) :: convective_rain  !! formed in a layer [s-1]
    real(real64), dimension(nhor, nlev) :: stratiform_rain  !! formed in a layer [s-1]
    real(real64), dimension(nhor) :: convective_flux, stratiform_flux, snow_flux  !! at the surface [kg m-2 s-1]
  contains
    procedure :: gather
    procedure :: take_answer
    procedure :: give_answer
    procedure :: water_residual
    procedure :: energy_residual
  end type moist_columns_t

contains

  !> Take the inputs as they are now; PlaSim must have computed the advection of humidity (mkdqtgp).
  subroutine gather(self)
    class(moist_columns_t), intent(inout) :: self
    integer :: i, k

    self%ids = [(int(i, int64) + int(mypid, int64) * nhor, i = 1, nhor)]
    self%temperature = dt(:, :nlev)
    self%humidity = dq(:, :nlev)
    self%heating_before = dtdt(:, :nlev)
    self%moistening_before = dqdt(:, :nlev)
    self%advection = dqt(:, :nlev)
    self%pressure(:, 1) = 0.0_real64
    do k = 1, nlev
      self%pressure(:, k + 1) = sigmah(k) * dp
    end do
    self%surface_temperature = dt(:, nlep)
    self%surface_humidity = dq(:, nlep)
    self%time_step = deltsec2
  end subroutine gather

  !> Take what PlaSim's own scheme has done since the inputs were gathered.
  subroutine take_answer(self)
    class(moist_columns_t), intent(inout) :: self
    integer :: k

    self%heating = dtdt(:, :nlev) - self%heating_before
    self%moistening = dqdt(:, :nlev) - self%moistening_before
    do k = 1, nlev
      self%convective_rain(:, k) = dprcl(:, k) / dsigma(k)
      self%stratiform_rain(:, k) = dprll(:, k) / dsigma(k)
    end do
    self%convective_flux = kg_per_m3 * dprc
    self%stratiform_flux = kg_per_m3 * dprl
    self%snow_flux = kg_per_m3 * dprs
  end subroutine take_answer

  !> Give the answer to PlaSim, with what its own clouds are made of: where there is convection, and where its top is.
  subroutine give_answer(self)
    class(moist_columns_t), intent(in) :: self
    integer :: k

    dtdt(:, :nlev) = dtdt(:, :nlev) + self%heating
    dqdt(:, :nlev) = dqdt(:, :nlev) + self%moistening
    dprc = self%convective_flux / kg_per_m3
    dprl = self%stratiform_flux / kg_per_m3
    dprs = self%snow_flux / kg_per_m3
    icctot = 0
    do k = 1, nlev
      dprcl(:, k) = self%convective_rain(:, k) * dsigma(k)
      dprll(:, k) = self%stratiform_rain(:, k) * dsigma(k)
      icclev(:, k) = merge(1, 0, self%convective_rain(:, k) > least_formation)
      if (sigmah(k) - 0.5_real64 * dsigma(k) < high) where (icclev(:, k) == 1 .and. icctot == 0) icclev(:, k) = 2
      icctot = icctot + min(icclev(:, k), 1)
    end do
    where (icctot == 0)  ! no convective cloud, so PlaSim's formula for its cover must see no convective rain
      dprl = dprl + dprc
      dprc = 0.0_real64
    end where
  end subroutine give_answer

  !> Water that a column gains beyond what it loses as rain and snow [kg m-2 s-1].
  function water_residual(self) result(residual)
    class(moist_columns_t), intent(in) :: self
    real(real64) :: residual(nhor)
    integer :: k

    residual = self%convective_flux + self%stratiform_flux
    do k = 1, nlev
      residual = residual + self%moistening(:, k) * (self%pressure(:, k + 1) - self%pressure(:, k)) / ga
    end do
  end function water_residual

  !> Heat that a column gains beyond the latent heat of its rain and snow [W m-2].
  function energy_residual(self) result(residual)
    class(moist_columns_t), intent(in) :: self
    real(real64) :: residual(nhor)
    integer :: k

    residual = -alv * (self%convective_flux + self%stratiform_flux) - (als - alv) * self%snow_flux
    do k = 1, nlev
      residual = residual + acpd * (1.0_real64 + adv * self%humidity(:, k)) * self%heating(:, k) &
        * (self%pressure(:, k + 1) - self%pressure(:, k)) / ga
    end do
  end function energy_residual

end module plasim_moist_columns
