program with_openmp
  !! Blocks of columns shared among OpenMP threads, each with an emulator of its own.
  use, intrinsic :: iso_fortran_env, only: real64
  use omp_lib, only: omp_get_max_threads, omp_get_thread_num
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: nproma = 32, nlay = 10, nblk = 200
  type(emulator_t), allocatable :: radiation(:)
  real(real64), allocatable, target :: temperature(:, :, :), surface(:, :), heating(:, :, :), serial(:, :, :)
  integer :: iblk, ithread

  allocate (temperature(nproma, nlay, nblk), surface(nproma, nblk))
  allocate (heating, serial, mold=temperature)
  call fill()

  allocate (radiation(0:omp_get_max_threads() - 1))
  do ithread = 0, ubound(radiation, 1)
    call radiation(ithread)%open('longwave.onnx')
  end do

  do iblk = 1, nblk
    call heat_block(radiation(0), temperature(:, :, iblk), surface(:, iblk), serial(:, :, iblk))
  end do

  !$omp parallel do schedule(dynamic)
  do iblk = 1, nblk
    call heat_block(radiation(omp_get_thread_num()), temperature(:, :, iblk), surface(:, iblk), heating(:, :, iblk))
  end do
  !$omp end parallel do

  do ithread = 0, ubound(radiation, 1)
    call radiation(ithread)%close()
  end do

  print '(a, i0, a)', 'serial run and threads agree in ', count(abs(heating - serial) <= 0), ' numbers'
  print '(a, i0)', 'numbers that differ: ', count(.not. abs(heating - serial) <= 0)

contains

  subroutine fill()
    integer :: ilay, iblk

    do iblk = 1, nblk
      temperature(:, :, iblk) = spread([(205 + 8 * ilay + real(iblk, real64) / 64, ilay=1, nlay)], 1, nproma)
    end do
    surface = 290
  end subroutine fill

  subroutine heat_block(emulator, temperature, surface, heating)
    !! One block through the emulator of the calling thread.
    type(emulator_t), intent(inout) :: emulator
    real(real64), intent(in), target :: temperature(:, :)   !! (nproma, nlay) [K]
    real(real64), intent(in), target :: surface(:)          !! (nproma) [K]
    real(real64), intent(out), target :: heating(:, :)      !! (nproma, nlay) [K s-1]

    call emulator%bind('air_temperature', temperature, units='K')
    call emulator%bind('surface_temperature', surface, units='K')
    call emulator%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1')
    call emulator%run()
  end subroutine heat_block

end program with_openmp
