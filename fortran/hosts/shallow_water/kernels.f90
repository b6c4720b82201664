!> The kernels for this processor, or those that the namelist asks for.
module shallow_water_kernels
  use, intrinsic :: iso_c_binding, only: c_int
  use shallow_water_kernel_types, only: kernels_t
  use shallow_water_kernels_avx2, only: kernels_avx2
  use shallow_water_kernels_avx512, only: kernels_avx512
  use shallow_water_kernels_baseline, only: kernels_baseline
  implicit none
  private
  public :: choose_kernels

  interface
    !> Widest vectors of this processor: 2 AVX-512, 1 AVX2, 0 none of them.
    integer(c_int) function vectors() bind(c, name='pyemu_shallow_water_vectors')
      import :: c_int
      implicit none
    end function vectors
  end interface

contains

  !> Kernels by name, or the best where the name is empty. stat is 0, or 1 with a message.
  subroutine choose_kernels(name, kernels, stat, errmsg)
    character(len=*), intent(in) :: name
    type(kernels_t), intent(out) :: kernels
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    integer :: wanted, found

    found = int(vectors())
    select case (name)
    case ('baseline')
      wanted = 0
    case ('avx2')
      wanted = 1
    case ('avx512')
      wanted = 2
    case default
      wanted = found
    end select
    stat = 0
    if (wanted > found) then
      stat = 1
      errmsg = "namelist entry kernels is '"//trim(name)//"', which this processor has not; leave it empty"
      return
    end if
    if (wanted == 0) kernels = kernels_baseline()
    if (wanted == 1) kernels = kernels_avx2()
    if (wanted == 2) kernels = kernels_avx512()
  end subroutine choose_kernels

end module shallow_water_kernels
