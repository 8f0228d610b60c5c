"""Weights & Biases beside a run's own log: offline unless its own settings say otherwise, off without the package."""

import hashlib
import importlib.util
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from posmoe_train.run import is_first, read_record

PROJECT = "posmoe"


class Tracking(Callback):
    """Sends what a run logs to Weights & Biases; a run that goes on keeps its identifier."""

    def __init__(self, config: Any, folder: Path) -> None:
        """`WANDB_MODE` and wandb's other variables hold; without that one nothing leaves the machine."""
        self.config, self.folder = asdict(config), folder
        self.run: Any = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Open the run, in the run's folder."""
        import wandb

        started = str(read_record(self.folder).get("started", ""))
        identifier = hashlib.sha256(f"{self.folder.resolve()} {started}".encode()).hexdigest()[:12]
        mode = os.environ.get("WANDB_MODE", "offline")
        name = str(self.config.get("name") or self.folder.name)
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=name,
            id=identifier,
            resume="allow",
            dir=self.folder,
            config=self.config,
            mode=mode,
        )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """What the run's log holds of the epoch."""
        logged: dict[str, Any] = getattr(pl_module, "logged", {})
        self.run.log({k: v for k, v in logged.items() if isinstance(v, int | float)})

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Close the run, whatever ended it."""
        if self.run is not None:
            self.run.finish()
            self.run = None


def tracking(config: Any, folder: Path) -> list[Callback]:
    """The callback, in the first process where the package is installed; else nothing."""
    return [Tracking(config, folder)] if is_first() and importlib.util.find_spec("wandb") else []
