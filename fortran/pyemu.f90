module pyemu
  !! Run a trained emulator inside a Fortran model, every time step.
  !!
  !! Open the emulator file once, bind the model's own arrays once, run every step:
  !!
  !!     use pyemu, only: emulator_t
  !!     type(emulator_t) :: radiation
  !!     real(real64), target :: temperature(ncol, nlay), heating(ncol, nlay)
  !!     call radiation%open('radiation.onnx')
  !!     call radiation%bind('air_temperature', temperature, units='K')
  !!     call radiation%bind('tendency_of_air_temperature_due_to_longwave_heating', heating, units='K s-1')
  !!     do step = 1, n_steps
  !!       call radiation%run(step)
  !!     end do
  !!     call radiation%close()
  !!
  !! Bound arrays carry the TARGET attribute and stay where they are until they are bound anew or the emulator is
  !! closed: run reads and writes them behind the compiler's back.
  !!
  !! Errors are reported as by ALLOCATE. With stat= present it becomes zero or one of the pyemu_err_ numbers, and
  !! errmsg=, if present too, the message (it is left alone on success). Without stat= an error stops the program
  !! with the message. All units are those on the emulator's card; sizes are checked, never broadcast.
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_f_pointer, c_int, c_int32_t, c_int64_t, c_loc, &
      c_null_char, c_null_ptr, c_ptr, c_size_t, c_sizeof
  use, intrinsic :: iso_fortran_env, only: int8, int32, int64, real32, real64
  use pyemu_c, only: pyemu_options, pyemu_variable, pyemu_counters, c_pyemu_version, c_pyemu_status_name, c_pyemu_open, &
      c_pyemu_open_memory, c_pyemu_bind, c_pyemu_bind_device, c_pyemu_device, c_pyemu_unbind, &
      c_pyemu_run, c_pyemu_run_columns, c_pyemu_close, &
      c_pyemu_variable_count, c_pyemu_variable_info, c_pyemu_variable_find, c_pyemu_column_count, c_pyemu_card, c_pyemu_engine, &
      c_pyemu_reference_count, c_pyemu_reference, c_pyemu_report, c_pyemu_engine_version, c_pyemu_set_noise, &
      c_pyemu_bind_ids, c_pyemu_fill_noise, &
      pyemu_guard, c_pyemu_set_guard, c_pyemu_guard_reasons, c_pyemu_guard_fallback_count, c_pyemu_guard_fallback, &
      c_pyemu_guard_counts, pyemu_budget, c_pyemu_budget_count, c_pyemu_budget_report, &
      pyemu_blend, c_pyemu_set_blend, c_pyemu_bind_weight, c_pyemu_bind_aside, &
      c_pyemu_save_state, c_pyemu_load_state, c_pyemu_state_size, c_pyemu_save_state_memory, c_pyemu_load_state_memory, &
      pyemu_recording, pyemu_recorded, c_pyemu_set_record, c_pyemu_end_record, c_pyemu_record_host, c_pyemu_record_report
  implicit none
  private

  public :: emulator_t, variable_t, report_t, budget_t, recorded_t, pyemu_version, pyemu_status_name, pyemu_fill_noise

  ! Values of stat=, the same as in pyemu.h, where each is explained.
  integer, parameter, public :: pyemu_ok = 0
  integer, parameter, public :: pyemu_err_argument = 1
  integer, parameter, public :: pyemu_err_memory = 2
  integer, parameter, public :: pyemu_err_file = 3
  integer, parameter, public :: pyemu_err_format = 4
  integer, parameter, public :: pyemu_err_no_card = 5
  integer, parameter, public :: pyemu_err_schema = 6
  integer, parameter, public :: pyemu_err_card = 7
  integer, parameter, public :: pyemu_err_engine = 8
  integer, parameter, public :: pyemu_err_graph = 9
  integer, parameter, public :: pyemu_err_inference = 10
  integer, parameter, public :: pyemu_err_name = 11
  integer, parameter, public :: pyemu_err_units = 12
  integer, parameter, public :: pyemu_err_size = 13
  integer, parameter, public :: pyemu_err_kind = 14
  integer, parameter, public :: pyemu_err_layout = 15
  integer, parameter, public :: pyemu_err_not_bound = 16
  integer, parameter, public :: pyemu_err_not_finite = 17
  integer, parameter, public :: pyemu_err_closed = 18
  integer, parameter, public :: pyemu_err_busy = 19
  integer, parameter, public :: pyemu_err_unsupported = 20
  integer, parameter, public :: pyemu_err_code = 21
  integer, parameter, public :: pyemu_err_guard = 22

  ! Reasons of the guard to flag a column: they are added up.
  integer, parameter, public :: pyemu_reason_not_finite = 1  !! a number that is NaN or infinite
  integer, parameter, public :: pyemu_reason_invalid = 2     !! outside the valid range on the card
  integer, parameter, public :: pyemu_reason_novel = 4       !! an input outside the range seen in training
  integer, parameter, public :: pyemu_reason_budget = 8      !! a budget on the card that does not close
  integer, parameter, public :: pyemu_reason_all = 15

  integer, parameter :: input_direction = 1
  integer, parameter :: int32_dtype = 3
  integer, parameter :: reversed_dims = -2
  integer(c_int32_t), parameter :: normal = 1, uniform = 2
  integer(c_int64_t), parameter :: no_step = -huge(0_c_int64_t) - 1
  integer, parameter :: message_length = 1024, name_length = 256, path_length = 4096

  type :: variable_t
    !! What an emulator says of one of its inputs or outputs.
    character(:), allocatable :: name           !! identifier, for bind
    character(:), allocatable :: standard_name  !! CF standard name, may be empty
    character(:), allocatable :: units          !! units as in CF
    character(:), allocatable :: level_name     !! vertical dimension of a column, empty if there is none
    integer :: level_size = 0                   !! number of levels, 1 if there is no vertical dimension
    integer, allocatable :: shape(:)            !! sizes of one value in Fortran order: none, the level, or those of a field
    logical :: has_batch = .false.              !! it has a value for every column, else one for all of them
    logical :: is_integer = .false.             !! the graph has integer(int32) and its array must too, else reals
    logical :: is_input = .false.               !! an input of the emulator, else an output
    logical :: is_bound = .false.               !! an array is bound to it now
    character(:), allocatable :: noise          !! 'normal' or 'uniform' if the library fills it with noise, else empty
    integer :: noise_stream = 0                 !! number of that noise's stream, for pyemu_fill_noise
    real(real64) :: noise_ar1 = 0               !! coefficient of its AR(1) process, 0 for noise without memory
    logical :: is_carried = .false.             !! an output that is an input at the next step, or that input
  end type variable_t

  type :: report_t
    !! What an emulator has done since it was opened.
    character(:), allocatable :: engine          !! name of the engine
    character(:), allocatable :: engine_version  !! version of the library behind it
    integer(int64) :: calls = 0                  !! successful runs on one column or more
    integer(int64) :: columns = 0                !! columns of all these runs together
    integer(int64) :: copied_bytes = 0           !! copied because arrays did not have the layout and kind of the graph
    integer(int64) :: allocations = 0            !! times that run took memory of the library's own
    real(real64) :: open_seconds = 0             !! time to open, the engine's start included [s]
    real(real64) :: pack_seconds = 0             !! time in run to check and copy inputs [s]
    real(real64) :: engine_seconds = 0           !! time in the engine [s]
    real(real64) :: unpack_seconds = 0           !! time in run to copy outputs [s]
  end type report_t

  type :: budget_t
    !! What the guard has found of one budget of the card since it was set.
    character(:), allocatable :: name         !! as on the card
    character(:), allocatable :: units        !! of the residual
    real(real64) :: tolerance = 0             !! largest residual that the card allows, by magnitude
    integer(int64) :: columns = 0             !! residuals computed: one for each column of each run
    integer(int64) :: exceeded = 0            !! of these, the ones beyond the tolerance
    real(real64) :: mean = 0                  !! of the residuals
    real(real64) :: rms = 0                   !! root mean square of the residuals
    real(real64) :: largest = 0               !! the largest by magnitude, with its sign,
    integer(int64) :: at_step = -1            !! the step that run was given,
    integer :: at_column = 0                  !! and its column, counted from 1; 0 if there is none
  end type budget_t

  type :: recorded_t
    !! What an emulator has recorded since set_record.
    character(:), allocatable :: path         !! the file; empty if nothing was set
    logical :: is_on = .false.                !! the recording goes on
    integer :: status = pyemu_ok              !! or the pyemu_err_ number for which it ended early,
    character(:), allocatable :: stopped      !! and the same in words
    integer(int64) :: calls = 0               !! runs, or calls of record_host, that were recorded
    integer(int64) :: columns = 0             !! columns of these
    integer(int64) :: bytes = 0               !! size of the file
    real(real64) :: seconds = 0               !! spent on it in runs [s]
  end type recorded_t

  type :: emulator_t
    !! An emulator. It has one owner: assignment does not share it but leaves the copy closed, so pass it as an
    !! argument. It is closed when it goes out of scope. One thread at a time may use it.
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: open => open_file       !! (path, engine, device, threads, check_finite, runtime_library, allow_code,
                                         !! sha256, stat, errmsg, stream, precision, derivative)
    procedure :: open_memory             !! (bytes, ... as open)
    generic :: bind => bind_real32, bind_real64, bind_int32 !! (name, array, units, level_dim, stat, errmsg)
    procedure :: bind_device             !! (name, address, mold, units, level_dim, stat, errmsg)
    generic :: bind_ids => bind_ids_int32, bind_ids_int64      !! (ids, stat, errmsg)
    generic :: set_noise => set_noise_int32, set_noise_int64   !! (seed, member, stat, errmsg)
    procedure :: unbind                  !! (stat, errmsg)
    procedure :: run                     !! (step, columns, stat, errmsg)
    procedure :: set_guard               !! (mode, reasons, limit, taper, stat, errmsg)
    procedure :: fallback                !! () -> columns of the last run that the host must compute
    procedure :: reasons                 !! (found, stat, errmsg): why columns of the last run were flagged
    procedure :: guard_counts            !! (name, reason, counts, stat, errmsg)
    procedure :: n_budgets               !! () -> budgets on the card
    procedure :: budget                  !! (index, found, stat, errmsg)
    procedure :: set_blend               !! (weight, to, first_step, last_step, name, stat, errmsg)
    generic :: bind_weight => bind_weight_real32, bind_weight_real64 !! (weights, name, stat, errmsg)
    generic :: bind_aside => bind_aside_real32, bind_aside_real64    !! (name, array, units, level_dim, stat, errmsg)
    procedure :: save_state              !! (path, stat, errmsg)
    procedure :: load_state              !! (path, columns, counts, more, stat, errmsg)
    procedure :: save_state_memory       !! (bytes, stat, errmsg)
    procedure :: load_state_memory       !! (bytes, columns, counts, more, stat, errmsg)
    procedure :: set_record              !! (path, rank, replace, source, only, every_column, first_step, last_step, every,
                                         !! max_bytes, buffer, stat, errmsg)
    procedure :: end_record              !! (stat, errmsg)
    procedure :: record_host             !! (step, columns, stat, errmsg)
    procedure :: recorded                !! () -> what has been recorded
    procedure :: close => close_emulator !! (stat, errmsg)
    procedure :: is_open                 !! () -> logical
    procedure :: n_columns               !! () -> columns of the bound arrays, -1 if none is bound
    procedure :: n_variables             !! () -> inputs and outputs
    procedure :: variable                !! (index, variable, stat, errmsg)
    procedure :: find                    !! (name) -> index, 0 if there is no such variable
    procedure :: card                    !! () -> the card, JSON
    procedure :: engine                  !! () -> name of the engine
    procedure :: device                  !! () -> 'cpu' or 'cuda:N': where it runs
    procedure :: report                  !! () -> counters and times since open
    procedure :: n_references            !! () -> recorded reference columns
    procedure :: reference               !! (name, array, level_dim, stat, errmsg)
    procedure, private :: bind_real32, bind_real64, bind_int32, bind_ids_int32, bind_ids_int64
    procedure, private :: set_noise_int32, set_noise_int64
    procedure, private :: bind_weight_real32, bind_weight_real64, bind_aside_real32, bind_aside_real64
    procedure, private :: assign_closed
    generic :: assignment(=) => assign_closed
    final :: finalise
  end type emulator_t

  interface pyemu_fill_noise
    module procedure :: fill_noise_int32, fill_noise_int64     !! (array, ids, seed, step, member, stream, distribution,
                                                               !! level_dim, stat, errmsg)
  end interface pyemu_fill_noise

  interface
    function c_strlen(text) result(length) bind(c, name='strlen')
      import :: c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function c_strlen
  end interface

