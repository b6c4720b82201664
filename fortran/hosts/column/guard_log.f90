!> What the guard of one band has found in this run: numbers only, for the output, which knows no emulator.
module column_guard_log
  use, intrinsic :: iso_fortran_env, only: int64, real64
  implicit none
  private

  integer, parameter, public :: n_reasons = 3  !! kinds of counts: not finite, invalid, novel
  integer, parameter, public :: n_series = 3   !! numbers kept of every call: columns flagged, held back, computed by RRTMG

  !> How often each reason was found in one variable.
  type, public :: variable_counts_t
    character(len=:), allocatable :: name
    real(real64), allocatable :: counts(:,:)  !! (level, reason), one level for a variable without any
  end type variable_counts_t

  !> What the emulator library says of one budget of the card.
  type, public :: budget_log_t
    character(len=:), allocatable :: name, units
    real(real64) :: tolerance = 0.0_real64
    real(real64) :: columns = 0.0_real64   !! residuals computed
    real(real64) :: exceeded = 0.0_real64  !! of these, beyond the tolerance
    real(real64) :: mean = 0.0_real64, rms = 0.0_real64, largest = 0.0_real64
    real(real64) :: at_call = 0.0_real64, at_column = 0.0_real64
  end type budget_log_t

  type, public :: guard_log_t
    logical :: is_on = .false., sees_budgets = .false.
    integer :: n_calls = 0                              !! of this run
    integer(int64) :: totals(n_series) = 0              !! over all calls
    real(real64), allocatable :: days(:)                !! (call) model time [day]
    real(real64), allocatable :: series(:,:)            !! (call, n_series) columns
    real(real64), allocatable :: flagged_calls(:)       !! (ncol) calls in which the column was flagged
    real(real64), allocatable :: fallback_calls(:)      !! (ncol) calls in which RRTMG computed the column
    type(variable_counts_t), allocatable :: variables(:)
    type(budget_log_t), allocatable :: budgets(:)
  contains
    procedure :: start
    procedure :: add_call
    procedure, private :: make_room
  end type guard_log_t

contains

  !> Begin to count for so many columns.
  subroutine start(self, ncol, sees_budgets)
    class(guard_log_t), intent(inout) :: self
    integer, intent(in) :: ncol
    logical, intent(in) :: sees_budgets  !! whether the guard looks at budgets

    self%is_on = .true.
    self%sees_budgets = sees_budgets
    allocate(self%flagged_calls(ncol), self%fallback_calls(ncol), source=0.0_real64)
    allocate(self%days(64), self%series(64, n_series), source=0.0_real64)
  end subroutine start

  !> Note one radiation call.
  subroutine add_call(self, day, is_flagged, held_back, computed)
    class(guard_log_t), intent(inout) :: self
    real(real64), intent(in) :: day          !! model time [day]
    logical, intent(in) :: is_flagged(:)     !! (ncol)
    integer, intent(in) :: held_back         !! columns whose outputs the guard has not written
    integer, intent(in) :: computed(:)       !! columns that RRTMG has computed

    if (self%n_calls == size(self%days)) call self%make_room()
    self%n_calls = self%n_calls + 1
    self%days(self%n_calls) = day
    self%series(self%n_calls, :) = real([count(is_flagged), held_back, size(computed)], real64)
    self%totals = self%totals + [count(is_flagged), held_back, size(computed)]
    where (is_flagged) self%flagged_calls = self%flagged_calls + 1.0_real64
    self%fallback_calls(computed) = self%fallback_calls(computed) + 1.0_real64
  end subroutine add_call

  !> Twice the room for calls.
  subroutine make_room(self)
    class(guard_log_t), intent(inout) :: self
    real(real64), allocatable :: days(:), series(:,:)

    allocate(days(2 * self%n_calls), series(2 * self%n_calls, n_series), source=0.0_real64)
    days(:self%n_calls) = self%days
    series(:self%n_calls, :) = self%series
    call move_alloc(days, self%days)
    call move_alloc(series, self%series)
  end subroutine make_room

end module column_guard_log
