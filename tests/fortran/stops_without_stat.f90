program stops_without_stat
  !! Without stat= an error stops the program with the message, as in ALLOCATE.
  use pyemu, only: emulator_t
  implicit none
  type(emulator_t) :: e

  call e%open('no_such_file.onnx')
  print '(a)', 'still running'
end program stops_without_stat
