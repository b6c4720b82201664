"""Years of PlaSim with emulated radiation against PlaSim with RRTMG, in the present climate and with more carbon dioxide.

    python examples/plasim/evaluate.py --longwave FILE --shortwave FILE --output DIR [--years N] [--members N]

First PlaSim with RRTMG is brought near its equilibrium (DIR/spin-up, kept for the next time), then all runs start from there;
finished ones are kept, too. A year with RRTMG every three hours takes ten minutes of a core at T21, with an emulator three.
"""

import argparse
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
import experiments

from pyemu.harness import couple, load_couple_config
from pyemu.hosts.plasim import RESTART_OUT, run


def main() -> int:
    """Run, report, and print the gates; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--longwave", type=Path, required=True)
    parser.add_argument("--shortwave", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--years", type=float, default=10.0)
    parser.add_argument("--members", type=int, default=4, help="runs with RRTMG that the emulator is judged by")
    parser.add_argument("--spin-up-years", type=float, default=10.0)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    files = {"longwave_file": arguments.longwave, "shortwave_file": arguments.shortwave}
    restart = spin_up(arguments.output / "spin-up", arguments.spin_up_years)
    config = experiments.evaluation(
        files,
        restart,
        years=arguments.years,
        members=arguments.members,
        processes=arguments.processes,
        spin_up_years=0.0,
    )
    path = arguments.output / "experiment.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    result = couple(load_couple_config(path))
    for gate in result.gates:
        verdict = "passed" if gate.passed else "FAILED"
        print(f"{verdict}: {gate.title} is {gate.value:.4g}, {gate.sense} {gate.limit:.4g} {gate.unit}")
    print(f"report: {result.folder / 'report.html'}")
    return 0 if result.passed else 1


def spin_up(folder: Path, years: float) -> Path:
    """The restart file of PlaSim with RRTMG after some years from its new start."""
    if not (folder / RESTART_OUT).is_file():
        days = round(years * experiments.YEAR)
        run(folder, {"scheme": "rrtmg", "interval_hours": 3.0, "n_run_days": days, "output_interval_days": 30.0})
    return folder / RESTART_OUT


if __name__ == "__main__":
    raise SystemExit(main())
