program bad_input
  !! Every kind of bad input gives a status and a message that says what was found, what was expected and what to
  !! try; the outputs stay untouched and the program goes on.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_c_binding, only: c_loc
  use, intrinsic :: iso_fortran_env, only: int8, int64, real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use toy, only: flux_name, nlay, outgoing_name, pressure_name, surface_name, temperature_name, tendency_name
  implicit none

  integer, parameter :: ncol = 6
  real(real64), parameter :: mark = -999.0_real64
  real(real64), target :: t(ncol, nlay), p(ncol, nlay + 1), ts(ncol)
  real(real64), target :: flux(ncol, nlay + 1), tendency(ncol, nlay), outgoing(ncol)
  character(600) :: message
  integer :: stat

  t = 250; p = 1000; ts = 280
  flux = mark; tendency = mark; outgoing = mark
  call files()
  call code()
  call names_units_sizes_kinds()
  call run_too_early()
  call not_a_number()
  call close_twice()
  call short_messages()
  call finish()

contains

  subroutine files()
    call refuse_file('no_such_file.onnx', pyemu_err_file, 'cannot open')
    call refuse_file('truncated.onnx', pyemu_err_format, 'truncated')
    call refuse_file('empty.onnx', pyemu_err_format, 'not an ONNX file')
    call refuse_file('text.onnx', pyemu_err_format, 'not a whole ONNX file')
    call refuse_file('no_card.onnx', pyemu_err_no_card, "write it with 'pyemu export'")
    call refuse_file('newer_schema.onnx', pyemu_err_schema, &
                     'card schema 3 found, this library reads up to 2: update libpyemu')
    call refuse_file('card_is_cut.onnx', pyemu_err_card, 'not valid JSON')
    call refuse_file('graph_other_size.onnx', pyemu_err_graph, 'size 5 in dimension 2 of the graph but 6 on the card')
    call refuse_file('with_noise.onnx', pyemu_err_unsupported, 'needs noise')
  end subroutine files

  subroutine code()
    !! A file that carries code needs leave, a digest is compared, and the engine must run the file's kind.
    type(emulator_t) :: e
    character(*), parameter :: zeros = repeat('0', 64)

    call refuse_file('toy.pt', pyemu_err_code, 'allow_code')
    call e%open(data_file('toy.pt'), engine='no_such_engine', allow_code=.true., stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_engine, message, "'no_such_engine' not found")
    call e%open(data_file('toy.pt'), engine='no_such_engine', allow_code=.false., stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_code, message, 'carries code')
    call e%open(data_file('toy.pt'), engine='onnxruntime', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "choose engine 'torchscript'")
    call e%open(data_file('toy.onnx'), sha256=zeros, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_code, message, zeros // ' was asked for')
    call e%open(data_file('toy.onnx'), sha256=' ', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, '64 hexadecimal digits')
    call e%open_memory([1_int8], sha256=zeros, allow_code=.true., stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_code, message, zeros // ' was asked for')
  end subroutine code

  subroutine refuse_file(name, expected, piece)
    character(*), intent(in) :: name, piece
    integer, intent(in) :: expected
    type(emulator_t) :: e

    call e%open(data_file(name), stat=stat, errmsg=message)
    call check_error(stat, expected, message, piece)
    call check(index(message, name) > 0, 'the message names the file ' // name)
    call check(.not. e%is_open(), 'not open after an error')
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
  end subroutine refuse_file

  subroutine names_units_sizes_kinds()
    type(emulator_t) :: e
    integer, target :: number(ncol, nlay)

    call e%open(data_file('toy.onnx'), engine='no_such_engine', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_engine, message, "engine 'no_such_engine' not found")
    call e%open(data_file('toy.onnx'), device='tpu', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, "device 'tpu'")
    call e%open(data_file('toy.onnx'), device='cuda:first', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, "device 'cuda:first' is not understood; expected 'cpu'")
    call e%open(data_file('toy.onnx'), engine='stub', device='cuda', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, "engine 'stub' does not run on device 'cuda'")
    call e%open(data_file('toy.onnx'), device='cuda:0', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, 'CPUExecutionProvider; install onnxruntime-gpu')
    call e%open(data_file('toy.onnx'), stat=stat, errmsg=message, stream=c_loc(t))
    call check_error(stat, pyemu_err_unsupported, message, 'a stream was given')
    call check(e%device() == '', 'an emulator that is not open runs nowhere')
    call e%open(data_file('toy.onnx'), device='cuda:0,cpu', stat=stat, errmsg=message)
    call check(stat == pyemu_ok .and. e%device() == 'cpu', 'the CPU takes over where it may')
    call e%bind_device(temperature_name, c_loc(t), t, units='K', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, "the emulator runs on 'cpu'; open it with device 'cuda:0'")
    call e%close()
    call e%open(data_file('toy.onnx'), stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'the toy opens')
    call e%open(data_file('toy.onnx'), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'open already')

    call e%bind('temperature', t, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_name, message, "no variable 'temperature'; its inputs are 'air_temperature'")
    call e%bind(temperature_name, t, units='degC', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_units, message, "given in 'degC', but the emulator needs 'K'")
    call e%bind(temperature_name, t(:, 1:4), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'has 5 layers, but dimension 2 of its array (shape 6, 4)')
    call e%bind(temperature_name, t, level_dim=1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'dimension 1 of its array (shape 6, 5) has size 6')
    call e%bind(temperature_name, t, level_dim=3, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'one of its 2 dimensions, found one after the last')
    call e%bind(temperature_name, t, level_dim=0, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'found one before the first')
    call e%bind(temperature_name, ts(1), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'found a scalar')
    call e%bind(temperature_name, t, stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'a good binding after bad ones')
    call e%bind(surface_name, ts(1:4), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, "has 4 columns, but 'air_temperature' is bound with 6")
    call e%bind(surface_name, ts, level_dim=1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'one value per column')

    call e%bind(tendency_name, number, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'is int32, which cannot serve this output')
    call e%reference(temperature_name, t, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'has 6 columns, but 4 are recorded')
    call reference_kinds(e)
    call component_of_an_array(e)
    call without_memory(e)
    call assumed_size(e, t)
  end subroutine names_units_sizes_kinds

  subroutine reference_kinds(e)
    !! Kinds that no emulator has are refused when a reference is read. (Bind refuses them when the host is compiled.)
    type(emulator_t), intent(inout) :: e
    integer(int64) :: long(4, nlay)
    complex(real64) :: z(4, nlay)
    logical :: l(4, nlay)
    character(8) :: text(4)

    call e%reference(temperature_name, long, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'is integer(int64); bind a real(real32), real(real64)')
    call e%reference(temperature_name, z, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'is complex(real64)')
    call e%reference(temperature_name, l, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'logical')
    call e%reference(surface_name, text, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_kind, message, 'is ')
  end subroutine reference_kinds

  subroutine component_of_an_array(e)
    !! Either the compiler passes the right address, or the binding is refused.
    type :: point_t
      real(real64) :: other, surface
    end type point_t
    type(emulator_t), intent(inout) :: e
    type(point_t), target :: points(ncol)

    points%other = 0
    call e%bind(surface_name, points%surface, stat=stat, errmsg=message)
    if (stat /= pyemu_ok) call check_error(stat, pyemu_err_kind, message, 'then bind a pointer to it')
  end subroutine component_of_an_array

  subroutine assumed_size(e, a)
    type(emulator_t), intent(inout) :: e
    real(real64), intent(inout), target :: a(ncol, *)

    call e%unbind()
    call e%bind(temperature_name, a(:, 1:nlay), stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'a section of an assumed-size array with an upper bound')
    call e%reference(temperature_name, a, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_size, message, 'of assumed size')
  end subroutine assumed_size

  subroutine without_memory(e)
    type(emulator_t), intent(inout) :: e
    real(real64), pointer :: nothing(:, :)
    real(real64), allocatable, target :: unallocated(:, :)

    nullify (nothing)
    call e%unbind()
    call e%bind(temperature_name, nothing, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'has no memory')
    call e%bind(temperature_name, unallocated, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'has no memory')
    allocate (nothing(0, nlay))
    call e%bind(temperature_name, nothing, stat=stat, errmsg=message)
    call check(stat == pyemu_ok .and. e%n_columns() == 0, 'an array without columns')
    deallocate (nothing)
  end subroutine without_memory

  subroutine run_too_early()
    type(emulator_t) :: e

    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
    call e%open(data_file('toy.onnx'))
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_bound, message, "missing: input 'air_temperature'")
    call e%bind(temperature_name, t)
    call e%bind(pressure_name, p)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_bound, message, "missing: input 'surface_temperature'")
    call check(index(message, temperature_name) == 0, 'what is bound is not called missing')
    call check_untouched()
  end subroutine run_too_early

  subroutine not_a_number()
    type(emulator_t) :: e

    call e%open(data_file('toy.onnx'))
    call bind_all(e)
    t(4, 2) = ieee_value(t(4, 2), ieee_quiet_nan)
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_finite, message, "input 'air_temperature' is nan in column 4, layer 2")
    t(4, 2) = 1.0e300_real64
    call e%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_finite, message, 'too large for float32')
    call check_untouched()
    t(4, 2) = 250
    call e%run(stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'the emulator works after an error')
    call check(all(flux > 0), 'outputs are written then')
  end subroutine not_a_number

  subroutine bind_all(e)
    type(emulator_t), intent(inout) :: e

    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, p, units='Pa')
    call e%bind(surface_name, ts, units='K')
    call e%bind(flux_name, flux, units='W m-2')
    call e%bind(tendency_name, tendency, units='K s-1')
    call e%bind(outgoing_name, outgoing, units='W m-2')
  end subroutine bind_all

  subroutine check_untouched()
    call check(all(flux == mark) .and. all(tendency == mark) .and. all(outgoing == mark), 'outputs untouched')
  end subroutine check_untouched

  subroutine close_twice()
    type(emulator_t) :: e

    call e%close(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'never opened')
    call e%open(data_file('toy.onnx'), engine='stub')
    call e%close(stat=stat)
    call check(stat == pyemu_ok, 'the first close')
    message = 'as it was'
    call e%close(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'closed already')
    call e%open(data_file('toy.onnx'), engine='stub', stat=stat, errmsg=message)
    call check(stat == pyemu_ok .and. index(message, 'closed already') > 0, 'errmsg is left alone on success')
    call e%close()
  end subroutine close_twice

  subroutine short_messages()
    !! A short errmsg is cut, and the name of a status can be asked for.
    type(emulator_t) :: e
    character(10) :: short

    call e%open('no_such_file.onnx', stat=stat, errmsg=short)
    call check(short == 'cannot ope', 'a short errmsg')
    call check(pyemu_status_name(stat) == 'PYEMU_ERR_FILE', 'the name of a status')
  end subroutine short_messages

end program bad_input
