program openmp_host
  !! A host with OpenMP loops of its own: openmp_host FILE. What an engine does with threads must not reach them.
  !!
  !! Opens the file with one thread and with two, runs its reference columns, and prints the number of threads that an
  !! OpenMP loop has before and after; then runs one handle in each thread and prints the largest difference.
  use, intrinsic :: iso_fortran_env, only: real64
  use omp_lib, only: omp_get_max_threads, omp_get_num_threads, omp_set_num_threads
  use pyemu, only: emulator_t, variable_t
  implicit none

  type :: field_t
    type(variable_t) :: variable
    real(real64), allocatable :: values(:, :)
    real(real64), allocatable :: recorded(:, :)
  end type field_t

  integer, parameter :: n_threads = 3
  character(4096) :: path
  real(real64) :: difference
  integer :: i

  call get_command_argument(1, path)
  call omp_set_num_threads(n_threads)
  write (*, '(a, i0)') 'before ', threads_of_a_loop()
  do i = 1, 2
    difference = replay(path, i)
    write (*, '(a, i0, 1x, i0, es10.2)') 'after ', threads_of_a_loop(), omp_get_max_threads(), difference
  end do
  difference = 0.0_real64
  !$omp parallel do reduction(max: difference)
  do i = 1, n_threads
    difference = max(difference, replay(path, 1))
  end do
  !$omp end parallel do
  write (*, '(a, es10.2)') 'together ', difference

contains

  integer function threads_of_a_loop() result(n)
    n = 0
    !$omp parallel
    !$omp single
    n = omp_get_num_threads()
    !$omp end single
    !$omp end parallel
  end function threads_of_a_loop

  function replay(path, threads) result(largest)
    !! Largest difference from the record, relative to the largest recorded value of the output.
    character(*), intent(in) :: path
    integer, intent(in) :: threads
    real(real64) :: largest
    type(emulator_t) :: emulator
    type(field_t), allocatable, target :: fields(:)
    integer :: i

    call emulator%open(path, threads=threads, allow_code=.true.)
    allocate (fields(emulator%n_variables()))
    do i = 1, size(fields)
      call bind_field(emulator, i, fields(i))
    end do
    do i = 1, 5
      call emulator%run()
    end do
    largest = 0.0_real64
    do i = 1, size(fields)
      largest = max(largest, maxval(abs(fields(i)%values - fields(i)%recorded)) / maxval(abs(fields(i)%recorded)))
    end do
    call emulator%close()
  end function replay

  subroutine bind_field(emulator, index, field)
    type(emulator_t), intent(inout) :: emulator
    integer, intent(in) :: index
    type(field_t), intent(inout), target :: field

    call emulator%variable(index, field%variable)
    allocate (field%recorded(emulator%n_references(), field%variable%level_size))
    if (len(field%variable%level_name) > 0) then
      call emulator%reference(field%variable%name, field%recorded)
    else
      call emulator%reference(field%variable%name, field%recorded(:, 1))
    end if
    field%values = field%recorded
    if (.not. field%variable%is_input) field%values = -1.0_real64
    if (len(field%variable%level_name) > 0) then
      call emulator%bind(field%variable%name, field%values)
    else
      call emulator%bind(field%variable%name, field%values(:, 1))
    end if
  end subroutine bind_field

end program openmp_host
