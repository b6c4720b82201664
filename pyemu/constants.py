"""Physical constants shared by generators, networks and hosts, each with its unit and source."""

STANDARD_GRAVITY = 9.80665  # m s-2, CGPM 1901
SPECIFIC_HEAT_OF_DRY_AIR = 1004.64  # J kg-1 K-1 at constant pressure, value used by RRTMG
STEFAN_BOLTZMANN = 5.670374419e-8  # W m-2 K-4, CODATA 2018
LATENT_HEAT_OF_VAPORIZATION = 2.501e6  # J kg-1 at 0 degrees Celsius
MOLAR_MASS_OF_DRY_AIR = 28.966e-3  # kg mol-1
MOLAR_MASS_OF_WATER = 18.016e-3  # kg mol-1
SOLAR_IRRADIANCE = 1360.85  # W m-2, NRLSSI2 mean used by RRTMG 4
SECONDS_PER_DAY = 86400.0  # s

METHANE_MOLE_FRACTION = 1.83e-6  # mol mol-1, near 2014
NITROUS_OXIDE_MOLE_FRACTION = 3.28e-7  # mol mol-1, near 2014
OXYGEN_MOLE_FRACTION = 0.209  # mol mol-1
REFERENCE_CARBON_DIOXIDE_MOLE_FRACTION = 4.0e-4  # mol mol-1, the "CO2 x1" of this project

CLOUD_LIQUID_EFFECTIVE_RADIUS_UM = 10.0  # micrometre, fixed choice of the reference scheme
CLOUD_ICE_EFFECTIVE_RADIUS_UM = 30.0  # micrometre, fixed choice of the reference scheme
