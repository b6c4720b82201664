"""What generic networks see of a column: normalised profiles and scalars, with transformed humidity, ozone and cloud."""

import torch
from torch import Tensor

from pyemu.physics import thermal

# (centre, spread) of each derived profile, in the order of `profiles`.
PROFILE_SCALES = ((250.0, 30.0), (-9.0, 3.0), (-14.0, 1.5), (0.0, 1.0), (0.0, 1.0), (9.0, 2.5), (0.0, 1.0), (0.0, 1.0))
# m2 g-1, liquid and ice: rough values that set where a cloud saturates, black in the longwave, white in the shortwave.
EXTINCTION = {"longwave": (0.12, 0.05), "shortwave": (0.012, 0.02)}
N_PROFILES = len(PROFILE_SCALES)
SCALARS = {"longwave": 4, "shortwave": 4}


def profiles(columns: dict[str, Tensor], band: str) -> Tensor:
    """Normalised profiles, (column, profile, layer).

    Temperature, log water and ozone, emissivity of the layer's liquid and ice, log pressure, and the cloud transmittance
    above and below each layer, which tells a network at once what hides what.
    """
    pressure = columns["air_pressure_at_interfaces"]
    mass = 1000.0 * thermal.layer_mass(pressure)
    by_liquid, by_ice = EXTINCTION[band]
    liquid = by_liquid * mass * columns["mass_fraction_of_cloud_liquid_water_in_air"]
    ice = by_ice * mass * columns["mass_fraction_of_cloud_ice_in_air"]
    above = torch.cumsum(liquid + ice, dim=1)
    raw = [
        columns["air_temperature"],
        torch.log(torch.clamp(thermal.vapour_mole_fraction(columns["specific_humidity"]), min=1e-10)),
        torch.log(torch.clamp(columns["mole_fraction_of_ozone_in_air"], min=1e-10)),
        1.0 - torch.exp(-liquid),
        1.0 - torch.exp(-ice),
        torch.log(thermal.layer_pressure(pressure)),
        torch.exp(-above),
        torch.exp(above - above[:, -1:]),
    ]
    scaled = [(values - centre) / spread for values, (centre, spread) in zip(raw, PROFILE_SCALES, strict=True)]
    return torch.stack(scaled, dim=1)


def scalars(columns: dict[str, Tensor], band: str) -> Tensor:
    """Normalised per-column inputs of a band, (column, scalar)."""
    carbon_dioxide = (torch.log(columns["mole_fraction_of_carbon_dioxide_in_air"]) + 7.5) / 0.7
    surface_pressure = (columns["air_pressure_at_interfaces"][:, -1] - 95000.0) / 10000.0
    if band == "longwave":
        own = [(columns["surface_temperature"] - 280.0) / 20.0, 20.0 * (columns["surface_longwave_emissivity"] - 0.97)]
    else:
        cosine = torch.clamp(columns["cosine_of_solar_zenith_angle"], min=0.01)
        own = [4.0 * (columns["surface_albedo"] - 0.25), torch.log(cosine) + 1.0]
    return torch.stack([carbon_dioxide, surface_pressure, *own], dim=1)
