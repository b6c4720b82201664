!> A NetCDF file that all ranks write or read together, each its own part, through PnetCDF: format CDF-5, which netCDF
!> libraries since 4.4 read. The first failure is kept as status and message. Every procedure is collective.
module shallow_water_parallel_file
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use mpi_f08, only: MPI_Comm, MPI_INFO_NULL, MPI_OFFSET_KIND
  use pnetcdf, only: nf90_64bit_data, nf90_byte, nf90_clobber, nf90_double, nf90_global, nf90_noerr, nf90_nowrite, &
    nf90mpi_close, nf90mpi_create, nf90mpi_def_dim, nf90mpi_def_var, nf90mpi_enddef, nf90mpi_get_att, &
    nf90mpi_get_var_all, nf90mpi_inq_dimid, nf90mpi_inq_varid, nf90mpi_inquire_dimension, nf90mpi_open, &
    nf90mpi_put_att, nf90mpi_put_var_all, nf90mpi_strerror, nf90mpi_sync
  use shallow_water_domain, only: domain_t
  implicit none
  private

  integer, parameter :: offset = MPI_OFFSET_KIND

  type, public :: parallel_file_t
    integer, private :: id = -1
    logical, private :: is_open = .false., speaks = .true.
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
    procedure :: has_dimension
    procedure :: put_number
    procedure :: put_line
    procedure :: put_field
    procedure :: get_field
    procedure :: put_bytes
    procedure :: get_bytes
    procedure :: get_line
    procedure, private :: text_attribute, real_attribute, integer_attribute
    generic :: attribute => text_attribute, real_attribute, integer_attribute
    procedure :: get_integer_attribute
    procedure :: get_real_attribute
    procedure, private :: note
    procedure, private :: find
  end type parallel_file_t

