!> A NetCDF file being written or read, with the first failure kept as status and message.
module host_netcdf_file
  use, intrinsic :: iso_fortran_env, only: int8, real32, real64
  use netcdf, only: nf90_byte, nf90_chunked, nf90_clobber, nf90_close, nf90_create, nf90_def_dim, nf90_def_var, &
    nf90_def_var_chunking, nf90_def_var_fill, nf90_double, nf90_enddef, nf90_float, nf90_get_att, nf90_get_var, nf90_global, &
    nf90_inq_dimid, nf90_inq_varid, nf90_inquire_attribute, nf90_inquire_dimension, nf90_netcdf4, nf90_noerr, nf90_nowrite, &
    nf90_open, nf90_put_att, nf90_put_var, nf90_strerror, nf90_sync
  implicit none
  private

  real(real64), parameter :: missing = 9.9692099683868690e36_real64  ! netCDF's own fill value

  type, public :: netcdf_file_t
    integer, private :: id = -1
    character(len=:), allocatable, private :: path
    integer :: stat = 0                          !! 0, or 4 after the first failure
    character(len=:), allocatable :: message     !! of the first failure
  contains
    procedure :: create
    procedure :: open_to_read
    procedure :: dimension => define_dimension
    procedure :: variable => define_variable
    procedure :: end_definitions
    procedure :: sync
    procedure :: close => close_file
    procedure :: size_of
    procedure :: append
    procedure :: append_records
    procedure :: get_part
    procedure :: bytes => define_bytes
    procedure :: put_bytes
    procedure :: get_bytes
    procedure, private :: put_0d, put_1d, put_2d, get_1d, get_2d
    procedure, private :: text_attribute, real_attribute, reals_attribute, integer_attribute
    generic :: put => put_0d, put_1d, put_2d
    generic :: get => get_1d, get_2d
    generic :: attribute => text_attribute, real_attribute, reals_attribute, integer_attribute
    procedure :: get_integer_attribute
    procedure :: get_real_attribute
    procedure :: get_text_attribute
    procedure, private :: note
    procedure, private :: find
  end type netcdf_file_t

