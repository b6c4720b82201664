program blends
  !! A host that lets an emulator in little by little, or runs it beside its own scheme.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use toy
  implicit none

  integer, parameter :: ncol = 300
  real(real64), parameter :: own = 100.0_real64
  real(real64), target :: t(ncol, nlay), p(ncol, nlay + 1), ts(ncol), flux(ncol, nlay + 1), tendency(ncol, nlay), &
      outgoing(ncol), aside(ncol, nlay + 1), emulated(ncol, nlay + 1)
  real(real32), target :: weights(ncol)
  type(emulator_t) :: e

  call open_bound()
  call ramps()
  call weighs_columns()
  call stands_aside()
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
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, p, units='Pa')
    call e%bind(surface_name, ts, units='K')
    call e%bind(flux_name, flux, units='W m-2')
    call e%bind(tendency_name, tendency, units='K s-1')
    call e%bind(outgoing_name, outgoing, units='W m-2')
    call e%run(0)
    emulated = flux
  end subroutine open_bound

  subroutine ramps()
    integer :: step

    call e%set_blend(0.0_real64, to=1.0_real64, first_step=10, last_step=14, name=flux_name)
    do step = 8, 16
      flux = own
      call e%run(step)
      if (step <= 10) call check(all(flux == own), 'before the ramp the host has its numbers')
      if (step > 10 .and. step < 14) call check(all(flux == own + 0.25_real64 * (step - 10) * (emulated - own)), 'on the ramp')
      if (step >= 14) call check(all(flux == emulated), 'behind the ramp the host has the numbers of the emulator')
    end do
  end subroutine ramps

  subroutine weighs_columns()
    integer :: icol

    call e%set_blend(0.5_real64)
    weights = [(real(mod(icol, 3), real32) / 2, icol = 1, ncol)]
    call e%bind_weight(weights)
    flux = own
    call e%run(1)
    do icol = 1, ncol
      call check(all(flux(icol, :) == own + 0.5_real64 * weights(icol) * (emulated(icol, :) - own)), 'weights multiply')
    end do
  end subroutine weighs_columns

  subroutine stands_aside()
    call e%set_blend(0.0_real64)
    call e%bind_aside(flux_name, aside, units='W m-2')
    flux = own
    outgoing = own
    call e%run(1)
    call check(all(flux == own) .and. all(outgoing == own), 'the host keeps its numbers')
    call check(all(aside == emulated), 'those of the emulator are aside')
  end subroutine stands_aside

  subroutine refuses()
    character(300) :: message
    integer :: stat

    call e%set_blend(2.0_real64, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'weights of the blend are 2 and 2; expected 0')
    call e%set_blend(0.0_real64, to=1.0_real64, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "needs 'to' and 'first_step'; only one")
    call e%set_blend(0.0_real64, to=1.0_real64, first_step=5, last_step=4, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'ends at step 4, before it begins at 5')
    call e%set_blend(0.0_real64, name=temperature_name, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'air_temperature' is an input")
    call e%bind_aside(flux_name, tendency, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, flux_name)
    call e%bind_aside(flux_name, flux)
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_layout, message, 'lies over another array')
    call e%bind_aside(flux_name, aside)
    weights(7) = -1
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'weight of column 7 (counted from 1)')
    call e%close()
    call e%set_blend(0.5_real64, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
    call e%bind_weight(weights, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
  end subroutine refuses

end program blends
