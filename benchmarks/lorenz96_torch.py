"""The climate of a closure of Lorenz '96 in torch beside that in the Fortran host: ``lorenz96_torch.py CHECKPOINT...``.

The same weights run in the same one-scale model from the same states, in torch with torch's noise, in the host through
libpyemu with its own. Single runs part within a few time units, so climates are compared: is the squared Hellinger distance
between the two larger than between members that are dealt out anew to the two sides? The share of deals with a larger one is
the p-value; the climates differ if it is small.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import lorenz96_gans as table
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import permutation_test

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import SLOW, TENDENCY
from pyemu.emulator.from_checkpoint import export_variants
from pyemu.hosts.namelist import Value
from pyemu.physics.lorenz96 import advance
from pyemu.zoo import system
from pyemu.zoo.checkpoint import Checkpoint, load_checkpoint
from pyemu.zoo.lorenz96 import SubgridSystem

Array = NDArray[np.float32]

DEALS = 999


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)  # a step is small
    truth = lorenz96.truth(arguments.budget, cache_dir=arguments.cache_dir).absolute()
    print("checkpoint,noise,variable,hellinger_squared,p_value,mean_torch,mean_host,sd_torch,sd_host")
    for path in arguments.checkpoints:
        checkpoint = load_checkpoint(path)
        of = system(checkpoint.system)
        assert isinstance(of, SubgridSystem), f"{path} is no closure of Lorenz '96"
        for variant, file in zip(of.variants(checkpoint.network), export_variants(path), strict=True):
            pair = (
                climate_in_torch(checkpoint, variant, truth, arguments.members, arguments.steps),
                climate_in_host(file, checkpoint, truth, arguments.members, arguments.steps),
            )
            for name, sides, bins in zip("XU", zip(*pair, strict=True), (table.X_BINS, table.U_BINS), strict=True):
                distance, p_value = compare(*sides, bins)
                moments = ",".join(f"{moment(side):.3f}" for moment in (np.mean, np.std) for side in sides)
                print(f"{path.stem},{variant},{name},{distance:.3g},{p_value:.3f},{moments}")


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--budget", default="full", choices=["smoke", "small", "full"], help="of the truth")
    parser.add_argument("--members", type=int, default=40)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    return parser.parse_args()


def starts(truth: Path, members: int) -> dict[str, Value]:
    """Entries of the host: members from states of the truth that training has not seen."""
    plan = table.plan_of(truth)
    return {"initial_record": plan.start, "record_interval": plan.records // members, "n_starts": members}


def climate_in_host(
    file: Path, checkpoint: Checkpoint, truth: Path, members: int, steps: int, engine: str = "native"
) -> tuple[Array, Array]:
    """X and U of the host, each (member, time * k)."""
    run: dict[str, Value] = {
        "scheme": "emulator", "emulator_file": str(file.absolute()), "engine": engine, "previous_tendency": "step",
        "n_steps": steps, "burn_in": table.SPIN_UP, "output_interval": table.CLIMATE_INTERVAL, "seed": 1,
    }  # fmt: skip
    with table.host_run(run | starts(truth, members), truth) as (data, _):
        found = data[[SLOW, TENDENCY]].squeeze().transpose("start", "time", "k")
        return found[SLOW].values.reshape(members, -1), found[TENDENCY].values.reshape(members, -1)


@torch.inference_mode()
def climate_in_torch(
    checkpoint: Checkpoint, variant: str, truth: Path, members: int, steps: int
) -> tuple[Array, Array]:
    """The same in torch, with the U of the last step held during a step."""
    of, closure = system(checkpoint.system), checkpoint.build()
    assert isinstance(of, SubgridSystem)
    memory = of.noise_autocorrelation(checkpoint, variant)
    first = starts(truth, members)
    records = int(first["initial_record"]) + int(first["record_interval"]) * np.arange(members)
    data = lorenz96.load(truth)
    slow = torch.from_numpy(data[SLOW].values[records]).double()
    previous = torch.from_numpy(data[TENDENCY].values[records - 1]).double()
    n_noise, has_previous = int(closure.n_noise), closure.n_inputs == 2  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(slow.numel(), n_noise, generator=generator)
    kept: tuple[list[Array], list[Array]] = ([], [])
    for step in range(table.SPIN_UP + steps):
        others = (previous.flatten().float(),) if has_previous else ()
        before = slow
        slow, previous = advance(
            slow, lambda x, o=others, n=noise: closure(x.flatten().float(), *o, n).view_as(x).double()
        )
        fresh = torch.randn(noise.shape, generator=generator)
        noise = memory * noise + (1.0 - memory**2) ** 0.5 * fresh
        if step >= table.SPIN_UP and (step - table.SPIN_UP) % table.CLIMATE_INTERVAL == 0:
            for series, values in zip(kept, (before, previous), strict=True):
                series.append(values.float().numpy())
    x, u = (np.stack(series, axis=1).reshape(members, -1) for series in kept)
    return x, u


def compare(a: Array, b: Array, bins: NDArray[np.float64]) -> tuple[float, float]:
    """Squared Hellinger distance of two climates (member, sample), and the share of deals of members with a larger one."""
    counts = np.stack([np.histogram(member, bins)[0] for member in (*a, *b)])

    def distance(one: Sequence[int], other: Sequence[int]) -> float:
        p, q = (counts[np.asarray(side, int)].sum(0) for side in (one, other))
        return 0.5 * float(np.square(np.sqrt(p / p.sum()) - np.sqrt(q / q.sum())).sum())

    sides = np.arange(len(a)), len(a) + np.arange(len(b))
    found = permutation_test(
        sides, distance, n_resamples=DEALS, alternative="greater", vectorized=False, rng=np.random.default_rng(1)
    )
    return float(found.statistic), float(found.pvalue)


if __name__ == "__main__":
    main()
