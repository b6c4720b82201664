!> RRTMG as the climt wheel ships it: two shared libraries, loaded when first needed.
!>
!> The libraries are Python extension modules, but export the Fortran routines under C names. Nothing links to them, so
!> the host builds without climt, and no line of RRTMG is copied here.
module host_rrtmg_library
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_double, c_f_pointer, c_f_procpointer, c_funptr, c_int, &
    c_int32_t, c_null_char, c_ptr, c_size_t
  implicit none
  private
  public :: load_rrtmg

  integer(c_int), parameter :: rtld_lazy = 1  ! Python's own symbols stay unresolved, they are never called
  real(c_double), parameter :: pi = acos(-1.0_c_double)
  real(c_double), parameter :: gravity = 9.80665_c_double  ! m s-2
  real(c_double), parameter :: cp_dry = 1004.64_c_double   ! J kg-1 K-1

  !> The routines of one process; RRTMG keeps its tables as module data, so there is one of it per process.
  type, public :: rrtmg_library_t
    procedure(longwave_call), pointer, nopass :: longwave => null()
    procedure(shortwave_call), pointer, nopass :: shortwave => null()
  end type rrtmg_library_t

  interface
    function dlopen(path, mode) bind(c, name='dlopen') result(handle)
      import :: c_char, c_int, c_ptr
      implicit none
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int), value :: mode
      type(c_ptr) :: handle
    end function dlopen

    function dlsym(handle, name) bind(c, name='dlsym') result(address)
      import :: c_char, c_funptr, c_ptr
      implicit none
      type(c_ptr), value :: handle
      character(kind=c_char), intent(in) :: name(*)
      type(c_funptr) :: address
    end function dlsym

    function dlerror() bind(c, name='dlerror') result(message)
      import :: c_ptr
      implicit none
      type(c_ptr) :: message
    end function dlerror

    function strlen(text) bind(c, name='strlen') result(length)
      import :: c_ptr, c_size_t
      implicit none
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function strlen
  end interface

  abstract interface
    !> Layer 1 is the lowest; pressures in hPa; mole fractions per dry air; cloud paths in g m-2, radii in micrometres.
    subroutine longwave_call(ncol, nlay, overlap, derivative, layer_pressure, interface_pressure, layer_temperature, &
        interface_temperature, surface_temperature, water, ozone, carbon_dioxide, methane, nitrous_oxide, oxygen, &
        cfc11, cfc12, cfc22, carbon_tetrachloride, emissivity, cloud_optics, ice_optics, liquid_optics, &
        cloud_fraction, cloud_depth, ice_path, liquid_path, ice_radius, liquid_radius, aerosol_depth, &
        up, down, heating, clear_up, clear_down, clear_heating, up_derivative, clear_up_derivative) bind(c)
      import :: c_double, c_int32_t
      implicit none
      integer(c_int32_t), intent(in) :: ncol, nlay, derivative, cloud_optics, ice_optics, liquid_optics
      integer(c_int32_t), intent(inout) :: overlap
      real(c_double), dimension(*), intent(in) :: layer_pressure, interface_pressure, layer_temperature, &
        interface_temperature, surface_temperature, water, ozone, carbon_dioxide, methane, nitrous_oxide, oxygen, &
        cfc11, cfc12, cfc22, carbon_tetrachloride, emissivity, cloud_fraction, cloud_depth, ice_path, liquid_path, &
        ice_radius, liquid_radius, aerosol_depth
      real(c_double), dimension(*), intent(inout) :: up, down, heating, clear_up, clear_down, clear_heating, &
        up_derivative, clear_up_derivative
    end subroutine longwave_call

    subroutine shortwave_call(ncol, nlay, overlap, aerosol, layer_pressure, interface_pressure, layer_temperature, &
        interface_temperature, surface_temperature, water, ozone, carbon_dioxide, methane, nitrous_oxide, oxygen, &
        visible_direct_albedo, visible_diffuse_albedo, infrared_direct_albedo, infrared_diffuse_albedo, &
        cosine, distance_factor, day_of_year, irradiance, variability, cloud_optics, ice_optics, liquid_optics, &
        cloud_fraction, cloud_depth, cloud_albedo, cloud_asymmetry, cloud_forward, ice_path, liquid_path, &
        ice_radius, liquid_radius, aerosol_depth, aerosol_albedo, aerosol_asymmetry, aerosol_depth_55, &
        up, down, heating, clear_up, clear_down, clear_heating, band_scale, sunspot_scale, cycle_fraction) bind(c)
      import :: c_double, c_int32_t
      implicit none
      integer(c_int32_t), intent(in) :: ncol, nlay, day_of_year, variability, cloud_optics, ice_optics, liquid_optics
      integer(c_int32_t), intent(inout) :: overlap, aerosol
      real(c_double), dimension(*), intent(in) :: layer_pressure, interface_pressure, layer_temperature, &
        interface_temperature, surface_temperature, water, ozone, carbon_dioxide, methane, nitrous_oxide, oxygen, &
        visible_direct_albedo, visible_diffuse_albedo, infrared_direct_albedo, infrared_diffuse_albedo, cosine, &
        cloud_fraction, cloud_depth, cloud_albedo, cloud_asymmetry, cloud_forward, ice_path, liquid_path, ice_radius, &
        liquid_radius, aerosol_depth, aerosol_albedo, aerosol_asymmetry, aerosol_depth_55, band_scale
      real(c_double), intent(in) :: distance_factor, irradiance, cycle_fraction
      real(c_double), dimension(*), intent(inout) :: up, down, heating, clear_up, clear_down, clear_heating, &
        sunspot_scale
    end subroutine shortwave_call

    subroutine initialise_call(heat_capacity) bind(c)
      import :: c_double
      implicit none
      real(c_double), intent(in) :: heat_capacity
    end subroutine initialise_call

    subroutine constants_call(pi, gravity, planck, boltzmann, light, avogadro, loschmidt, gas, stefan, day) bind(c)
      import :: c_double
      implicit none
      real(c_double), intent(in) :: pi, gravity, planck, boltzmann, light, avogadro, loschmidt, gas, stefan, day
    end subroutine constants_call
  end interface

