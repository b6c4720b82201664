!> The kernels for this processor, or those that the namelist asks for.
module shallow_water_kernels
  use, intrinsic :: iso_c_binding, only: c_int
  use shallow_water_kernel_types, only: kernels_t
  use shallow_water_kernels_avx2, only: kernels_avx2
  use shallow_water_kernels_baseline, only: kernels_baseline
  implicit none
  private
  public :: choose_kernels

  interface
    !> 1 if this processor has AVX2, else 0.
    integer(c_int) function has_avx2() bind(c, name='pyemu_shallow_water_has_avx2')
      import :: c_int
      implicit none
    end function has_avx2
  end interface

contains

  !> Kernels by name, or the best where the name is empty. stat is 0, or 1 with a message.
  subroutine choose_kernels(name, kernels, stat, errmsg)
    character(len=*), intent(in) :: name
    type(kernels_t), intent(out) :: kernels
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    kernels = kernels_baseline()
    if (name == 'baseline') return
    if (has_avx2() == 1) then
      kernels = kernels_avx2()
    else if (name == 'avx2') then
      stat = 1
      errmsg = "namelist entry kernels is 'avx2', which this processor has not; leave it empty"
    end if
  end subroutine choose_kernels

end module shallow_water_kernels
