"""The equations of the shallow-water host as torch functions, doubly periodic, for derivatives and comparison.

Fields are (..., y, x), in double precision where digits matter: u on east faces of cells, v on south faces, h in the middle.
``fortran/hosts/shallow_water/README.md`` has the equations and the meaning of every entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

STATE = ("sea_water_x_velocity", "sea_water_y_velocity", "layer_thickness_anomaly")


@dataclass(frozen=True)
class Ocean:
    """Entries of the host's namelist that its equations need; defaults are those of its preset ``stable``."""

    dx: float = 2e4
    dy: float = 2e4
    time_step: float = 1800.0
    f0: float = 3.5e-5
    reduced_gravity: float = 0.02
    depth: float = 500.0
    density: float = 1000.0
    drag: float = 2e-7
    viscosity: float = 10.0
    robert_asselin: float = 0.025
    vorticity: str = "product_of_means"
    kinetic_energy: str = "square_of_means"
    ke_factor: float = 0.5

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> Self:
        """From entries of a namelist or attributes of a file of the host; the rest of them, and beta, is not looked at."""
        return cls(**{f.name: entries[f.name] for f in fields(cls) if f.name in entries})


def _east(field: Tensor) -> Tensor:
    return torch.roll(field, -1, -1)


def _west(field: Tensor) -> Tensor:
    return torch.roll(field, 1, -1)


def _north(field: Tensor) -> Tensor:
    return torch.roll(field, -1, -2)


def _south(field: Tensor) -> Tensor:
    return torch.roll(field, 1, -2)


def transports(ocean: Ocean, u: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Volume transports per unit width through east and south faces [m2 s-1]."""
    return u * (ocean.depth + 0.5 * (h + _east(h))), v * (ocean.depth + 0.5 * (h + _south(h)))


def thickness_tendency(ocean: Ocean, u: Tensor, v: Tensor, h: Tensor) -> Tensor:
    """Tendency of the thickness [m s-1]: minus the divergence of the transports."""
    x, y = transports(ocean, u, v, h)
    return (_west(x) - x) / ocean.dx + (y - _north(y)) / ocean.dy


def forcing(
    ocean: Ocean, u: Tensor, v: Tensor, h: Tensor, x_stress: Tensor | float = 0.0, y_stress: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """Wind, drag and viscosity on east and south faces [m s-2]; stresses are in Pa."""
    x_wind = x_stress / (ocean.density * (ocean.depth + 0.5 * (h + _east(h))))
    y_wind = y_stress / (ocean.density * (ocean.depth + 0.5 * (h + _south(h))))
    return x_wind + _friction(ocean, u), y_wind + _friction(ocean, v)


def _friction(ocean: Ocean, velocity: Tensor) -> Tensor:
    along_x = (_east(velocity) + _west(velocity) - 2.0 * velocity) / ocean.dx**2
    along_y = (_north(velocity) + _south(velocity) - 2.0 * velocity) / ocean.dy**2
    return ocean.viscosity * (along_x + along_y) - ocean.drag * velocity


def dynamics(ocean: Ocean, u: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Tendencies of both velocities without forcing [m s-2]: vorticity term and gradient of the Bernoulli function."""
    vorticity = ocean.f0 + (_east(v) - v) / ocean.dx - (u - _south(u)) / ocean.dy  # at south-east corners
    x, y = u, v
    if ocean.vorticity != "product_of_means":
        x, y = transports(ocean, u, v, h)
        vorticity = vorticity / (ocean.depth + 0.25 * (_south(h) + _south(_east(h)) + h + _east(h)))
    if ocean.vorticity == "energy":
        x_curl = 0.25 * (vorticity * (y + _east(y)) + _north(vorticity) * (_north(y) + _north(_east(y))))
        y_curl = 0.25 * (vorticity * (_south(x) + x) + _west(vorticity) * (_west(_south(x)) + _west(x)))
    else:
        x_curl = 0.125 * (vorticity + _north(vorticity)) * (y + _east(y) + _north(y) + _north(_east(y)))
        y_curl = 0.125 * (vorticity + _west(vorticity)) * (x + _south(x) + _west(x) + _west(_south(x)))
    if ocean.kinetic_energy == "square_of_means":
        speed_squared = 0.25 * ((u + _west(u)) ** 2 + (v + _north(v)) ** 2)
    else:
        speed_squared = 0.5 * (u**2 + _west(u) ** 2 + v**2 + _north(v) ** 2)
    head = ocean.ke_factor * speed_squared + ocean.reduced_gravity * h
    return x_curl - (_east(head) - head) / ocean.dx, -y_curl - (head - _south(head)) / ocean.dy
