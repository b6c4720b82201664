"""What runs cost."""

from typing import Literal

import numpy as np

from pyemu.harness.metrics.metric import Finding, Metric, Number
from pyemu.harness.results import Results


class Cost(Metric):
    """Processor time per unit of model time, of the host with all its ranks, output included, and its ratio to the truth's."""

    metric: Literal["cost"]

    def evaluate(self, results: Results) -> Finding:
        """Seconds per unit of time, for cases that were run."""
        rates = {
            case: tuple(run.processor_time / run.length for run in results.of(case, self.kind) if run.length > 0.0)
            for case in results.titles
        }
        truth = rates[results.reference]
        numbers = []
        for case, found in rates.items():
            numbers.append(
                Number(self.label("processor_time"), case, "processor time per unit of model time", "s", found)
            )
            ratio = tuple(rate / float(np.median(truth)) for rate in found) if truth else ()
            numbers.append(Number(self.label("cost_ratio"), case, "processor time over that of the truth", "1", ratio))
        return Finding("Cost", numbers)
