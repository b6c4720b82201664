program blocks
  !! Columns in blocks (nproma, nlay, nblk) of which the last is partly filled: in one call, and block by block.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: real64
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: nproma = 32, nlay = 10, nblk = 4
  integer, parameter :: ncol = 100                  ! 32 + 32 + 32 + 4
  real(real64), parameter :: unused = -1
  real(real64), target :: temperature(nproma, nlay, nblk), surface(nproma, nblk)
  real(real64), target :: at_once(nproma, nlay, nblk), by_block(nproma, nlay, nblk)

  call fill()
  call run_at_once(at_once)
  call run_by_block(by_block)
  print '(a, i0)', 'columns heated: ', count(at_once(:, 1, :) > unused)
  print '(a, i0)', 'columns left alone: ', count(abs(at_once(:, 1, :) - unused) <= 0)
  print '(a, es8.1, a)', 'largest difference: ', maxval(abs(at_once - by_block)), ' K s-1'

contains

  subroutine fill()
    !! The places of the last block that hold no column hold rubbish, as they may in a model.
    integer :: iblk, icol, ilay, iproma

    temperature = ieee_value(temperature, ieee_quiet_nan)
    surface = ieee_value(surface, ieee_quiet_nan)
    do icol = 1, ncol
      iblk = (icol - 1) / nproma + 1
      iproma = icol - nproma * (iblk - 1)
      temperature(iproma, :, iblk) = [(205 + 8 * ilay + real(icol, real64) / 16, ilay=1, nlay)]
      surface(iproma, iblk) = 290
    end do
  end subroutine fill

  subroutine run_at_once(heating)
    !! Everything is bound once; the first ncol columns, counted through the blocks, are those that exist.
    real(real64), intent(out), target :: heating(:, :, :)   !! (nproma, nlay, nblk) [K s-1]
    type(emulator_t) :: radiation

    heating = unused
    call radiation%open('longwave.onnx')
    call radiation%bind('air_temperature', temperature, units='K', level_dim=2)
    call radiation%bind('surface_temperature', surface, units='K')
    call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1', level_dim=2)
    call radiation%run(columns=ncol)
    call radiation%close()
  end subroutine run_at_once

  subroutine run_by_block(heating)
    !! The physics of the model works on one block at a time: each is bound anew, which costs next to nothing.
    real(real64), intent(out), target :: heating(:, :, :)   !! (nproma, nlay, nblk) [K s-1]
    type(emulator_t) :: radiation
    integer :: iblk

    heating = unused
    call radiation%open('longwave.onnx')
    do iblk = 1, nblk
      call radiation%bind('air_temperature', temperature(:, :, iblk), units='K')
      call radiation%bind('surface_temperature', surface(:, iblk), units='K')
      call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating(:, :, iblk), units='K s-1')
      call radiation%run(columns=min(nproma, ncol - nproma * (iblk - 1)))
    end do
    call radiation%close()
  end subroutine run_by_block

end program blocks
