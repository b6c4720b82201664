"""The 60-layer hybrid vertical grid (ECMWF L60): interface pressure = a + b * surface pressure, top first.

RFMIP profiles lie on the same grid, so nothing is interpolated when the emulators are scored on them.
"""

import numpy as np

# Interface pressure at the top [Pa]: the published coefficient is 0, but logarithms of pressure need a floor.
TOP_PRESSURE = 0.01

# Pa, 61 interfaces from the top down (ECMWF IFS documentation, 60 model levels).
HYBRID_A = np.array(
    [
        TOP_PRESSURE, 20.0, 38.425343, 63.647804, 95.636963, 134.483307, 180.584351, 234.779053, 298.495789,
        373.971924, 464.618134, 575.651001, 713.218079, 883.660522, 1094.834717, 1356.474609, 1680.640259,
        2082.273926, 2579.888672, 3196.421631, 3960.291504, 4906.708496, 6018.019531, 7306.631348, 8765.053711,
        10376.126953, 12077.446289, 13775.325195, 15379.805664, 16819.474609, 18045.183594, 19027.695313,
        19755.109375, 20222.205078, 20429.863281, 20384.480469, 20097.402344, 19584.330078, 18864.750000,
        17961.357422, 16899.468750, 15706.447266, 14411.124023, 13043.218750, 11632.758789, 10209.500977,
        8802.356445, 7438.803223, 6144.314941, 4941.778320, 3850.913330, 2887.696533, 2063.779785, 1385.912598,
        855.361755, 467.333588, 210.393890, 65.889244, 7.367743, 0.0, 0.0,
    ]
)  # fmt: skip

# dimensionless, 61 interfaces from the top down.
HYBRID_B = np.array(
    [0.0] * 24
    + [
        0.0000758235, 0.0004613950, 0.0018151561, 0.0050811190, 0.0111429105, 0.0206778757, 0.0341211632,
        0.0516904071, 0.0735338330, 0.0996746942, 0.1300225109, 0.1643843204, 0.2024759352, 0.2439331412,
        0.2883229554, 0.3351548910, 0.3838921487, 0.4339629412, 0.4847715795, 0.5357099175, 0.5861684084,
        0.6355474591, 0.6832686067, 0.7287858129, 0.7715966105, 0.8112534285, 0.8473749161, 0.8796569109,
        0.9078838825, 0.9319403172, 0.9518215060, 0.9676452279, 0.9796627164, 0.9882701039, 0.9940194488,
        0.9976301193, 1.0,
    ]
)  # fmt: skip

N_LAYERS = HYBRID_A.size - 1


def interface_pressure(surface_air_pressure: np.ndarray) -> np.ndarray:
    """Pressure at interfaces [Pa], shape (column, 61), from surface pressure [Pa], shape (column,)."""
    return HYBRID_A + HYBRID_B * np.asarray(surface_air_pressure)[:, None]


def layer_pressure(air_pressure_at_interfaces: np.ndarray) -> np.ndarray:
    """Mean of the two interfaces of every layer [Pa], shape (column, layer)."""
    return 0.5 * (air_pressure_at_interfaces[:, 1:] + air_pressure_at_interfaces[:, :-1])


def layer_thickness(air_pressure_at_interfaces: np.ndarray) -> np.ndarray:
    """Pressure thickness of every layer [Pa], positive, shape (column, layer)."""
    return np.diff(air_pressure_at_interfaces, axis=1)