contains

  subroutine create(self, path, comm, speaks)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: path
    type(MPI_Comm), intent(in) :: comm
    logical, intent(in) :: speaks  !! this rank writes what all ranks have alike: true on one of them

    self%path = trim(path)
    self%speaks = speaks
    call self%note(nf90mpi_create(comm%mpi_val, self%path, ior(nf90_clobber, nf90_64bit_data), MPI_INFO_NULL%mpi_val, &
      self%id), 'cannot create')
    self%is_open = self%stat == 0
  end subroutine create

  subroutine open_to_read(self, path, comm)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: path
    type(MPI_Comm), intent(in) :: comm

    self%path = trim(path)
    call self%note(nf90mpi_open(comm%mpi_val, self%path, nf90_nowrite, MPI_INFO_NULL%mpi_val, self%id), 'cannot open')
    self%is_open = self%stat == 0
  end subroutine open_to_read

  integer function define_dimension(self, name, length) result(id)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer, intent(in) :: length  !! 0: unlimited

    id = -1
    if (self%stat /= 0) return
    call self%note(nf90mpi_def_dim(self%id, name, int(length, offset), id), 'dimension '//name)
  end function define_dimension

  !> A variable of doubles, or of bytes, with units and, where CF has one, a standard name.
  subroutine define_variable(self, name, dimensions, units, long_name, standard_name, of_bytes)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name, units, long_name
    integer, intent(in) :: dimensions(:)  !! identifiers, fastest first
    character(len=*), intent(in), optional :: standard_name
    logical, intent(in), optional :: of_bytes
    integer :: id, kind

    if (self%stat /= 0) return
    kind = nf90_double
    if (present(of_bytes)) kind = merge(nf90_byte, nf90_double, of_bytes)
    call self%note(nf90mpi_def_var(self%id, name, kind, dimensions, id), 'variable '//name)
    call self%attribute('units', units, name)
    call self%attribute('long_name', long_name, name)
    if (present(standard_name)) call self%attribute('standard_name', standard_name, name)
  end subroutine define_variable

  subroutine end_definitions(self)
    class(parallel_file_t), intent(inout) :: self
    if (self%stat == 0) call self%note(nf90mpi_enddef(self%id), 'end of definitions')
  end subroutine end_definitions

  subroutine sync(self)
    class(parallel_file_t), intent(inout) :: self
    if (self%stat == 0) call self%note(nf90mpi_sync(self%id), 'writing')
  end subroutine sync

  subroutine close_file(self)
    class(parallel_file_t), intent(inout) :: self

    if (.not. self%is_open) return
    call self%note(nf90mpi_close(self%id), 'closing')
    self%is_open = .false.
  end subroutine close_file

  !> Length of a dimension.
  integer function size_of(self, name) result(length)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer(offset) :: found
    integer :: id

    length = 0
    if (self%stat /= 0) return
    call self%note(nf90mpi_inq_dimid(self%id, name, id), 'dimension '//name)
    if (self%stat == 0) call self%note(nf90mpi_inquire_dimension(self%id, id, len=found), 'dimension '//name)
    if (self%stat == 0) length = int(found)
  end function size_of

  !> Whether there is a dimension of that name.
  logical function has_dimension(self, name)
    class(parallel_file_t), intent(in) :: self
    character(len=*), intent(in) :: name
    integer :: id

    has_dimension = .false.
    if (self%stat == 0) has_dimension = nf90mpi_inq_dimid(self%id, name, id) == nf90_noerr
  end function has_dimension

  !> A number that all ranks have alike, in a record.
  subroutine put_number(self, name, value, record)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: value
    integer, intent(in) :: record

    call self%put_line(name, [value], record)
  end subroutine put_number

  !> Numbers along one dimension that all ranks have alike, from index 'first' on.
  subroutine put_line(self, name, values, first)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: values(:)
    integer, intent(in) :: first
    real(real64) :: copy(size(values))
    integer(offset) :: start(1), count(1)

    if (self%stat /= 0) return
    copy = values
    start = first
    count = merge(size(values), 0, self%speaks)
    call self%note(nf90mpi_put_var_all(self%id, self%find(name), copy, start, count), 'variable '//name)
  end subroutine put_line

  !> This rank's part of a field.
  subroutine put_field(self, name, d, values, record)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    type(domain_t), intent(in) :: d
    real(real64), intent(in) :: values(:,:)  !! (nx, ny)
    integer, intent(in), optional :: record  !! index in time; absent: the variable has no time
    real(real64) :: copy(size(values, 1), size(values, 2))
    integer(offset) :: start(3), count(3)
    integer :: rank

    if (self%stat /= 0) return
    copy = values  ! which PnetCDF may turn to the file's order of bytes in place
    start = [d%first_x, d%first_y, 1]
    count = [d%nx, d%ny, 1]
    rank = 2
    if (present(record)) then
      start(3) = record
      rank = 3
    end if
    call self%note(nf90mpi_put_var_all(self%id, self%find(name), copy, start(:rank), count(:rank)), 'variable '//name)
  end subroutine put_field

  !> This rank's part of a field without time.
  subroutine get_field(self, name, d, values)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    type(domain_t), intent(in) :: d
    real(real64), intent(out) :: values(:,:)  !! (nx, ny)
    real(real64) :: read_values(d%nx, d%ny)
    integer(offset) :: start(2), count(2)

    values = 0.0_real64
    if (self%stat /= 0) return
    read_values = 0.0_real64
    start = [d%first_x, d%first_y]
    count = [d%nx, d%ny]
    call self%note(nf90mpi_get_var_all(self%id, self%find(name), read_values, start, count), 'variable '//name)
    values = read_values
  end subroutine get_field

  !> All numbers along one dimension, on every rank.
  subroutine get_line(self, name, values)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(out) :: values(:)
    integer(offset) :: start(1), count(1)

    values = 0.0_real64
    if (self%stat /= 0) return
    start = 1
    count = size(values)
    call self%note(nf90mpi_get_var_all(self%id, self%find(name), values, start, count), 'variable '//name)
  end subroutine get_line

  !> This rank's bytes, from index 'first' on; none is none.
  subroutine put_bytes(self, name, bytes, first)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer(int8), intent(in) :: bytes(:)
    integer, intent(in) :: first
    integer(int8) :: copy(size(bytes))
    integer(offset) :: start(1), count(1)

    if (self%stat /= 0) return
    copy = bytes
    start = first
    count = size(bytes)
    call self%note(nf90mpi_put_var_all(self%id, self%find(name), copy, start, count), 'variable '//name)
  end subroutine put_bytes

  !> Bytes from index 'first' on, the same on every rank.
  subroutine get_bytes(self, name, bytes, first)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer(int8), intent(out) :: bytes(:)
    integer, intent(in) :: first
    integer(offset) :: start(1), count(1)

    bytes = 0_int8
    if (self%stat /= 0) return
    start = first
    count = size(bytes)
    call self%note(nf90mpi_get_var_all(self%id, self%find(name), bytes, start, count), 'variable '//name)
  end subroutine get_bytes

  !> Attribute of a variable, or of the file when no variable is named.
  subroutine text_attribute(self, name, value, variable)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name, value
    character(len=*), intent(in), optional :: variable
    integer :: id

    id = nf90_global
    if (present(variable)) id = self%find(variable)
    if (self%stat == 0) call self%note(nf90mpi_put_att(self%id, id, name, value), 'attribute '//name)
  end subroutine text_attribute

  subroutine real_attribute(self, name, value)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64), intent(in) :: value
    if (self%stat == 0) call self%note(nf90mpi_put_att(self%id, nf90_global, name, value), 'attribute '//name)
  end subroutine real_attribute

  subroutine integer_attribute(self, name, value)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    integer, intent(in) :: value
    if (self%stat == 0) call self%note(nf90mpi_put_att(self%id, nf90_global, name, value), 'attribute '//name)
  end subroutine integer_attribute

  integer function get_integer_attribute(self, name) result(value)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name

    value = 0
    if (self%stat == 0) call self%note(nf90mpi_get_att(self%id, nf90_global, name, value), 'attribute '//name)
  end function get_integer_attribute

  function get_real_attribute(self, name) result(value)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name
    real(real64) :: value

    value = 0.0_real64
    if (self%stat == 0) call self%note(nf90mpi_get_att(self%id, nf90_global, name, value), 'attribute '//name)
  end function get_real_attribute

  !> Identifier of a variable.
  integer function find(self, name) result(id)
    class(parallel_file_t), intent(inout) :: self
    character(len=*), intent(in) :: name

    id = -1
    if (self%stat == 0) call self%note(nf90mpi_inq_varid(self%id, name, id), 'variable '//name)
  end function find

  !> Keep the first failure.
  subroutine note(self, code, action)
    class(parallel_file_t), intent(inout) :: self
    integer, intent(in) :: code
    character(len=*), intent(in) :: action

    if (code == nf90_noerr .or. self%stat /= 0) return
    self%stat = 4
    self%message = "NetCDF file '"//self%path//"', "//action//': '//trim(nf90mpi_strerror(code))
  end subroutine note

end module shallow_water_parallel_file
