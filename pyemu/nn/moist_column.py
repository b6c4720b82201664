"""Networks for moist physics: the same features and perceptron, with and without water and energy closed."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pyemu.physics import condensation
from pyemu.physics.condensation import Changes, Transfers

LARGEST = 8.0  # of a standardised feature, in standard deviations
SHARP = 0.05  # of a standard deviation: where the sign of the accession of moisture switches convection
KEPT = 1e-14  # share of its water that no layer gives, so that rounding in a host's sums leaves nothing negative
UNLIKELY = -4.0  # added to the raw evaporation of rain, which is a small share


class Step(NamedTuple):
    """Inputs of moist physics in the order of the graph: (column, layer), pressure (column, interface), the rest (column,)."""

    temperature: Tensor
    humidity: Tensor
    heating: Tensor
    moistening: Tensor
    advection: Tensor
    pressure: Tensor
    surface_temperature: Tensor
    surface_humidity: Tensor
    time_step: Tensor


class Column(NamedTuple):
    """What follows from a step: provisional state, accession of moisture in the step, and layers."""

    temperature: Tensor
    humidity: Tensor
    accession: Tensor
    available: Tensor
    excess: Tensor
    saturation: Tensor
    pressure: Tensor
    mass: Tensor


def column_of(step: Step) -> Column:
    """The state that moist physics acts on, after surface fluxes and radiation.

    ``excess`` is what would condense if nothing else happened: negative where air is not saturated.
    """
    duration = step.time_step[:, None]
    temperature = step.temperature + duration * step.heating
    humidity = step.humidity + duration * step.moistening
    advected = duration * step.advection
    pressure = 0.5 * (step.pressure[:, 1:] + step.pressure[:, :-1])
    saturation, slope = condensation.saturation(temperature, pressure)
    latent = condensation.VAPORIZATION / condensation.heat_capacity(step.humidity)
    return Column(
        temperature=temperature,
        humidity=humidity,
        accession=duration * step.moistening + advected,
        available=(torch.minimum(humidity, humidity + advected) - KEPT * (step.humidity.abs() + humidity.abs())).clamp(
            min=0.0
        ),
        excess=(humidity - saturation) / (1.0 + latent * slope),
        saturation=saturation,
        pressure=pressure,
        mass=torch.diff(step.pressure, dim=1) / condensation.GRAVITY,
    )


class MoistFeatures(nn.Module):
    """What decides of convection and condensation, standardised: (column, N_PROFILES * layer + N_SCALARS)."""

    N_PROFILES = 9
    N_SCALARS = 3

    mean: Tensor
    deviation: Tensor
    accession_deviation: Tensor

    def __init__(self, n_layers: int):
        super().__init__()
        n = self.N_PROFILES * n_layers + self.N_SCALARS
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("deviation", torch.ones(n))
        self.register_buffer("accession_deviation", torch.ones(n_layers))

    def fit_statistics(self, step: Step) -> None:
        """Take mean and standard deviation of columns."""
        accession = column_of(step).accession
        self.accession_deviation.copy_(_deviation(accession))
        raw = self.raw(step)
        self.mean.copy_(raw.mean(dim=0))
        self.deviation.copy_(_deviation(raw))

    def raw(self, step: Step) -> Tensor:
        """Physical values before they are standardised."""
        column = column_of(step)
        capacity, latent = condensation.HEAT_CAPACITY, condensation.VAPORIZATION
        bottom = step.pressure[:, -1:]
        ratios = torch.log(torch.cat([column.pressure[:, 1:], bottom], dim=1) / column.pressure)
        below = torch.cat([column.temperature[:, 1:], column.temperature[:, -1:]], dim=1)
        thickness = condensation.GAS_CONSTANT * 0.5 * (column.temperature + below) * ratios  # J kg-1
        static = _sum_from_below(thickness) + capacity * column.temperature
        moist = static + latent * column.humidity
        saturated = static + latent * column.saturation
        moist_below = torch.cat([moist[:, 1:], moist[:, -1:]], dim=1)
        static_below = torch.cat([static[:, 1:], capacity * step.surface_temperature[:, None]], dim=1)
        profiles = (
            column.temperature,
            column.humidity,
            (column.humidity / column.saturation).clamp(-0.5, 2.0),
            column.accession,
            torch.tanh(column.accession / (SHARP * self.accession_deviation)),
            column.excess,
            (static - static_below) / capacity,
            (moist[:, -1:] - saturated) / capacity,
            (moist_below - saturated) / capacity,
        )
        scalars = (step.surface_temperature, step.surface_humidity, step.pressure[:, -1])
        return torch.cat([*profiles, torch.stack(scalars, dim=1)], dim=1)

    def forward(self, step: Step) -> Tensor:
        """Standardised, and bounded for columns unlike any of training."""
        return ((self.raw(step) - self.mean) / self.deviation).clamp(-LARGEST, LARGEST).float()


class _MoistNetwork(nn.Module):
    """Features and a perceptron; raw outputs."""

    def __init__(self, n_layers: int, n_hidden: int, depth: int, n_outputs: int):
        super().__init__()
        self.n_layers = n_layers
        self.features = MoistFeatures(n_layers)
        widths = [MoistFeatures.N_PROFILES * n_layers + MoistFeatures.N_SCALARS, *[n_hidden] * depth]
        hidden = [module for a, b in itertools.pairwise(widths) for module in (nn.Linear(a, b), nn.SiLU())]
        self.perceptron = nn.Sequential(*hidden, nn.Linear(n_hidden, n_outputs))


class ConservingMoist(_MoistNetwork):
    """Predicts what forms, moves and evaporates; ``condensation.close`` makes increments of it."""

    convective_scale: Tensor
    stratiform_scale: Tensor
    water_scale: Tensor
    heat_scale: Tensor

    def __init__(self, n_layers: int, n_hidden: int = 128, depth: int = 3):
        super().__init__(n_layers, n_hidden, depth, 6 * n_layers - 2)
        for name, n in (
            ("convective", n_layers),
            ("stratiform", n_layers),
            ("water", n_layers - 1),
            ("heat", n_layers - 1),
        ):
            self.register_buffer(f"{name}_scale", torch.ones(n))

    def fit_statistics(self, step: Step, truth: Changes) -> None:
        """Scales of transfers from what the host's scheme has done."""
        self.features.fit_statistics(step)
        mass = column_of(step).mass
        formed = truth.convective + truth.stratiform
        water = torch.cumsum(-mass * (truth.humidity + formed), dim=1)[:, :-1]
        warming = mass * condensation.heat_capacity(step.humidity) * truth.temperature
        heat = torch.cumsum(condensation.VAPORIZATION * mass * formed - warming, dim=1)[:, :-1]
        for name, values in zip(
            ("convective", "stratiform", "water", "heat"),
            (truth.convective, truth.stratiform, water, heat),
            strict=True,
        ):
            getattr(self, f"{name}_scale").copy_(_size(values))

    def forward(self, step: Step) -> Changes:
        """Increments in the precision of the step."""
        n = self.n_layers
        raw = self.perceptron(self.features(step)).to(step.temperature.dtype)
        column = column_of(step)
        convective, stratiform, water, heat, first_loss, second_loss = raw.split((n, n, n - 1, n - 1, n, n), dim=1)
        transfers = Transfers(
            convective=convective.clamp(min=0.0) * self.convective_scale,
            stratiform=(stratiform * self.stratiform_scale + column.excess).clamp(min=0.0),
            water=water * self.water_scale,
            heat=heat * self.heat_scale,
            convective_loss=torch.sigmoid(first_loss + UNLIKELY),
            stratiform_loss=torch.sigmoid(second_loss + UNLIKELY),
        )
        return condensation.close(
            transfers, column.available, column.mass, step.temperature, step.humidity, step.surface_temperature
        )


