"""What autograd leaves in a graph that ONNX, and engines, would have to do in a roundabout way."""

from collections import defaultdict
from typing import Any

import torch
from torch.fx import Graph, Node

_aten = torch.ops.aten
_PARTS = (_aten.slice_backward.default, _aten.select_backward.default)
_IN_PLACE = {_aten.sub_.Tensor: _aten.sub.Tensor, _aten.div_.Tensor: _aten.div.Tensor}


def simplify(graph: Graph) -> None:
    """Rewrite ``graph`` in place; its results do not change but for the order of sums."""
    _scalars_are_numbers(graph)
    for node in reversed(list(graph.nodes)):
        if node.target is _aten.add.Tensor and not _is_inner_sum(node):
            _join_parts(graph, node)
    for node in list(graph.nodes):
        if node.target in _PARTS:
            with graph.inserting_before(node):
                _replace(graph, node, _joined(graph, [_part(node)]))


def _scalars_are_numbers(graph: Graph) -> None:
    """``1 - x`` in autograd's own formulas is an empty array like x, filled with ones, from which x is taken."""
    for node in list(graph.nodes):
        filled = node.args[0] if node.target in _IN_PLACE else None
        if not isinstance(filled, Node) or filled.target is not _aten.fill_.Scalar or len(filled.users) > 1:
            continue
        with graph.inserting_before(node):
            dtype = node.meta["val"].dtype
            number = graph.call_function(_aten.scalar_tensor.default, (filled.args[1],), {"dtype": dtype})
            number.meta["val"] = filled.meta["val"].new_empty(())
            _replace(graph, node, _call(graph, _IN_PLACE[node.target], number, node.args[1], like=node))
        if isinstance(filled.args[0], Node):
            graph.erase_node(filled)


def _replace(graph: Graph, node: Node, by: Node) -> None:
    node.replace_all_uses_with(by)
    graph.erase_node(node)


def _call(graph: Graph, target: Any, *arguments: Any, like: Node) -> Node:
    made = graph.call_function(target, arguments)
    made.meta["val"] = like.meta["val"]
    return made


class _Part:
    """A node that is zero but for a range of one dimension, on which it is ``values``."""

    def __init__(self, node: Node, sizes: list[Any], dim: int, start: int, step: int, values: Node, is_select: bool):
        self.node = node
        self.sizes = sizes
        self.dim = dim
        self.start = start
        self.step = step
        self.values = values
        self.is_select = is_select
        count = 1 if is_select else values.meta["val"].shape[dim]
        self.stop = start + (count - 1) * step + 1

    @property
    def key(self) -> tuple[Any, ...]:
        """Parts with the same key belong to arrays of the same shape, cut along the same dimension."""
        return (self.dim, *(str(size) for size in self.sizes))


def _part(node: Node) -> _Part:
    """What a backward node of a slice or of one index says."""
    arguments: list[Any] = list(node.args)
    values, _, dim, start = arguments[:4]
    sizes = list(node.meta["val"].shape)
    dim %= len(sizes)
    start = start + sizes[dim] if start < 0 else start
    is_select = node.target is _aten.select_backward.default
    return _Part(node, sizes, dim, start, 1 if is_select else arguments[5], values, is_select)


def _is_inner_sum(node: Node) -> bool:
    """A sum whose one use is another sum."""
    users = list(node.users)
    return len(users) == 1 and users[0].target is _aten.add.Tensor and not users[0].kwargs


def _leaves(node: Any) -> list[Any]:
    """What a tree of sums adds up, from left to right; a deep tree is walked without recursion."""
    found, todo = [], [*reversed(node.args)]
    while todo:
        item = todo.pop()
        is_sum = isinstance(item, Node) and item.target is _aten.add.Tensor and not item.kwargs
        if is_sum and len(item.users) == 1:
            todo += reversed(item.args)
        else:
            found.append(item)
    return found


def _join_parts(graph: Graph, total: Node) -> None:
    """A sum of arrays that are each zero outside a range of their own is one array, put together."""
    if total.kwargs:
        return
    leaves = _leaves(total)
    groups: dict[tuple[Any, ...], list[list[_Part]]] = defaultdict(list)
    others = []
    for leaf in leaves:
        if not isinstance(leaf, Node) or leaf.target not in _PARTS or len(leaf.users) > 1:
            others.append(leaf)
            continue
        part = _part(leaf)
        rows = groups[part.key] if part.step == 1 else groups[(leaf,)]
        free = next((row for row in rows if all(part.start >= p.stop or part.stop <= p.start for p in row)), None)
        if free is None:
            rows.append([part])
        else:
            free.append(part)
    rows = [row for found in groups.values() for row in found]
    if all(len(row) < 2 for row in rows):
        return
    with graph.inserting_before(total):
        terms = [*others, *(_joined(graph, row) for row in rows)]
        result = terms[0]
        for term in terms[1:]:
            result = _call(graph, _aten.add.Tensor, result, term, like=total)
    _replace(graph, total, result)


def _joined(graph: Graph, parts: list[_Part]) -> Node:
    """Parts that do not overlap as one array, with zeros between them."""
    ordered = sorted(parts, key=lambda part: part.start)
    size, dim = ordered[0].sizes[ordered[0].dim], ordered[0].dim
    pieces, reached = [], 0
    for part in ordered:
        values = _spread(graph, part)
        after = size - part.stop if part is ordered[-1] else 0
        pieces.append(_padded(graph, values, dim, part.start - reached, after))
        reached = part.stop
    return pieces[0] if len(pieces) == 1 else _call(graph, _aten.cat.default, pieces, dim, like=ordered[0].node)


def _spread(graph: Graph, part: _Part) -> Node:
    """The values of a part along its dimension, zeros between them if the slice had a step."""
    values, dim = part.values, part.dim
    shape = list(values.meta["val"].shape)
    if part.is_select:
        return _shaped(graph, _aten.unsqueeze.default, (values, dim), [*shape[:dim], 1, *shape[dim:]])
    if part.step == 1:
        return values
    apart = _shaped(graph, _aten.unsqueeze.default, (values, dim + 1), [*shape[: dim + 1], 1, *shape[dim + 1 :]])
    wide = _padded(graph, apart, dim + 1, 0, part.step - 1)
    joined = [*shape[:dim], shape[dim] * part.step, *shape[dim + 1 :]]
    known = [size if isinstance(size, int) else -1 for size in joined]
    flat = _shaped(graph, _aten.reshape.default, (wide, known), joined)
    length = part.stop - part.start
    return _shaped(graph, _aten.slice.Tensor, (flat, dim, 0, length), [*shape[:dim], length, *shape[dim + 1 :]])


def _padded(graph: Graph, values: Node, dim: int, before: int, after: int) -> Node:
    """Zeros in front of and behind the values, along one dimension."""
    if before == 0 and after == 0:
        return values
    shape = list(values.meta["val"].shape)
    n_behind = len(shape) - dim - 1
    shape[dim] += before + after
    return _shaped(graph, _aten.constant_pad_nd.default, (values, [0, 0] * n_behind + [before, after], 0.0), shape)


def _shaped(graph: Graph, target: Any, arguments: tuple[Any, ...], shape: list[Any]) -> Node:
    """A call whose result has this shape. It is not found by running the call: that may fix the number of columns."""
    made = graph.call_function(target, arguments)
    made.meta["val"] = arguments[0].meta["val"].new_empty(shape)
    return made
