"""The shallow-water host on many ranks: every file has the bits of a run on one."""

import pytest
from shallow_water_runs import different, run_well, variables

FILES = {"snapshot_file": "snapshots.nc", "pair_file": "pairs.nc", "restart_out": "restart.nc"}
COMMON = {
    "n_days": 8.0, "nx": 17, "ny": 19, "perturbation": 5.0, "snapshot_interval_days": 2.0, "pair_interval_steps": 50, **FILES,
}  # fmt: skip
OCEANS = {
    "closed": {},
    "channel": {"domain": "channel", "vorticity": "enstrophy", "walls": "free_slip"},
    "periodic": {"domain": "periodic", "beta": 0.0, "vorticity": "energy", "kinetic_energy": "mean_of_squares"},
}


@pytest.mark.parametrize("ocean", OCEANS)
def test_bits_do_not_depend_on_the_ranks(tmp_path, ocean):
    names = ["shallow_water.nc", *FILES.values()]
    runs = []
    for ranks, layout in ((1, {}), (2, {}), (4, {"ranks_x": 2}), (4, {"ranks_y": 4}), (3, {"ranks_x": 3})):
        run_well(tmp_path, ranks, **COMMON, **OCEANS[ocean], **layout)
        runs.append(variables(*(tmp_path / name for name in names)))
    assert abs(runs[0]["shallow_water.nc", "mean_layer_thickness_anomaly"]).max() < 1e-13
    assert runs[0]["shallow_water.nc", "kinetic_energy"][-1] > 0.0
    for other in runs[1:]:
        assert different(runs[0], other) == []