class FreeMoist(_MoistNetwork):
    """Predicts every output by itself: nothing closes, nothing keeps humidity or rain from being negative."""

    scale: Tensor

    def __init__(self, n_layers: int, n_hidden: int = 128, depth: int = 3):
        super().__init__(n_layers, n_hidden, depth, 4 * n_layers + 3)
        self.register_buffer("scale", torch.ones(4 * n_layers + 3))

    def fit_statistics(self, step: Step, truth: Changes) -> None:
        """Scales of outputs from what the host's scheme has done."""
        self.features.fit_statistics(step)
        self.scale.copy_(_size(flat(truth)))

    def forward(self, step: Step) -> Changes:
        """Increments in the precision of the step."""
        raw = self.perceptron(self.features(step)).to(step.temperature.dtype) * self.scale
        return unflat(raw, self.n_layers)


def flat(changes: Changes) -> Tensor:
    """All values of a column in one row: (column, 4 * layer + 3)."""
    return torch.cat([*changes[:4], torch.stack(changes[4:], dim=1)], dim=1)


def unflat(rows: Tensor, n_layers: int) -> Changes:
    """The reverse of ``flat``."""
    profiles = rows[:, : 4 * n_layers].split(n_layers, dim=1)
    return Changes(*profiles, *(rows[:, 4 * n_layers + i] for i in range(3)))


def _sum_from_below(values: Tensor) -> Tensor:
    """Running sums from the surface up."""
    n = values.shape[1]
    sums = [values[:, n - 1 :]]
    for layer in range(n - 2, -1, -1):
        sums.append(sums[-1] + values[:, layer : layer + 1])
    return torch.cat(sums[::-1], dim=1)


def _deviation(values: Tensor) -> Tensor:
    """Standard deviation, 1 where a value never changes."""
    found = values.std(dim=0)
    return torch.where(found > 0.0, found, torch.ones_like(found))


def _size(values: Tensor) -> Tensor:
    """Root mean square of every element, at least a hundredth of the largest, so that none is without scale."""
    found = values.square().mean(dim=0).sqrt()
    return found.clamp(min=max(0.01 * float(found.max()), 1e-30))
