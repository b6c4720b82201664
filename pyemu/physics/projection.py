"""Linear budgets made exact: outputs are moved the least way to where the budgets close.

A budget is a row ``c`` of numbers with ``c . y = target`` for the outputs ``y`` of a column: layer masses for a column
integral, factors for latent heat and phase changes. Several budgets are closed together. The move is the orthogonal
projection of Beucler et al. 2021 (doi:10.1103/PhysRevLett.126.098302, eq. 5: the null space of the constraints), in
the metric that weights give.
"""

from torch import Tensor


def project(values: Tensor, budgets: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the nearest outputs whose budgets close.

    Main arguments:
        values: (column, output), what a network predicts.
        budgets: (column, budget, output), or (1, budget, output) if they are the same for all columns; the rows of a
            column must be linearly independent.
        targets: (column, budget), or (1, budget): what each row must sum up to; zeros for a conserved quantity.

    Other Arguments:
        weights: (column, output) or (1, output), positive: how far each output may move, as a variance would say;
            ``None``: all alike. Give the square of a typical size if outputs have different units.

    The least squares problem is solved by orthogonalising the rows, one after the other (modified Gram-Schmidt): only
    products and sums, so that every engine runs it. Twice, because rounding of the first pass is then removed.
    """
    moves, unit_targets = _orthogonal(budgets, targets, weights)
    for _ in range(2):
        for (row, direction), target in zip(moves, unit_targets, strict=True):
            missing = target - (row * values).sum(dim=1, keepdim=True)
            values = values + missing * direction
    return values


def _orthogonal(
    budgets: Tensor, targets: Tensor, weights: Tensor | None
) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
    """Return pairs (row, direction), each direction changing its own row's sum by 1 and those of the others by 0."""
    pairs: list[tuple[Tensor, Tensor]] = []
    sums: list[Tensor] = []
    for number in range(budgets.shape[1]):
        row, target = budgets[:, number], targets[:, number : number + 1]
        for (other, direction), its in zip(pairs, sums, strict=True):
            share = (row * direction).sum(dim=1, keepdim=True)
            row, target = row - share * other, target - share * its
        move = row if weights is None else row * weights
        pairs.append((row, move / (row * move).sum(dim=1, keepdim=True)))
        sums.append(target)
    return pairs, sums
