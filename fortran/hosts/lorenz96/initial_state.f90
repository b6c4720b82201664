!> Initial states from an output file of this host.
module lorenz96_initial_state
  use, intrinsic :: iso_fortran_env, only: real64
  use host_netcdf_file, only: netcdf_file_t
  use lorenz96_model, only: lorenz96_model_t
  implicit none
  private
  public :: read_initial_state

contains

  !> Let every member of a start begin with the first member of its record: its slow variables; in the two-scale model the
  !> fast ones; in the other the subgrid tendency of the record before. stat is 0, or 4 with a message.
  subroutine read_initial_state(model, stat, errmsg)
    type(lorenz96_model_t), intent(inout) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file
    integer :: start, first, record

    call file%open_to_read(model%settings%initial_file)
    call check_agreement(file, model)
    associate (s => model%settings)
      do start = 1, s%n_starts
        first = (start - 1) * s%n_members + 1
        record = s%initial_record + (start - 1) * s%record_interval + 1
        if (file%stat == 0) call file%get_part('time', model%start_time(start:start), [record], [1])
        call read_record(file, 'lorenz96_slow_variable', record, model%x(:, first))
        call spread_over(model%x, first, s%n_members)
        if (s%model == 'two_scale') then
          call read_record(file, 'lorenz96_fast_variable', record, model%y(:, first))
          call spread_over(model%y, first, s%n_members)
        else
          ! Nothing lies before the first record; what is known there is its own.
          call read_record(file, 'lorenz96_subgrid_tendency', max(1, record - 1), model%subgrid%previous(:, first))
          call spread_over(model%subgrid%previous, first, s%n_members)
        end if
      end do
    end associate
    call file%close()
    stat = file%stat
    if (stat /= 0) errmsg = file%message
  end subroutine read_initial_state

  subroutine read_record(file, name, record, values)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: name
    integer, intent(in) :: record
    real(real64), intent(out) :: values(:)

    call file%get_part(name, values, [1, 1, record], [size(values), 1, 1])
  end subroutine read_record

  subroutine spread_over(values, first, n)
    real(real64), intent(inout) :: values(:,:)
    integer, intent(in) :: first, n
    integer :: i

    do i = first + 1, first + n - 1
      values(:, i) = values(:, first)
    end do
  end subroutine spread_over

  !> The file must be of the same ring, hold one start, and have as many records as are asked for.
  subroutine check_agreement(file, model)
    type(netcdf_file_t), intent(inout) :: file
    type(lorenz96_model_t), intent(in) :: model
    character(len=160) :: text
    integer :: n_records, last, n_slow

    n_slow = file%size_of('k')
    n_records = file%size_of('time')
    if (file%stat /= 0) return
    associate (s => model%settings)
      last = s%initial_record + (s%n_starts - 1) * s%record_interval
      text = ''
      if (n_slow /= s%n_slow) then
        write(text, '(2(a, i0))') 'has n_slow = ', n_slow, ', the namelist ', s%n_slow
      else if (last >= n_records) then
        write(text, '(2(a, i0), a)') 'has ', n_records, ' records, expected at least ', last + 1, &
          ': initial_record counts from 0, and n_starts follow at a distance of record_interval'
      end if
      if (text == '') return
      file%stat = 4
      file%message = "initial_file '"//trim(s%initial_file)//"' "//trim(text)
    end associate
  end subroutine check_agreement

end module lorenz96_initial_state
