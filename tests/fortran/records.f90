program records
  !! A host that records: settings, what is told, refusals. The bits of runs are those without a recording; Python replays
  !! the file.
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use toy
  implicit none

  integer, parameter :: ncol = 40
  character(*), parameter :: path = 'records_of_fortran.nc', host_path = 'records_of_host.nc'
  real(real64), target :: t(ncol, nlay), p(ncol, nlay + 1), ts(ncol)
  real(real32), target :: flux(ncol, nlay + 1), tendency(ncol, nlay), outgoing(ncol)
  type(emulator_t) :: e

  call open_bound()
  call records_runs()
  call is_bounded()
  call records_the_host()
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
    call e%open(data_file('ranged.onnx'), engine='native')
    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, p, units='Pa')
    call e%bind(surface_name, ts, units='K')
    call e%bind(flux_name, flux, units='W m-2')
    call e%bind(tendency_name, tendency, units='K s-1')
    call e%bind(outgoing_name, outgoing, units='W m-2')
  end subroutine open_bound

  subroutine records_runs()
    !! Steps 2 and 4 of 1 to 5, the second on some columns.
    type(recorded_t) :: found
    real(real32) :: plain(ncol, nlay + 1)
    integer :: step

    call e%run(1)
    plain = flux
    call e%set_record(path, replace=.true., first_step=2, last_step=4, every=2, buffer=16)
    do step = 1, 3
      call e%run(step)
      call check(all(flux == plain), 'a recorded run has the bits of any other')
    end do
    call e%run(4, columns=7)
    call e%run(5)
    found = e%recorded()
    call check(found%is_on .and. found%calls == 2 .and. found%columns == ncol + 7, 'calls and columns')
    call e%end_record()
    found = e%recorded()
    call check(.not. found%is_on .and. found%status == pyemu_ok .and. found%stopped == '', 'ended by the host')
    call check(found%path == path .and. found%seconds > 0, 'path and cost')
    call check(found%bytes == size_of(path), 'bytes are those of the file')
  end subroutine records_runs

  subroutine is_bounded()
    !! The file stays below its limit, and runs go on.
    type(recorded_t) :: found
    integer :: step

    call e%set_record(path // '.small', replace=.true., max_bytes=20000_int64)
    do step = 1, 10
      call e%run(step)
    end do
    found = e%recorded()
    call check(.not. found%is_on .and. found%status == pyemu_ok, 'the limit is no error')
    call check(index(found%stopped, 'max_bytes, 20000') > 0, 'it is told')
    call check(found%bytes <= 20000 .and. found%bytes == size_of(path // '.small'), 'the file is as large as told')
    call check(found%columns > ncol .and. mod(found%columns, int(ncol, int64)) /= 0, 'columns of the last call are cut')
  end subroutine is_bounded

  subroutine records_the_host()
    type(recorded_t) :: found

    call e%set_record(host_path, source='host', replace=.true.)
    call e%run(1)
    flux = 17
    call e%record_host(1)
    call e%record_host(2, columns=3)
    call e%end_record()
    found = e%recorded()
    call check(found%calls == 2 .and. found%columns == ncol + 3, 'only what the host asks for')
  end subroutine records_the_host

  subroutine refuses()
    type(recorded_t) :: found
    character(300) :: message
    integer :: stat

    call e%set_record(path, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, 'is there already')
    call e%set_record('/no/such/folder/a.nc', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, "cannot create '/no/such/folder/a.nc'")
    call e%set_record('rank{rank}.nc', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'no rank is given')
    call e%set_record('x.nc', only='some', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'only' of the recording is 'some'; expected 'all' or 'flagged'")
    call e%set_record('x.nc', source='me', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'source' of the recording is 'me'; expected 'runs' or 'host'")
    call e%set_record('x.nc', only='flagged', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'no guard flags any')
    call e%set_record('x.nc', every=0, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "'every' of the recording is 0; expected 1 or more")
    call e%close()
    call e%set_record('x.nc', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
    found = e%recorded()
    call check(found%path == '' .and. found%columns == 0, 'a closed emulator has recorded nothing')
  end subroutine refuses

  integer(int64) function size_of(name)
    character(*), intent(in) :: name

    inquire (file=name, size=size_of)
  end function size_of

end program records
