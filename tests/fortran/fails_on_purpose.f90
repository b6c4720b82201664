program fails_on_purpose
  !! The harness itself: a failed check must make the test fail. CTest expects this program to fail.
  use checks, only: check, finish
  implicit none

  call check(1 + 1 == 3, 'one and one is three')
  call finish()
end program fails_on_purpose
