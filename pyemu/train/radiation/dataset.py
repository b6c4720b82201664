"""Columns in memory as tensors, handed out in whole batches."""

import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, Sampler, SequentialSampler

from pyemu.zoo.plasim_radiation import PlasimRadiationSystem
from pyemu.zoo.radiation import RadiationSystem

Batch = dict[str, Tensor]


class ColumnDataset(Dataset):
    """Inputs and targets of one band; a list of indices is one gather per variable, not one object per column."""

    def __init__(self, dataset: xr.Dataset, system: RadiationSystem | PlasimRadiationSystem):
        names = [item.name for item in (*system.inputs, *system.outputs)]
        self.columns: Batch = {name: torch.from_numpy(dataset[name].values.astype("float32")) for name in names}

    def __len__(self) -> int:
        return len(self.columns["air_temperature"])

    def __getitem__(self, index: list[int]) -> Batch:
        chosen = torch.as_tensor(index)
        return {name: values[chosen] for name, values in self.columns.items()}


def loader(dataset: ColumnDataset, batch_size: int, *, seed: int | None = None) -> DataLoader:
    """Batches of columns: shuffled by ``seed`` for training, in order without one."""
    order: Sampler = SequentialSampler(dataset)
    if seed is not None:
        order = RandomSampler(dataset, generator=torch.Generator().manual_seed(seed))
    batches = BatchSampler(order, batch_size, drop_last=seed is not None)
    return DataLoader(dataset, sampler=batches, batch_size=None)