contains

  !> Load both libraries below a directory and give RRTMG its constants. stat is 0, or 2 with a message.
  subroutine load_rrtmg(directory, library, stat, errmsg)
    character(len=*), intent(in) :: directory  !! climt/_components/rrtmg of an installed climt
    type(rrtmg_library_t), intent(out) :: library
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    type(c_funptr) :: address

    call load_band(directory, 'lw', address, stat, errmsg)
    if (stat /= 0) return
    call c_f_procpointer(address, library%longwave)
    call load_band(directory, 'sw', address, stat, errmsg)
    if (stat /= 0) return
    call c_f_procpointer(address, library%shortwave)
  end subroutine load_rrtmg

  subroutine load_band(directory, band, address, stat, errmsg)
    character(len=*), intent(in) :: directory, band
    type(c_funptr), intent(out) :: address
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    procedure(constants_call), pointer :: set_constants
    procedure(initialise_call), pointer :: initialise
    type(c_funptr) :: constants_address, initialise_address
    type(c_ptr) :: handle

    call open_library(directory, band, handle, stat, errmsg)
    if (stat == 0) call find(handle, 'rrtmg_'//band//'_set_constants', constants_address, stat, errmsg)
    if (stat == 0) call find(handle, 'rrtmg_'//band//'_ini_wrapper', initialise_address, stat, errmsg)
    if (stat == 0) call find(handle, 'rrtmg_'//band//'_nomcica_wrapper', address, stat, errmsg)
    if (stat /= 0) return
    call c_f_procpointer(constants_address, set_constants)
    call c_f_procpointer(initialise_address, initialise)
    ! CODATA 2014 in CGS, the values climt gives RRTMG
    call set_constants(pi, gravity, 6.62607004e-27_c_double, 1.38064852e-16_c_double, 29979245800.0_c_double, &
      6.022140857e23_c_double, 2.6516467e19_c_double, 83144598.0_c_double, 5.670367e-12_c_double, 86400.0_c_double)
    call initialise(cp_dry)
  end subroutine load_band

  subroutine open_library(directory, band, handle, stat, errmsg)
    character(len=*), intent(in) :: directory, band
    type(c_ptr), intent(out) :: handle
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg
    character(len=:), allocatable :: path

    stat = 2
    path = library_path(trim(directory)//'/'//band//'/_rrtmg_'//band)
    if (len(path) == 0) then
      errmsg = "RRTMG not found: no '"//band//'/_rrtmg_'//band//".cpython-*.so' in '"//trim(directory)// &
        "'; install climt and set PYEMU_RRTMG or rrtmg_directory to its folder climt/_components/rrtmg"
      return
    end if
    handle = dlopen(path//c_null_char, rtld_lazy)
    if (.not. c_associated(handle)) then
      errmsg = 'RRTMG cannot be loaded: '//loader_message()//'; expected the climt 0.31 wheel for this machine'
      return
    end if
    stat = 0
  end subroutine open_library

  !> The extension's file name carries a Python version and a machine: take the one that is there.
  function library_path(stem) result(path)
    character(len=*), intent(in) :: stem
    character(len=:), allocatable :: path
    character(len=7), parameter :: machines(2) = [character(len=7) :: 'x86_64', 'aarch64']
    character(len=2) :: version
    logical :: exists
    integer :: minor, machine

    do machine = 1, size(machines)
      do minor = 9, 19
        write(version, '(i0)') minor
        path = stem//'.cpython-3'//trim(version)//'-'//trim(machines(machine))//'-linux-gnu.so'
        inquire(file=path, exist=exists)
        if (exists) return
      end do
    end do
    path = ''
  end function library_path

  subroutine find(handle, name, address, stat, errmsg)
    type(c_ptr), intent(in) :: handle
    character(len=*), intent(in) :: name
    type(c_funptr), intent(out) :: address
    integer, intent(out) :: stat
    character(len=*), intent(inout) :: errmsg

    stat = 0
    address = dlsym(handle, name//c_null_char)
    if (c_associated(address)) return
    stat = 2
    errmsg = "RRTMG library lacks '"//name//"'; expected the climt 0.31 wheel"
  end subroutine find

  !> Text of the loader's last error.
  function loader_message() result(text)
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    type(c_ptr) :: message
    integer :: i

    message = dlerror()
    text = 'unknown reason'
    if (.not. c_associated(message)) return
    call c_f_pointer(message, letters, [strlen(message)])
    allocate(character(len=size(letters)) :: text)
    do i = 1, size(letters)
      text(i:i) = letters(i)
    end do
  end function loader_message

end module host_rrtmg_library
