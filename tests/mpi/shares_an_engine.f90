program shares_an_engine
  !! Ranks that share one engine get what engines of their own would give them, and every error is one on all ranks.
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: int32, real32, real64
  use mpi_f08
  use checks, only: check, check_error, data_file, finish
  use pyemu
  use pyemu_mpi, only: agree_on_status, shared_emulator_t, split_into_groups
  use toy
  implicit none

  character(1500) :: message
  character(20) :: failing
  integer :: i, n_ranks, rank, stat

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call infers_once_for_all()
  call shares_a_derivative()
  call any_layout()
  call equals_private_engines()
  call integers_and_single_values()
  call nobody_has_columns()
  call one_value_for_all()
  call partly_filled()
  call fields_are_refused()
  do i = 0, n_ranks - 1
    write (failing, '(a, i0, a, i0)') 'rank ', i, ' of ', n_ranks
    call one_rank_fails_in_open(i)
    call one_rank_fails_in_run(i)
    call one_rank_makes_the_engine_fail(i)
  end do
  call groups_of_ranks()
  call one_owner()
  call not_shared()
  call the_engine_group_alone()
  call MPI_Finalize()
  call finish()

contains

  subroutine shares_a_derivative()
    !! The tangent linear of a file, which one engine runs for all ranks.
    type(shared_emulator_t) :: e
    real(real64), allocatable, target :: x(:, :), u(:, :), recorded(:, :), y(:, :)
    integer :: n

    message = ' '
    call e%open_shared(data_file('derivable.onnx'), MPI_COMM_WORLD, engine='native', derivative='jvp')
    n = e%n_references()
    allocate (x(n, 5), u(n, 5), recorded(n, 5), y(n, 5))
    call e%reference('x', x)
    call e%reference('tangent_of_x', u)
    call e%reference('tangent_of_y', recorded)
    call e%bind('x', x, units='K')
    call e%bind('tangent_of_x', u, units='K')
    call e%bind('tangent_of_y', y, units='W m-2')
    call e%run(1)
    call check(maxval(abs(y - recorded)) < 1.0e-5_real64, 'its recorded outputs')
    call e%close()
  end subroutine shares_a_derivative

  subroutine infers_once_for_all()
    !! The stub gives column i of a call the recorded column i mod 4: it shows that one call had the columns of all ranks
    !! in order. The number of columns changes from step to step, and is zero on some ranks.
    type(shared_emulator_t) :: e
    type(variable_t) :: variable
    real(real64), allocatable, target :: recorded(:, :), x(:, :), y(:, :)
    integer :: before, icol, ncol, step

    message = ' '
    call e%open_shared(data_file('scale_float32.onnx'), MPI_COMM_WORLD, engine='stub')
    call check(e%is_open() .and. e%engine() == 'stub', 'the engine of the group is the stub')
    call check(e%is_leader() .eqv. rank == 0, 'rank 0 leads')
    call e%variable(1, variable)
    call check(variable%name == 'x' .and. e%n_variables() == 2, 'the card is known on all ranks')
    allocate (recorded(e%n_references(), 5))
    call e%reference('y', recorded)
    do step = 1, 6
      ncol = columns_of(rank, step)
      allocate (x(ncol, 5), y(ncol, 5))
      x = rank
      y = -1
      call e%unbind()
      call e%bind('x', x, units='1')
      call e%bind('y', y, units='1')
      call e%run(step)
      before = sum([(columns_of(i, step), i = 0, rank - 1)])
      do icol = 1, ncol
        call check(all(y(icol, :) == recorded(1 + mod(before + icol - 1, 4), :)), 'a column of the one call')
      end do
      deallocate (x, y)
    end do
    call e%close()
    call check(.not. e%is_open(), 'closed')
    call e%close(stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_closed, message, 'not open')
  end subroutine infers_once_for_all

  pure function columns_of(which_rank, step) result(ncol)
    integer, intent(in) :: which_rank, step
    integer :: ncol

    ncol = mod(which_rank * 2 + step * 3, 5)
  end function columns_of

  subroutine any_layout()
    !! The toy, bound as hosts do: other kinds, levels first or reversed, sections. Exact: the toy has no rounding.
    type(shared_emulator_t) :: e
    integer, parameter :: nlon = 3, nlat = 2
    real(real64), target :: t(nlon, nlat, nlay), flux(nlay + 1, nlon * nlat), outgoing(2 * nlon, 2 * nlat)
    real(real32), target :: p(nlon * nlat, 2 * (nlay + 1)), tendency(nlay, nlon * nlat)
    real(real64), target :: surface(nlon, nlat)
    real(real64), pointer :: upwards(:, :), sparse(:, :)
    real(real32), pointer :: section(:, :), backwards(:, :)
    integer :: icol, ilat, ilay, ilon, j

    call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD)
    upwards => flux(nlay + 1:1:-1, :)
    section => p(:, 1:2 * (nlay + 1):2)
    sparse => outgoing(1:2 * nlon:2, 2:2 * nlat:2)
    backwards => tendency(nlay:1:-1, :)
    p = ieee_value(1.0_real32, ieee_quiet_nan)
    do icol = 1, nlon * nlat
      j = icol + 10 * rank
      ilat = merge(1, 2, icol <= nlon)
      ilon = icol - (ilat - 1) * nlon
      do ilay = 1, nlay
        t(ilon, ilat, ilay) = temperature_at(j, ilay)
      end do
      section(icol, :) = real([(pressure_at(j, ilay), ilay = 1, nlay + 1)], real32)
      surface(ilon, ilat) = surface_at(j)
    end do
    outgoing = -1
    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, section, units='Pa')
    call e%bind(surface_name, surface, units='K')
    call e%bind(flux_name, upwards, level_dim=1)
    call e%bind(tendency_name, backwards, level_dim=1)
    call e%bind(outgoing_name, sparse)
    call check(e%n_columns() == nlon * nlat, 'columns of this rank')
    call e%run()
    do icol = 1, nlon * nlat
      j = icol + 10 * rank
      ilat = merge(1, 2, icol <= nlon)
      ilon = icol - (ilat - 1) * nlon
      do ilay = 1, nlay
        call check(tendency(nlay + 1 - ilay, icol) == real(toy_tendency(j, ilay), real32), 'tendency, levels reversed')
      end do
      do ilay = 1, nlay + 1
        call check(abs(flux(nlay + 2 - ilay, icol) - toy_flux(j, ilay)) < 1.0e-10_real64, 'flux, levels reversed')
      end do
      call check(outgoing(2 * ilon - 1, 2 * ilat) == toy_outgoing(j), 'outgoing, a section')
    end do
    call check(all(outgoing(2::2, :) == -1) .and. all(outgoing(:, 1::2) == -1), 'between the section nothing is touched')
    call e%close()
  end subroutine any_layout

  subroutine equals_private_engines()
    !! A network, on columns that differ in number from rank to rank, against an engine on every rank. Its sums may be
    !! ordered differently in a larger batch: the tolerance is that of single precision.
    type(shared_emulator_t) :: e
    type(emulator_t) :: own
    type(variable_t) :: variable
    integer, parameter :: n_inputs = 5, nlev = 60
    real(real64), target :: x(0:rank * 7, nlev, n_inputs), shared(0:rank * 7, nlev), private(0:rank * 7, nlev)
    real(real64), pointer :: profile(:, :)
    integer :: icol, ilev, j, step

    call e%open_shared(data_file('mlp.onnx'), MPI_COMM_WORLD)
    call check(e%engine() == 'onnxruntime', 'the engine that open chooses')
    call own%open(data_file('mlp.onnx'))
    do j = 1, n_inputs
      call e%variable(j, variable)
      profile => x(:, :, j)
      call e%bind(variable%name, profile)
      call own%bind(variable%name, profile)
    end do
    call e%bind('result', shared)
    call own%bind('result', private)
    do step = 1, 3
      do j = 1, n_inputs
        do ilev = 1, nlev
          do icol = 0, rank * 7
            x(icol, ilev, j) = sin(real(icol + 3 * ilev + 17 * j + 101 * rank + step, real64))
          end do
        end do
      end do
      call e%run(step)
      call own%run(step)
      call check(maxval(abs(shared - private)) <= 1.0e-5_real64 * maxval(abs(private)), 'as an engine of its own')
      call check(maxval(abs(private)) > 0.1_real64, 'and no zeros')
    end do
    call e%close()
  end subroutine equals_private_engines

  subroutine integers_and_single_values()
    type(shared_emulator_t) :: e
    integer(int32), target :: n(2, 5), m(2, 5)
    real(real32), target :: x(rank + 1), y(rank + 1)
    real(real64), target :: a(5, rank), b(5, rank)
    integer :: j

    call e%open_shared(data_file('scale_int32.onnx'), MPI_COMM_WORLD)
    n = rank + 1
    call e%bind('x', n)
    call e%bind('y', m)
    call e%run()
    call check(all(m == spread([(j * (rank + 1), j = 1, 5)], 1, 2)), 'integers')
    call e%close()
    call e%open_shared(data_file('scale_scalar.onnx'), MPI_COMM_WORLD)
    x = [(real(100 * rank + j, real32), j = 1, rank + 1)]
    call e%bind('x', x)
    call e%bind('y', y)
    call e%run()
    call check(all(y == 2 * x), 'one value per column')
    call e%close()
    call e%open_shared(data_file('scale_float64.onnx'), MPI_COMM_WORLD)
    a = rank + 1.0_real64 / 3
    call e%bind('x', a, level_dim=1)
    call e%bind('y', b, level_dim=1)
    call e%run()
    do j = 1, rank
      call check(all(b(:, j) == a(:, j) * [1, 2, 3, 4, 5]), 'double precision, not cut on the way; no columns on rank 0')
    end do
    call e%close()
  end subroutine integers_and_single_values

  subroutine nobody_has_columns()
    type(shared_emulator_t) :: e
    real(real32), target :: x(0, 5), y(0, 5)

    call e%open_shared(data_file('scale_float32.onnx'), MPI_COMM_WORLD, engine='stub')
    call e%bind('x', x)
    call e%bind('y', y)
    call e%run(stat=stat)
    call check(stat == pyemu_ok, 'no columns anywhere is no error')
    call e%close()
  end subroutine nobody_has_columns

  subroutine one_value_for_all()
    !! An input that is one value for all columns must be the same on all ranks.
    type(shared_emulator_t) :: e
    real(real64), target :: factor, x(rank, 5), y(rank, 5)
    integer :: j

    message = ' '
    call e%open_shared(data_file('global.onnx'), MPI_COMM_WORLD)
    x = rank
    y = -1
    factor = 3
    call e%bind('x', x)
    call e%bind('factor', factor)
    call e%bind('y', y)
    call e%run(stat=stat, errmsg=message)
    call check(stat == pyemu_ok, 'the same value on all ranks')
    do j = 1, rank
      call check(all(y(j, :) == 3 * rank), 'a column scaled by it')
    end do
    y = -1
    factor = 3 + rank
    call e%run(stat=stat, errmsg=message)
    if (n_ranks > 2) then
      call check_error(stat, pyemu_err_argument, message, "'factor' is one value for all columns")
      call check(all(y == -1), 'no output is touched')
    end if
    call e%close()
  end subroutine one_value_for_all

  subroutine partly_filled()
    !! Each rank says how many of its bound columns are filled.
    type(shared_emulator_t) :: e
    real(real32), target :: x(4, 5), y(4, 5)
    integer :: filled

    call e%open_shared(data_file('scale_float32.onnx'), MPI_COMM_WORLD)
    filled = mod(rank + 3, 4)
    x = ieee_value(1.0_real32, ieee_quiet_nan)
    x(:filled, :) = rank + 1
    y = -1
    call e%bind('x', x)
    call e%bind('y', y)
    call e%run(1, columns=filled)
    call check(all(y(:filled, 5) == 5 * (rank + 1)) .and. all(y(filled + 1:, :) == -1), 'the filled columns only')
    call e%close()
  end subroutine partly_filled

  subroutine fields_are_refused()
    type(shared_emulator_t) :: e

    message = ' '
    call e%open_shared(data_file('field.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_unsupported, message, 'on every rank')
    call check(.not. e%is_open(), 'open on no rank')
  end subroutine fields_are_refused

  subroutine one_rank_fails_in_open(bad)
    integer, intent(in) :: bad
    type(shared_emulator_t) :: e
    character(64) :: digest

    message = ' '
    call e%open_shared('no_such_file.onnx', MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_file, message, "cannot open 'no_such_file.onnx'")
    call e%open_shared(data_file('no_card.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_no_card, message, 'rank 0 of ')
    call e%open_shared(data_file('graph_broken.onnx'), MPI_COMM_WORLD, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_graph, message, 'rank 0 of ')
    call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD, engine='no_such_engine', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_engine, message, 'rank 0 of ')
    digest = repeat('0', 64)
    if (rank == bad) then
      call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub', sha256=digest, stat=stat, errmsg=message)
    else
      call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub', stat=stat, errmsg=message)
    end if
    call check_error(stat, pyemu_err_code, message, trim(failing))
    call check(.not. e%is_open(), 'open on no rank')
    if (rank == bad) call e%open(data_file('toy.onnx'), engine='stub')
    call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, trim(failing))
    call check_error(stat, pyemu_err_argument, message, 'open already')
    call check(e%is_open() .eqv. rank == bad, 'open on no other rank')
    if (rank == bad) call e%close()
    call e%open_shared(data_file('toy.onnx'), MPI_COMM_WORLD, engine='stub')
    call check(e%is_open(), 'and then it opens')
    call e%close()
  end subroutine one_rank_fails_in_open

  subroutine one_rank_fails_in_run(bad)
    !! Before the engine: a number that is not finite, a variable that is not bound. No output is touched on any rank.
    integer, intent(in) :: bad
    type(shared_emulator_t) :: e
    real(real32), target :: x(2, 5), y(2, 5)

    message = ' '
    call e%open_shared(data_file('scale_float32.onnx'), MPI_COMM_WORLD)
    x = rank + 1
    y = -1
    call e%bind('x', x)
    if (rank /= bad) call e%bind('y', y)
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_bound, message, trim(failing))
    call e%bind('y', y)
    if (rank == bad) x(2, 4) = ieee_value(1.0_real32, ieee_quiet_nan)
    call e%run(2, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_not_finite, message, trim(failing))
    call check_error(stat, pyemu_err_not_finite, message, 'column 2, layer 4')
    call check(all(y == -1), 'no output is touched')
    x = rank + 1
    call e%run(3, stat=stat, errmsg=message)
    call check(stat == pyemu_ok .and. all(y(2, :) == (rank + 1) * [1, 2, 3, 4, 5]), 'the next step is a good one')
    call e%close()
  end subroutine one_rank_fails_in_run

  subroutine one_rank_makes_the_engine_fail(bad)
    !! The number in one rank's column makes the engine fail, on rank 0: all ranks hear of it, and can go on.
    integer, intent(in) :: bad
    type(shared_emulator_t) :: e
    real(real32), target :: x(2, 5), y(2, 5)

    message = ' '
    call e%open_shared(data_file('fails.onnx'), MPI_COMM_WORLD)
    call e%bind('x', x)
    call e%bind('y', y)
    x = 0
    if (rank == bad) x(1, 1) = 1000
    call e%run(1, stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_inference, message, 'rank 0 of ')
    x = 0
    x(:, 2) = rank
    call e%run(2, stat=stat, errmsg=message)
    call check(stat == pyemu_ok .and. all(y(:, 2) == 0), 'the next step gives the columns of rank 0')
    call e%close()
  end subroutine one_rank_makes_the_engine_fail

  subroutine groups_of_ranks()
    type(MPI_Comm) :: group
    type(shared_emulator_t) :: e
    real(real32), target :: x(1, 5), y(1, 5)
    integer :: group_rank, group_size, n_leaders, node_index

    message = ' '
    call split_into_groups(MPI_COMM_WORLD, group, ranks_per_group=merge(0, 2, rank == n_ranks - 1), stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_argument, message, 'groups of 0 ranks')
    call check(group == MPI_COMM_NULL, 'no group after an error')
    call split_into_groups(MPI_COMM_WORLD, group)
    call MPI_Comm_size(group, group_size)
    call check(group_size == n_ranks, 'all ranks are on one node')
    call MPI_Comm_free(group)
    call split_into_groups(MPI_COMM_WORLD, group, ranks_per_group=2, index_on_node=node_index)
    call MPI_Comm_size(group, group_size)
    call MPI_Comm_rank(group, group_rank)
    call check(group_size == min(2, n_ranks) .and. node_index == rank / 2, 'groups of two neighbours')
    call e%open_shared(data_file('scale_float32.onnx'), group)
    call MPI_Comm_free(group)
    n_leaders = merge(1, 0, e%is_leader())
    call MPI_Allreduce(MPI_IN_PLACE, n_leaders, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD)
    call check(n_leaders == (n_ranks + 1) / 2, 'one leader for each group')
    x = rank
    call e%bind('x', x)
    call e%bind('y', y)
    if (rank == 0) x = ieee_value(1.0_real32, ieee_quiet_nan)
    call e%run(1, stat=stat, errmsg=message)
    call check((stat == pyemu_ok) .eqv. node_index > 0, 'an error stays in its group')
    call agree_on_status(MPI_COMM_WORLD, stat, message)
    call check_error(stat, pyemu_err_not_finite, message, 'rank 0 of ')
    x = rank
    call e%run(2)
    call check(all(y(1, :) == rank * [1, 2, 3, 4, 5]), 'each group by itself')
    call e%close()
  end subroutine groups_of_ranks

  subroutine one_owner()
    !! A copy is closed, and what leaves its scope open harms nobody.
    type(shared_emulator_t) :: copy
    type(shared_emulator_t), allocatable :: e

    allocate (e)
    call e%open_shared(data_file('scale_float32.onnx'), MPI_COMM_WORLD, engine='stub')
    copy = e
    call check(e%is_open() .and. .not. copy%is_open(), 'a copy is closed')
    call copy%run(stat=stat)
    call check(stat == pyemu_err_closed, 'and cannot be run')
    deallocate (e)
  end subroutine one_owner

  subroutine not_shared()
    !! After a plain open it is an emulator like any other, also where one is expected.
    type(shared_emulator_t), target :: e
    class(emulator_t), pointer :: any_emulator
    real(real32), target :: x(1, 5), y(1, 5)

    if (rank /= n_ranks - 1) return
    any_emulator => e
    call any_emulator%open(data_file('scale_float32.onnx'))
    x = 3
    call any_emulator%bind('x', x)
    call any_emulator%bind('y', y)
    call any_emulator%run()
    call check(e%engine() == 'onnxruntime' .and. e%is_leader() .and. y(1, 5) == 15, 'not shared')
    call any_emulator%close()
    call check(.not. e%is_open(), 'closed')
  end subroutine not_shared

  subroutine the_engine_group_alone()
    type(emulator_t) :: e

    message = ' '
    call e%open(data_file('toy.onnx'), engine='group', stat=stat, errmsg=message)
    call check_error(stat, pyemu_err_engine, message, 'open_shared')
  end subroutine the_engine_group_alone

end program shares_an_engine
