"""The whole path in one program: columns from RRTMG, training, emulator files, a coupled run, one report.

Every step is a command that anyone can type; this program types them in order, two at a time where two cores help.
Usage: python examples/01_radiation/demo.py [--budget small] [--output demo-output]
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SYSTEMS = ("rrtmg_longwave", "rrtmg_shortwave")


def main() -> int:
    """Run the demonstration; the exit status is 0 only when every gate of the report passed."""
    arguments = parse()
    runs, output = arguments.output / "training", arguments.output
    checkpoints = [runs / f"{name}-spectral.ckpt" for name in SYSTEMS]
    started = time.monotonic()
    common = ["--budget", arguments.budget, "--cache-dir", str(arguments.cache_dir)]
    together("columns from RRTMG", [["data", SYSTEMS[0], *common]])
    together("training", [["train", name, *common, "--output-dir", str(runs)] for name in SYSTEMS])
    files = [checkpoint.with_suffix(".onnx") for checkpoint in checkpoints]
    together("verification", [["verify", str(file)] for file in files])
    scores = output / "offline_scores.json"
    together(
        "offline evaluation", [["evaluate", *map(str, checkpoints), *common, "--scores", str(scores)]], must_pass=False
    )
    report = ["--longwave-file", str(files[0]), "--shortwave-file", str(files[1]), "--offline-scores", str(scores)]
    status = together(
        "coupled runs and report",
        [["couple", str(HERE / "couple.yaml"), *report, "--output-dir", str(output)]],
        must_pass=False,
    )
    print(f"\nReport: {output / 'report.html'} ({(time.monotonic() - started) / 60:.1f} minutes)")
    return status


def parse() -> argparse.Namespace:
    """Options of the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="small")
    parser.add_argument("--output", type=Path, default=Path("demo-output"))
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    return parser.parse_args()


def together(title: str, commands: list[list[str]], *, must_pass: bool = True) -> int:
    """Run pyemu commands side by side and report how long they took; returns the largest exit status."""
    print(f"\n== {title}", flush=True)
    for command in commands:
        print(f"$ pyemu {' '.join(command)}", flush=True)
    started = time.monotonic()
    running = [subprocess.Popen([sys.executable, "-m", "pyemu.cli", *command]) for command in commands]
    status = max(process.wait() for process in running)
    print(f"== {title}: {time.monotonic() - started:.0f} s", flush=True)
    if status and must_pass:
        sys.exit(f"{title} failed with status {status}")
    return status


if __name__ == "__main__":
    sys.exit(main())
