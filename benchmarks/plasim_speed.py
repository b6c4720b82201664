"""What radiation costs in PlaSim: ``plasim_speed.py --longwave FILE --shortwave FILE [--rounds 3] [--table FILE]``.

Runs PlaSim (T21, 10 layers) with its own scheme, with RRTMG every step and every 3 hours, and with emulators every step on
two engines, in turn, several rounds, on one process and on two MPI ranks. Times are processor time of the first rank, as
the host measures it, per time step; medians over rounds. Nothing else should run meanwhile.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import xarray as xr

from pyemu.hosts.plasim import run
from pyemu.hosts.plasim_namelist import MINUTES_PER_STEP

STEPS_PER_DAY = 1440.0 / MINUTES_PER_STEP[32]
Row = dict[str, object]


def cases(longwave: Path, shortwave: Path) -> dict[str, dict[str, object]]:
    """Settings of the runs by name; days such that each takes a few seconds."""
    files = {"longwave_file": longwave.resolve(), "shortwave_file": shortwave.resolve(), "scheme": "emulator"}
    return {
        "PlaSim's own, every step": {"scheme": "own", "n_run_days": 6},
        "RRTMG, every step": {"scheme": "rrtmg", "n_run_days": 2},
        "RRTMG, every 3 hours": {"scheme": "rrtmg", "interval_hours": 3.0, "n_run_days": 4},
        "emulator (native), every step": files | {"engine": "native", "n_run_days": 6},
        "emulator (onnxruntime), every step": files | {"engine": "onnxruntime", "n_run_days": 6},
    }


def main() -> None:
    """Run all in turn, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longwave", type=Path, required=True)
    parser.add_argument("--shortwave", type=Path, required=True)
    parser.add_argument("--restart", type=Path, help="plasim_status of a run in which clouds have formed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.rounds):
            for ranks in arguments.ranks:
                for name, entries in cases(arguments.longwave, arguments.shortwave).items():
                    found.setdefault((name, ranks), []).append(measure(Path(folder), entries, ranks, arguments.restart))
    rows = [row(name, ranks, times) for (name, ranks), times in found.items()]
    text = table(rows)
    print(text)
    if arguments.table:
        arguments.table.write_text(text + "\n")
        arguments.table.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


def measure(folder: Path, entries: dict[str, object], ranks: int, restart: Path | None) -> tuple[float, float]:
    """Milliseconds of radiation and of everything, per time step, without the start of the program."""
    whole = {"output_interval_days": 1.0} | entries | ({"restart_in": restart.resolve()} if restart else {})
    with xr.open_dataset(run(folder, whole, ranks=ranks), decode_times=False) as data:  # type: ignore[arg-type]
        steps = STEPS_PER_DAY * (data.sizes["time"] - 1)
        radiation, everything = (
            float(data[name][-1] - data[name][0]) for name in ("radiation_seconds", "processor_seconds")
        )
    return 1e3 * radiation / steps, 1e3 * everything / steps


def row(name: str, ranks: int, times: list[tuple[float, float]]) -> Row:
    """Medians over rounds."""
    radiation, everything = (statistics.median(values) for values in zip(*times, strict=True))
    return {"radiation": name, "ranks": ranks, "radiation_ms": round(radiation, 3), "step_ms": round(everything, 2)}


def table(rows: list[Row]) -> str:
    """Markdown; factors against RRTMG every step on as many ranks."""
    lines = [
        "| radiation | ranks | radiation [ms per step] | whole model [ms per step] | radiation faster by | model faster by |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in rows:
        (slow,) = (
            other for other in rows if other["ranks"] == one["ranks"] and other["radiation"] == "RRTMG, every step"
        )
        factors = [float(str(slow[key])) / float(str(one[key])) for key in ("radiation_ms", "step_ms")]
        cells = [one["radiation"], one["ranks"], one["radiation_ms"], one["step_ms"], *(f"{f:.1f}" for f in factors)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
