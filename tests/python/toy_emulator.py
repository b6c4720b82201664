"""A small longwave emulator for tests: untrained, but with physical units, mixed precision and a closed budget."""

from pathlib import Path

import numpy as np
import onnx
import torch

from pyemu.constants import SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY, STEFAN_BOLTZMANN
from pyemu.emulator import Budget, Card, EmulatorFile, Provenance, TrainingRange, Variable, reference
from pyemu.emulator.kinds import REFERENCE_KEY

LAYERS = 6
UPWELLING = "upwelling_longwave_flux_in_air_at_interfaces"
DOWNWELLING = "downwelling_longwave_flux_in_air_at_interfaces"
HEATING = "tendency_of_air_temperature_due_to_longwave_heating"


class ToyLongwave(torch.nn.Module):
    """A per-column MLP in float32; its fluxes are cast to float64 before the heating rate is derived from them."""

    def __init__(self, hidden: int = 16):
        super().__init__()
        torch.manual_seed(7)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(2 * LAYERS + 1, hidden),
            torch.nn.SiLU(),
            torch.nn.Linear(hidden, 2 * (LAYERS + 1)),
            torch.nn.Sigmoid(),
        )

    def forward(
        self, temperature: torch.Tensor, pressure: torch.Tensor, humidity: torch.Tensor, surface: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        features = torch.cat([(temperature - 250.0) / 30.0, humidity * 100.0, (surface[:, None] - 285.0) / 15.0], dim=1)
        fractions = self.network(features).double()  # (column, 2 * interface) [1]
        scale = STEFAN_BOLTZMANN * surface.double()[:, None] ** 4  # (column, 1) [W m-2]
        upwelling, downwelling = (fractions * scale).chunk(2, dim=1)
        net_down = downwelling - upwelling
        absorbed = net_down[:, :-1] - net_down[:, 1:]  # (column, layer) [W m-2]
        thickness = pressure[:, 1:] - pressure[:, :-1]
        return upwelling, downwelling, absorbed * STANDARD_GRAVITY / (SPECIFIC_HEAT_OF_DRY_AIR * thickness)


def toy_inputs(columns: int = 12, seed: int = 3) -> dict[str, np.ndarray]:
    """Columns with a plausible lapse rate, humidity and surface."""
    rng = np.random.default_rng(seed)
    surface = rng.uniform(260.0, 305.0, columns)
    sigma = np.linspace(0.0, 1.0, LAYERS + 1)
    pressure = 20.0 + sigma * rng.uniform(9.5e4, 1.02e5, (columns, 1))
    middle = 0.5 * (sigma[1:] + sigma[:-1])
    temperature = surface[:, None] * middle**0.19 + rng.normal(0.0, 2.0, (columns, LAYERS))
    humidity = 0.015 * middle**3 * rng.uniform(0.3, 1.0, (columns, 1))
    return {
        "air_temperature": temperature.astype(np.float32),
        "air_pressure_at_interfaces": pressure,
        "specific_humidity": humidity.astype(np.float32),
        "surface_temperature": surface.astype(np.float32),
    }


def toy_card(**changes: object) -> Card:
    """Its card; ``changes`` replace keys."""
    ranges = {name: TrainingRange(minimum=(200.0,) * n, maximum=(310.0,) * n) for name, n in
              (("air_temperature", LAYERS), ("surface_temperature", 1))}  # fmt: skip
    dtypes = {name: str(values.dtype) for name, values in toy_inputs(2).items()}
    values: dict[str, object] = {
        "name": "toy_longwave",
        "version": "1",
        "summary": "An untrained network for tests",
        "licence": "Apache-2.0",
        "vertical_order": "top_first",
        "dimensions": {"layer": LAYERS, "interface": LAYERS + 1},
        "inputs": tuple(
            Variable.of(name, dtype=dtype, training_range=ranges.get(name)) for name, dtype in dtypes.items()
        ),
        "outputs": tuple(Variable.of(name, dtype="float64") for name in (UPWELLING, DOWNWELLING, HEATING)),
        "budgets": (toy_budget(),),
        "provenance": Provenance(data_sha256="0" * 64, code_version="0.1.0", created="2026-01-02T03:04:05+00:00"),
    }
    return Card.model_validate(values | changes)


def toy_budget() -> Budget:
    """Column energy of the longwave."""
    return Budget(
        name="longwave_column_energy",
        description="heating equals the net longwave flux that stays in the column",
        tendency=HEATING,
        upwelling=UPWELLING,
        downwelling=DOWNWELLING,
        pressure="air_pressure_at_interfaces",
        heat_capacity=SPECIFIC_HEAT_OF_DRY_AIR,
        gravity=STANDARD_GRAVITY,
        tolerance=1e-4,
    )


def spoil_record(path: Path, name: str, by: float) -> None:
    """Change the last recorded value of one variable in an ONNX file."""
    file, model = EmulatorFile.open(path), onnx.load(path)
    wrong = file.reference[name].copy()
    wrong.flat[-1] += by
    texts = {entry.key: entry.value for entry in model.metadata_props}
    texts[REFERENCE_KEY] = reference.encode(file.card, file.reference | {name: wrong})
    onnx.helper.set_model_props(model, texts)
    onnx.save(model, path)
