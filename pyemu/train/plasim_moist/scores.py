"""Offline errors of moist physics on columns that training has not seen."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pyemu import constants
from pyemu.nn.moist_column import Step, column_of
from pyemu.physics import condensation
from pyemu.physics.condensation import Changes
from pyemu.train.plasim_moist.dataset import Columns

BATCH = 4096  # columns
NAMES = ("heating", "moistening", "convective_rain", "stratiform_rain", "convective_fall", "stratiform_fall", "snow")


def scores(function: Callable[[Step], Changes], columns: Columns) -> dict[str, Any]:
    """Explained variance of every output, residuals of water and energy, and what is negative that must not be.

    ``function`` gives increments of a step. Values are ready for JSON; residuals are of rates [kg m-2 s-1], [W m-2].
    """
    squares, variances = torch.zeros(len(NAMES)).double(), torch.zeros(len(NAMES)).double()
    means = [(values.mean(dim=0)) for values in columns.truth]
    water, energy, dried, least_rain, bias = [], [], [], [], []
    for step, truth in _batches(columns):
        with torch.no_grad():
            found = function(step)
        mass = column_of(step).mass
        for i, (a, b, mean) in enumerate(zip(found, truth, means, strict=True)):
            weight = mass / mass.sum(dim=1, keepdim=True) if a.ndim == 2 else torch.ones_like(a)
            squares[i] += (weight * (a - b).square()).sum()
            variances[i] += (weight * (b - mean).square()).sum()
        residuals = residuals_of(found, step)
        water.append(residuals[0])
        energy.append(residuals[1])
        dried.append(dried_below_zero(found, step).double())
        least_rain.append(torch.minimum(found.convective_fall, found.stratiform_fall).min())
        fall = found.convective_fall + found.stratiform_fall - truth.convective_fall - truth.stratiform_fall
        bias.append(constants.SECONDS_PER_DAY * fall / step.time_step)
    explained = {name: float(value) for name, value in zip(NAMES, 1.0 - squares / variances, strict=True)}
    return {
        "explained_variance": explained,
        "water_residual_rms": _rms(torch.cat(water)),
        "water_residual_max": float(torch.cat(water).abs().max()),
        "energy_residual_rms": _rms(torch.cat(energy)),
        "energy_residual_max": float(torch.cat(energy).abs().max()),
        "dried_below_zero": float(torch.cat(dried).mean()),
        "least_rain": float(torch.stack(least_rain).min()),
        "precipitation_bias": float(torch.cat(bias).mean()),
        "columns": len(columns),
    }


def residuals_of(found: Changes, step: Step) -> tuple[Tensor, Tensor]:
    """Water [kg m-2 s-1] and heat [W m-2] that appear in each column without cause."""
    mass = column_of(step).mass
    fall = found.convective_fall + found.stratiform_fall
    heat = (mass * condensation.heat_capacity(step.humidity) * found.temperature).sum(dim=1)
    latent = condensation.VAPORIZATION * fall + condensation.FUSION * found.snow
    return ((mass * found.humidity).sum(dim=1) + fall) / step.time_step, (heat - latent) / step.time_step


def dried_below_zero(found: Changes, step: Step) -> Tensor:
    """Where drying leaves less than no water, (column, layer)."""
    return (column_of(step).humidity + found.humidity < 0.0) & (found.humidity < 0.0)


def _batches(columns: Columns) -> Iterator[tuple[Step, Changes]]:
    for index in torch.arange(len(columns)).split(BATCH):
        yield columns.rows(index)


def _rms(values: Tensor) -> float:
    return float(values.square().mean().sqrt())
