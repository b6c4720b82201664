"""A torch module as ``torch.export`` is to see it: tensors by position, columns free, no notes of torch on the way."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch

from pyemu.emulator.card import Card


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back torch's notes on its own internals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        yield


def as_tensors(card: Card, inputs: Mapping[str, np.ndarray]) -> tuple[torch.Tensor, ...]:
    """The inputs in the card's order; they share the arrays' memory."""
    return tuple(torch.from_numpy(inputs[variable.name]) for variable in card.inputs)


def free_columns(card: Card) -> tuple[tuple[dict[int, torch.export.Dim], ...]]:
    """What ``torch.export`` wants to know of :class:`Positional`: the first dimension of what has columns is free."""
    column = torch.export.Dim("column")
    return (tuple({0: column} if variable.has_batch else {} for variable in card.inputs),)


class Positional(torch.nn.Module):
    """Takes tensors by position, so that the names of a module's own arguments do not matter."""

    def __init__(self, module: torch.nn.Module):
        super().__init__()
        self.module = module

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Pass them on."""
        return self.module(*tensors)


def decomposed(module: torch.nn.Module, card: Card, inputs: Mapping[str, np.ndarray]) -> torch.nn.Module:
    """The module in elementary operators only, for any number of columns; norms are sums and products."""
    aten = torch.ops.aten
    norms = [aten.native_layer_norm, aten.native_group_norm]
    norms += [aten._native_batch_norm_legit_no_training, aten._native_batch_norm_legit]
    table = torch.export.default_decompositions()
    table.update(torch._decomp.get_decompositions(norms))
    with quiet(), torch.no_grad():
        program = torch.export.export(
            Positional(module).eval(), as_tensors(card, inputs), dynamic_shapes=free_columns(card)
        )
        return program.run_decompositions(table).module(check_guards=False)
