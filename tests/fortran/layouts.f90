program layouts
  !! Arrays of a host in every layout: kinds, ranks 0 to 4, blocks, sections, level first and last, bottom first.
  use, intrinsic :: iso_fortran_env, only: int8, real32, real64
  use checks, only: check, data_file, finish
  use pyemu, only: emulator_t
  use toy
  implicit none

  real(real64), parameter :: tolerance = 4 * epsilon(1.0_real64)  ! two operations on float64, exact inputs
  real(real32), parameter :: tolerance32 = epsilon(1.0_real32)    ! one rounding to the host's kind

  call layer_last()
  call layer_first()
  call single_precision()
  call longitude_latitude()
  call blocks()
  call bottom_first()
  call sections()
  call one_column()
  call derived_type_components()
  call from_memory()
  call intent_in_arrays(spread([200.0_real64, 210.0_real64, 220.0_real64, 230.0_real64, 240.0_real64], 1, 7))
  call finish()

contains

  logical function near(a, b)
    real(real64), intent(in) :: a, b
    near = abs(a - b) <= tolerance * abs(b)
  end function near

  subroutine layer_last()
    !! (ncol, nlay), the usual layout, and many columns to cross the edges of the blocked transposition.
    integer, parameter :: sizes(5) = [1, 7, 16, 33, 130]
    type(emulator_t) :: e
    real(real64), allocatable, target :: t(:, :), p(:, :), ts(:), flux(:, :), tendency(:, :), outgoing(:)
    integer :: i, icol, ilay, ncol

    call e%open(data_file('toy.onnx'))
    do i = 1, size(sizes)
      ncol = sizes(i)
      if (allocated(t)) deallocate (t, p, ts, flux, tendency, outgoing)
      allocate (t(ncol, nlay), p(ncol, nlay + 1), ts(ncol), flux(ncol, nlay + 1), tendency(ncol, nlay), &
                outgoing(ncol))
      do icol = 1, ncol
        t(icol, :) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
        p(icol, :) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
        ts(icol) = surface_at(icol)
      end do
      call e%unbind()
      call e%bind(temperature_name, t, units='K')
      call e%bind(pressure_name, p, units='Pa')
      call e%bind(surface_name, ts, units='K')
      call e%bind(flux_name, flux, units='W m-2')
      call e%bind(tendency_name, tendency, units='K s-1')
      call e%bind(outgoing_name, outgoing, units='W m-2')
      call e%run(i)
      call check(e%n_columns() == ncol, 'number of columns')
      do icol = 1, ncol
        call check(near(outgoing(icol), toy_outgoing(icol)), 'layer last: outgoing')
        do ilay = 1, nlay
          call check(near(tendency(icol, ilay), toy_tendency(icol, ilay)), 'layer last: tendency')
          call check(near(flux(icol, ilay + 1), toy_flux(icol, ilay + 1)), 'layer last: flux')
        end do
      end do
    end do
  end subroutine layer_last

  subroutine layer_first()
    !! (nlay, ncol) in double precision: the float64 variables are used without a copy.
    integer, parameter :: ncol = 9
    type(emulator_t) :: e
    real(real64), target :: t(nlay, ncol), p(nlay + 1, ncol), ts(ncol), flux(nlay + 1, ncol), tendency(nlay, ncol), &
        outgoing(ncol)
    integer :: icol, ilay

    do icol = 1, ncol
      t(:, icol) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
      p(:, icol) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
      ts(icol) = surface_at(icol)
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t, level_dim=1)
    call e%bind(pressure_name, p, level_dim=1)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux, level_dim=1)
    call e%bind(tendency_name, tendency, level_dim=1)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    do icol = 1, ncol
      do ilay = 1, nlay
        call check(near(tendency(ilay, icol), toy_tendency(icol, ilay)), 'layer first: tendency')
        call check(near(flux(ilay, icol), toy_flux(icol, ilay)), 'layer first: flux')
      end do
    end do
  end subroutine layer_first

  subroutine single_precision()
    integer, parameter :: ncol = 10
    type(emulator_t) :: e
    real(real32), target :: t(ncol, nlay), p(ncol, nlay + 1), ts(ncol), flux(ncol, nlay + 1), tendency(ncol, nlay), &
        outgoing(ncol)
    integer :: icol, ilay

    do icol = 1, ncol
      t(icol, :) = [(real(temperature_at(icol, ilay), real32), ilay = 1, nlay)]
      p(icol, :) = [(real(pressure_at(icol, ilay), real32), ilay = 1, nlay + 1)]
      ts(icol) = real(surface_at(icol), real32)
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t)
    call e%bind(pressure_name, p)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    do icol = 1, ncol
      do ilay = 1, nlay
        call check(abs(tendency(icol, ilay) / real(toy_tendency(icol, ilay), real32) - 1) <= tolerance32, 'real32: tendency')
        call check(abs(flux(icol, ilay) / real(toy_flux(icol, ilay), real32) - 1) <= tolerance32, 'real32: flux')
      end do
    end do
  end subroutine single_precision

  subroutine longitude_latitude()
    !! (nlon, nlat, nlay) and (nlon, nlat): columns are counted with the longitude fastest.
    integer, parameter :: nlon = 4, nlat = 3
    type(emulator_t) :: e
    real(real64), target :: t(nlon, nlat, nlay), p(nlon, nlat, nlay + 1), ts(nlon, nlat), flux(nlon, nlat, nlay + 1), &
        tendency(nlon, nlat, nlay), outgoing(nlon, nlat)
    integer :: icol, ilay, ilat, ilon

    do ilat = 1, nlat
      do ilon = 1, nlon
        icol = ilon + nlon * (ilat - 1)
        t(ilon, ilat, :) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
        p(ilon, ilat, :) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
        ts(ilon, ilat) = surface_at(icol)
      end do
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t)
    call e%bind(pressure_name, p)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    call check(e%n_columns() == nlon * nlat, 'columns of a map')
    do ilat = 1, nlat
      do ilon = 1, nlon
        icol = ilon + nlon * (ilat - 1)
        call check(near(outgoing(ilon, ilat), toy_outgoing(icol)), 'map: outgoing')
        call check(near(tendency(ilon, ilat, 2), toy_tendency(icol, 2)), 'map: tendency')
        call check(near(flux(ilon, ilat, 6), toy_flux(icol, 6)), 'map: flux')
      end do
    end do
  end subroutine longitude_latitude

  subroutine blocks()
    !! (nproma, nlay, nblk), and of rank 4 (nproma, nlay, nblk, nmember): the level between the columns.
    integer, parameter :: nproma = 4, nblk = 3, nmember = 2
    type(emulator_t) :: e
    real(real64), target :: t(nproma, nlay, nblk, nmember), p(nproma, nlay + 1, nblk, nmember), &
        ts(nproma, nblk, nmember), flux(nproma, nlay + 1, nblk, nmember), tendency(nproma, nlay, nblk, nmember), &
        outgoing(nproma, nblk, nmember)
    integer :: iblk, icol, ilay, imember, iproma

    do imember = 1, nmember
      do iblk = 1, nblk
        do iproma = 1, nproma
          icol = iproma + nproma * (iblk - 1 + nblk * (imember - 1))
          t(iproma, :, iblk, imember) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
          p(iproma, :, iblk, imember) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
          ts(iproma, iblk, imember) = surface_at(icol)
        end do
      end do
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t, level_dim=2)
    call e%bind(pressure_name, p, level_dim=2)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux, level_dim=2)
    call e%bind(tendency_name, tendency, level_dim=2)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    do imember = 1, nmember
      do iblk = 1, nblk
        do iproma = 1, nproma
          icol = iproma + nproma * (iblk - 1 + nblk * (imember - 1))
          call check(near(outgoing(iproma, iblk, imember), toy_outgoing(icol)), 'blocks: outgoing')
          call check(near(tendency(iproma, 3, iblk, imember), toy_tendency(icol, 3)), 'blocks: tendency')
          call check(near(flux(iproma, 6, iblk, imember), toy_flux(icol, 6)), 'blocks: flux')
        end do
      end do
    end do
  end subroutine blocks

  subroutine bottom_first()
    !! A host whose first layer is the lowest binds its arrays turned round: negative strides.
    integer, parameter :: ncol = 20
    type(emulator_t) :: e
    real(real64), target :: t(ncol, nlay), p(nlay + 1, ncol), ts(ncol), flux(ncol, nlay + 1), tendency(nlay, ncol), &
        outgoing(ncol)
    integer :: icol, ilay

    do icol = 1, ncol
      t(icol, nlay:1:-1) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
      p(nlay + 1:1:-1, icol) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
      ts(ncol + 1 - icol) = surface_at(icol)
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t(:, nlay:1:-1))
    call e%bind(pressure_name, p(nlay + 1:1:-1, :), level_dim=1)
    call e%bind(surface_name, ts(ncol:1:-1))
    call e%bind(flux_name, flux(:, nlay + 1:1:-1))
    call e%bind(tendency_name, tendency(nlay:1:-1, :), level_dim=1)
    call e%bind(outgoing_name, outgoing(ncol:1:-1))
    call e%run()
    do icol = 1, ncol
      call check(near(outgoing(ncol + 1 - icol), toy_outgoing(icol)), 'bottom first: outgoing')
      do ilay = 1, nlay
        call check(near(tendency(nlay + 1 - ilay, icol), toy_tendency(icol, ilay)), 'bottom first: tendency')
        call check(near(flux(icol, nlay + 2 - ilay), toy_flux(icol, ilay)), 'bottom first: flux')
      end do
    end do
  end subroutine bottom_first

  subroutine sections()
    !! Sections with gaps in both dimensions; what lies between is not touched.
    integer, parameter :: ncol = 8
    type(emulator_t) :: e
    real(real64), target :: t(0:2 * ncol + 1, 2 * nlay), p(ncol, 3 * nlay + 3), ts(3 * ncol), flux(2 * ncol, 2 * nlay + 2), &
        tendency(ncol + 4, nlay + 2), outgoing(2 * ncol)
    integer :: icol, ilay

    t = -1; p = -1; ts = -1; flux = -1; tendency = -1; outgoing = -1
    do icol = 1, ncol
      t(2 * icol - 1, 1:2 * nlay:2) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
      p(icol, 3:3 * nlay + 3:3) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
      ts(3 * icol - 2) = surface_at(icol)
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t(1:2 * ncol - 1:2, 1:2 * nlay:2))
    call e%bind(pressure_name, p(:, 3::3))
    call e%bind(surface_name, ts(1::3))
    call e%bind(flux_name, flux(2::2, 2::2))
    call e%bind(tendency_name, tendency(3:ncol + 2, 2:nlay + 1))
    call e%bind(outgoing_name, outgoing(2 * ncol:2:-2))
    call e%run()
    do icol = 1, ncol
      call check(near(outgoing(2 * ncol + 2 - 2 * icol), toy_outgoing(icol)), 'sections: outgoing')
      do ilay = 1, nlay
        call check(near(tendency(icol + 2, ilay + 1), toy_tendency(icol, ilay)), 'sections: tendency')
        call check(near(flux(2 * icol, 2 * ilay), toy_flux(icol, ilay)), 'sections: flux')
      end do
    end do
    call check(all(outgoing(1::2) == -1) .and. all(flux(1::2, :) == -1) .and. all(flux(:, 1::2) == -1), 'gaps')
    call check(all(tendency(:2, :) == -1) .and. all(tendency(ncol + 3:, :) == -1), 'margins')
    call check(all(tendency(:, 1) == -1) .and. all(tendency(:, nlay + 2) == -1), 'more margins')
  end subroutine sections

  subroutine one_column()
    !! A column model: profiles of rank 1, scalars of rank 0.
    type(emulator_t) :: e
    real(real64), target :: t(nlay), p(nlay + 1), ts, flux(nlay + 1), tendency(nlay), outgoing
    integer :: ilay

    t = [(temperature_at(1, ilay), ilay = 1, nlay)]
    p = [(pressure_at(1, ilay), ilay = 1, nlay + 1)]
    ts = surface_at(1)
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t)
    call e%bind(pressure_name, p)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    call check(e%n_columns() == 1, 'one column')
    call check(near(outgoing, toy_outgoing(1)), 'one column: outgoing')
    do ilay = 1, nlay
      call check(near(tendency(ilay), toy_tendency(1, ilay)), 'one column: tendency')
      call check(near(flux(ilay), toy_flux(1, ilay)), 'one column: flux')
    end do
  end subroutine one_column

  subroutine derived_type_components()
    !! Components of an array of a derived type, bound by pointers: the stride is the size of the type.
    type :: point_t
      real(real32) :: surface
      real(real64) :: outgoing
      real(real64) :: t(nlay)
    end type point_t
    integer, parameter :: ncol = 6
    type(emulator_t) :: e
    type(point_t), target :: points(ncol)
    real(real32), pointer :: surface(:)
    real(real64), pointer :: outgoing(:)
    real(real64), target :: t(ncol, nlay), p(ncol, nlay + 1), flux(ncol, nlay + 1), tendency(ncol, nlay)
    integer :: icol, ilay

    do icol = 1, ncol
      t(icol, :) = [(temperature_at(icol, ilay), ilay = 1, nlay)]
      p(icol, :) = [(pressure_at(icol, ilay), ilay = 1, nlay + 1)]
      points(icol) = point_t(surface=real(surface_at(icol), real32), outgoing=0, t=0)
    end do
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t)
    call e%bind(pressure_name, p)
    surface => points%surface
    outgoing => points%outgoing
    call e%bind(surface_name, surface)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    do icol = 1, ncol
      call check(near(points(icol)%outgoing, toy_outgoing(icol)), 'components: outgoing')
      call check(near(flux(icol, 1), toy_flux(icol, 1)), 'components: flux')
    end do
  end subroutine derived_type_components

  subroutine from_memory()
    !! One rank reads the file, all open the bytes.
    type(emulator_t) :: e
    integer(int8), allocatable :: bytes(:)
    integer :: length, unit
    real(real64) :: t(4, nlay)

    open (newunit=unit, file=data_file('toy.onnx'), access='stream', form='unformatted', action='read')
    inquire (unit=unit, size=length)
    allocate (bytes(length))
    read (unit) bytes
    close (unit)
    call e%open_memory(bytes, engine='stub')
    deallocate (bytes)
    call check(e%n_references() == 4 .and. e%engine() == 'stub', 'opened from memory')
    call e%reference(temperature_name, t)
    call check(all(t >= 200 .and. t < 300), 'reference columns from memory')
  end subroutine from_memory

  subroutine intent_in_arrays(t)
    !! A routine that must not change its argument can bind it as an input.
    real(real64), intent(in), target :: t(:, :)   !! (ncol, nlay) temperature [K]
    type(emulator_t) :: e
    real(real64), target :: p(7, nlay + 1), ts(7), flux(7, nlay + 1), tendency(7, nlay), outgoing(7)

    p = 1000; ts = 280
    call e%open(data_file('toy.onnx'))
    call e%bind(temperature_name, t, units='K')
    call e%bind(pressure_name, p)
    call e%bind(surface_name, ts)
    call e%bind(flux_name, flux)
    call e%bind(tendency_name, tendency)
    call e%bind(outgoing_name, outgoing)
    call e%run()
    call check(near(tendency(7, 2), (t(7, 2) - 280) * 2), 'an input that is intent(in)')
  end subroutine intent_in_arrays

end program layouts
