program many_columns
  !! A thousand columns at once, in the two layouts that models use, and what each of them costs in copies.
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use pyemu, only: emulator_t, report_t
  implicit none

  integer, parameter :: ncol = 1000, nlay = 10
  character(*), parameter :: heating_name = 'tendency_of_air_temperature_due_to_longwave_heating'
  real(real64), target :: heating(ncol, nlay)        ! [K s-1]
  real(real32), target :: heating_first(nlay, ncol)  ! the same, level first [K s-1]

  call columns_first()
  call levels_first()
  print '(a, es8.1, a)', 'largest difference: ', maxval(abs(heating - transpose(heating_first))), ' K s-1'

contains

  elemental function air_at(icol, ilay) result(temperature)
    integer, intent(in) :: icol, ilay
    real(real64) :: temperature   !! of a layer [K]

    temperature = 205 + 8 * ilay + real(icol, real64) / 128
  end function air_at

  subroutine columns_first()
    !! (ncol, nlay) in double precision: the library converts and transposes while it hands the columns over.
    type(emulator_t) :: radiation
    real(real64), allocatable, target :: temperature(:, :), surface(:)
    integer :: icol, ilay

    allocate (temperature(ncol, nlay), surface(ncol))
    temperature = reshape([((air_at(icol, ilay), icol=1, ncol), ilay=1, nlay)], shape(temperature))
    surface = 290
    call radiation%open('longwave.onnx')
    call radiation%bind('air_temperature', temperature, units='K')
    call radiation%bind('surface_temperature', surface, units='K')
    call radiation%bind(heating_name, heating, units='K s-1')
    call radiation%run()
    call tell('(ncol, nlay), real64', radiation%report())
  end subroutine columns_first

  subroutine levels_first()
    !! (nlay, ncol) in single precision: the memory is as the graph wants it, and the engine works on it in place.
    type(emulator_t) :: radiation
    real(real32), allocatable, target :: temperature(:, :), surface(:)
    integer :: icol, ilay

    allocate (temperature(nlay, ncol), surface(ncol))
    temperature = reshape([((real(air_at(icol, ilay), real32), ilay=1, nlay), icol=1, ncol)], shape(temperature))
    surface = 290
    call radiation%open('longwave.onnx')
    call radiation%bind('air_temperature', temperature, units='K', level_dim=1)
    call radiation%bind('surface_temperature', surface, units='K')
    call radiation%bind(heating_name, heating_first, units='K s-1', level_dim=1)
    call radiation%run()
    call tell('(nlay, ncol), real32', radiation%report())
  end subroutine levels_first

  subroutine tell(layout, counters)
    character(*), intent(in) :: layout
    type(report_t), intent(in) :: counters   !! what the emulator has done since it was opened

    print '(a, 3(a, i0))', layout, ': ', counters%columns, ' columns in ', counters%calls, ' call, bytes copied: ', &
        counters%copied_bytes
  end subroutine tell

end program many_columns
