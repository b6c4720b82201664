!> The 60 hybrid layers of ECMWF's L60: interface pressure = a + b * surface pressure, from the top down.
module column_vertical_grid
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: interface_pressure

  integer, parameter, public :: n_layers = 60

  !> (n_layers + 1) pressure part of the hybrid coordinate [Pa]; the published top is 0, logarithms need a floor
  real(real64), parameter, public :: hybrid_a(n_layers + 1) = [ &
    0.01_real64, 20.0_real64, 38.425343_real64, 63.647804_real64, 95.636963_real64, 134.483307_real64, &
    180.584351_real64, 234.779053_real64, 298.495789_real64, 373.971924_real64, 464.618134_real64, &
    575.651001_real64, 713.218079_real64, 883.660522_real64, 1094.834717_real64, 1356.474609_real64, &
    1680.640259_real64, 2082.273926_real64, 2579.888672_real64, 3196.421631_real64, 3960.291504_real64, &
    4906.708496_real64, 6018.019531_real64, 7306.631348_real64, 8765.053711_real64, 10376.126953_real64, &
    12077.446289_real64, 13775.325195_real64, 15379.805664_real64, 16819.474609_real64, 18045.183594_real64, &
    19027.695313_real64, 19755.109375_real64, 20222.205078_real64, 20429.863281_real64, 20384.480469_real64, &
    20097.402344_real64, 19584.330078_real64, 18864.75_real64, 17961.357422_real64, 16899.46875_real64, &
    15706.447266_real64, 14411.124023_real64, 13043.21875_real64, 11632.758789_real64, 10209.500977_real64, &
    8802.356445_real64, 7438.803223_real64, 6144.314941_real64, 4941.77832_real64, 3850.91333_real64, &
    2887.696533_real64, 2063.779785_real64, 1385.912598_real64, 855.361755_real64, 467.333588_real64, &
    210.39389_real64, 65.889244_real64, 7.367743_real64, 0.0_real64, 0.0_real64]

  !> (n_layers + 1) surface pressure part of the hybrid coordinate [1]
  real(real64), parameter, public :: hybrid_b(n_layers + 1) = [ &
    0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, &
    0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, &
    0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, &
    0.0000758235_real64, 0.0004613950_real64, 0.0018151561_real64, 0.0050811190_real64, 0.0111429105_real64, &
    0.0206778757_real64, 0.0341211632_real64, 0.0516904071_real64, 0.0735338330_real64, 0.0996746942_real64, &
    0.1300225109_real64, 0.1643843204_real64, 0.2024759352_real64, 0.2439331412_real64, 0.2883229554_real64, &
    0.3351548910_real64, 0.3838921487_real64, 0.4339629412_real64, 0.4847715795_real64, 0.5357099175_real64, &
    0.5861684084_real64, 0.6355474591_real64, 0.6832686067_real64, 0.7287858129_real64, 0.7715966105_real64, &
    0.8112534285_real64, 0.8473749161_real64, 0.8796569109_real64, 0.9078838825_real64, 0.9319403172_real64, &
    0.9518215060_real64, 0.9676452279_real64, 0.9796627164_real64, 0.9882701039_real64, 0.9940194488_real64, &
    0.9976301193_real64, 1.0_real64]

contains

  !> Pressure at the interfaces of every column.
  pure function interface_pressure(surface_air_pressure) result(pressure)
    real(real64), intent(in) :: surface_air_pressure(:)  !! (ncol) [Pa]
    real(real64) :: pressure(size(surface_air_pressure), n_layers + 1)  !! (ncol, nlay+1) [Pa], top first
    integer :: k

    do k = 1, n_layers + 1
      pressure(:, k) = hybrid_a(k) + hybrid_b(k) * surface_air_pressure
    end do
  end function interface_pressure

end module column_vertical_grid
