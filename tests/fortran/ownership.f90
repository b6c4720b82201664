program ownership
  !! An emulator has one owner: no copy, container or scope closes it twice or loses it.
  use, intrinsic :: iso_fortran_env, only: real64
  use checks, only: check, check_error, data_file, finish
  use pyemu
  implicit none

  type :: container_t
    type(emulator_t) :: emulator
    integer :: number = 0
  end type container_t

  character(300) :: message
  integer :: i, stat

  call copies_are_closed()
  call containers()
  do i = 1, 20
    call leaves_scope()
  end do
  call arrays_of_emulators()
  call finish()

contains

  subroutine copies_are_closed()
    type(emulator_t) :: a, b, c

    call a%open(data_file('toy.onnx'), engine='stub')
    call b%open(data_file('scale_float32.onnx'), engine='stub')
    b = a
    call check(a%is_open() .and. .not. b%is_open(), 'the copy is closed, the original open')
    call b%run(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
    a = a
    call check(a%is_open(), 'assignment to itself')
    c = b
    call check(.not. c%is_open(), 'copy of a closed emulator')
    call a%close()
    call a%close(stat=stat)
    call check(stat == pyemu_err_closed, 'closed once')
  end subroutine copies_are_closed

  subroutine containers()
    !! Assignment of a type that contains an emulator goes through the same rule.
    type(container_t) :: a, b
    type(container_t), allocatable :: c

    call a%emulator%open(data_file('toy.onnx'), engine='stub')
    a%number = 7
    b = a
    call check(b%number == 7 .and. a%emulator%is_open() .and. .not. b%emulator%is_open(), 'copy of a container')
    allocate (c)
    call c%emulator%open(data_file('toy.onnx'), engine='stub')
    deallocate (c)
    call check(a%emulator%n_references() == 4, 'the first one still works')
  end subroutine containers

  subroutine leaves_scope()
    type(emulator_t) :: e

    call e%open(data_file('toy.onnx'))
    call check(e%is_open(), 'open')
  end subroutine leaves_scope

  subroutine arrays_of_emulators()
    type(emulator_t), allocatable :: e(:)
    real(real64), target :: x(3, 5), y(3, 5)
    integer :: j

    allocate (e(3))
    do j = 1, 3
      call e(j)%open(data_file('scale_float64.onnx'))
      call e(j)%bind('x', x)
      call e(j)%bind('y', y)
    end do
    x = 1
    call e(2)%close()
    call e(3)%run()
    call check(all(y(:, 5) == 5), 'one of three')
    deallocate (e)
  end subroutine arrays_of_emulators

end program ownership
