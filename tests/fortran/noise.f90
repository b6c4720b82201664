program noise
  !! Noise in Fortran: filled by run, filled without an emulator, the same in blocks, and what is refused.
  use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu, only: emulator_t, pyemu_err_argument, pyemu_err_kind, pyemu_err_size, pyemu_fill_noise, pyemu_ok, variable_t
  implicit none

  integer, parameter :: ncol = 300, nlay = 5, n_steps = 3
  character(500) :: message
  integer :: stat

  call variables_say_that_they_are_noise()
  call run_fills_noise()
  call blocks_do_not_matter(7)
  call blocks_do_not_matter(128)
  call arrays_of_any_shape()
  call refusals()
  call finish()

contains

  subroutine variables_say_that_they_are_noise()
    type(emulator_t) :: e
    type(variable_t) :: v

    call e%open(data_file('noisy.onnx'), engine='native')
    call e%variable(e%find('memory'), v)
    call check(v%noise == 'normal' .and. abs(v%noise_ar1 - 0.9_real64) <= 0 .and. v%noise_stream > 0, 'memory is noise')
    call e%variable(e%find('coin'), v)
    call check(v%noise == 'uniform' .and. v%noise_ar1 <= 0, 'coin is noise')
    call e%variable(e%find('x'), v)
    call check(v%noise == '' .and. v%noise_stream == 0, 'x is none')
  end subroutine variables_say_that_they_are_noise

  subroutine run_fills_noise()
    !! The noise of a stream, and of a process made of it, in arrays (ncol, nlay).
    type(emulator_t) :: e
    type(variable_t) :: v
    real(real64), target :: x(ncol), kick(ncol, nlay)
    real(real64) :: kick_expected(ncol, nlay)
    real(real32), target :: coin(ncol), memory(ncol, nlay)
    real(real32) :: coin_expected(ncol), process(ncol, nlay), eps(ncol, nlay), a, b
    integer(int64), target :: ids(ncol)
    integer :: i, step

    ids = [(3_int64 * 2_int64**31 + 7 * i, i=1, ncol)]
    x = 0
    call e%open(data_file('noisy.onnx'), engine='native')
    call e%set_noise(42_int64, member=3)
    call e%bind_ids(ids)
    call bind_all(e, x, memory, kick, coin)
    a = 0.9_real32
    b = real(sqrt((1 - 0.9_real64) * (1 + 0.9_real64)), real32)
    do step = 1, n_steps
      call e%run(step)
      call e%variable(e%find('kick'), v)
      call pyemu_fill_noise(kick_expected, ids, 42, step, member=3, stream=v%noise_stream)
      call check(all(kick == kick_expected), 'run makes the noise of the stream')
      call e%variable(e%find('coin'), v)
      call pyemu_fill_noise(coin_expected, ids, 42_int64, step, member=3, stream=v%noise_stream, distribution='uniform')
      call check(all(coin == coin_expected), 'uniform noise')
      call e%variable(e%find('memory'), v)
      call pyemu_fill_noise(eps, ids, 42, step, member=3, stream=v%noise_stream)
      if (step == 1) process = eps
      if (step > 1) process = a * process + b * eps
      call check(all(abs(memory - process) <= 4 * epsilon(a)), 'a process')
    end do
  end subroutine run_fills_noise

  subroutine blocks_do_not_matter(nproma)
    !! One handle for all blocks gives the bits of all columns at once.
    integer, intent(in) :: nproma
    type(emulator_t) :: whole, e
    real(real64), target :: x(ncol), kick(ncol, nlay), kick_whole(ncol, nlay)
    real(real32), target :: coin(ncol), memory(ncol, nlay), coin_whole(ncol), memory_whole(ncol, nlay)
    integer(int32), target :: ids(ncol)
    integer :: first, last, step, i

    ids = [(ncol - i, i=1, ncol)]
    x = 0
    call whole%open(data_file('noisy.onnx'), engine='native')
    call e%open(data_file('noisy.onnx'), engine='native')
    call whole%set_noise(-1)
    call e%set_noise(-1)
    call whole%bind_ids(ids)
    call bind_all(whole, x, memory_whole, kick_whole, coin_whole)
    do step = 1, n_steps
      call whole%run(step)
      do first = 1, ncol, nproma
        last = min(first + nproma - 1, ncol)
        call e%unbind()
        call e%bind_ids(ids(first:last))
        call bind_all(e, x(first:last), memory(first:last, :), kick(first:last, :), coin(first:last))
        call e%run(step)
      end do
      call check(all(memory == memory_whole) .and. all(kick == kick_whole) .and. all(coin == coin_whole), &
                 'the same bits in blocks')
    end do
  end subroutine blocks_do_not_matter

  subroutine bind_all(e, x, memory, kick, coin)
    type(emulator_t), intent(inout) :: e
    real(real64), intent(in), target :: x(:)
    real(real32), intent(in), target :: memory(:, :), coin(:)
    real(real64), intent(in), target :: kick(:, :)

    call e%bind('x', x)
    call e%bind('shown_memory', memory)
    call e%bind('shown_kick', kick)
    call e%bind('shown_coin', coin)
  end subroutine bind_all

  subroutine arrays_of_any_shape()
    integer, parameter :: nproma = 4, nblk = 3
    real(real64) :: plain(nproma * nblk, nlay), blocks(nproma, nlay, nblk), reversed(nlay, nproma * nblk)
    real(real64) :: sparse(2 * nproma * nblk, nlay), single(nproma, nblk)
    integer :: i, ids(nproma * nblk)

    ids = [(100 * i, i=1, size(ids))]
    call pyemu_fill_noise(plain, ids, 1, 2)
    call pyemu_fill_noise(blocks, ids, 1, 2, level_dim=2)
    call pyemu_fill_noise(reversed, ids, 1, 2, level_dim=1)
    call pyemu_fill_noise(single, reshape(ids, [nproma, nblk]), 1, 2)
    sparse = -999
    call pyemu_fill_noise(sparse(::2, :), ids, 1, 2)
    do i = 1, nblk
      call check(all(blocks(:, :, i) == plain(nproma * (i - 1) + 1:nproma * i, :)), 'blocks')
      call check(all(single(:, i) == plain(nproma * (i - 1) + 1:nproma * i, 1)), 'one number for a column')
    end do
    call check(all(transpose(reversed) == plain), 'elements first')
    call check(all(sparse(::2, :) == plain) .and. all(sparse(2::2, :) == -999), 'a section')
  end subroutine arrays_of_any_shape

  subroutine refusals()
    type(emulator_t) :: e, closed
    real(real64), target :: x(ncol), kick(ncol, nlay)
    real(real32), target :: coin(ncol), memory(ncol, nlay)
    integer, target :: ids(ncol)
    integer, pointer :: nowhere(:)
    integer :: i

    ids = [(i, i=1, ncol)]
    x = 0
    nullify (nowhere)
    call e%open(data_file('noisy.onnx'), engine='native')
    call bind_all(e, x, memory, kick, coin)
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'emulator%set_noise')
    call e%set_noise(1)
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'emulator%bind_ids')
    call e%bind_ids(nowhere, stat, message)
    call check_error(stat, pyemu_err_argument, message, "the array for 'ids' has no memory")
    call e%bind_ids(ids)
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'give run the step')
    call e%bind_ids(ids(:10))
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'ids are bound for 10 columns, but arrays with 300')
    call e%bind_ids(ids)
    ids(7) = ids(3)
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'columns 3 and 7 (counted from 1) have the same id, 3')
    ids(7) = -1
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'the id of column 7 (counted from 1) is -1')
    call e%run(1, columns=6, stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'ids beyond the columns of a run are not looked at')
    call e%set_noise(1, member=-1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'member' is -1")
    call closed%set_noise(1, stat=stat, errmsg=message)
    call check(stat /= pyemu_ok, 'no noise for what is not open')
    call closed%bind_ids(ids, stat=stat, errmsg=message)
    call check(stat /= pyemu_ok, 'no ids for what is not open')
    call pyemu_fill_noise(x, ids(:3), 1, 1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'but there are 3 ids')
    call pyemu_fill_noise(x, x, 1, 1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'expected int32 or int64')
    call pyemu_fill_noise(ids, ids, 1, 1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'expected a float32 or float64')
    call pyemu_fill_noise(x, ids, 1, 1, distribution='gamma', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "expected 1 ('normal') or 2 ('uniform')")
  end subroutine refusals

end program noise
