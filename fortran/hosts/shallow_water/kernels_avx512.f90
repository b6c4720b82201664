!> Kernels for processors with vectors of 64 bytes; CMakeLists.txt gives the compiler's options.
module shallow_water_kernels_avx512
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use shallow_water_domain, only: domain_t
  use shallow_water_kernel_types, only: kernels_t, physics_t, span_t
  implicit none
  private
  public :: kernels_avx512

contains

  !> The kernels of this module.
  type(kernels_t) function kernels_avx512() result(kernels)
    kernels = these_kernels('avx512')
  end function kernels_avx512

  include 'kernels.inc'

end module shallow_water_kernels_avx512
