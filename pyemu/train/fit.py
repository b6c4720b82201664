"""Train one system of the zoo by its recipe, and keep the checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from pyemu.train.recipe import Run
from pyemu.train.recipes import recipe
from pyemu.zoo.registry import system as find_system


def fit(
    name: str,
    *,
    budget_name: str = "small",
    network: str | None = None,
    output_dir: Path = Path("runs"),
    cache_dir: Path = Path("data-cache"),
    seed: int = 2026,
    threads: int = 1,
    epoch_share: float = 1.0,
    progress: bool = True,
    more: Sequence[Path] = (),
) -> Path:
    """Train a system and return the path of its checkpoint, ``output_dir/<name>-<network>.ckpt``.

    Main arguments: ``name`` in the registry; ``budget_name`` is ``smoke``, ``small`` or ``full``.
    Other arguments: ``epoch_share`` shortens the training of networks that cost more per epoch; ``seed`` fixes data,
    initial weights and order of batches; the result is the same on every run with the same number of ``threads`` on the
    same machine; ``more`` are files of columns to train on besides, as ``pyemu data from-record`` makes them.
    Raises ``KeyError`` for an unknown system, network or budget, and for a file of ``more`` without a variable of the
    system; ``ValueError`` for ``more`` where the system takes no columns besides its own.
    """
    system = find_system(name)
    chosen = system.chosen(network)
    its_recipe = recipe(system)
    its_recipe.budget(budget_name)
    folder = Path(output_dir) / f"{name}-{chosen}"
    run = Run(
        network=chosen,
        budget_name=budget_name,
        folder=folder,
        cache_dir=Path(cache_dir),
        seed=seed,
        threads=threads,
        epoch_share=epoch_share,
        progress=progress,
        more=tuple(more),
    )
    return its_recipe.fit(system, run).save(folder.with_suffix(".ckpt"))
