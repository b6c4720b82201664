"""Make the small TorchScript models of the native tests of the torch engines: ``make_torch_models.py DIRECTORY``.

All take x (n, 5) of float32 and s (n) of float64. The good one returns x * (1, 2, 3, 4, 5) + s as float32 and
2 * s as float64; every other one is wrong in one way.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor


class Good(torch.nn.Module):
    """The model that the tests repeat by hand; in training mode it would be another."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.arange(1.0, 6.0))

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        y = x * self.weight + s[:, None].float()
        return (y * 7.0 if self.training else y), 2.0 * s


class Single(Good):
    """Returns one tensor, not a tuple."""

    def forward(self, x: Tensor, s: Tensor) -> Tensor:
        return x * self.weight + s[:, None].float()


class Listing(Good):
    """Returns a list."""

    def forward(self, x: Tensor, s: Tensor) -> list[Tensor]:
        return [x * self.weight + s[:, None].float(), 2.0 * s]


class ThreeOutputs(Good):
    """Returns one output too many."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return x * self.weight + s[:, None].float(), 2.0 * s, s


class Swapped(Good):
    """Returns its outputs in another order."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return 2.0 * s, x * self.weight + s[:, None].float()


class Crossed(Good):
    """Wants its inputs in another order."""

    def forward(self, s: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.weight + s[:, None].float(), 2.0 * s


class Mapping(Good):
    """Returns a dictionary."""

    def forward(self, x: Tensor, s: Tensor) -> dict[str, Tensor]:
        return {"y": x * self.weight + s[:, None].float(), "z": 2.0 * s}


class Narrow(Good):
    """Its second output has one value for all columns, which broadcasts to any number."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.weight + s[:, None].float(), 2.0 * s[:1]


class Coarse(Good):
    """Its second output is float32."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.weight + s[:, None].float(), 2.0 * s.float()


class Writing(Good):
    """Changes its input in place."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        y = x * self.weight + s[:, None].float()
        z = 2.0 * s
        s.add_(1.0)
        return y, z


class Failing(Good):
    """Raises an exception when the first column is negative."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        if float(x[0, 0]) < 0.0:
            raise ValueError("the first value is negative")
        return x * self.weight + s[:, None].float(), 2.0 * s


class Mismatched(Good):
    """Multiplies matrices that do not fit when the first column is negative; from eight columns on, outputs are short."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        if float(x[0, 0]) < 0.0:
            x = x @ x
        y = x * self.weight + s[:, None].float()
        return y, 2.0 * s[: min(s.size(0), 8)]


class Extra(Good):
    """Wants three inputs."""

    def forward(self, x: Tensor, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return x * self.weight + s[:, None].float() + t, 2.0 * s


class Optional(Good):
    """Has a third input with a default."""

    def forward(self, x: Tensor, s: Tensor, factor: float = 2.0) -> tuple[Tensor, Tensor]:
        return x * self.weight + s[:, None].float(), factor * s


class Transposed(Good):
    """Its first output is not contiguous."""

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        return (x.t().contiguous().t() * self.weight + s[:, None].float()), 2.0 * s


MODELS = (
    Good, Single, Listing, ThreeOutputs, Swapped, Crossed, Mapping, Narrow, Coarse, Writing, Failing, Mismatched, Extra,
    Optional, Transposed,
)  # fmt: skip


def main() -> None:
    """Write all models, and files that are none."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for model in MODELS:
        torch.jit.save(torch.jit.script(model()), str(directory / f"{model.__name__}.pt"))
    frozen = torch.jit.freeze(torch.jit.script(Good().eval()))
    torch.jit.save(frozen, str(directory / "Frozen.pt"))
    whole = (directory / "Good.pt").read_bytes()
    (directory / "Truncated.pt").write_bytes(whole[: len(whole) // 2])
    (directory / "Text.pt").write_text("This is no archive.\n")
    torch.save({"weight": torch.ones(5)}, directory / "Weights.pt")


if __name__ == "__main__":
    main()
