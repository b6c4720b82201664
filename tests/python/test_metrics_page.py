"""The reference page names every metric there is, and no other."""

import re
import typing
from pathlib import Path

from pyemu.harness.metrics import AnyMetric

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def test_every_metric_has_a_row():
    classes = typing.get_args(typing.get_args(AnyMetric)[0])
    names = {typing.get_args(one.model_fields["metric"].annotation)[0] for one in classes}
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"metric"}
    assert told == names
