program fields
  !! Fields in Fortran's order, numbers that hold for all columns, blocks that are partly filled, and the report.
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_size, pyemu_ok, report_t, variable_t
  implicit none

  call field_in_fortran_order()
  call wrong_shapes_are_errors()
  call last_block_is_short()
  call finish()

contains

  subroutine field_in_fortran_order()
    !! The card says (sample, channel, y, x); here it is (x, y, channel, sample), used in place.
    integer, parameter :: nx = 4, ny = 3, n_channels = 2, n_samples = 3
    type(emulator_t) :: e
    type(report_t) :: counters
    type(variable_t) :: v
    real(real32), target :: field(nx, ny, n_channels, n_samples), found(nx, ny, n_channels, n_samples), mask(nx, ny)
    real(real64), target :: factor
    integer :: i, j, k, l, weight

    call e%open(data_file('field.onnx'))
    call e%variable(e%find('field'), v)
    call check(all(v%shape == [nx, ny, n_channels]) .and. v%has_batch, 'shape of a field in Fortran order')
    call e%variable(e%find('factor'), v)
    call check(size(v%shape) == 0 .and. .not. v%has_batch, 'shape of a number for all columns')
    call random_number(field)
    call random_number(mask)
    factor = 2
    call e%bind('field', field)
    call e%bind('mask', mask)
    call e%bind('factor', factor)
    call e%bind('result', found)
    call e%run()
    do l = 1, n_samples
      do k = 1, n_channels
        do j = 1, ny
          do i = 1, nx
            weight = i + nx * (j - 1 + ny * (k - 1))
            call check(abs(found(i, j, k, l) - (2 * field(i, j, k, l) * weight + mask(i, j))) < 1e-5, 'field')
          end do
        end do
      end do
    end do
    counters = e%report()
    call check(counters%engine == 'onnxruntime' .and. len(counters%engine_version) > 0, 'report names the engine')
    call check(counters%calls == 1 .and. counters%columns == n_samples, 'report counts calls and columns')
    call check(counters%copied_bytes == 4, 'only the real64 number is copied')
    call check(counters%engine_seconds > 0 .and. counters%open_seconds > 0, 'report gives times')
  end subroutine field_in_fortran_order

  subroutine wrong_shapes_are_errors()
    type(emulator_t) :: e
    real(real32), target :: field(2, 3, 4), numbers(2)
    integer :: stat
    character(400) :: message

    call e%open(data_file('field.onnx'), engine='stub')
    call e%bind('field', field, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, "'field' has 2 channels, but dimension 3")
    call e%bind('factor', numbers, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'one value for all columns')
  end subroutine wrong_shapes_are_errors

  subroutine last_block_is_short()
    !! (nproma, nlay, nblk) bound once; of the last block only two columns are in use.
    integer, parameter :: nproma = 4, nlay = 5, nblk = 3, ncol = 10
    type(emulator_t) :: e
    real(real64), target :: x(nproma, nlay, nblk), y(nproma, nlay, nblk), factor
    integer :: stat, step
    character(400) :: message

    call e%open(data_file('global.onnx'))
    factor = 3
    y = -999
    call random_number(x)
    x(3:, :, nblk) = huge(x)
    call e%bind('x', x, level_dim=2)
    call e%bind('y', y, level_dim=2)
    call e%bind('factor', factor)
    do step = 1, 3
      factor = factor + 1
      call e%run(step, columns=ncol)
      call check(all(abs(y(:, :, :nblk - 1) - factor * x(:, :, :nblk - 1)) < 1e-5), 'full blocks')
      call check(all(abs(y(:2, :, nblk) - factor * x(:2, :, nblk)) < 1e-5), 'filled part of the last block')
      call check(all(y(3:, :, nblk) == -999), 'the rest is left alone')
    end do
    call e%run(4, columns=nproma * nblk + 1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, '13 columns was asked for; expected 0 to 12')
    call one_block_after_another(e, x, y)
    call check(stat /= pyemu_ok, 'the error was seen')
  end subroutine last_block_is_short

  subroutine one_block_after_another(e, x, y)
    !! A host that calls its physics block by block, and binds each anew.
    type(emulator_t), intent(inout) :: e
    real(real64), intent(in), target :: x(:, :, :)
    real(real64), intent(inout), target :: y(:, :, :)
    real(real64), target :: factor
    integer :: iblk

    y = -999
    factor = 5
    call e%unbind()
    call e%bind('factor', factor)
    do iblk = 1, size(x, 3)
      call e%bind('x', x(:, :, iblk))
      call e%bind('y', y(:, :, iblk))
      call e%run(columns=merge(2, size(x, 1), iblk == size(x, 3)))
    end do
    call check(all(abs(y(:, :, :2) - 5 * x(:, :, :2)) < 1e-5), 'block by block')
    call check(all(abs(y(:2, :, 3) - 5 * x(:2, :, 3)) < 1e-5) .and. all(y(3:, :, 3) == -999), 'short block by itself')
  end subroutine one_block_after_another

end program fields
