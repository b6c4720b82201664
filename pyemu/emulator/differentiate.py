"""The derivative of a torch module as a graph of its own: traced from autograd, so that it is torch's to the last sign."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._functorch.compile_utils import fx_graph_cse
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

from pyemu.emulator.card import Card, Variable
from pyemu.emulator.derivative_card import real_inputs, real_outputs
from pyemu.emulator.derivative_graph import simplify
from pyemu.emulator.errors import ExportError
from pyemu.emulator.program import as_tensors, decomposed

Inputs = Mapping[str, np.ndarray]
_aten = torch.ops.aten


class Derivative(torch.nn.Module):
    """The adjoint (``vjp``) or the tangent linear (``jvp``) of a module.

    Takes all inputs of the module and then one direction for every real output (``vjp``) or real input (``jvp``), and
    returns a tuple with one result for every real input, or real output.
    """

    def __init__(self, module: torch.nn.Module, card: Card, kind: str):
        super().__init__()
        self.module = module
        self.kind = kind
        self.n_inputs = len(card.inputs)
        self.real_inputs = [card.inputs.index(variable) for variable in real_inputs(card)]
        self.real_outputs = [card.outputs.index(variable) for variable in real_outputs(card)]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Inputs, then directions."""
        inputs, directions = tensors[: self.n_inputs], tensors[self.n_inputs :]

        def function(*real: Tensor) -> tuple[Tensor, ...]:
            replaced = dict(zip(self.real_inputs, real, strict=True))
            outputs = self.module(*(replaced.get(index, tensor) for index, tensor in enumerate(inputs)))
            return tuple(outputs[index] for index in self.real_outputs)

        pull: Callable[..., tuple[Tensor, ...]]
        outputs, pull = torch.func.vjp(function, *(inputs[index] for index in self.real_inputs))  # type: ignore[misc]
        if self.kind == "jvp":
            # The adjoint is linear in its direction, so its own adjoint is the tangent linear. Forward differentiation
            # would be the shorter way, but torch 2.13 fixes the number of columns in it.
            adjoint, zeros = pull, (torch.zeros_like(output) for output in outputs)
            _, pull = torch.func.vjp(lambda *at: adjoint(at), *zeros)  # type: ignore[misc]
        return tuple(result.clone() for result in pull(directions))


def trace(module: torch.nn.Module, card: Card, kind: str, own_card: Card, inputs: Inputs) -> torch.fx.GraphModule:
    """The operators of the derivative ``kind`` of ``module``, for any number of columns.

    Main arguments: ``card`` is the emulator's, ``own_card`` and ``inputs`` are the derivative's.

    Raises:
        ExportError: torch cannot differentiate the module.
    """
    try:
        traced, is_free = _traced(Derivative(module, card, kind), own_card, inputs)
        if not is_free:
            # Some operators made of others read the number of columns while they are traced, but not in torch.export.
            elementary = _with_own_convolutions(decomposed(module, card, inputs))
            traced, is_free = _traced(Derivative(elementary, card, kind), own_card, inputs)
        if not is_free:
            raise ExportError("an operator's derivative is known to torch for a fixed number of columns only")
        return _tidied(traced)
    except Exception as error:  # torch raises many kinds; all mean that the module has no derivative
        raise ExportError(f"torch cannot differentiate {type(module).__name__} ({kind}): {error}") from error


def _traced(derivative: Derivative, card: Card, inputs: Inputs) -> tuple[torch.fx.GraphModule, bool]:
    """The operators that ``derivative`` runs, and whether it took the number of columns as free."""
    mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
    tensors = [
        mode.from_tensor(tensor, symbolic_context=_free(tensor, variable))
        for tensor, variable in zip(as_tensors(card, inputs), card.inputs, strict=True)
    ]
    with frozen(derivative), mode, torch.backends.mkldnn.flags(enabled=False):
        traced = make_fx(derivative, decomposition_table=_DECOMPOSITIONS, _allow_non_fake_inputs=True)(*tensors)
    sizes = [tensor.shape[0] for tensor, variable in zip(tensors, card.inputs, strict=True) if variable.has_batch]
    return traced, all(isinstance(size, torch.SymInt) and size.node.maybe_as_int() is None for size in sizes)