contains

  subroutine create(self, path)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: path

    self%path = trim(path)
    call self%note(nf90_create(self%path, ior(nf90_clobber, nf90_netcdf4), self%id), 'cannot create')
  end subroutine create

  subroutine open_to_read(self, path)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: path

    self%path = trim(path)
    call self%note(nf90_open(self%path, nf90_nowrite, self%id), 'cannot open')
  end subroutine open_to_read

  integer function define_dimension(self, name, length) result(id)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer, intent(in) :: length  !! nf90_unlimited is 0

    id = -1
    if (self%stat /= 0) return
    call self%note(nf90_def_dim(self%id, name, length, id), 'dimension '//name)
  end function define_dimension

  !> A variable of reals with units and, where CF has one, a standard name.
  subroutine define_variable(self, name, dimensions, units, long_name, standard_name, is_single, chunks)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name, units, long_name
    integer, intent(in) :: dimensions(:)  !! identifiers, fastest first
    character(len=*), intent(in), optional :: standard_name
    logical, intent(in), optional :: is_single  !! stored in single precision; default double
    integer, intent(in), optional :: chunks(:)  !! sizes of what is stored together, along each dimension
    integer :: id
    logical :: stored_single

    if (self%stat /= 0) return
    stored_single = .false.
    if (present(is_single)) stored_single = is_single
    call self%note(nf90_def_var(self%id, name, merge(nf90_float, nf90_double, stored_single), dimensions, id), &
      'variable '//name)
    call self%attribute('units', units, name)
    call self%attribute('long_name', long_name, name)
    if (present(standard_name)) call self%attribute('standard_name', standard_name, name)
    if (self%stat /= 0) return
    if (present(chunks)) call self%note(nf90_def_var_chunking(self%id, id, nf90_chunked, chunks), 'variable '//name)
    if (stored_single) then
      call self%note(nf90_def_var_fill(self%id, id, 0, real(missing, real32)), 'variable '//name)
    else
      call self%note(nf90_def_var_fill(self%id, id, 0, missing), 'variable '//name)
    end if
  end subroutine define_variable

  !> A variable of bytes, for what somebody else can read.
  subroutine define_bytes(self, name, dimension, long_name)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name, long_name
    integer, intent(in) :: dimension
    integer :: id

    if (self%stat /= 0) return
    call self%note(nf90_def_var(self%id, name, nf90_byte, [dimension], id), 'variable '//name)
    call self%attribute('long_name', long_name, name)
  end subroutine define_bytes

  subroutine end_definitions(self)
    class(netcdf_file_t), intent(inout) :: self
    if (self%stat == 0) call self%note(nf90_enddef(self%id), 'end of definitions')
  end subroutine end_definitions

  subroutine sync(self)
    class(netcdf_file_t), intent(inout) :: self
    if (self%stat == 0) call self%note(nf90_sync(self%id), 'writing')
  end subroutine sync

  subroutine close_file(self)
    class(netcdf_file_t), intent(inout) :: self

    if (self%id == -1) return
    call self%note(nf90_close(self%id), 'closing')
    self%id = -1
  end subroutine close_file

  !> Length of a dimension.
  integer function size_of(self, name) result(length)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer :: id

    length = 0
    if (self%stat /= 0) return
    call self%note(nf90_inq_dimid(self%id, name, id), 'dimension '//name)
    if (self%stat == 0) call self%note(nf90_inquire_dimension(self%id, id, len=length), 'dimension '//name)
  end function size_of

  subroutine put_0d(self, name, value, record)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: value
    integer, intent(in) :: record

    if (self%stat == 0) call self%note(nf90_put_var(self%id, self%find(name), [value], [record]), 'variable '//name)
  end subroutine put_0d

  !> Values along an unlimited dimension, from index 'first' on; none is none.
  subroutine append(self, name, values, first)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: values(:)
    integer, intent(in) :: first

    if (self%stat /= 0 .or. size(values) == 0) return
    call self%note(nf90_put_var(self%id, self%find(name), values, [first]), 'variable '//name)
  end subroutine append

  !> Several records at once: values of one record in the file's own order, fastest first, by record.
  subroutine append_records(self, name, values, lengths, first)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in), contiguous :: values(:,:)  !! (product of lengths, records)
    integer, intent(in) :: lengths(:)                    !! of all dimensions but time, fastest first
    integer, intent(in) :: first                         !! index in time
    integer :: i

    if (self%stat /= 0 .or. size(values) == 0) return
    call self%note(nf90_put_var(self%id, self%find(name), values, [(1, i = 1, size(lengths)), first], &
      [lengths, size(values, 2)]), 'variable '//name)
  end subroutine append_records

  !> A part of a variable, values in the file's own order.
  subroutine get_part(self, name, values, start, lengths)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(out), contiguous :: values(:)
    integer, intent(in) :: start(:), lengths(:)  !! along each dimension, fastest first

    values = 0.0_real64
    if (self%stat == 0) call self%note(nf90_get_var(self%id, self%find(name), values, start, lengths), 'variable '//name)
  end subroutine get_part

  subroutine put_bytes(self, name, bytes)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer(int8), intent(in) :: bytes(:)

    if (self%stat == 0) call self%note(nf90_put_var(self%id, self%find(name), bytes), 'variable '//name)
  end subroutine put_bytes

  subroutine get_bytes(self, name, bytes)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer(int8), intent(out) :: bytes(:)

    bytes = 0_int8
    if (self%stat == 0) call self%note(nf90_get_var(self%id, self%find(name), bytes), 'variable '//name)
  end subroutine get_bytes

  subroutine put_1d(self, name, values, record)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: values(:)
    integer, intent(in), optional :: record  !! index in time; absent: the variable has no time
    integer :: start(2)

    if (self%stat /= 0) return
    start = 1
    if (present(record)) start(2) = record
    if (present(record)) then
      call self%note(nf90_put_var(self%id, self%find(name), values, start, [size(values), 1]), 'variable '//name)
    else
      call self%note(nf90_put_var(self%id, self%find(name), values), 'variable '//name)
    end if
  end subroutine put_1d

  !> (ncol, n) in the host, (column, n) in the file: the file's own order is the transpose.
  subroutine put_2d(self, name, values, record)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: values(:,:)
    integer, intent(in), optional :: record  !! index in time; absent: the variable has no time
    integer :: start(3)

    if (self%stat /= 0) return
    start = 1
    if (present(record)) then
      start(3) = record
      call self%note(nf90_put_var(self%id, self%find(name), transpose(values), start, &
        [size(values, 2), size(values, 1), 1]), 'variable '//name)
    else
      call self%note(nf90_put_var(self%id, self%find(name), transpose(values)), 'variable '//name)
    end if
  end subroutine put_2d

  subroutine get_1d(self, name, values)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(out) :: values(:)

    values = 0.0_real64
    if (self%stat == 0) call self%note(nf90_get_var(self%id, self%find(name), values), 'variable '//name)
  end subroutine get_1d

  subroutine get_2d(self, name, values)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(out) :: values(:,:)
    real(real64), allocatable :: stored(:,:)

    allocate(stored(size(values, 2), size(values, 1)), source=0.0_real64)
    if (self%stat == 0) call self%note(nf90_get_var(self%id, self%find(name), stored), 'variable '//name)
    values = transpose(stored)
  end subroutine get_2d

  !> Attribute of a variable, or of the file when no variable is named.
  subroutine text_attribute(self, name, value, variable)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name, value
    character(len=*), intent(in), optional :: variable
    integer :: id

    id = nf90_global
    if (present(variable)) id = self%find(variable)
    if (self%stat == 0) call self%note(nf90_put_att(self%id, id, name, value), 'attribute '//name)
  end subroutine text_attribute

  subroutine real_attribute(self, name, value)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: value
    if (self%stat == 0) call self%note(nf90_put_att(self%id, nf90_global, name, value), 'attribute '//name)
  end subroutine real_attribute

  subroutine reals_attribute(self, name, values)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: values(:)
    if (self%stat == 0) call self%note(nf90_put_att(self%id, nf90_global, name, values), 'attribute '//name)
  end subroutine reals_attribute

  subroutine integer_attribute(self, name, value, variable)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer, intent(in) :: value
    character(len=*), intent(in), optional :: variable
    integer :: id

    id = nf90_global
    if (present(variable)) id = self%find(variable)
    if (self%stat == 0) call self%note(nf90_put_att(self%id, id, name, value), 'attribute '//name)
  end subroutine integer_attribute

  integer function get_integer_attribute(self, name) result(value)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name

    value = 0
    if (self%stat == 0) call self%note(nf90_get_att(self%id, nf90_global, name, value), 'attribute '//name)
  end function get_integer_attribute

  function get_real_attribute(self, name) result(value)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64) :: value

    value = 0.0_real64
    if (self%stat == 0) call self%note(nf90_get_att(self%id, nf90_global, name, value), 'attribute '//name)
  end function get_real_attribute

  function get_text_attribute(self, name) result(value)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    character(len=:), allocatable :: value
    integer :: length

    length = 0
    if (self%stat == 0) call self%note(nf90_inquire_attribute(self%id, nf90_global, name, len=length), 'attribute '//name)
    allocate(character(len=length) :: value)
    if (self%stat == 0 .and. length > 0) call self%note(nf90_get_att(self%id, nf90_global, name, value), 'attribute '//name)
  end function get_text_attribute

  !> Identifier of a variable.
  integer function find(self, name) result(id)
    class(netcdf_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name

    id = -1
    if (self%stat == 0) call self%note(nf90_inq_varid(self%id, name, id), 'variable '//name)
  end function find

  !> Keep the first failure.
  subroutine note(self, code, action)
    class(netcdf_file_t), intent(inout) :: self
    integer, intent(in) :: code
    character(len=*), intent(in) :: action

    if (code == nf90_noerr .or. self%stat /= 0) return
    self%stat = 4
    self%message = "NetCDF file '"//self%path//"', "//action//': '//trim(nf90_strerror(code))
  end subroutine note

end module host_netcdf_file
