!> Kernels for any processor of the family; CMakeLists.txt gives the compiler's options.
module shallow_water_kernels_baseline
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use shallow_water_domain, only: domain_t
  use shallow_water_kernel_types, only: kernels_t, physics_t, span_t
  implicit none
  private
  public :: kernels_baseline

contains

  !> The kernels of this module.
  type(kernels_t) function kernels_baseline() result(kernels)
    kernels = these_kernels('baseline')
  end function kernels_baseline

  include 'kernels.inc'

end module shallow_water_kernels_baseline
