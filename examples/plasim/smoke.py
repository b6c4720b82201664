"""Ten days of PlaSim in each of its four modes, with a report: PlaSim's own radiation, RRTMG, an emulator, both side by side.

    python examples/plasim/smoke.py --output DIR [--longwave FILE --shortwave FILE] [--days N]

Without emulator files it writes stand-ins of grey radiation (``grey.py``), with which the coupling is tested and nothing else.
"""

import argparse
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parent))
import experiments
import grey

from pyemu.harness import couple, load_couple_config


def main() -> int:
    """Run, report, and print the gates; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--longwave", type=Path)
    parser.add_argument("--shortwave", type=Path)
    parser.add_argument("--days", type=int, default=10)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "experiment.yaml"
    path.write_text(yaml.safe_dump(experiments.smoke(_files(arguments), days=arguments.days), sort_keys=False))
    result = couple(load_couple_config(path))
    for gate in result.gates:
        verdict = "passed" if gate.passed else "FAILED"
        print(f"{verdict}: {gate.title} is {gate.value:.4g}, {gate.sense} {gate.limit:.4g} {gate.unit}")
    print(f"report: {result.folder / 'report.html'}")
    return 0 if result.passed else 1


def _files(arguments: argparse.Namespace) -> dict[str, Path]:
    """Those that are given, or stand-ins."""
    found = {}
    for band in grey.INPUTS:
        given = getattr(arguments, band)
        path = given or arguments.output / f"grey_{band}.onnx"
        if not given and not path.is_file():
            grey.write(band, path)
        found[f"{band}_file"] = path
    return found


if __name__ == "__main__":
    raise SystemExit(main())
