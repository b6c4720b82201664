"""The Lightning module: one network, one loss, Adam with a cosine schedule."""

import math
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from pyemu.train.radiation.loss import radiation_loss

WARM_UP_SHARE = 0.01  # of all steps, during which the learning rate rises
FINAL_SHARE = 1e-3  # of the learning rate, at the end of the cosine


class RadiationTraining(lightning.LightningModule):
    """Trains a network that maps a dictionary of columns to fluxes up and down, and heating if it is unconstrained."""

    def __init__(self, network: nn.Module, band: str, learning_rate: float, n_steps: int):
        super().__init__()
        self.network = network
        self.band = band
        self.learning_rate = learning_rate
        self.n_steps = n_steps

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Loss of one batch."""
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Loss on atmospheres and climates that training does not see."""
        loss = self._loss(batch)
        self.log("validation_loss", loss, prog_bar=True, batch_size=len(batch["air_temperature"]))

    def _loss(self, batch: dict[str, Tensor]) -> Tensor:
        up, down, *heating = self.network(batch)
        return radiation_loss(up, down, batch, self.band, *heating)

    def configure_optimizers(self) -> Any:
        """Adam, warm-up, one cosine over the whole training."""
        optimizer = torch.optim.Adam(self.network.parameters(), self.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._share)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _share(self, step: int) -> float:
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / self.n_steps)))
        warm_up = min(1.0, (step + 1) / max(1.0, WARM_UP_SHARE * self.n_steps))
        return warm_up * (FINAL_SHARE + (1.0 - FINAL_SHARE) * cosine)