def _free(tensor: Tensor, variable: Variable) -> StatelessSymbolicContext:
    """All tensors have the same number of columns, and nothing else is free."""
    sizes = [DimDynamic.STATIC] * tensor.dim()
    return StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DUCK, *sizes[1:]] if variable.has_batch else sizes)


@contextmanager
def frozen(module: torch.nn.Module) -> Iterator[None]:
    """Weights that want no gradient, for as long as it takes."""
    learned = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in learned:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learned:
            weight.requires_grad_(True)


def _tidied(traced: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Without what is not needed, computed twice, or would be written in a roundabout way."""
    traced.graph.eliminate_dead_code()
    tidy = torch.fx.GraphModule(traced, fx_graph_cse(traced.graph))
    simplify(tidy.graph)
    tidy.graph.eliminate_dead_code()
    tidy.recompile()
    return tidy


def _convolution_backward(
    gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    bias_sizes: list[int] | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
    wanted: list[bool],
) -> Any:
    if wanted[1] or wanted[2]:
        return NotImplemented
    sizes = list(inputs.shape[2:])
    return _by_input(gradient, sizes, weight, stride, padding, dilation, transposed, groups), None, None


def _by_input(
    gradient: Tensor,
    sizes: list[int],
    weight: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    groups: int,
) -> Tensor:
    """The gradient of a convolution by its input is a transposed convolution with the same weight, and the reverse."""
    missing = [0] * len(stride)
    if not transposed:
        for axis, size in enumerate(sizes):
            reached = (gradient.shape[2 + axis] - 1) * stride[axis] - 2 * padding[axis]
            missing[axis] = size - reached - dilation[axis] * (weight.shape[2 + axis] - 1) - 1
    found: Tensor = _aten.convolution(
        gradient, weight, None, stride, padding, dilation, not transposed, missing, groups
    )
    return found


class _Convolution(torch.autograd.Function):
    """A convolution whose gradient is a convolution that autograd knows: torch's own second one fixes the columns."""

    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None, *how: Any) -> Any:
        return _aten.convolution(inputs, weight, bias, *how)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        values, ctx.weight, _, *ctx.how = inputs
        ctx.sizes = list(values.shape[2:])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        stride, padding, dilation, transposed, _, groups = ctx.how
        found = _by_input(gradient, ctx.sizes, ctx.weight, stride, padding, dilation, transposed, groups)
        return (found, *[None] * 8)


def _convolution(*arguments: Any) -> Any:
    """The same as a function with a name, which a graph can call."""
    return _Convolution.apply(*arguments)


def _with_own_convolutions(module: torch.nn.Module) -> torch.nn.Module:
    """The same graph with convolutions that can be differentiated twice."""
    if isinstance(module, torch.fx.GraphModule):
        for node in module.graph.nodes:
            if node.target is _aten.convolution.default:
                node.target = _convolution
        module.recompile()
    return module


def _avg_pool2d_backward(
    gradient: Tensor,
    inputs: Tensor,
    kernel: list[int],
    stride: list[int],
    padding: list[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Any:
    """The gradient of a mean is spread over its window: a transposed convolution with a constant weight, by channel."""
    if ceil_mode or (not count_include_pad and any(padding) and divisor is None):
        return NotImplemented
    channels, stride = inputs.shape[1], stride or kernel
    weight = torch.full((channels, 1, *kernel), 1.0 / (divisor or kernel[0] * kernel[1]), dtype=inputs.dtype)
    missing = [
        inputs.shape[2 + axis] - (gradient.shape[2 + axis] - 1) * stride[axis] + 2 * padding[axis] - kernel[axis]
        for axis in range(2)
    ]
    return _aten.convolution(gradient, weight, None, stride, padding, [1, 1], True, missing, channels)


def _sigmoid_backward(gradient: Tensor, output: Tensor) -> Tensor:
    return gradient * (output * (1 - output))


def _tanh_backward(gradient: Tensor, output: Tensor) -> Tensor:
    return gradient * (1 - output * output)


_DECOMPOSITIONS: dict[Any, Callable[..., Any]] = {
    _aten.convolution_backward.default: _convolution_backward,
    _aten.avg_pool2d_backward.default: _avg_pool2d_backward,
    _aten.sigmoid_backward.default: _sigmoid_backward,
    _aten.tanh_backward.default: _tanh_backward,
}
