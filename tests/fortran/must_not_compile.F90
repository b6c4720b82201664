program must_not_compile
  !! Compiles as it is, and not with one of the macros: what would be gone or changed when run looks at it, or is of a
  !! kind that no emulator has, is refused by the compiler.
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use pyemu, only: emulator_t
  implicit none
  type(emulator_t) :: e
  real(real64), target :: t(4, 5)
  real(real64) :: plain(4, 5)
  integer(int64), target :: long(4, 5)
  integer(int64) :: plain_ids(4)
  complex(real64), target :: z(4, 5)
  logical, target :: l(4, 5)

  call e%bind('air_temperature', t, units='K', level_dim=2)
  call e%bind_ids(long(:, 1))
#if defined(EXPRESSION)
  call e%bind('air_temperature', t + 273.15_real64)
#elif defined(ARRAY_WITHOUT_TARGET)
  call e%bind('air_temperature', plain)
#elif defined(IDS_WITHOUT_TARGET)
  call e%bind_ids(plain_ids)
#elif defined(REAL_IDS)
  call e%bind_ids(t)
#elif defined(CONSTANT)
  call e%bind('surface_temperature', 280.0_real64)
#elif defined(INT64)
  call e%bind('air_temperature', long)
#elif defined(COMPLEX)
  call e%bind('air_temperature', z)
#elif defined(LOGICAL)
  call e%bind('air_temperature', l)
#endif
end program must_not_compile
