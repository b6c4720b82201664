"""Training data of the shallow-water host: cached whole, stencils as the host gathers them, targets as it computes them."""

import numpy as np
import pytest
import torch
import xarray as xr

from pyemu.data import shallow_water
from pyemu.data.shallow_water import FORCING, STATE, THICKNESS_TENDENCY, HostFailedError, samples, stencils, with_halo
from pyemu.physics.shallow_water import Ocean, forcing, thickness_tendency

OCEAN = {"nx": 16, "ny": 14, "wind_stress": 0.2}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def dataset(cache):
    return shallow_water.load(shallow_water.pairs("smoke", cache_dir=cache, **OCEAN))


def test_pairs_are_made_once_and_whole(cache, dataset, monkeypatch):
    path = shallow_water.pairs("smoke", cache_dir=cache, **OCEAN)
    assert dataset.sizes["time"] == 8 and float(dataset["time"][0]) == 120.0 and dataset.nx == 16
    assert sorted(p.suffix for p in cache.iterdir()) == [".nc", ".nc"]  # the spin-up and the pairs, nothing half done
    monkeypatch.setattr(shallow_water, "run_host", lambda *_, **__: pytest.fail("it is in the cache"))
    assert shallow_water.pairs("smoke", cache_dir=cache, **OCEAN) == path
    other = shallow_water._key({**OCEAN, "wind_stress": 0.3}, days=1.0)
    assert other != shallow_water._key(OCEAN, days=1.0)


def test_a_run_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(HostFailedError, match="layer_thickness_anomaly is") as caught:
        shallow_water.spin_up(400.0, cache_dir=tmp_path, **{**OCEAN, "wind_stress": 50.0})
    assert caught.value.status == 3
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError, match="salt"):
        shallow_water.spin_up(1.0, cache_dir=tmp_path, salt=1.0)
    with pytest.raises(KeyError):
        shallow_water.pairs("huge", cache_dir=tmp_path)


def test_targets_follow_from_the_stencils(dataset):
    """The equations on the 3 x 3 values of a sample give what the host computed there, as far as single precision goes: the
    tendency of the thickness is a small difference of transports.
    """
    found = samples(dataset)
    assert len(found) == 8 * 14 * 16
    cells = {name: found.inputs[f"{name}_stencil"].reshape(-1, 3, 3).astype(np.float64) for name in STATE}
    u, v, h = (torch.from_numpy(cells[name]) for name in STATE)
    stress = torch.from_numpy(found.inputs["surface_downward_x_stress_stencil"].reshape(-1, 3, 3).astype(np.float64))
    x, y = forcing(Ocean(), u, v, h, x_stress=stress)
    computed = {FORCING[0]: x, FORCING[1]: y, THICKNESS_TENDENCY: thickness_tendency(Ocean(), u, v, h)}
    valid = {FORCING[0]: found.has_x, FORCING[1]: found.has_y, THICKNESS_TENDENCY: np.ones(len(found), dtype=bool)}
    for name, field in computed.items():
        target, is_valid = found.targets[name], valid[name]
        scale = np.abs(target).max()
        assert scale > 1e-9
        tolerance = 3e-5 if name == THICKNESS_TENDENCY else 2e-6
        np.testing.assert_allclose(field[:, 1, 1].numpy()[is_valid], target[is_valid], rtol=0.0, atol=tolerance * scale)
        assert np.all(target[~is_valid] == 0.0) and (name == THICKNESS_TENDENCY or not is_valid.all())


def test_a_share_of_the_cells_is_drawn_by_the_seed(dataset):
    whole, some = samples(dataset), samples(dataset, share=0.25, seed=3)
    again, other = samples(dataset, share=0.25, seed=3), samples(dataset, share=0.25, seed=4)
    assert (
        len(some) == 8 * 56 and np.array_equal(some.place, again.place) and not np.array_equal(some.place, other.place)
    )
    index = [
        np.flatnonzero((whole.time == t) & (whole.place == p))[0] for t, p in zip(some.time, some.place, strict=True)
    ]
    chosen = whole.subset(np.array(index))
    for name, values in some.inputs.items():
        np.testing.assert_array_equal(values, chosen.inputs[name])
    for name, values in some.targets.items():
        np.testing.assert_array_equal(values, chosen.targets[name])
    assert len(some.subset(some.has_x)) == some.has_x.sum()


def test_halos_of_every_domain():
    """By hand: the wall itself, what lies behind it, and the other end of a periodic domain."""
    field = np.arange(1.0, 13.0).reshape(3, 4)
    u = with_halo("sea_water_x_velocity", field)
    assert u.shape == (5, 6) and np.all(u[1:-1, 0] == 0.0)
    np.testing.assert_array_equal(u[1:-1, -1], -field[:, -2])
    np.testing.assert_array_equal(u[0, 1:-1], -field[0])
    np.testing.assert_array_equal(with_halo("sea_water_x_velocity", field, walls="free_slip")[-1, 1:-1], field[-1])
    v = with_halo("sea_water_y_velocity", field)
    assert np.all(v[-1] == 0.0)
    np.testing.assert_array_equal(v[0, 1:-1], -field[1])
    np.testing.assert_array_equal(v[1:-1, 0], -field[:, 0])
    h = with_halo("layer_thickness_anomaly", field, domain="channel")
    np.testing.assert_array_equal(h[1:-1, 0], field[:, -1])
    np.testing.assert_array_equal(h[0, 1:-1], field[0])
    np.testing.assert_array_equal(with_halo("sea_water_y_velocity", field, domain="periodic")[0, 1:-1], field[-1])
    around = stencils("layer_thickness_anomaly", field, domain="periodic")
    np.testing.assert_array_equal(around[1, 1], [1, 2, 3, 5, 6, 7, 9, 10, 11])


def test_files_of_other_libraries_read_them(cache, dataset):
    path = shallow_water.pairs("smoke", cache_dir=cache, **OCEAN)
    with xr.open_dataset(path) as decoded:
        assert str(decoded["time"].dtype) == "object" and decoded["time"].dt.calendar == "360_day"
        assert decoded["sea_water_x_velocity"].standard_name == "sea_water_x_velocity"
