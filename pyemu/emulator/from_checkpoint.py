"""From a training checkpoint to an emulator file: its card is filled from the system, the weights, their provenance."""

from collections.abc import Sequence
from pathlib import Path

from pyemu import constants
from pyemu.data.vertical_grid import N_LAYERS
from pyemu.emulator.card import (
    DEFAULT_TOLERANCE_REASON,
    Budget,
    Card,
    Provenance,
    Tolerance,
    TrainingRange,
    Variable,
)
from pyemu.emulator.export import export_onnx
from pyemu.emulator.export_torch import export_pt2, export_torchscript
from pyemu.emulator.version import code_version
from pyemu.zoo.checkpoint import Checkpoint, load_checkpoint
from pyemu.zoo.radiation import PRESSURE, RadiationSystem, flux_names
from pyemu.zoo.registry import system as find_system

CLOSURE = 1e-6  # W m-2, largest residual of a float64 flux divergence with a generous margin
NO_CLOSURE = 1e3  # W m-2, of a network that does not conserve: its budget is declared to be audited, not to be kept
HEATING_TOLERANCE = 2e-3  # of the largest heating, about 0.1 K day-1 in the 20 Pa layer at the top, far less below
HEATING_REASON = (
    "heating of the topmost layer, 20 Pa thick, is the difference of fluxes near 1000 W m-2 whose float32 round-off, "
    "6e-5 W m-2, is worth 0.005 K day-1 there; ten to twenty such steps add up"
)


FORMATS = ("onnx", "pt2", "pt")


def export_checkpoint(
    checkpoint: Path, path: Path, suffix: str = "onnx", freezing: bool = False, derivatives: Sequence[str] = ()
) -> Path:
    """Write the emulator file of a trained system; ``suffix`` is one of ``FORMATS``, ``freezing`` is for ``pt2``,
    ``derivatives`` (of ``"vjp"`` and ``"jvp"``) are for ``onnx``.

    Raises ``ExportError`` when the exported graph does not give torch's numbers, ``ValueError`` for a foreign
    checkpoint, an unknown format, or freezing or derivatives in another one.
    """
    if suffix not in FORMATS:
        raise ValueError(f"unknown format '{suffix}', expected one of {', '.join(FORMATS)}")
    if freezing and suffix != "pt2":
        raise ValueError(f"freezing is an option of AOTInductor packages: it needs the format pt2, found {suffix}")
    if derivatives and suffix != "onnx":
        raise ValueError(f"derivatives are graphs beside an ONNX graph: they need the format onnx, found {suffix}")
    loaded = load_checkpoint(Path(checkpoint))
    chosen = find_system(loaded.system)
    reference = {name: values.numpy() for name, values in loaded.reference_inputs.items()}
    module, card = chosen.emulator(loaded.build()), radiation_card(chosen, loaded)
    if suffix == "pt2":
        return export_pt2(module, card, reference, path, freezing=freezing)
    if suffix == "pt":
        return export_torchscript(module, card, reference, path)
    return export_onnx(module, card, reference, path, derivatives=derivatives)


def radiation_card(system: RadiationSystem, checkpoint: Checkpoint) -> Card:
    """The card of a radiation emulator: everything but pressure enters in float32, every output leaves in float64."""
    return Card(
        name=system.name,
        version="1",
        summary=f"{system.summary} ({checkpoint.network} network)",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": N_LAYERS, "interface": N_LAYERS + 1},
        inputs=tuple(_input(item.name, checkpoint) for item in system.inputs),
        outputs=tuple(Variable.of(item.name, dtype="float64") for item in system.outputs),
        budgets=(_energy_budget(system.band, CLOSURE if system.closes_energy(checkpoint.network) else NO_CLOSURE),),
        tolerance=_tolerance(system.band),
        provenance=Provenance(
            data_sha256=checkpoint.data_sha256,
            code_version=code_version(),
            training=checkpoint.training | {"network": checkpoint.network},
            created="",
        ),
    )


def _input(name: str, checkpoint: Checkpoint) -> Variable:
    low, high = checkpoint.training_range[name]
    seen = TrainingRange(minimum=tuple(low), maximum=tuple(high))
    return Variable.of(name, dtype="float64" if name == PRESSURE else "float32", training_range=seen)


def _tolerance(band: str) -> Tolerance:
    return Tolerance(
        reason=f"{DEFAULT_TOLERANCE_REASON}; {HEATING_REASON}",
        by_output={flux_names(band)[2]: HEATING_TOLERANCE},
    )


def _energy_budget(band: str, tolerance: float) -> Budget:
    up, down, heating = flux_names(band)
    return Budget(
        name=f"{band}_column_energy",
        description=f"Column integral of {band} heating equals the net {band} flux that stays in the column",
        tendency=heating,
        upwelling=up,
        downwelling=down,
        pressure=PRESSURE,
        heat_capacity=constants.SPECIFIC_HEAT_OF_DRY_AIR,
        gravity=constants.STANDARD_GRAVITY,
        tolerance=tolerance,
    )
