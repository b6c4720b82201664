"""Emulators of both bands, trained for seconds on columns of the host itself: good there, wrong elsewhere."""

import functools
from pathlib import Path

import numpy as np
import torch

from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.hosts.column import ColumnModel
from pyemu.train.radiation.loss import radiation_loss
from pyemu.zoo import Checkpoint, system

CLIMATES = ({"sst_offset": 0.0}, {"sst_offset": 3.0}, {"sst_offset": -3.0})
N_COLUMNS = 100
MARGIN = 0.2  # of the width of ranges: a run with the emulator drifts a little from the states of RRTMG
STEPS = 300


torch.set_num_threads(1)


@functools.cache
def host_columns(n_columns: int = N_COLUMNS) -> dict[str, np.ndarray]:
    """States of the first two days in a few climates, with what RRTMG makes of them, (column, ...)."""
    chosen = [system(f"rrtmg_{band}") for band in ("longwave", "shortwave")]
    names = {item.name for one in chosen for item in (*one.inputs, *one.outputs)}
    parts = []
    for climate in CLIMATES:
        with ColumnModel(ncol=n_columns, interval=43200.0, **climate) as model:
            for _ in range(3):
                model.radiate()
                parts.append({name: model.get(name) for name in names})
                model.step(4)
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def train(band: str, folder: Path, network: str = "dense") -> Path:
    """The emulator file of one band."""
    chosen = system(f"rrtmg_{band}")
    inputs = [item.name for item in chosen.inputs]
    columns = host_columns()
    stored = {n: v if n == "air_pressure_at_interfaces" else v.astype(np.float32) for n, v in columns.items()}
    tensors = {name: torch.from_numpy(values.astype(np.float32)) for name, values in columns.items()}
    torch.manual_seed(1)
    net, generator = chosen.build(network), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        index = torch.randint(len(columns["air_temperature"]), (128,), generator=generator)
        batch = {name: values[index] for name, values in tensors.items()}
        up, down, *heating = net(batch)
        loss = radiation_loss(up, down, batch, band, *heating)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 20.0)
        optimizer.step()
        schedule.step()
    bounds = {name: _range(stored[name]) for name in inputs}
    path = Checkpoint(
        system=chosen.name,
        network=network,
        state=net.state_dict(),
        training={},
        data_sha256="0" * 64,
        training_range={n: tuple(np.atleast_1d(b).astype(float).tolist() for b in pair) for n, pair in bounds.items()},
        reference_inputs={name: torch.from_numpy(stored[name][:8].copy()) for name in inputs},
    ).save(folder / f"{band}-{network}.ckpt")
    return export_checkpoint(path, path.with_suffix(".onnx"))


def _range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = values.min(axis=0), values.max(axis=0)
    return low - MARGIN * (high - low), high + MARGIN * (high - low)
