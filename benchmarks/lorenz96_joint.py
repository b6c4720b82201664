"""Joint densities of X and U in the climates of chosen closures, over contours of the truth's: ``lorenz96_joint.py SCHEME...``.

Runs the files that ``lorenz96_gans.py`` left in ``--runs`` and writes ``lorenz96-joint.png``. Schemes are named as in its table.
"""

import argparse
from pathlib import Path

import lorenz96_gans as table
import matplotlib
import numpy as np

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import SLOW, TENDENCY
from pyemu.hosts.namelist import Value
from pyemu.train.lorenz96.rows import Series

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm

X_BINS, U_BINS = np.arange(-13, 19, 0.25), np.arange(-20, 26, 0.25)
LEVELS = (1e-4, 1e-3, 3e-3, 1e-2)  # of the truth's density, as contours
RUN: dict[str, Value] = {"n_steps": 20_000, "burn_in": table.SPIN_UP, "output_interval": 4}
Pair = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Run, draw."""
    arguments = parse()
    truth = lorenz96.truth("full", cache_dir=arguments.cache_dir).absolute()
    plan = table.plan_of(truth)
    part = lorenz96.load(truth).isel(time=slice(plan.start, plan.start + 400_000))
    series = Series.of(part)
    own = series.of_steps()
    kinds = {False: density(series.x, series.u), True: density(own.x, own.u)}
    panels = [(name, density(*climate(name, truth, arguments)), kinds[is_of_steps(name)]) for name in arguments.schemes]
    draw([("truth, as diagnosed", kinds[False], kinds[False]), *panels], arguments.output)


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemes", nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/lorenz96"))
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--output", type=Path, default=Path("docs/explanations/lorenz96-joint.png"))
    return parser.parse_args()


def is_of_steps(name: str) -> bool:
    """Whether a scheme's U is that of the model's own steps."""
    return "of_steps" in name or (name in table.schemes() and not table.schemes()[name].is_gan)


def climate(name: str, truth: Path, arguments: argparse.Namespace) -> Pair:
    """X and U of a run of a scheme."""
    plan = table.plan_of(truth)
    starts: dict[str, Value] = {"initial_record": plan.start, "record_interval": 100_000, "n_starts": 20}
    with table.host_run({**RUN, **starts, **entries(name, truth, arguments)}, truth) as (data, _):
        return data[SLOW].values, data[TENDENCY].values


def entries(name: str, truth: Path, arguments: argparse.Namespace) -> dict[str, Value]:
    """The host's entries for a scheme."""
    if name in table.BASELINES:
        return {**table.baseline(name, truth).entries(table.BASELINES[name]), "seed": arguments.seed}
    scheme = table.schemes()[name]
    checkpoint = arguments.runs / f"seed{arguments.seed}" / f"{scheme.system}-{scheme.network}.ckpt"
    file = table.export(checkpoint, table.Training(scheme.system, scheme.network, arguments.seed))[scheme.variant]
    return {
        "scheme": "emulator", "emulator_file": str(file.absolute()), "engine": "native", "seed": arguments.seed,
        "previous_tendency": scheme.previous,
    }  # fmt: skip


def density(x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Of X and U together."""
    return np.histogram2d(x.ravel(), u.ravel(), (X_BINS, U_BINS), density=True)[0]


def draw(panels: list[tuple[str, np.ndarray, np.ndarray]], path: Path) -> None:
    """A panel for each scheme: its density in colours, the truth's as lines."""
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    size = (3.1 * columns, 2.9 * lines)
    figure, axes = plt.subplots(
        lines, columns, figsize=size, sharex=True, sharey=True, layout="constrained", squeeze=False
    )
    places = X_BINS[:-1] + 0.125, U_BINS[:-1] + 0.125
    for axis, (title, found, truth) in zip(axes.flat, panels, strict=False):
        shown = axis.pcolormesh(
            X_BINS, U_BINS, np.where(found > 0, found, np.nan).T, norm=LogNorm(1e-6, 2e-2), cmap="viridis"
        )
        axis.contour(*places, truth.T, LEVELS, colors="black", linewidths=0.8)
        axis.set_title(title, fontsize=9)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("X")
    for axis in axes[:, 0]:
        axis.set_ylabel("U")
    figure.colorbar(shown, ax=axes, label="density; lines: truth", shrink=0.7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
