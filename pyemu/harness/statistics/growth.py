"""Growth of small errors: pairs of runs that start almost alike."""

import numpy as np
from numpy.typing import NDArray

from pyemu.harness.statistics.trends import slope

Array = NDArray[np.float64]


def growth_rate(time: Array, log_distance: Array, saturation: float, share: float = 0.1) -> float:
    """Exponential growth rate per unit of time of a log distance (time,) while it is below a share of saturation.

    The first record is left out, because directions have yet to align. NaN when fewer than three records are left.
    """
    small = log_distance < np.log(share * saturation)
    small[0] = False
    end = int(np.argmin(small[1:])) + 1 if not small[1:].all() else len(small)
    return slope(time[1:end], log_distance[1:end])
