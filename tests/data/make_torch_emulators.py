"""Make the toy of ``make_emulators.py`` in torch's own formats: ``make_torch_emulators.py DIRECTORY``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from make_emulators import toy_card, toy_constants, toy_values
from torch import Tensor

from pyemu.emulator.card import Card
from pyemu.emulator.export_torch import export_pt2, export_torchscript


class Toy(torch.nn.Module):
    """``toy_formula`` as a module."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("layer", "interface"):
            self.register_buffer(name, torch.from_numpy(toy_constants()[name]))

    def forward(self, temperature: Tensor, pressure: Tensor, surface: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        t, ts = temperature.double(), surface.double()[:, None]
        return pressure * self.interface + ts, (t - ts) * self.layer, (t * self.layer).sum(1).float()


def card() -> Card:
    """The card of the toy, with what Python asks for and the C reader does not."""
    values = toy_card()
    values["provenance"] |= {"data_sha256": "", "code_version": ""}
    for entry in values["inputs"] + values["outputs"]:
        entry["standard_name"] = entry["name"].removesuffix("_at_interfaces")
    return Card.model_validate(values)


def main() -> None:
    """Write ``toy.pt`` and ``toy.pt2``."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    inputs = {variable.name: toy_values()[variable.name] for variable in card().inputs}
    export_torchscript(Toy(), card(), inputs, directory / "toy.pt")
    export_pt2(Toy(), card(), inputs, directory / "toy.pt2")


if __name__ == "__main__":
    main()
