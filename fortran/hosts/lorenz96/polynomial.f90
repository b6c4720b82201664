!> U as a polynomial of X, alone, with white noise, or with noise that remembers.
module lorenz96_polynomial
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use lorenz96_settings, only: settings_t
  use lorenz96_subgrid, only: parameterization_t, subgrid_t
  use pyemu, only: pyemu_fill_noise
  implicit none
  private

  integer, parameter :: no_step = -huge(1)

  type, extends(parameterization_t), public :: polynomial_t
    private
    real(real64), allocatable :: coefficients(:)      !! from the constant up
    character(len=16) :: noise = 'none'
    real(real64) :: sd = 0.0_real64, phi = 0.0_real64
    integer :: seed = 0
    integer :: last_step = no_step                    !! for which the residual was made
    logical :: has_residual = .false.
    real(real64), allocatable :: residual(:,:), normal(:,:)  !! (K, trajectory)
  contains
    procedure :: open => open_polynomial
    procedure :: evaluate
    procedure :: save_state
    procedure :: load_state
    procedure, private :: make_residual
  end type polynomial_t

contains

  subroutine open_polynomial(self, settings)
    class(polynomial_t), intent(inout) :: self
    type(settings_t), intent(in) :: settings

    self%coefficients = settings%coefficients
    self%noise = settings%noise
    self%sd = settings%residual_sd
    self%seed = settings%seed
    self%phi = merge(settings%residual_phi, 0.0_real64, self%noise == 'ar1')
    allocate(self%residual(settings%n_slow, settings%n_trajectories()), source=0.0_real64)
    allocate(self%normal, mold=self%residual)
  end subroutine open_polynomial

  subroutine evaluate(self, subgrid, step, stat, errmsg)
    class(polynomial_t), intent(inout) :: self
    type(subgrid_t), intent(inout) :: subgrid
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: i

    stat = 0
    if (self%noise /= 'none' .and. step /= self%last_step) call self%make_residual(subgrid, step, stat, errmsg)
    associate (p => self%coefficients)
      subgrid%u = p(size(p))
      do i = size(p) - 1, 1, -1
        subgrid%u = subgrid%u * subgrid%x + p(i)
      end do
    end associate
    if (self%noise /= 'none') subgrid%u = subgrid%u + self%residual
  end subroutine evaluate

  !> The residual of a step: normal noise, or a step of the AR(1) process, which begins with its stationary variance.
  subroutine make_residual(self, subgrid, step, stat, errmsg)
    class(polynomial_t), intent(inout) :: self
    type(subgrid_t), intent(in) :: subgrid
    integer, intent(in) :: step
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    call pyemu_fill_noise(self%normal, subgrid%ids, self%seed, step, stat=stat, errmsg=errmsg)
    if (stat /= 0) then
      stat = 2
      errmsg = 'noise of the polynomial: '//errmsg
      return
    end if
    if (self%has_residual .and. self%noise == 'ar1') then
      self%residual = self%phi * self%residual + self%sd * sqrt(1.0_real64 - self%phi**2) * self%normal
    else
      self%residual = self%sd * self%normal
    end if
    self%has_residual = .true.
    self%last_step = step
  end subroutine make_residual

  subroutine save_state(self, bytes, stat, errmsg)
    class(polynomial_t), intent(inout) :: self
    integer(int8), allocatable, intent(out) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    allocate(bytes(0))
    if (self%noise == 'ar1' .and. self%has_residual) bytes = transfer(self%residual, bytes)
  end subroutine save_state

  subroutine load_state(self, bytes, stat, errmsg)
    class(polynomial_t), intent(inout) :: self
    integer(int8), intent(in) :: bytes(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    if (size(bytes) == 0) return
    if (size(bytes) /= storage_size(self%residual) / 8 * size(self%residual)) then
      stat = 2
      write(errmsg, '(a, i0, a, i0, a)') 'the restart file holds ', size(bytes), ' bytes of residuals, expected ', &
        storage_size(self%residual) / 8 * size(self%residual), ': use the scheme and noise of the run that wrote it'
      return
    end if
    self%residual = reshape(transfer(bytes, self%residual), shape(self%residual))
    self%has_residual = .true.
  end subroutine load_state

end module lorenz96_polynomial
