module longwave_emulator
  !! The emulator 'longwave', version 1, compiled to C: the file beside this one.
  !! Made from the file with SHA-256 4320d6716838dbf905e4be2f72e66e7e9f4ed635d46d5328ebcc78af83c547f5.
  use, intrinsic :: iso_c_binding, only: c_float, c_int64_t
  implicit none
  private
  public :: longwave, longwave_columns

  interface
    ! Dimensions are in Fortran's order, the first one fastest.
    pure subroutine longwave( &
        air_temperature, &
        surface_temperature, &
        tendency_of_air_temperature_due_to_longwave_heating &
        ) bind(c, name='longwave')
      !! One column.
      import :: c_float
      implicit none
      !$omp declare target
      real(c_float), intent(in) :: air_temperature(10)
        !! air_temperature [K], layer
      real(c_float), intent(in) :: surface_temperature
        !! surface_temperature [K]
      real(c_float), intent(out) :: tendency_of_air_temperature_due_to_longwave_heating(10)
        !! tendency_of_air_temperature_due_to_longwave_heating [K s-1], layer
    end subroutine longwave

    pure subroutine longwave_columns( &
        n_columns, stride, &
        air_temperature, &
        surface_temperature, &
        tendency_of_air_temperature_due_to_longwave_heating &
        ) bind(c, name='longwave_columns')
      !! The first n_columns columns of arrays whose first dimension is 'stride'.
      import :: c_float, c_int64_t
      implicit none
      !$omp declare target
      integer(c_int64_t), value, intent(in) :: n_columns, stride
      real(c_float), intent(in) :: air_temperature(stride, 10)
        !! air_temperature [K], layer
      real(c_float), intent(in) :: surface_temperature(stride)
        !! surface_temperature [K]
      real(c_float), intent(inout) :: tendency_of_air_temperature_due_to_longwave_heating(stride, 10)
        !! tendency_of_air_temperature_due_to_longwave_heating [K s-1], layer
    end subroutine longwave_columns
  end interface
end module longwave_emulator
