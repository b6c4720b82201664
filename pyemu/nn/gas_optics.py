"""Learned gas optics: one small network, shared by all layers, gives the absorption of a few spectral terms.

The terms play the part of the g-points of a correlated k-distribution (Lacis and Oinas 1991, doi:10.1029/90JD01945; Hogan
and Matricardi 2022, doi:10.1029/2022MS003033), but are found by gradient descent on broadband fluxes and heating rates.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from pyemu.physics import thermal

# Rough centre and spread of each feature, so that the network sees numbers of order one; trained weights do the rest.
FEATURE_SCALES = ((9.0, 2.5), (250.0, 30.0), (-9.0, 3.0), (-14.0, 1.5), (-7.5, 0.7), (2.5, 1.5))
MIN_MOLE_FRACTION = 1e-10  # mol mol-1, floor of logarithms
LOG_ABSORPTION_LIMITS = (-25.0, 8.0)  # keeps the exponential of an untrained network finite
GAIN = 2.0  # of the network's output on log absorption: the trained range is about ten


class GasOptics(nn.Module):
    """Absorption optical depth of gases, (layer, column, term), from temperature, pressure and composition.

    ``n_extra`` asks for further raw outputs of the same network, which the caller interprets.
    """

    centres: Tensor
    spreads: Tensor

    def __init__(self, n_terms: int, n_hidden: int, initial_log_absorption: Tensor, n_extra: int = 0):
        super().__init__()
        self.inlet = nn.Linear(len(FEATURE_SCALES), n_hidden)
        self.middle = nn.Linear(n_hidden, n_hidden)
        self.outlet = nn.Linear(n_hidden, n_terms)
        self.extra = nn.Linear(n_hidden, n_extra) if n_extra else None
        centres, spreads = torch.tensor(FEATURE_SCALES).T
        self.register_buffer("centres", centres.contiguous())
        self.register_buffer("spreads", spreads.contiguous())
        self.log_absorption = nn.Parameter(initial_log_absorption.clone())

    def forward(self, columns: dict[str, Tensor], mass: Tensor) -> tuple[Tensor, Tensor | None]:
        """Optical depth of every layer, and the extra outputs; ``mass`` is air [kg m-2], (layer, column, 1)."""
        # One row per layer and column; scales, gain and offset lie inside the products: engines see three plain ones.
        scaled = self.inlet.weight / self.spreads
        hidden = silu(linear(layer_features(columns).flatten(0, 1), scaled, self.inlet.bias - scaled @ self.centres))
        offset = GAIN * self.outlet.bias + self.log_absorption
        hidden = silu(self.middle(hidden))
        log_absorption = linear(hidden, GAIN * self.outlet.weight, offset)
        absorption = torch.exp(torch.clamp(log_absorption, *LOG_ABSORPTION_LIMITS)).unflatten(0, (mass.shape[0], -1))
        extra = None if self.extra is None else self.extra(hidden).unflatten(0, (mass.shape[0], -1))
        return widened(mass, absorption.shape[-1]) * absorption, extra


def widened(values: Tensor, n_terms: int) -> Tensor:
    """Values (layer, column, 1) repeated for every term.

    As a product with ones: engines do that, and what follows with equal shapes, several times faster than a broadcast.
    """
    return (values.flatten(0, 1) @ values.new_ones(1, n_terms)).unflatten(0, (values.shape[0], -1))


def layer_features(columns: dict[str, Tensor]) -> Tensor:
    """What the gas optics see of a layer, (layer, column, feature).

    Log pressure, temperature, log mole fractions of water, ozone and carbon dioxide, and the log of the column's water
    vapour path, on which RRTMG's diffusivity angle depends.
    """
    temperature = columns["air_temperature"]
    pressure = columns["air_pressure_at_interfaces"]
    humidity = columns["specific_humidity"]
    vapour_path = (humidity * thermal.layer_mass(pressure)).sum(dim=1, keepdim=True)
    carbon_dioxide = columns["mole_fraction_of_carbon_dioxide_in_air"][:, None]
    features = [
        torch.log(thermal.layer_pressure(pressure)),
        temperature,
        torch.log(torch.clamp(thermal.vapour_mole_fraction(humidity), min=MIN_MOLE_FRACTION)),
        torch.log(torch.clamp(columns["mole_fraction_of_ozone_in_air"], min=MIN_MOLE_FRACTION)),
        torch.log(carbon_dioxide).expand_as(temperature),
        torch.log(torch.clamp(vapour_path, min=1e-6)).expand_as(temperature),
    ]
    return torch.stack([feature.T for feature in features], dim=-1)


def layer_amounts(columns: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Air, liquid and ice of every layer: [kg m-2], [g m-2], [g m-2], each (layer, column, 1)."""
    mass = thermal.layer_mass(columns["air_pressure_at_interfaces"])
    liquid = 1000.0 * mass * columns["mass_fraction_of_cloud_liquid_water_in_air"]
    ice = 1000.0 * mass * columns["mass_fraction_of_cloud_ice_in_air"]
    return mass.T[:, :, None], liquid.T[:, :, None], ice.T[:, :, None]
