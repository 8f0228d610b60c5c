"""Stopping a run whose loss is no number any more."""

from pathlib import Path

import torch
from torch import Tensor

from posmoe_train.errors import DivergedError
from posmoe_train.run import rank_and_world

EVERY = 50


class Watch:
    """Notes the first step whose loss is no number; looks every 50 steps, because looking waits for the device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loss = torch.tensor(0.0)
        self._bad = torch.tensor(0)

    def add(self, loss: Tensor, step: int, epoch: int) -> None:
        """The loss of a step, counted from 1."""
        self.loss = loss.detach()
        bad = self._bad.to(loss.device)
        self._bad = torch.where(~torch.isfinite(self.loss) & (bad == 0), step, bad)
        if step % EVERY == 0:
            self.check(epoch)

    def check(self, epoch: int) -> None:
        """Stop all processes together where one of them has met a loss that is no number.

        Raises:
            DivergedError: names the step; the checkpoint of the epoch before is left as it is.
        """
        if rank_and_world()[1] > 1:
            torch.distributed.all_reduce(self._bad, torch.distributed.ReduceOp.MAX)
        step = int(self._bad)
        if step:
            kept = f"the last good checkpoint, of epoch {epoch - 1}, is kept" if epoch else "no epoch was finished"
            raise DivergedError(
                f"{self.folder}: the loss is no number at step {step}, in epoch {epoch}; {kept}. "
                "Train again with a lower learning rate, in another folder"
            )