contains

  subroutine open_file(self, path, engine, device, threads, check_finite, runtime_library, allow_code, sha256, stat, &
                       errmsg, stream, precision, derivative)
    !! Open an emulator file and make its engine ready.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: path                        !! emulator file, trailing blanks ignored
    character(*), intent(in), optional :: engine            !! 'native', 'onnxruntime' (default for .onnx), ... or 'stub'
    character(*), intent(in), optional :: device            !! 'cpu' (default), 'cuda:0', or 'cuda:0,cpu' to let the CPU do
                                                            !! what CUDA cannot; see pyemu.h
    integer, intent(in), optional :: threads                !! threads the engine may use, default 1
    logical, intent(in), optional :: check_finite           !! run refuses inputs that are not finite, default true
    character(*), intent(in), optional :: runtime_library   !! file of the engine's runtime, default: search
    logical, intent(in), optional :: allow_code             !! run the code that the file carries, default false
    character(*), intent(in), optional :: sha256            !! digest that the file must have, 64 hexadecimal digits
    integer, intent(out), optional :: stat                  !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg         !! message, left alone on success
    type(c_ptr), intent(in), optional :: stream             !! CUDA stream the engine shall work on; see pyemu.h
    character(*), intent(in), optional :: precision         !! 'real32' (default), or 'real64' with engine 'native': what is
                                                            !! float32 in the graph is computed in real64
    character(*), intent(in), optional :: derivative        !! 'jvp' (tangent linear) or 'vjp' (adjoint): open that derivative
                                                            !! of the emulator in its place; see pyemu.h
    character(kind=c_char), target :: engine_text(name_length), device_text(name_length), library_text(path_length)
    character(kind=c_char), target :: sha256_text(name_length), precision_text(name_length), derivative_text(name_length)
    character(kind=c_char) :: message(message_length)
    type(pyemu_options) :: options
    integer(c_int) :: status

    if (refuse_if_open(self, stat, errmsg)) return
    options = make_options(threads, check_finite, allow_code)
    options%engine = c_text(engine_text, engine)
    options%device = c_text(device_text, device)
    options%runtime_library = c_text(library_text, runtime_library)
    options%sha256 = c_text(sha256_text, sha256)
    if (present(stream)) options%stream = stream
    options%precision = c_text(precision_text, precision)
    options%derivative = c_text(derivative_text, derivative)
    status = c_pyemu_open(trim(path) // c_null_char, options, self%handle, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine open_file

  subroutine open_memory(self, bytes, engine, device, threads, check_finite, runtime_library, allow_code, sha256, stat, &
                         errmsg, stream, precision, derivative)
    !! Open an emulator file that is already in memory, for instance received from another MPI rank.
    class(emulator_t), intent(inout) :: self
    integer(int8), intent(in), contiguous :: bytes(:)       !! the whole file; only needed during the call
    character(*), intent(in), optional :: engine            !! the other arguments are those of open
    character(*), intent(in), optional :: device
    integer, intent(in), optional :: threads
    logical, intent(in), optional :: check_finite
    character(*), intent(in), optional :: runtime_library
    logical, intent(in), optional :: allow_code
    character(*), intent(in), optional :: sha256
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    type(c_ptr), intent(in), optional :: stream
    character(*), intent(in), optional :: precision
    character(*), intent(in), optional :: derivative
    character(kind=c_char), target :: engine_text(name_length), device_text(name_length), library_text(path_length)
    character(kind=c_char), target :: sha256_text(name_length), precision_text(name_length), derivative_text(name_length)
    character(kind=c_char) :: message(message_length)
    type(pyemu_options) :: options
    integer(c_int) :: status

    if (refuse_if_open(self, stat, errmsg)) return
    options = make_options(threads, check_finite, allow_code)
    options%engine = c_text(engine_text, engine)
    options%device = c_text(device_text, device)
    options%runtime_library = c_text(library_text, runtime_library)
    options%sha256 = c_text(sha256_text, sha256)
    if (present(stream)) options%stream = stream
    options%precision = c_text(precision_text, precision)
    options%derivative = c_text(derivative_text, derivative)
    status = c_pyemu_open_memory(bytes, size(bytes, kind=c_size_t), options, self%handle, message, &
                                 size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine open_memory

  ! bind: the host's own array becomes a variable of the emulator. Nothing is copied, and every later run reads it (an
  ! input) or writes it (an output); inputs are never written. The dummy argument is a POINTER with intent(in), so that
  ! the compiler refuses what would go wrong later: arrays without TARGET, expressions and other temporaries, and kinds
  ! that no emulator can use. It says then that it found no matching specific binding for 'bind'.

  subroutine bind_real32(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name
    real(real32), pointer, intent(in) :: array(..)
    character(*), intent(in), optional :: units
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(array), name, stat, errmsg)) return
    call bind_any(self, name, array, units, level_dim, stat, errmsg)
  end subroutine bind_real32

  subroutine bind_real64(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name
    real(real64), pointer, intent(in) :: array(..)
    character(*), intent(in), optional :: units
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(array), name, stat, errmsg)) return
    call bind_any(self, name, array, units, level_dim, stat, errmsg)
  end subroutine bind_real64

  subroutine bind_int32(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name
    integer(int32), pointer, intent(in) :: array(..)
    character(*), intent(in), optional :: units
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(array), name, stat, errmsg)) return
    call bind_any(self, name, array, units, level_dim, stat, errmsg)
  end subroutine bind_int32

  subroutine bind_any(self, name, array, units, level_dim, stat, errmsg)
    !! Bind an array of a kind that is known to its descriptor alone. gfortran 12 hands a component of an array of a
    !! derived type (points%t) to a pointer dummy with the address and type of the whole: seen from here, where the
    !! type is not declared, the descriptor says so, and the binding is refused. A pointer to the component is right.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name                          !! variable, as on the card
    type(*), dimension(..), intent(in), target :: array       !! rank 0 to 7, real32 or real64 [units], any stride
    character(*), intent(in), optional :: units               !! units of the array, compared with the card's
    integer, intent(in), optional :: level_dim                !! dimension that is the vertical, default: the last
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char), target :: units_text(name_length)
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_bind(self%handle, trim(name) // c_null_char, array, c_text(units_text, units), &
                          level_index(level_dim), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine bind_any

  subroutine bind_device(self, name, address, mold, units, level_dim, stat, errmsg)
    !! Bind an array that lies in the memory of the device the emulator runs on, as OpenACC and CUDA hand it over:
    !!
    !!     !$acc host_data use_device(t)
    !!     call radiation%bind_device('air_temperature', c_loc(t), t, units='K', level_dim=1)
    !!     !$acc end host_data
    !!
    !! The array on the device has the kind, shape and strides of 'mold', usually the host's copy of it, whose values
    !! are not looked at. It is used in place, so it must have the layout of the graph: (nlay, ncol), in the kind of the
    !! graph. See pyemu_bind_device in pyemu.h.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name                          !! variable, as on the card
    type(c_ptr), intent(in) :: address                        !! of the first element, on the device
    type(*), dimension(..), intent(in), target :: mold        !! rank 0 to 7, real32 or real64 [units]
    character(*), intent(in), optional :: units               !! units of the array, compared with the card's
    integer, intent(in), optional :: level_dim                !! dimension that is the vertical, default: the last
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char), target :: units_text(name_length)
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_bind_device(self%handle, trim(name) // c_null_char, address, mold, c_text(units_text, units), &
                                 level_index(level_dim), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine bind_device

  ! bind_ids: the columns' numbers in the whole model, 0 or more, the same on whichever rank and in whichever block they
  ! are. Runs that make noise read the array in place; it has as many elements as there are columns. As with bind, the
  ! dummy argument is a pointer.

  subroutine bind_ids_int32(self, ids, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    integer(int32), pointer, intent(in) :: ids(..)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(ids), 'ids', stat, errmsg)) return
    call bind_any_ids(self, ids, stat, errmsg)
  end subroutine bind_ids_int32

  subroutine bind_ids_int64(self, ids, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    integer(int64), pointer, intent(in) :: ids(..)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(ids), 'ids', stat, errmsg)) return
    call bind_any_ids(self, ids, stat, errmsg)
  end subroutine bind_ids_int64

  subroutine bind_any_ids(self, ids, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    type(*), dimension(..), intent(in), target :: ids         !! integer(int32) or integer(int64), rank 0 to 7
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_bind_ids(self%handle, ids, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine bind_any_ids

  ! set_noise: which noise the library makes. All ranks give the same. Another seed or member than before forgets the
  ! memory of AR(1) noise: open an emulator for each member.

  subroutine set_noise_int32(self, seed, member, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    integer(int32), intent(in) :: seed                        !! any number
    integer, intent(in), optional :: member                   !! of the ensemble, from 0; default 0
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    call set_noise_int64(self, int(seed, int64), member, stat, errmsg)
  end subroutine set_noise_int32

  subroutine set_noise_int64(self, seed, member, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    integer(int64), intent(in) :: seed                        !! any number
    integer, intent(in), optional :: member                   !! of the ensemble, from 0; default 0
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_set_noise(self%handle, seed, from_zero(member), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine set_noise_int64

  subroutine set_blend(self, weight, to, first_step, last_step, name, stat, errmsg)
    !! Let every later run mix: weight * emulator + (1 - weight) * what the host's array holds before it. With weight 0
    !! those numbers stay, with 1 they are the emulator's, to the bit.
    class(emulator_t), intent(inout) :: self
    real(real64), intent(in) :: weight                 !! 0 to 1: in every step, or before first_step if there is 'to'
    real(real64), intent(in), optional :: to           !! weight from last_step on, 0 to 1; between, a linear ramp
    integer, intent(in), optional :: first_step        !! the steps that run is given; 'to' needs the first,
    integer, intent(in), optional :: last_step         !! and the last is the first unless given: a step, no ramp
    character(*), intent(in), optional :: name         !! of one output, default: all real outputs
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char), target :: name_text(name_length)
    character(kind=c_char) :: message(message_length)
    type(pyemu_blend) :: blend
    integer(c_int) :: status

    if (present(to) .neqv. present(first_step)) then
      call refuse("a blend that changes needs 'to' and 'first_step'; only one of them is given", stat, errmsg)
      return
    end if
    blend%sizeof_blend = c_sizeof(blend)
    blend%from = weight
    blend%to = weight
    if (present(to)) blend%to = to
    if (present(first_step)) blend%first_step = first_step
    blend%last_step = blend%first_step
    if (present(last_step)) blend%last_step = last_step
    status = c_pyemu_set_blend(self%handle, c_text(name_text, name), blend, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine set_blend

  ! bind_weight: a weight for each column, from 0 to 1, which multiplies that of the blend. Every run reads the array in
  ! place. As with bind, the dummy argument is a pointer.

  subroutine bind_weight_real32(self, weights, name, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    real(real32), pointer, intent(in) :: weights(..)
    character(*), intent(in), optional :: name
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(weights), 'weight', stat, errmsg)) return
    call bind_any_weight(self, weights, name, stat, errmsg)
  end subroutine bind_weight_real32

  subroutine bind_weight_real64(self, weights, name, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    real(real64), pointer, intent(in) :: weights(..)
    character(*), intent(in), optional :: name
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(weights), 'weight', stat, errmsg)) return
    call bind_any_weight(self, weights, name, stat, errmsg)
  end subroutine bind_weight_real64

  subroutine bind_any_weight(self, weights, name, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    type(*), dimension(..), intent(in), target :: weights     !! real32 or real64 [1], as many as columns
    character(*), intent(in), optional :: name                !! of one output, default: all real outputs with a batch
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char), target :: name_text(name_length)
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_bind_weight(self%handle, c_text(name_text, name), weights, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine bind_any_weight

  ! bind_aside: an array that takes an output as the emulator gives it, whatever the blend and the guard do. Otherwise as
  ! bind.

  subroutine bind_aside_real32(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name
    real(real32), pointer, intent(in) :: array(..)
    character(*), intent(in), optional :: units
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(array), name, stat, errmsg)) return
    call bind_any_aside(self, name, array, units, level_dim, stat, errmsg)
  end subroutine bind_aside_real32

  subroutine bind_aside_real64(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name
    real(real64), pointer, intent(in) :: array(..)
    character(*), intent(in), optional :: units
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    if (refuse_null(associated(array), name, stat, errmsg)) return
    call bind_any_aside(self, name, array, units, level_dim, stat, errmsg)
  end subroutine bind_aside_real64

  subroutine bind_any_aside(self, name, array, units, level_dim, stat, errmsg)
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: name                          !! output, as on the card
    type(*), dimension(..), intent(in), target :: array       !! rank 0 to 7, real32 or real64 [units], any stride
    character(*), intent(in), optional :: units               !! units of the array, compared with the card's
    integer, intent(in), optional :: level_dim                !! dimension that is the vertical, default: the last
    integer, intent(out), optional :: stat                    !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg           !! message, left alone on success
    character(kind=c_char), target :: units_text(name_length)
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_bind_aside(self%handle, trim(name) // c_null_char, array, c_text(units_text, units), &
                                level_index(level_dim), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine bind_any_aside

  subroutine save_state(self, path, stat, errmsg)
    !! Save what columns carry from step to step (AR(1) noise), by their ids, and what the guard has counted.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: path                   !! a file of this rank's own; an old one is replaced when all is there
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_save_state(self%handle, trim(path) // c_null_char, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine save_state

  subroutine load_state(self, path, columns, counts, more, stat, errmsg)
    !! Load what save_state has saved, of the same emulator file. If ranks are other than before, each loads the files of
    !! all, all but the first with more=.true., and one rank alone the counts.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: path
    logical, intent(in), optional :: columns           !! what columns carry, default true
    logical, intent(in), optional :: counts            !! what the guard has counted, default true; the guard must be set
    logical, intent(in), optional :: more              !! keep what is there and add, default false
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_load_state(self%handle, trim(path) // c_null_char, parts_of_state(columns, counts, more), message, &
                                size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine load_state

  subroutine save_state_memory(self, bytes, stat, errmsg)
    !! The same to memory, for the host's own restart file.
    class(emulator_t), intent(inout) :: self
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    allocate (bytes(max(c_pyemu_state_size(self%handle), 0_c_int64_t)))
    status = c_pyemu_save_state_memory(self%handle, bytes, size(bytes, kind=c_int64_t), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine save_state_memory

  subroutine load_state_memory(self, bytes, columns, counts, more, stat, errmsg)
    !! The same from memory; there may be more bytes behind the state.
    class(emulator_t), intent(inout) :: self
    integer(int8), contiguous, intent(in) :: bytes(:)
    logical, intent(in), optional :: columns           !! as in load_state
    logical, intent(in), optional :: counts
    logical, intent(in), optional :: more
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_load_state_memory(self%handle, bytes, size(bytes, kind=c_int64_t), &
                                       parts_of_state(columns, counts, more), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine load_state_memory

  pure function parts_of_state(columns, counts, more) result(what)
    !! PYEMU_STATE_COLUMNS, _COUNTS and _MORE, added up.
    logical, intent(in), optional :: columns, counts, more
    integer(c_int) :: what

    what = 3
    if (present(columns)) what = what - merge(0_c_int, 1_c_int, columns)
    if (present(counts)) what = what - merge(0_c_int, 2_c_int, counts)
    if (present(more)) what = what + merge(4_c_int, 0_c_int, more)
  end function parts_of_state

  subroutine unbind(self, stat, errmsg)
    !! Forget all bound arrays, the ids too, so that arrays with another number of columns can be bound.
    class(emulator_t), intent(inout) :: self
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_unbind(self%handle, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine unbind

  recursive subroutine run(self, step, columns, stat, errmsg)
    !! Run the emulator on the bound arrays. If it fails before inference, no output has been touched. Recursive: the
    !! engine of a shared emulator (module pyemu_mpi) runs another one.
    class(emulator_t), intent(inout) :: self
    integer, intent(in), optional :: step              !! the host's time step; needed where the library makes noise
    integer, intent(in), optional :: columns           !! the first so many of the bound columns, default all: for blocks
                                                       !! that are partly filled; all others are left alone
    integer, intent(out), optional :: stat             !! zero, or a pyemu_err_ number
    character(*), intent(inout), optional :: errmsg    !! message, left alone on success
    character(kind=c_char) :: message(message_length)
    integer(c_int64_t) :: step_number
    integer(c_int) :: status

    step_number = no_step
    if (present(step)) step_number = step
    if (present(columns)) then
      status = c_pyemu_run_columns(self%handle, step_number, int(columns, c_int64_t), message, &
                                   size(message, kind=c_size_t))
    else
      status = c_pyemu_run(self%handle, step_number, message, size(message, kind=c_size_t))
    end if
    call conclude(status, message, stat, errmsg)
  end subroutine run

  subroutine set_guard(self, mode, reasons, limit, taper, stat, errmsg)
    !! Look at inputs and outputs of every later run, column by column; counts start anew. With 'fallback' the outputs of a
    !! flagged column are left as they are, and fallback() lists it for the host's own scheme.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: mode                   !! 'off', 'count', 'clip', 'fallback' or 'stop'
    integer, intent(in), optional :: reasons           !! sum of pyemu_reason_ numbers, default pyemu_reason_all
    real(real64), intent(in), optional :: limit        !! novelty above which a column is flagged, default 1: the distance
                                                       !! from the middle of the range seen in training, in half widths
    real(real64), intent(in), optional :: taper        !! novelty from which on, up to the limit, outputs fade into the
                                                       !! host's; default 0: no taper. Only with 'fallback'
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(8), parameter :: modes(0:4) = [character(8) :: 'off', 'count', 'clip', 'fallback', 'stop']
    character(kind=c_char) :: message(message_length)
    type(pyemu_guard) :: guard
    integer(c_int) :: status

    if (all(modes /= mode)) then
      call refuse("the guard's mode is '" // mode // "'; expected 'off', 'count', 'clip', 'fallback' or 'stop'", stat, errmsg)
      return
    end if
    guard%sizeof_guard = c_sizeof(guard)
    guard%mode = int(findloc(modes, mode, 1) - 1, c_int)
    if (present(reasons)) guard%reasons = int(reasons, c_int)
    if (present(limit)) guard%limit = limit
    if (present(taper)) guard%taper = taper
    status = c_pyemu_set_guard(self%handle, guard, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine set_guard

  function fallback(self) result(columns)
    !! Columns of the last run whose outputs the guard left as they were, counted from 1, in rising order; none if there is
    !! no guard.
    class(emulator_t), intent(in) :: self
    integer, allocatable :: columns(:)
    integer(c_int64_t), allocatable :: found(:)
    character(kind=c_char) :: message(1)

    allocate (found(max(c_pyemu_guard_fallback_count(self%handle), 0_c_int64_t)))
    if (c_pyemu_guard_fallback(self%handle, found, size(found, kind=c_int64_t), message, 0_c_size_t) /= pyemu_ok) then
      found = found(:0)
    end if
    columns = int(found) + 1
  end function fallback

  subroutine reasons(self, found, stat, errmsg)
    !! Why the guard has flagged columns of the last run.
    class(emulator_t), intent(in) :: self
    integer(int32), contiguous, intent(inout) :: found(:)  !! by column: pyemu_reason_ numbers added up, 0 if all is well
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_guard_reasons(self%handle, found, size(found, kind=c_int64_t), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine reasons

  subroutine guard_counts(self, name, reason, counts, stat, errmsg)
    !! How often the guard has found one reason in a variable since it was set.
    class(emulator_t), intent(in) :: self
    character(*), intent(in) :: name                       !! variable, as on the card
    integer, intent(in) :: reason                          !! one of the pyemu_reason_ numbers
    integer(int64), contiguous, intent(inout) :: counts(:) !! by level, or by place of a field in the order of the card
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_guard_counts(self%handle, trim(name) // c_null_char, int(reason, c_int), counts, &
                                  size(counts, kind=c_int64_t), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine guard_counts

  function n_budgets(self) result(count)
    !! Number of budgets on the card; 0 if the emulator is not open.
    class(emulator_t), intent(in) :: self
    integer :: count

    count = int(c_pyemu_budget_count(self%handle))
  end function n_budgets

  subroutine budget(self, index, found, stat, errmsg)
    !! What the guard has found of one budget; its reasons must include pyemu_reason_budget.
    class(emulator_t), intent(in) :: self
    integer, intent(in) :: index                           !! 1 to n_budgets()
    type(budget_t), intent(out) :: found
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    type(pyemu_budget) :: told
    integer(c_int) :: status

    told%sizeof_budget = c_sizeof(told)
    status = c_pyemu_budget_report(self%handle, int(index - 1, c_int64_t), told, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
    if (status /= pyemu_ok) return
    found%name = text_at(told%name)
    found%units = text_at(told%units)
    found%tolerance = told%tolerance
    found%columns = told%columns
    found%exceeded = told%exceeded
    found%mean = told%mean
    found%rms = told%rms
    found%largest = told%largest
    found%at_step = told%at_step
    found%at_column = int(told%at_column) + 1
  end subroutine budget

  subroutine set_record(self, path, rank, replace, source, only, every_column, first_step, last_step, every, max_bytes, &
                        buffer, stat, errmsg)
    !! Record every later run in a NetCDF file, for 'pyemu replay' and 'pyemu data from-record'. A recording never makes a
    !! run fail: if it cannot go on it ends, and recorded() tells why. See pyemu_set_record in pyemu.h.
    class(emulator_t), intent(inout) :: self
    character(*), intent(in) :: path                   !! of the file; '{rank}' in it becomes the rank
    integer, intent(in), optional :: rank              !! of this process, default none; see record_on_all_ranks
    logical, intent(in), optional :: replace           !! replace a file of that name, default: refuse it
    character(*), intent(in), optional :: source       !! 'runs' (default), or 'host': what record_host is called for
    character(*), intent(in), optional :: only         !! 'all' columns (default), or those that the guard has 'flagged'
    integer, intent(in), optional :: every_column      !! columns whose id (or place) is a multiple of it, default 1
    integer, intent(in), optional :: first_step, last_step, every !! which steps, default all
    integer(int64), intent(in), optional :: max_bytes  !! the file does not grow beyond it, default 1 GiB
    integer, intent(in), optional :: buffer            !! columns kept before they are written, default about 4 MiB
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char), target :: path_text(path_length)
    character(kind=c_char) :: message(message_length)
    type(pyemu_recording) :: recording
    integer(c_int) :: status

    if (present(source)) then
      recording%source = merge(1_c_int, 0_c_int, source == 'host')
      if (refuse_word('source', source, [character(7) :: 'runs', 'host'], stat, errmsg)) return
    end if
    if (present(only)) then
      recording%only = merge(1_c_int, 0_c_int, only == 'flagged')
      if (refuse_word('only', only, [character(7) :: 'all', 'flagged'], stat, errmsg)) return
    end if
    recording%sizeof_recording = c_sizeof(recording)
    recording%path = c_text(path_text, path)
    if (present(rank)) recording%rank = int(rank, c_int32_t)
    if (present(replace)) recording%replace = merge(1_c_int, 0_c_int, replace)
    if (present(every_column)) recording%every_column = every_column
    if (present(first_step)) recording%first_step = first_step
    if (present(last_step)) recording%last_step = last_step
    if (present(every)) recording%every = every
    if (present(max_bytes)) recording%max_bytes = max_bytes
    if (present(buffer)) recording%buffer = buffer
    status = c_pyemu_set_record(self%handle, recording, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine set_record

  subroutine end_record(self, stat, errmsg)
    !! Write what is buffered and close the file; recorded() tells what it holds.
    class(emulator_t), intent(inout) :: self
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_end_record(self%handle, c_null_ptr, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine end_record

  subroutine record_host(self, step, columns, stat, errmsg)
    !! Record the bound arrays as they are now, without a run: inputs and outputs of the host's own scheme, from which an
    !! emulator can be trained. The recording must have source 'host'.
    class(emulator_t), intent(inout) :: self
    integer, intent(in), optional :: step              !! the host's time step
    integer, intent(in), optional :: columns           !! the first so many of the bound columns, default all
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int64_t) :: column_count, step_number
    integer(c_int) :: status

    step_number = no_step
    if (present(step)) step_number = step
    column_count = -1
    if (present(columns)) column_count = columns
    status = c_pyemu_record_host(self%handle, step_number, column_count, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine record_host

  function recorded(self) result(found)
    !! What has been recorded; empty if nothing was set.
    class(emulator_t), intent(in) :: self
    type(recorded_t) :: found
    character(kind=c_char) :: message(1)
    type(pyemu_recorded) :: told
    integer(c_int) :: status

    told%sizeof_recorded = c_sizeof(told)
    status = c_pyemu_record_report(self%handle, told, message, size(message, kind=c_size_t))
    found%path = text_at(told%path)
    found%stopped = text_at(told%stopped)
    if (status /= pyemu_ok) return
    found%is_on = told%is_on /= 0
    found%status = told%status
    found%calls = told%calls
    found%columns = told%columns
    found%bytes = told%bytes
    found%seconds = told%seconds
  end function recorded

  function refuse_word(name, word, words, stat, errmsg) result(is_refused)
    !! A word that is none of those that a setting of a recording may be.
    character(*), intent(in) :: name, word, words(:)
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    logical :: is_refused

    is_refused = all(words /= word)
    if (is_refused) call refuse("'" // name // "' of the recording is '" // word // "'; expected '" // trim(words(1)) // &
                                "' or '" // trim(words(2)) // "'", stat, errmsg)
  end function refuse_word

  subroutine close_emulator(self, stat, errmsg)
    !! Close the emulator. Closing one that is not open is an error, pyemu_err_closed, and does nothing else.
    class(emulator_t), intent(inout) :: self
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_close(self%handle, message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine close_emulator

  function is_open(self) result(answer)
    !! True from a successful open to close.
    class(emulator_t), intent(in) :: self
    logical :: answer

    answer = c_associated(self%handle)
  end function is_open

  function n_columns(self) result(count)
    !! Number of columns of the bound arrays, -1 if none is bound.
    class(emulator_t), intent(in) :: self
    integer :: count

    count = int(c_pyemu_column_count(self%handle))
  end function n_columns

  function n_variables(self) result(count)
    !! Number of inputs and outputs; 0 if the emulator is not open.
    class(emulator_t), intent(in) :: self
    integer :: count

    count = int(c_pyemu_variable_count(self%handle))
  end function n_variables

  subroutine variable(self, index, found, stat, errmsg)
    !! Describe one variable.
    class(emulator_t), intent(in) :: self
    integer, intent(in) :: index                       !! 1 to n_variables(): inputs first, then outputs
    type(variable_t), intent(out) :: found             !! its description
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    type(pyemu_variable) :: info
    integer(c_int) :: status

    info%sizeof_variable = c_sizeof(info)
    status = c_pyemu_variable_info(self%handle, index - 1_c_int64_t, info, message, size(message, kind=c_size_t))
    if (status == pyemu_ok) then
      found%name = text_at(info%name)
      found%standard_name = text_at(info%standard_name)
      found%units = text_at(info%units)
      found%level_name = text_at(info%level_name)
      found%level_size = int(info%level_size)
      found%shape = int(info%dim_sizes(info%n_dims:1:-1))
      found%has_batch = info%has_batch /= 0
      found%is_integer = info%dtype == int32_dtype
      found%is_input = info%direction == input_direction
      found%is_bound = info%is_bound /= 0
      found%noise = noise_name(info%noise)
      found%noise_stream = int(info%noise_stream)
      found%noise_ar1 = info%noise_ar1
      found%is_carried = info%is_carried /= 0
    end if
    call conclude(status, message, stat, errmsg)
  end subroutine variable

  function find(self, name) result(index)
    !! Index of the variable of that name, 0 if there is none.
    class(emulator_t), intent(in) :: self
    character(*), intent(in) :: name
    character(kind=c_char) :: message(message_length)
    integer(c_int64_t) :: found
    integer :: index

    found = -1
    index = 0
    if (c_pyemu_variable_find(self%handle, trim(name) // c_null_char, found, message, &
                              size(message, kind=c_size_t)) == pyemu_ok) index = int(found) + 1
  end function find

  function card(self) result(text)
    !! The emulator's card, as the JSON text in the file; empty if the emulator is not open.
    class(emulator_t), intent(in) :: self
    character(:), allocatable :: text

    text = text_at(c_pyemu_card(self%handle))
  end function card

  function engine(self) result(text)
    !! Name of the engine that runs the emulator; empty if it is not open.
    class(emulator_t), intent(in) :: self
    character(:), allocatable :: text

    text = text_at(c_pyemu_engine(self%handle))
  end function engine

  function device(self) result(text)
    !! Where the emulator runs: 'cpu' or 'cuda:N'; empty if it is not open.
    class(emulator_t), intent(in) :: self
    character(:), allocatable :: text

    text = text_at(c_pyemu_device(self%handle))
  end function device

  function report(self) result(counters)
    !! What the emulator has done since it was opened; all zero and empty if it is not open.
    class(emulator_t), intent(in) :: self
    type(report_t) :: counters
    character(kind=c_char) :: message(1)
    type(pyemu_counters) :: found
    integer(c_int) :: status

    found%sizeof_counters = c_sizeof(found)
    status = c_pyemu_report(self%handle, found, message, size(message, kind=c_size_t))
    counters%engine = self%engine()
    counters%engine_version = text_at(c_pyemu_engine_version(self%handle))
    if (status /= pyemu_ok) return
    counters%calls = found%calls
    counters%columns = found%columns
    counters%copied_bytes = found%copied_bytes
    counters%allocations = found%allocations
    counters%open_seconds = found%open_seconds
    counters%pack_seconds = found%pack_seconds
    counters%engine_seconds = found%engine_seconds
    counters%unpack_seconds = found%unpack_seconds
  end function report

  function n_references(self) result(count)
    !! Number of reference columns recorded in the file; 0 if the emulator is not open.
    class(emulator_t), intent(in) :: self
    integer :: count

    count = int(c_pyemu_reference_count(self%handle))
  end function n_references

  subroutine reference(self, name, array, level_dim, stat, errmsg)
    !! Copy the recorded values of an input or output into the host's array.
    class(emulator_t), intent(in) :: self
    character(*), intent(in) :: name                     !! variable, as on the card
    type(*), dimension(..), intent(inout) :: array       !! with n_references() columns [units on the card]
    integer, intent(in), optional :: level_dim           !! dimension that is the vertical, default: the last
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_reference(self%handle, trim(name) // c_null_char, array, level_index(level_dim), message, &
                               size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine reference

  ! pyemu_fill_noise: noise without an emulator, the same as an emulator makes for that seed, member, step and stream.

  subroutine fill_noise_int32(array, ids, seed, step, member, stream, distribution, level_dim, stat, errmsg)
    type(*), dimension(..), intent(inout) :: array       !! the other arguments are those of fill_noise_int64
    type(*), dimension(..), intent(in) :: ids
    integer(int32), intent(in) :: seed
    integer, intent(in) :: step
    integer, intent(in), optional :: member, stream
    character(*), intent(in), optional :: distribution
    integer, intent(in), optional :: level_dim
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg

    call fill_noise_int64(array, ids, int(seed, int64), step, member, stream, distribution, level_dim, stat, errmsg)
  end subroutine fill_noise_int32

  subroutine fill_noise_int64(array, ids, seed, step, member, stream, distribution, level_dim, stat, errmsg)
    !! An array with as many elements as there are ids gets one number for each column; else dimension 'level_dim'
    !! enumerates the elements of a column, and all others the columns, the first fastest.
    type(*), dimension(..), intent(inout) :: array       !! real32 or real64 (each with numbers of its own), rank 0 to 7
    type(*), dimension(..), intent(in) :: ids            !! int32 or int64: numbers of the columns in the whole model, from 0
    integer(int64), intent(in) :: seed                   !! any number
    integer, intent(in) :: step                          !! any number
    integer, intent(in), optional :: member              !! of the ensemble, from 0; default 0
    integer, intent(in), optional :: stream              !! from 0; default 0
    character(*), intent(in), optional :: distribution   !! 'normal' (default): mean 0, variance 1; or 'uniform': 0 to 1
    integer, intent(in), optional :: level_dim           !! dimension that enumerates elements, default: the last
    integer, intent(out), optional :: stat               !! zero, or a pyemu_err_ number; then nothing was filled
    character(*), intent(inout), optional :: errmsg      !! message, left alone on success
    character(kind=c_char) :: message(message_length)
    integer(c_int) :: status

    status = c_pyemu_fill_noise(noise_number(distribution), seed, from_zero(member), int(step, c_int64_t), &
                                from_zero(stream), ids, array, level_index(level_dim), message, size(message, kind=c_size_t))
    call conclude(status, message, stat, errmsg)
  end subroutine fill_noise_int64

  pure function noise_number(distribution) result(number)
    !! The header's number of a distribution, 0 for one that it does not have.
    character(*), intent(in), optional :: distribution
    integer(c_int32_t) :: number

    number = normal
    if (.not. present(distribution)) return
    if (distribution == 'uniform') then
      number = uniform
    else if (distribution /= 'normal') then
      number = 0
    end if
  end function noise_number

  pure function noise_name(number) result(name)
    !! The name of a distribution, empty if the variable is no noise.
    integer(c_int32_t), intent(in) :: number
    character(:), allocatable :: name

    name = ''
    if (number == normal) name = 'normal'
    if (number == uniform) name = 'uniform'
  end function noise_name

  pure function from_zero(number) result(answer)
    !! An optional number, 0 if it is absent.
    integer, intent(in), optional :: number
    integer(c_int64_t) :: answer

    answer = 0
    if (present(number)) answer = number
  end function from_zero

  impure elemental subroutine assign_closed(self, other)
    !! An emulator has one owner: a copy is closed. (One that was open is closed first.)
    class(emulator_t), intent(inout) :: self
    class(emulator_t), intent(in) :: other

    if (c_associated(self%handle, other%handle)) return
    call release(self%handle)
  end subroutine assign_closed

  impure elemental subroutine finalise(self)
    type(emulator_t), intent(inout) :: self

    call release(self%handle)
  end subroutine finalise

  subroutine release(handle)
    !! Close what is open, without a word.
    type(c_ptr), intent(inout) :: handle
    character(kind=c_char) :: message(1)
    integer(c_int) :: status

    if (c_associated(handle)) status = c_pyemu_close(handle, message, size(message, kind=c_size_t))
  end subroutine release

  function pyemu_version() result(text)
    !! The version of libpyemu in use, 'major.minor.patch'.
    character(:), allocatable :: text

    text = text_at(c_pyemu_version())
  end function pyemu_version

  function pyemu_status_name(stat) result(text)
    !! The name of a value of stat=, for instance 'PYEMU_ERR_UNITS'.
    integer, intent(in) :: stat
    character(:), allocatable :: text

    text = text_at(c_pyemu_status_name(int(stat, c_int)))
  end function pyemu_status_name

  subroutine conclude(status, message, stat, errmsg)
    !! Report a result as ALLOCATE does.
    integer(c_int), intent(in) :: status
    character(kind=c_char), intent(in) :: message(:)     !! ended by a null character if status is not zero
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(message_length) :: text
    integer :: i

    if (present(stat)) stat = status
    if (status == pyemu_ok) return
    text = ' '
    do i = 1, size(message)
      if (message(i) == c_null_char) exit
      text(i:i) = message(i)
    end do
    if (present(errmsg)) errmsg = text
    if (.not. present(stat)) error stop 'pyemu: ' // trim(text)
  end subroutine conclude

  function refuse_if_open(self, stat, errmsg) result(is_refused)
    !! Opening again would lose the open emulator: that is an error.
    class(emulator_t), intent(in) :: self
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    logical :: is_refused

    is_refused = c_associated(self%handle)
    if (is_refused) call refuse('the emulator is open already: close it before another open', stat, errmsg)
  end function refuse_if_open

  function refuse_null(is_associated, name, stat, errmsg) result(is_refused)
    !! A pointer that points nowhere, or an array that is not allocated, cannot be bound.
    logical, intent(in) :: is_associated
    character(*), intent(in) :: name
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    logical :: is_refused

    is_refused = .not. is_associated
    if (is_refused) call refuse("the array for '" // trim(name) // "' has no memory: it is not allocated, or a " // &
                                'pointer that is not associated', stat, errmsg)
  end function refuse_null

  subroutine refuse(text, stat, errmsg)
    !! Report a wrong argument.
    character(*), intent(in) :: text
    integer, intent(out), optional :: stat
    character(*), intent(inout), optional :: errmsg
    character(kind=c_char) :: message(len(text) + 1)

    message = transfer(text // c_null_char, message)
    call conclude(int(pyemu_err_argument, c_int), message, stat, errmsg)
  end subroutine refuse

  function make_options(threads, check_finite, allow_code) result(options)
    integer, intent(in), optional :: threads
    logical, intent(in), optional :: check_finite, allow_code
    type(pyemu_options) :: options

    options%sizeof_options = c_sizeof(options)
    if (present(threads)) options%threads = int(threads, c_int)
    if (present(check_finite)) options%check_finite = merge(1_c_int, 0_c_int, check_finite)
    if (present(allow_code)) options%allow_code = merge(1_c_int, 0_c_int, allow_code)
  end function make_options

  pure function level_index(level_dim) result(index)
    !! From a Fortran dimension, counted from 1, to the header's. What is out of range stays so. Without one the last
    !! dimension of a column's array is the vertical, and those of a field are in reverse order, the fastest first.
    integer, intent(in), optional :: level_dim
    integer(c_int) :: index

    index = reversed_dims
    if (.not. present(level_dim)) return
    index = int(level_dim, c_int) - 1
    if (level_dim < 1) index = reversed_dims - 1
  end function level_index

  function c_text(copy, text) result(address)
    !! Address of a C copy of an optional argument, made in 'copy' and cut to its size; null if it is absent.
    character(kind=c_char), intent(inout), target, contiguous :: copy(:)
    character(*), intent(in), optional :: text
    type(c_ptr) :: address
    integer :: i, length

    address = c_null_ptr
    if (.not. present(text)) return
    length = min(len_trim(text), size(copy) - 1)
    do i = 1, length
      copy(i) = text(i:i)
    end do
    copy(length + 1) = c_null_char
    address = c_loc(copy)
  end function c_text

  function text_at(address) result(text)
    !! A Fortran copy of a C text; empty for null.
    type(c_ptr), intent(in) :: address
    character(:), allocatable :: text
    character(kind=c_char), pointer :: characters(:)
    integer(c_size_t) :: i, length

    length = 0
    if (c_associated(address)) length = c_strlen(address)
    allocate (character(length) :: text)
    if (length == 0) return
    call c_f_pointer(address, characters, [length])
    do i = 1, length
      text(i:i) = characters(i)
    end do
  end function text_at

end module pyemu
