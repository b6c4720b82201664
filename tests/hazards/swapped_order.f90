program swapped_order
  !! Two inputs and two outputs of one shape, in another order in the graph than on the card, bound in every order: each
  !! array gets the variable of its name. What goes by position gives minus the difference, or the mean in its place.
  use, intrinsic :: iso_fortran_env, only: real64
  use checks, only: check, data_file, finish
  use pyemu, only: emulator_t
  implicit none

  integer, parameter :: ncol = 7, nlay = 5
  character(*), parameter :: names(4) = [character(10) :: 'minuend', 'subtrahend', 'difference', 'mean']
  real(real64), target :: values(ncol, nlay, 4)
  integer :: icol, ilay, first, second, third

  do first = 1, 4
    do second = 1, 4
      do third = 1, 4
        if (first /= second .and. first /= third .and. second /= third) call bind_in_order([first, second, third, &
                                                                                            10 - first - second - third])
      end do
    end do
  end do
  call finish()

contains

  subroutine bind_in_order(order)
    integer, intent(in) :: order(4)
    type(emulator_t) :: e
    integer :: i

    values(:, :, 1) = reshape([((10 * icol + ilay, icol=1, ncol), ilay=1, nlay)], [ncol, nlay])
    values(:, :, 2) = reshape([((icol - 20 * ilay, icol=1, ncol), ilay=1, nlay)], [ncol, nlay])
    values(:, :, 3:) = -999
    call e%open(data_file('difference.onnx'))
    do i = 1, 4
      call e%bind(trim(names(order(i))), values(:, :, order(i)), units='1')
    end do
    call e%run()
    call check(all(values(:, :, 3) == values(:, :, 1) - values(:, :, 2)), 'the difference')
    call check(all(values(:, :, 4) == (values(:, :, 1) + values(:, :, 2)) / 2), 'the mean')
  end subroutine bind_in_order

end program swapped_order
