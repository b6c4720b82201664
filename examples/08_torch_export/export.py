"""Export a torch module as a compiled package: ``python export.py [DIRECTORY]`` writes longwave.pt2 and its digest."""

import hashlib
import sys
from pathlib import Path

import torch

from pyemu.emulator import Card, Provenance, Variable
from pyemu.emulator.export_torch import export_pt2

N_LAYER = 10
HEATING = "tendency_of_air_temperature_due_to_longwave_heating"


class Longwave(torch.nn.Module):
    """Longwave radiation of a grey atmosphere; a trained network is exported in the same way."""

    def __init__(self) -> None:
        super().__init__()
        layer, interface = torch.arange(N_LAYER)[:, None], torch.arange(N_LAYER + 1)[None, :]
        is_above = interface <= layer
        passed = torch.exp(torch.tensor(-0.3, dtype=torch.float64))
        distance = torch.where(is_above, layer - interface, interface - 1 - layer)
        self.register_buffer("weight", torch.where(is_above, 1.0, -1.0) * (1 - passed) * passed**distance)
        self.register_buffer("surface_weight", passed ** (N_LAYER - interface[0]))

    def forward(self, air: torch.Tensor, surface: torch.Tensor) -> tuple[torch.Tensor]:
        """Temperatures (column, layer) and (column) [K] to heating (column, layer) [K s-1]."""
        net = air.double() ** 4 @ self.weight + surface.double()[:, None] ** 4 * self.surface_weight
        heating = 5.67e-8 * (net[:, 1:] - net[:, :-1]) * 9.81 / (1004.0 * 1.0e4)
        return (heating.float(),)


def main() -> None:
    """Write the package, and its digest in a file beside it."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    directory.mkdir(parents=True, exist_ok=True)
    card = Card(
        name="longwave",
        version="1",
        summary="Grey longwave radiation",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": N_LAYER},
        inputs=(Variable.of("air_temperature", dtype="float32"), Variable.of("surface_temperature", dtype="float32")),
        outputs=(Variable.of(HEATING, dtype="float32"),),
        provenance=Provenance(data_sha256="0" * 64, code_version="examples", created="2026-01-01T00:00:00Z"),
    )
    random = torch.Generator().manual_seed(2026)
    recorded = {
        "air_temperature": 210 + 80 * torch.rand(8, N_LAYER, generator=random),
        "surface_temperature": 280 + 20 * torch.rand(8, generator=random),
    }
    path = export_pt2(Longwave(), card, recorded, directory / "longwave.pt2")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".pt2.sha256").write_text(f"{digest}  {path.name}\n")


if __name__ == "__main__":
    main()
