"""Train one emulator of RRTMG: data, network, Lightning, checkpoint. Read from top to bottom."""

import ctypes
import ctypes.util
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import lightning
import numpy as np
import torch
import xarray as xr
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger

from pyemu.data import radiation
from pyemu.train.radiation.budget import Budget
from pyemu.train.radiation.dataset import ColumnDataset, loader
from pyemu.train.radiation.module import RadiationTraining
from pyemu.train.recipe import Run
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_radiation import PlasimRadiationSystem
from pyemu.zoo.radiation import RadiationSystem

BandSystem = RadiationSystem | PlasimRadiationSystem
N_REFERENCE = 32  # columns recorded in the emulator file


def fit(system: RadiationSystem, size: Budget, run: Run) -> Checkpoint:
    """Train a system on columns of the generator; ``run.folder`` gets Lightning's logs and its best weights."""
    sizes = {"train": size.n_train, "validation": size.n_validation}
    paths = {
        split: radiation.generate(split, n, cache_dir=run.cache_dir, progress=run.progress)
        for split, n in sizes.items()
    }
    return fit_columns(system, size, run, [paths["train"], *run.more], paths["validation"])


def fit_columns(system: BandSystem, size: Budget, run: Run, train: list[Path], validation: Path) -> Checkpoint:
    """Train a system on columns in files, all of ``train`` together."""
    _prepare(run.seed, run.threads)
    data = _join(system, train)
    columns, others = ColumnDataset(data, system), ColumnDataset(radiation.load(validation), system)
    rate = size.learning_rate * system.learning_rate_share(run.network)
    module = RadiationTraining(system.build(run.network), system.band, rate, _n_steps(size, system.band, columns))
    best = _run(module, columns, others, size, run.folder, run.seed, run.progress)
    module.load_state_dict(torch.load(best, weights_only=True)["state_dict"])
    return _checkpoint(
        system, run.network, module, data, {"budget": json.loads(json.dumps(asdict(size))), "seed": run.seed}
    )


def _prepare(seed: int, threads: int) -> None:
    lightning.seed_everything(seed, verbose=False)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # A debugging aid of torch that doubles the memory traffic.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Tell glibc not to return freed blocks to the system: each step would otherwise fault its pages in again.

    Measured to halve the time of a step of the spectral networks. Harmless elsewhere, so only done on Linux.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(ctypes.util.find_library("c"))
        mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, (1 << 31) - 1)


def _join(system: BandSystem, paths: list[Path]) -> xr.Dataset:
    """The columns of all files one after the other. One file is as it is."""
    parts = [radiation.load(path) for path in paths]
    digests = [radiation.sha256(path) for path in paths]
    names = [item.name for item in (*system.inputs, *system.outputs)]
    for path, part in zip(paths, parts, strict=True):
        missing = [name for name in names if name not in part]
        if missing:
            raise KeyError(f"{path} has no {', '.join(missing)}, which {system.name} is trained on")
    joined = (
        xr.concat([part[names] for part in parts], "column", combine_attrs="override") if len(parts) > 1 else parts[0]
    )
    whole = hashlib.sha256("".join(digests).encode()).hexdigest() if len(parts) > 1 else digests[0]
    sources = [str(part.attrs["source"]) for part in parts]
    return joined.assign_attrs(sha256=whole, source="; ".join(dict.fromkeys(sources)))


def _n_steps(size: Budget, band: str, train: ColumnDataset) -> int:
    return size.epochs[band] * (len(train) // size.batch_size)


def _run(
    module: RadiationTraining,
    train: ColumnDataset,
    validation: ColumnDataset,
    size: Budget,
    folder: Path,
    seed: int,
    progress: bool,
) -> Path:
    """Fit with early stopping; returns the Lightning checkpoint with the smallest validation loss."""
    best = ModelCheckpoint(folder, filename="best", monitor="validation_loss", enable_version_counter=False)
    patience = EarlyStopping("validation_loss", patience=size.patience)
    bars = [TQDMProgressBar(refresh_rate=50)] if progress else []
    trainer = lightning.Trainer(
        max_epochs=size.epochs[module.band],
        accelerator="cpu",
        devices=1,
        callbacks=[best, patience, *bars],
        log_every_n_steps=min(50, len(train) // size.batch_size),
        logger=CSVLogger(folder, name=None, version="log"),
        gradient_clip_val=20.0,
        enable_progress_bar=progress,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, loader(train, size.batch_size, seed=seed), loader(validation, 1000))
    return Path(best.best_model_path)


def _checkpoint(
    system: BandSystem, network: str, module: RadiationTraining, data: xr.Dataset, training: dict[str, object]
) -> Checkpoint:
    names = [item.name for item in system.inputs]
    return Checkpoint(
        system=system.name,
        network=network,
        state=module.network.state_dict(),
        training=training | {"columns": data.sizes["column"], "source": str(data.attrs["source"])},
        data_sha256=str(data.attrs["sha256"]),
        training_range={name: _range(data[name]) for name in names},
        reference_inputs={name: _reference(data[name]) for name in names},
    )


def _range(values: xr.DataArray) -> tuple[list[float], list[float]]:
    """Smallest and largest value per level (one of each for a scalar)."""
    low, high = values.min("column").values, values.max("column").values
    return np.atleast_1d(low).astype(float).tolist(), np.atleast_1d(high).astype(float).tolist()


def _reference(values: xr.DataArray) -> torch.Tensor:
    """Columns spread evenly over the training data."""
    chosen = np.linspace(0, values.sizes["column"] - 1, N_REFERENCE).astype(int)
    return torch.from_numpy(np.ascontiguousarray(values.values[chosen]))
