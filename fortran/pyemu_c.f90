module pyemu_c
  !! The private mirror of csrc/pyemu.h: the same functions in the same order. Functions that take an array go
  !! through fortran/descriptor.c, which turns a Fortran array of any rank and kind into the
  !! header's pyemu_array. Hosts use module pyemu instead.
  use, intrinsic :: iso_c_binding, only: c_char, c_double, c_int, c_int32_t, c_int64_t, c_null_ptr, c_ptr, c_size_t
  implicit none
  private

  public :: pyemu_options, pyemu_variable, pyemu_counters
  public :: c_pyemu_version, c_pyemu_abi_version, c_pyemu_status_name
  public :: c_pyemu_open, c_pyemu_open_memory, c_pyemu_bind, c_pyemu_bind_device, c_pyemu_unbind
  public :: c_pyemu_run, c_pyemu_run_columns, c_pyemu_close, c_pyemu_report, c_pyemu_engine_version
  public :: c_pyemu_variable_count, c_pyemu_variable_info, c_pyemu_variable_find, c_pyemu_column_count
  public :: pyemu_guard, c_pyemu_set_guard, c_pyemu_guard_reasons, c_pyemu_guard_fallback_count, c_pyemu_guard_fallback
  public :: c_pyemu_guard_counts, pyemu_budget, c_pyemu_budget_count, c_pyemu_budget_report
  public :: pyemu_blend, c_pyemu_set_blend, c_pyemu_bind_weight, c_pyemu_bind_aside
  public :: c_pyemu_save_state, c_pyemu_load_state, c_pyemu_state_size, c_pyemu_save_state_memory, c_pyemu_load_state_memory
  public :: pyemu_recording, pyemu_recorded, c_pyemu_set_record, c_pyemu_end_record, c_pyemu_record_host, c_pyemu_record_report
  public :: c_pyemu_card, c_pyemu_engine, c_pyemu_device, c_pyemu_reference_count, c_pyemu_reference
  public :: c_pyemu_set_noise, c_pyemu_bind_ids, c_pyemu_fill_noise

  type, bind(c) :: pyemu_options
    integer(c_size_t) :: sizeof_options = 0
    type(c_ptr) :: engine = c_null_ptr
    type(c_ptr) :: device = c_null_ptr
    integer(c_int) :: threads = 1
    integer(c_int) :: check_finite = 1
    type(c_ptr) :: runtime_library = c_null_ptr
    integer(c_int) :: allow_code = 0
    type(c_ptr) :: sha256 = c_null_ptr
    integer(c_int) :: raw = 0
    type(c_ptr) :: stream = c_null_ptr
    type(c_ptr) :: precision = c_null_ptr
    type(c_ptr) :: derivative = c_null_ptr
  end type pyemu_options

  type, bind(c) :: pyemu_variable
    integer(c_size_t) :: sizeof_variable = 0
    type(c_ptr) :: name = c_null_ptr
    type(c_ptr) :: standard_name = c_null_ptr
    type(c_ptr) :: units = c_null_ptr
    type(c_ptr) :: level_name = c_null_ptr
    integer(c_int64_t) :: level_size = 0
    integer(c_int32_t) :: dtype = 0
    integer(c_int32_t) :: direction = 0
    integer(c_int32_t) :: is_bound = 0
    integer(c_int32_t) :: has_batch = 0
    integer(c_int32_t) :: n_dims = 0
    type(c_ptr) :: dim_names(7) = c_null_ptr
    integer(c_int64_t) :: dim_sizes(7) = 0
    integer(c_int32_t) :: noise = 0
    integer(c_int64_t) :: noise_stream = 0
    real(c_double) :: noise_ar1 = 0
    integer(c_int32_t) :: is_carried = 0
  end type pyemu_variable

  type, bind(c) :: pyemu_counters
    integer(c_size_t) :: sizeof_counters = 0
    integer(c_int64_t) :: calls = 0
    integer(c_int64_t) :: columns = 0
    integer(c_int64_t) :: copied_bytes = 0
    integer(c_int64_t) :: allocations = 0
    real(c_double) :: open_seconds = 0
    real(c_double) :: pack_seconds = 0
    real(c_double) :: engine_seconds = 0
    real(c_double) :: unpack_seconds = 0
  end type pyemu_counters

  type, bind(c) :: pyemu_guard
    integer(c_size_t) :: sizeof_guard = 0
    integer(c_int) :: mode = 0
    integer(c_int) :: reasons = 15
    real(c_double) :: limit = 1
    real(c_double) :: taper = 0
  end type pyemu_guard

  type, bind(c) :: pyemu_recording
    integer(c_size_t) :: sizeof_recording = 0
    type(c_ptr) :: path = c_null_ptr
    integer(c_int32_t) :: rank = -1
    integer(c_int) :: replace = 0
    integer(c_int) :: source = 0
    integer(c_int) :: only = 0
    integer(c_int64_t) :: every_column = 1
    integer(c_int64_t) :: first_step = -huge(0_c_int64_t) - 1
    integer(c_int64_t) :: last_step = huge(0_c_int64_t)
    integer(c_int64_t) :: every = 1
    integer(c_int64_t) :: max_bytes = 1073741824
    integer(c_int64_t) :: buffer = 0
    type(c_ptr) :: library = c_null_ptr
  end type pyemu_recording

  type, bind(c) :: pyemu_recorded
    integer(c_size_t) :: sizeof_recorded = 0
    type(c_ptr) :: path = c_null_ptr
    integer(c_int) :: is_on = 0
    integer(c_int) :: status = 0
    type(c_ptr) :: stopped = c_null_ptr
    integer(c_int64_t) :: calls = 0
    integer(c_int64_t) :: columns = 0
    integer(c_int64_t) :: bytes = 0
    real(c_double) :: seconds = 0
  end type pyemu_recorded

  type, bind(c) :: pyemu_blend
    integer(c_size_t) :: sizeof_blend = 0
    real(c_double) :: from = 1
    real(c_double) :: to = 1
    integer(c_int64_t) :: first_step = 0
    integer(c_int64_t) :: last_step = 0
  end type pyemu_blend

  type, bind(c) :: pyemu_budget
    integer(c_size_t) :: sizeof_budget = 0
    type(c_ptr) :: name = c_null_ptr
    type(c_ptr) :: units = c_null_ptr
    real(c_double) :: tolerance = 0
    integer(c_int64_t) :: columns = 0
    integer(c_int64_t) :: exceeded = 0
    real(c_double) :: mean = 0
    real(c_double) :: rms = 0
    real(c_double) :: largest = 0
    integer(c_int64_t) :: at_step = -1
    integer(c_int64_t) :: at_column = -1
  end type pyemu_budget

  interface

    function c_pyemu_version() result(text) bind(c, name='pyemu_version')
      import :: c_ptr
      implicit none
      type(c_ptr) :: text
    end function c_pyemu_version

    function c_pyemu_abi_version() result(version) bind(c, name='pyemu_abi_version')
      import :: c_int
      implicit none
      integer(c_int) :: version
    end function c_pyemu_abi_version

    function c_pyemu_status_name(status) result(text) bind(c, name='pyemu_status_name')
      import :: c_int, c_ptr
      implicit none
      integer(c_int), value :: status
      type(c_ptr) :: text
    end function c_pyemu_status_name

    function c_pyemu_open(path, options, emulator, errmsg, errlen) result(status) bind(c, name='pyemu_open')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_options
      implicit none
      character(kind=c_char), intent(in) :: path(*)
      type(pyemu_options), intent(in) :: options
      type(c_ptr), intent(out) :: emulator
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_open

    function c_pyemu_open_memory(bytes, size, options, emulator, errmsg, errlen) result(status) &
        bind(c, name='pyemu_open_memory')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_options
      implicit none
      type(*), dimension(*), intent(in) :: bytes
      integer(c_size_t), value :: size
      type(pyemu_options), intent(in) :: options
      type(c_ptr), intent(out) :: emulator
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_open_memory

    function c_pyemu_bind(emulator, name, array, units, level_dim, errmsg, errlen) result(status) &
        bind(c, name='pyemu_fortran_bind')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      type(*), dimension(..), intent(in) :: array
      type(c_ptr), value :: units
      integer(c_int), value :: level_dim
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_bind

    function c_pyemu_bind_device(emulator, name, address, mold, units, level_dim, errmsg, errlen) result(status) &
        bind(c, name='pyemu_fortran_bind_device')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      type(c_ptr), value :: address
      type(*), dimension(..), intent(in) :: mold
      type(c_ptr), value :: units
      integer(c_int), value :: level_dim
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_bind_device

    function c_pyemu_unbind(emulator, errmsg, errlen) result(status) bind(c, name='pyemu_unbind')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_unbind

    function c_pyemu_run(emulator, step, errmsg, errlen) result(status) bind(c, name='pyemu_run')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: step
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_run

    function c_pyemu_run_columns(emulator, step, columns, errmsg, errlen) result(status) &
        bind(c, name='pyemu_run_columns')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: step
      integer(c_int64_t), value :: columns
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_run_columns

    function c_pyemu_close(emulator, errmsg, errlen) result(status) bind(c, name='pyemu_close')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), intent(inout) :: emulator
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_close

    function c_pyemu_variable_count(emulator) result(count) bind(c, name='pyemu_variable_count')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: count
    end function c_pyemu_variable_count

    function c_pyemu_variable_info(emulator, index, variable, errmsg, errlen) result(status) &
        bind(c, name='pyemu_variable_info')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t, pyemu_variable
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: index
      type(pyemu_variable), intent(inout) :: variable
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_variable_info

    function c_pyemu_variable_find(emulator, name, index, errmsg, errlen) result(status) &
        bind(c, name='pyemu_variable_find')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int64_t), intent(inout) :: index
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_variable_find

    function c_pyemu_column_count(emulator) result(count) bind(c, name='pyemu_column_count')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: count
    end function c_pyemu_column_count

    function c_pyemu_card(emulator) result(text) bind(c, name='pyemu_card')
      import :: c_ptr
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr) :: text
    end function c_pyemu_card

    function c_pyemu_engine(emulator) result(text) bind(c, name='pyemu_engine')
      import :: c_ptr
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr) :: text
    end function c_pyemu_engine

    function c_pyemu_device(emulator) result(text) bind(c, name='pyemu_device')
      import :: c_ptr
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr) :: text
    end function c_pyemu_device

    function c_pyemu_engine_version(emulator) result(text) bind(c, name='pyemu_engine_version')
      import :: c_ptr
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr) :: text
    end function c_pyemu_engine_version

    function c_pyemu_report(emulator, counters, errmsg, errlen) result(status) bind(c, name='pyemu_report')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_counters
      implicit none
      type(c_ptr), value :: emulator
      type(pyemu_counters), intent(inout) :: counters
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_report

    function c_pyemu_set_guard(emulator, guard, errmsg, errlen) result(status) bind(c, name='pyemu_set_guard')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_guard
      implicit none
      type(c_ptr), value :: emulator
      type(pyemu_guard), intent(in) :: guard
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_set_guard

    function c_pyemu_guard_reasons(emulator, reasons, columns, errmsg, errlen) result(status) &
        bind(c, name='pyemu_guard_reasons')
      import :: c_char, c_int, c_int32_t, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int32_t), intent(inout) :: reasons(*)
      integer(c_int64_t), value :: columns
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_guard_reasons

    function c_pyemu_guard_fallback_count(emulator) result(count) bind(c, name='pyemu_guard_fallback_count')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: count
    end function c_pyemu_guard_fallback_count

    function c_pyemu_guard_fallback(emulator, columns, room, errmsg, errlen) result(status) &
        bind(c, name='pyemu_guard_fallback')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), intent(inout) :: columns(*)
      integer(c_int64_t), value :: room
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_guard_fallback

    function c_pyemu_budget_count(emulator) result(count) bind(c, name='pyemu_budget_count')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: count
    end function c_pyemu_budget_count

    function c_pyemu_budget_report(emulator, index, budget, errmsg, errlen) result(status) &
        bind(c, name='pyemu_budget_report')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t, pyemu_budget
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: index
      type(pyemu_budget), intent(inout) :: budget
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_budget_report

    function c_pyemu_guard_counts(emulator, name, reason, counts, size, errmsg, errlen) result(status) &
        bind(c, name='pyemu_guard_counts')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      integer(c_int), value :: reason
      integer(c_int64_t), intent(inout) :: counts(*)
      integer(c_int64_t), value :: size
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_guard_counts

    function c_pyemu_set_record(emulator, recording, errmsg, errlen) result(status) bind(c, name='pyemu_set_record')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_recording
      implicit none
      type(c_ptr), value :: emulator
      type(pyemu_recording), intent(in) :: recording
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_set_record

    function c_pyemu_end_record(emulator, none, errmsg, errlen) result(status) bind(c, name='pyemu_set_record')
      !! The same with a null pointer.
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr), value :: none
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_end_record

    function c_pyemu_record_host(emulator, step, columns, errmsg, errlen) result(status) bind(c, name='pyemu_record_host')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: step
      integer(c_int64_t), value :: columns
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_record_host

    function c_pyemu_record_report(emulator, recorded, errmsg, errlen) result(status) bind(c, name='pyemu_record_report')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_recorded
      implicit none
      type(c_ptr), value :: emulator
      type(pyemu_recorded), intent(inout) :: recorded
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_record_report

    function c_pyemu_reference_count(emulator) result(count) bind(c, name='pyemu_reference_count')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: count
    end function c_pyemu_reference_count

    function c_pyemu_reference(emulator, name, array, level_dim, errmsg, errlen) result(status) &
        bind(c, name='pyemu_fortran_reference')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      type(*), dimension(..), intent(inout) :: array
      integer(c_int), value :: level_dim
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_reference

    function c_pyemu_set_noise(emulator, seed, member, errmsg, errlen) result(status) bind(c, name='pyemu_set_noise')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t), value :: seed
      integer(c_int64_t), value :: member
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_set_noise

    function c_pyemu_bind_ids(emulator, ids, errmsg, errlen) result(status) bind(c, name='pyemu_fortran_bind_ids')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      type(*), dimension(..), intent(in) :: ids
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_bind_ids

    function c_pyemu_set_blend(emulator, name, blend, errmsg, errlen) result(status) bind(c, name='pyemu_set_blend')
      import :: c_char, c_int, c_ptr, c_size_t, pyemu_blend
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr), value :: name
      type(pyemu_blend), intent(in) :: blend
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_set_blend

    function c_pyemu_bind_weight(emulator, name, weights, errmsg, errlen) result(status) &
        bind(c, name='pyemu_fortran_bind_weight')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      type(c_ptr), value :: name
      type(*), dimension(..), intent(in) :: weights
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_bind_weight

    function c_pyemu_bind_aside(emulator, name, array, units, level_dim, errmsg, errlen) result(status) &
        bind(c, name='pyemu_fortran_bind_aside')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: name(*)
      type(*), dimension(..), intent(in) :: array
      type(c_ptr), value :: units
      integer(c_int), value :: level_dim
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_bind_aside

    function c_pyemu_save_state(emulator, path, errmsg, errlen) result(status) bind(c, name='pyemu_save_state')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_save_state

    function c_pyemu_load_state(emulator, path, what, errmsg, errlen) result(status) bind(c, name='pyemu_load_state')
      import :: c_char, c_int, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int), value :: what
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_load_state

    function c_pyemu_state_size(emulator) result(bytes) bind(c, name='pyemu_state_size')
      import :: c_int64_t, c_ptr
      implicit none
      type(c_ptr), value :: emulator
      integer(c_int64_t) :: bytes
    end function c_pyemu_state_size

    function c_pyemu_save_state_memory(emulator, buffer, bytes, errmsg, errlen) result(status) &
        bind(c, name='pyemu_save_state_memory')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      type(*), dimension(*), intent(inout) :: buffer
      integer(c_int64_t), value :: bytes
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_save_state_memory

    function c_pyemu_load_state_memory(emulator, buffer, bytes, what, errmsg, errlen) result(status) &
        bind(c, name='pyemu_load_state_memory')
      import :: c_char, c_int, c_int64_t, c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: emulator
      type(*), dimension(*), intent(in) :: buffer
      integer(c_int64_t), value :: bytes
      integer(c_int), value :: what
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_load_state_memory

    function c_pyemu_fill_noise(distribution, seed, member, step, stream, ids, array, level_dim, errmsg, errlen) &
        result(status) bind(c, name='pyemu_fortran_fill_noise')
      import :: c_char, c_int, c_int32_t, c_int64_t, c_size_t
      implicit none
      integer(c_int32_t), value :: distribution
      integer(c_int64_t), value :: seed
      integer(c_int64_t), value :: member
      integer(c_int64_t), value :: step
      integer(c_int64_t), value :: stream
      type(*), dimension(..), intent(in) :: ids
      type(*), dimension(..), intent(inout) :: array
      integer(c_int), value :: level_dim
      character(kind=c_char), intent(inout) :: errmsg(*)
      integer(c_size_t), value :: errlen
      integer(c_int) :: status
    end function c_pyemu_fill_noise

  end interface

end module pyemu_c
