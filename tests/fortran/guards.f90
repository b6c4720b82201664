program guards
  !! A host with a guard: flagged columns keep their outputs and are listed for the host's own scheme.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: int32, int64, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use toy
  implicit none

  integer, parameter :: ncol = 40
  real(real64), parameter :: own = -999.0_real64
  real(real64), target :: t(ncol, nlay), p(ncol, nlay + 1), ts(ncol), flux(ncol, nlay + 1), tendency(ncol, nlay), &
      outgoing(ncol)
  integer, parameter :: numbers = pyemu_reason_not_finite + pyemu_reason_invalid + pyemu_reason_novel
  type(emulator_t) :: e

  call open_bound()
  call falls_back()
  call counts()
  call fades()
  call stops()
  call budgets()
  call refuses()
  call finish()

contains

  subroutine open_bound()
    integer :: icol, ilay

    do icol = 1, ncol
      t(icol, :) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
      p(icol, :) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
      ts(icol) = surface_at(icol)
    end do
    call e%open(data_file('ranged.onnx'))
    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, p, units='Pa')
    call e%bind(surface_name, ts, units='K')
    call e%bind(flux_name, flux, units='W m-2')
    call e%bind(tendency_name, tendency, units='K s-1')
    call e%bind(outgoing_name, outgoing, units='W m-2')
  end subroutine open_bound

  subroutine falls_back()
    !! Columns 3, 17 and 40 are wrong each in its way; the host computes these.
    integer, allocatable :: flagged(:)
    integer(int32) :: found(ncol)
    integer :: icol

    t(3, 2) = 261.0_real64
    t(17, 5) = ieee_value(1.0_real64, ieee_quiet_nan)
    t(40, 1) = 99.0_real64
    flux = own
    call e%set_guard('fallback', reasons=numbers)
    call e%run(1)
    flagged = e%fallback()
    call check(size(flagged) == 3, 'three columns fall back')
    call check(all(flagged == [3, 17, 40]), 'they are listed from 1')
    call e%reasons(found)
    call check(all(found(flagged) == [pyemu_reason_novel, pyemu_reason_not_finite, pyemu_reason_invalid]), 'reasons')
    call check(sum(found) == sum(found(flagged)), 'no other column has a reason')
    call check(all(flux(flagged, :) == own), 'their outputs are left alone')
    do icol = 1, ncol
      if (any(flagged == icol)) cycle
      call check(all(abs(flux(icol, :) - toy_flux(icol, [1, 2, 3, 4, 5, 6])) < 1.0e-9_real64), 'all others are computed')
    end do
  end subroutine falls_back

  subroutine counts()
    integer(int64) :: found(nlay)

    call e%run(2)
    call e%guard_counts(temperature_name, pyemu_reason_novel, found)
    call check(all(found == [0, 2, 0, 0, 0]), 'counts of two runs by level')
    call e%set_guard('count', reasons=numbers)
    call e%guard_counts(temperature_name, pyemu_reason_novel, found)
    call check(all(found == 0), 'counts start anew')
    call e%run(3)
    call check(all(flux(3, :) /= own) .and. size(e%fallback()) == 0, 'counting changes nothing else')
  end subroutine counts

  subroutine fades()
    !! Halfway between the taper and the limit half of the emulator's output is left.
    t(17, 5) = 250.0_real64
    t(40, 1) = 250.0_real64
    t(3, 2) = 181.0_real64 + 39.5_real64 * 2.5_real64
    call e%set_guard('off')
    call e%run(4)
    outgoing = own
    call e%set_guard('fallback', reasons=numbers, limit=2.0_real64, taper=1.0_real64)
    call e%run(5)
    call check(abs(outgoing(3) - 0.5_real64 * (own + outgoing_of(3))) < 1.0e-3_real64, 'half and half')
    call check(abs(outgoing(4) - outgoing_of(4)) < 1.0e-3_real64, 'whole elsewhere')
  end subroutine fades

  function outgoing_of(icol) result(sum_of_layers)
    integer, intent(in) :: icol
    real(real64) :: sum_of_layers

    sum_of_layers = toy_outgoing(icol)
    if (icol == 3) sum_of_layers = toy_outgoing(icol) + 2 * (t(3, 2) - temperature_at(3, 2))
  end function outgoing_of

  subroutine stops()
    character(300) :: message
    integer :: stat

    outgoing = own
    call e%set_guard('stop', reasons=pyemu_reason_novel)
    call e%run(6, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_guard, message, "'air_temperature' is 279.75 in column 3, layer 2")
    call check(all(outgoing == own), 'no output is touched')
  end subroutine stops

  subroutine budgets()
    !! The flux at the top is a hundredth of the pressure plus the surface temperature: 1 to 1.2 W m-2 too much.
    type(budget_t) :: found
    integer(int32) :: why(ncol)

    call e%set_guard('count')
    call e%run(7)
    call e%run(8)
    call check(e%n_budgets() == 1, 'one budget')
    call e%budget(1, found)
    call check(found%name == 'flux_at_the_top' .and. found%units == 'W m-2', 'its name and units')
    call check(found%columns == 2 * ncol .and. found%tolerance == 1.1025_real64, 'columns of two runs')
    call check(abs(found%mean - sum(p(:, 1)) / (100 * ncol)) < 1.0e-9_real64, 'mean residual')
    call check(abs(found%largest - maxval(p(:, 1)) / 100) < 1.0e-9_real64, 'largest residual')
    call check(found%at_step == 7 .and. found%at_column == ncol, 'where it was first')
    call e%reasons(why)
    why = iand(why, pyemu_reason_budget) ! by default all reasons are looked for
    call check(all((why == pyemu_reason_budget) .eqv. (p(:, 1) > 110.25_real64)), 'columns beyond the tolerance')
    call check(found%exceeded == 2 * count(why /= 0) .and. any(why /= 0) .and. any(why == 0), 'their number')
  end subroutine budgets

  subroutine refuses()
    type(budget_t) :: none
    integer(int32) :: few(3)
    integer(int64) :: levels(nlay + 1)
    character(300) :: message
    integer :: stat

    call e%set_guard('watch', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "the guard's mode is 'watch'; expected 'off', 'count'")
    call e%set_guard('count', limit=-1.0_real64, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'limit of novelty is -1')
    call e%reasons(few, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, '3 columns are asked for; the last run had 40')
    call e%guard_counts(temperature_name, pyemu_reason_novel, levels, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, "room for 6 counts of 'air_temperature', which has 5")
    call e%budget(2, none, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'no budget 1 (counted from 0); the card has 1')
    call e%guard_counts('humidity', pyemu_reason_novel, levels, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_name, message, "no variable 'humidity'")
    call e%close()
    call e%set_guard('count', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
    call check(size(e%fallback()) == 0, 'a closed emulator lists nothing')
  end subroutine refuses

end program guards
