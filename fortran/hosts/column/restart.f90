!> Restart files: everything a run remembers, so that a continued run gives the same bits.
module column_restart
  use, intrinsic :: iso_fortran_env, only: real64
  use column_model, only: column_model_t
  use host_netcdf_file, only: netcdf_file_t
  use column_vertical_grid, only: n_layers
  implicit none
  private
  public :: write_restart, read_restart

contains

  !> Write the file named restart_out. stat is 0, or 4 with a message.
  subroutine write_restart(model, stat, errmsg)
    type(column_model_t), intent(in) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file

    call file%create(model%settings%restart_out)
    call define(file, model)
    call file%end_definitions()
    call file%put('air_temperature', model%state%air_temperature)
    call file%put('surface_temperature', model%state%surface_temperature)
    call file%put('specific_humidity', model%state%specific_humidity)
    call file%put('ocean_heat_flux', model%state%ocean_heat_flux)
    call file%put('longwave_up', model%fluxes%longwave_up)
    call file%put('longwave_down', model%fluxes%longwave_down)
    call file%put('longwave_heating', model%fluxes%longwave_heating)
    call file%put('shortwave_up', model%fluxes%shortwave_up)
    call file%put('shortwave_down', model%fluxes%shortwave_down)
    call file%put('shortwave_heating', model%fluxes%shortwave_heating)
    call file%put('convective_heating', model%convective_heating)
    call file%put('sensible', model%sensible)
    call file%put('latent', model%latent)
    call file%put('longwave_residual', model%longwave_residual)
    call file%put('shortwave_residual', model%shortwave_residual)
    call file%put('column_residual', model%column_residual)
    call file%close()
    call report(file, stat, errmsg)
  end subroutine write_restart

  !> Fill a model from the file named restart_in. stat is 0, or 4 with a message.
  subroutine read_restart(model, stat, errmsg)
    type(column_model_t), intent(inout) :: model
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(netcdf_file_t) :: file
    real(real64) :: surface_temperature(model%settings%ncol)

    call file%open_to_read(model%settings%restart_in)
    call check_agreement(file, model)
    model%step = file%get_integer_attribute('step')
    model%knows_ocean_heat_flux = file%get_integer_attribute('knows_ocean_heat_flux') == 1
    call file%get('air_temperature', model%state%air_temperature)
    call file%get('specific_humidity', model%state%specific_humidity)
    call file%get('ocean_heat_flux', model%state%ocean_heat_flux)
    call file%get('longwave_up', model%fluxes%longwave_up)
    call file%get('longwave_down', model%fluxes%longwave_down)
    call file%get('longwave_heating', model%fluxes%longwave_heating)
    call file%get('shortwave_up', model%fluxes%shortwave_up)
    call file%get('shortwave_down', model%fluxes%shortwave_down)
    call file%get('shortwave_heating', model%fluxes%shortwave_heating)
    call file%get('convective_heating', model%convective_heating)
    call file%get('sensible', model%sensible)
    call file%get('latent', model%latent)
    call file%get('longwave_residual', model%longwave_residual)
    call file%get('shortwave_residual', model%shortwave_residual)
    call file%get('column_residual', model%column_residual)
    call file%get('surface_temperature', surface_temperature)
    ! A prescribed surface temperature follows the namelist, so that a restart may begin another climate.
    if (model%settings%surface == 'slab') model%state%surface_temperature = surface_temperature
    call file%close()
    call report(file, stat, errmsg)
  end subroutine read_restart

  subroutine define(file, model)
    type(netcdf_file_t), intent(inout) :: file
    type(column_model_t), intent(in) :: model
    integer :: column, layer, interface

    column = file%dimension('column', model%settings%ncol)
    layer = file%dimension('layer', n_layers)
    interface = file%dimension('interface', n_layers + 1)
    call file%variable('air_temperature', [layer, column], 'K', 'air temperature', 'air_temperature')
    call file%variable('surface_temperature', [column], 'K', 'surface temperature', 'surface_temperature')
    call file%variable('specific_humidity', [layer, column], 'kg kg-1', 'specific humidity', 'specific_humidity')
    call file%variable('ocean_heat_flux', [column], 'W m-2', 'heat that the ocean carries into the slab')
    call file%variable('longwave_up', [interface, column], 'W m-2', 'upwelling longwave flux')
    call file%variable('longwave_down', [interface, column], 'W m-2', 'downwelling longwave flux')
    call file%variable('longwave_heating', [layer, column], 'K s-1', 'longwave heating held between calls')
    call file%variable('shortwave_up', [interface, column], 'W m-2', 'upwelling shortwave flux')
    call file%variable('shortwave_down', [interface, column], 'W m-2', 'downwelling shortwave flux')
    call file%variable('shortwave_heating', [layer, column], 'K s-1', 'shortwave heating held between calls')
    call file%variable('convective_heating', [layer, column], 'K s-1', 'convective heating of the last step')
    call file%variable('sensible', [column], 'W m-2', 'sensible heat flux of the last step')
    call file%variable('latent', [column], 'W m-2', 'latent heat flux of the last step')
    call file%variable('longwave_residual', [column], 'W m-2', 'largest since the last record')
    call file%variable('shortwave_residual', [column], 'W m-2', 'largest since the last record')
    call file%variable('column_residual', [column], 'W m-2', 'largest since the last record')
    call file%attribute('title', 'restart file of the column host of pyemu')
    call file%attribute('step', model%step)
    call file%attribute('first_column', model%settings%first_column)
    call file%attribute('time_step', model%settings%time_step)
    call file%attribute('knows_ocean_heat_flux', merge(1, 0, model%knows_ocean_heat_flux))
  end subroutine define

  !> The file must be about the same columns and steps.
  subroutine check_agreement(file, model)
    type(netcdf_file_t), intent(inout) :: file
    type(column_model_t), intent(in) :: model

    call compare(file, 'ncol', real(file%size_of('column'), real64), real(model%settings%ncol, real64))
    call compare(file, 'first_column', real(file%get_integer_attribute('first_column'), real64), &
      real(model%settings%first_column, real64))
    call compare(file, 'time_step', file%get_real_attribute('time_step'), model%settings%time_step)
  end subroutine check_agreement

  subroutine compare(file, entry, found, expected)
    type(netcdf_file_t), intent(inout) :: file
    character(len=*), intent(in) :: entry
    real(real64), intent(in) :: found, expected
    character(len=24) :: text(2)

    if (file%stat /= 0) return
    if (abs(found - expected) <= 0.0_real64) return
    write(text, '(g0.8)') found, expected
    file%stat = 4
    file%message = 'restart file has '//entry//' = '//trim(text(1))//', the namelist '//trim(text(2))// &
      '; use the value of the run that wrote it'
  end subroutine compare

  subroutine report(file, stat, errmsg)
    type(netcdf_file_t), intent(in) :: file
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = file%stat
    if (stat /= 0) errmsg = file%message
  end subroutine report

end module column_restart
