"""What runs cost, and how large their emulators are."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from pyemu.emulator.errors import EmulatorFileError
from pyemu.emulator.file import EmulatorFile
from pyemu.harness.metrics.metric import NAN, Finding, Metric, Number
from pyemu.harness.metrics.times import per_unit_of_time
from pyemu.harness.results import Result, Results


class Cost(Metric):
    """Processor time per unit of model time, of the host with all its ranks, output included, and its ratio to the truth's.

    Also the bytes and the parameters of all emulator files that the settings of a case name, each file once.
    """

    metric: Literal["cost"]
    without: str | None = Field(default=None, description="case without emulator: what the others cost more than it")

    def evaluate(self, results: Results) -> Finding:
        """Seconds per unit of time, for cases that were run; bytes, for cases with an emulator."""
        if self.without is not None and self.without not in results.titles:
            raise KeyError(f"metric cost: no case '{self.without}', there are {', '.join(results.titles)}")
        runs = {case: [run for run in results.of(case, self.kind) if run.length > 0.0] for case in results.titles}
        rates = {case: tuple(run.processor_time / run.length for run in found) for case, found in runs.items()}
        first = next((run.data for found in runs.values() for run in found if run.data is not None), None)
        unit = per_unit_of_time("s", first["time"]) if first is not None else "s"
        truth, bare = (_median(rates.get(case or "", ())) for case in (results.reference, self.without))
        numbers = [number for case, found in rates.items() for number in self._times(case, found, truth, bare, unit)]
        numbers += [number for case, found in runs.items() for number in self._sizes(case, found)]
        return Finding("Cost", numbers)

    def _times(self, case: str, found: tuple[float, ...], truth: float, bare: float, unit: str) -> list[Number]:
        ratio = tuple(rate / truth for rate in found)
        numbers = [
            Number(self.label("processor_time"), case, "processor time of model time", unit, found),
            Number(self.label("cost_ratio"), case, "processor time over that of the truth", "1", ratio),
        ]
        if self.without is not None and case != self.without:
            title = f"processor time beyond that of {self.without}"
            numbers.append(
                Number(self.label("time_of_emulator"), case, title, unit, tuple(rate - bare for rate in found))
            )
        return numbers

    def _sizes(self, case: str, runs: list[Result]) -> list[Number]:
        files = [[_opened(path) for path in {path.resolve() for path in run.inputs}] for run in runs]
        emulators = [[one for one in of_run if one is not None] for of_run in files]
        if not any(emulators):
            return []
        n_bytes = tuple(float(sum(len(one.data) for one in found)) for found in emulators)
        known = [[one.parameters for one in found if one.parameters is not None] for found in emulators]
        parameters = tuple(
            float(sum(sizes)) if len(sizes) == len(found) else NAN
            for sizes, found in zip(known, emulators, strict=True)
        )
        return [
            Number(self.label("emulator_bytes"), case, "size of the emulator files", "byte", n_bytes),
            Number(self.label("emulator_parameters"), case, "weights and other constants in them", "1", parameters),
        ]


def _median(rates: tuple[float, ...]) -> float:
    return float(np.median(rates)) if rates else NAN


def _opened(path: Path) -> EmulatorFile | None:
    """None for a file that is no emulator, such as a restart."""
    try:
        return EmulatorFile.open(path)
    except EmulatorFileError:
        return None
