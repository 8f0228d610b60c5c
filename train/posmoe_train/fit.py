"""Fitting that survives: atomic checkpoints, resuming, too little memory, and one process or several."""

import gc
import logging
import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, Self, TypeVar

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from lightning.pytorch.plugins import TorchCheckpointIO

from posmoe_train.config import ConfigError
from posmoe_train.errors import CheckpointError, OutOfMemoryError
from posmoe_train.run import is_first, note, read_record, trim_log
from posmoe_train.tracking import tracking

LAST = "last.ckpt"
FORMAT = 1
Precision = Literal["auto", "32-true", "bf16-mixed"]


class Config(Protocol):
    """What fitting asks of a configuration."""

    @property
    def precision(self) -> Precision:
        """Arithmetic of the training; `auto` is bfloat16 on a GPU, float32 on the CPU."""

    @property
    def devices(self) -> int:
        """GPUs, or processes on the CPU; 0 takes all GPUs or one process."""

    def halved(self) -> Self:
        """The same with half the batch."""


C = TypeVar("C", bound=Config)
M = TypeVar("M", bound=L.LightningModule)


def fit(
    build: Callable[[C], M],
    config: C,
    folder: Path,
    epochs: int,
    *,
    clip: float | None = None,
    callbacks: Sequence[Callback] = (),
) -> M:
    """Train what `build` makes of the configuration, from the folder's checkpoint where there is one.

    Where memory runs out the batch is halved, once, from the last checkpoint on; `run.json` notes it, so that a
    resumed run keeps the smaller batch.

    Raises:
        OutOfMemoryError: half the batch doesn't fit either, or several processes share the work.
        CheckpointError: the checkpoint is cut short or of another version.
    """
    halved = bool(read_record(folder).get("batch_halved"))
    while True:
        module = build(config.halved() if halved else config)
        try:
            trainer = _trainer(config, folder, epochs, clip, callbacks)
            with warnings.catch_warnings():
                # averaged weights are in eval mode by intention; Lightning's use of torch's trees
                warnings.filterwarnings("ignore", "Found .* in eval mode", UserWarning)
                warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated", FutureWarning)
                trainer.fit(module, ckpt_path=last_checkpoint(folder))
            if not trainer.num_training_batches:
                raise ConfigError(f"{folder}: expected a batch for each of {trainer.world_size} processes, got fewer")
            return module
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            if halved or trainer.world_size > 1:
                tried = "also for half a batch" if halved else "and the batch of several processes is not halved"
                advice = "set a smaller batch, or gradient_checkpointing = true"
                raise OutOfMemoryError(f"{folder}: the memory is too small, {tried}; {advice}") from error
        del module, trainer
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print("out of memory: going on from the last checkpoint with half the batch", flush=True)
        note(folder, batch_halved=True)
        halved = True


def _out_of_memory(error: Exception) -> bool:
    # torch's allocator on the CPU raises a RuntimeError without a class of its own
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _trainer(config: Config, folder: Path, epochs: int, clip: float | None, callbacks: Sequence[Callback]) -> L.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # it says what there is not, and advertises
    gpus = torch.cuda.device_count()
    if gpus:
        torch.set_float32_matmul_precision("high")
    elif is_first():
        print("no GPU found: training on the CPU", flush=True)
    devices = config.devices or max(1, gpus)
    auto: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if gpus else "32-true"
    return L.Trainer(
        accelerator="gpu" if gpus else "cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        precision=auto if config.precision == "auto" else config.precision,
        max_epochs=epochs,
        gradient_clip_val=clip,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[KeepLast(folder), *tracking(config, folder), *callbacks],
        plugins=[CheckedIO()],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        benchmark=False,
    )


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint to resume from, if there is one."""
    path = folder / LAST
    return path if path.is_file() else None


class KeepLast(Checkpoint):
    """Writes `last.ckpt` after every epoch, and takes from the log what a killed run wrote after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """The log holds as many epochs as the checkpoint."""
        trim_log(self.folder, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Validation is over, too."""
        trainer.save_checkpoint(self.folder / LAST)


class CheckedIO(TorchCheckpointIO):
    """Checkpoints that are whole or absent, and refused when they are of another version."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside `path`, then rename."""
        path = Path(path)
        draft = path.with_name(path.name + ".part")
        torch.save(checkpoint | {"posmoe": FORMAT}, draft)
        draft.replace(path)

    def load_checkpoint(self, path: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """Read what `save_checkpoint` wrote, onto the CPU; Lightning moves it from there.

        Raises:
            CheckpointError: cut short, altered, or another format.
        """
        advice = "remove it to begin again"
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise CheckpointError(f"{path}: cut short or altered; {advice}") from error
        found = checkpoint.get("posmoe")
        if found != FORMAT:
            raise CheckpointError(f"{path}: expected a checkpoint of format {FORMAT}, got {found}; {advice}")
        return checkpoint
