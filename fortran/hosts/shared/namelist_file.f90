!> Namelist files of the hosts: opened and looked through, and values refused with their name and what is allowed.
module host_namelist_file
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: open_namelist, report_group, require, choose, is_multiple, is_positive_multiple, word

  integer, parameter, public :: text_length = 512  !! length of paths and messages

contains

  !> Open a namelist file in which every group is known. A group that nobody reads would be silently ignored: it is
  !> refused. stat is 0, or 1 with a message, and then the file is closed.
  subroutine open_namelist(path, known, unit, stat, errmsg)
    character(len=*), intent(in) :: path
    character(len=*), intent(in) :: known(:)  !! groups, in lower case; the first is named when there is none
    integer, intent(out) :: unit
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: iomsg

    open(newunit=unit, file=path, status='old', action='read', iostat=stat, iomsg=iomsg)
    if (stat /= 0) then
      stat = 1
      errmsg = "cannot open namelist file '"//trim(path)//"': "//trim(iomsg)
      return
    end if
    call check_groups(unit, path, known, stat, errmsg)
    if (stat /= 0) close(unit)
  end subroutine open_namelist

  subroutine check_groups(unit, path, known, stat, errmsg)
    integer, intent(in) :: unit
    character(len=*), intent(in) :: path, known(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=text_length) :: line
    integer :: iostat, length, i
    logical :: found

    stat = 0
    found = .false.
    do
      read(unit, '(a)', iostat=iostat) line
      if (iostat /= 0) exit
      line = adjustl(line)
      if (line(1:1) /= '&') cycle
      found = .true.
      length = scan(line(2:)//' ', ' /'//achar(9)) - 1
      if (any(known == lower(line(2:1 + length)))) cycle
      stat = 1
      errmsg = "unknown group '&"//line(2:1 + length)//"' in '"//trim(path)//"'; known:"
      do i = 1, size(known)
        errmsg = trim(errmsg)//' &'//trim(known(i))
      end do
      return
    end do
    rewind(unit)
    if (found) return
    stat = 1
    errmsg = "no namelist group in '"//trim(path)//"'; expected at least &"//trim(known(1))
  end subroutine check_groups

  !> An absent group keeps its defaults; anything else that the runtime complains about is an error.
  subroutine report_group(group, host, iostat, iomsg, stat, errmsg)
    character(len=*), intent(in) :: group, host, iomsg
    integer, intent(in) :: iostat
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (iostat == 0 .or. is_iostat_end(iostat)) return
    stat = 1
    errmsg = 'namelist &'//group//': '//trim(iomsg)//'; see the table of entries in the README of the '//host//' host'
  end subroutine report_group

  !> Keep the first complaint.
  subroutine require(condition, entry, found, expected, stat, errmsg)
    logical, intent(in) :: condition
    character(len=*), intent(in) :: entry, expected
    real(real64), intent(in) :: found
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=24) :: text

    if (condition .or. stat /= 0) return
    stat = 1
    write(text, '(g0.6)') found
    errmsg = 'namelist entry '//entry//' is '//trim(adjustl(text))//', expected '//expected
  end subroutine require

  !> Refuse a word that is none of those allowed.
  subroutine choose(entry, found, allowed, stat, errmsg)
    character(len=*), intent(in) :: entry, found, allowed(:)
    integer, intent(inout) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: i

    if (any(allowed == found) .or. stat /= 0) return
    stat = 1
    errmsg = 'namelist entry '//entry//" is '"//trim(found)//"', expected one of"
    do i = 1, size(allowed)
      errmsg = trim(errmsg)//" '"//trim(allowed(i))//"'"
    end do
  end subroutine choose

  !> Whether a duration is a whole number of steps.
  elemental logical function is_multiple(duration, step)
    real(real64), intent(in) :: duration, step
    is_multiple = abs(duration / step - nint(duration / step)) < 1.0e-9_real64
  end function is_multiple

  elemental logical function is_positive_multiple(duration, step)
    real(real64), intent(in) :: duration, step
    is_positive_multiple = is_multiple(duration, step) .and. nint(duration / step) >= 1
  end function is_positive_multiple

  !> The i-th of words between spaces or commas, '' behind the last.
  pure function word(text, i)
    character(len=*), intent(in) :: text
    integer, intent(in) :: i
    character(len=16) :: word
    integer :: first, last, n

    word = ''
    last = 0
    do n = 1, i
      first = verify(text(last + 1:), ' ,')
      if (first == 0) return
      first = first + last
      last = scan(text(first:)//' ', ' ,') + first - 2
    end do
    word = text(first:last)
  end function word

  pure function lower(text)
    character(len=*), intent(in) :: text
    character(len=32) :: lower
    integer :: i, code

    lower = text
    do i = 1, len(lower)
      code = iachar(lower(i:i))
      if (code >= iachar('A') .and. code <= iachar('Z')) lower(i:i) = achar(code + 32)
    end do
  end function lower

end module host_namelist_file
