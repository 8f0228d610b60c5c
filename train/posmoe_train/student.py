"""Training of the parsers that are shipped: on gold trees, and on silver trees with soft targets."""

import copy
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import torch
from geoopt import ManifoldParameter
from geoopt.optim import RiemannianAdam

from posmoe_models import Parser, fuse
from posmoe_quant import calibrate_, parser_int8, quantize_, round_
from posmoe_train.best import Best
from posmoe_train.epochs import DevBatches, EpochBatches
from posmoe_train.examples import Batch, Examples
from posmoe_train.losses import LossWeights, parser_losses
from posmoe_train.memory import checkpoint_gradients
from posmoe_train.run import log_line, rank_and_world
from posmoe_train.student_config import StudentConfig
from posmoe_train.tally import Tally
from posmoe_train.watch import Watch

DROPPED_ROW = 1
_KEPT = ("steps", "spent", "main_epochs", "dev", "finished", "rounding")


class StudentModule(L.LightningModule):
    """Trains a parser; `averaged` holds the running mean of its weights, which is evaluated and kept."""

    def __init__(
        self,
        config: StudentConfig,
        gold: Examples,
        silver: Examples | None,
        dev: Examples,
        labels: list[str],
        folder: Path,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config, self.folder = config, folder
        self.parser = Parser(config.parser)
        if config.arithmetic == "int8":
            quantize_(self.parser, parser_int8(config.parser))
        fuse(self.parser, config.kernels == "fused")
        self.averaged = copy.deepcopy(self.parser).requires_grad_(False).eval()
        if config.gradient_checkpointing:
            checkpoint_gradients(self.parser)
        self._data = (gold, silver, dev)
        self._labels = labels
        self.steps = 0
        self.spent = 0.0
        self.main_epochs = config.epochs
        self.finished = False
        self.best = Best(config.patience)
        self.progress = 0.0
        self._within = 0.0
        self.rounding = False
        self.dev: dict[str, float] = {}
        self._watch = Watch(folder)
        self._clock = time.monotonic()

    def _look(self) -> None:
        """Set `progress`, the share of the main phase that is done, 0 to 1; the first process's clock counts."""
        minutes = self.config.minutes
        if not minutes or self.finetuning:
            self.progress = min(1.0, (self.current_epoch + self._within) / self.main_epochs)
            return
        done = torch.tensor((self.spent + time.monotonic() - self._clock) / (60 * minutes), device=self.device)
        if rank_and_world()[1] > 1:
            torch.distributed.broadcast(done, 0)
        self.progress = min(1.0, float(done))

    @property
    def finetuning(self) -> bool:
        """Whether the main phase is over."""
        return self.current_epoch >= self.main_epochs

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches are built where they are used."""
        return batch

    def train_dataloader(self) -> EpochBatches:
        """The batches of the current epoch, the same for the same seed and epoch."""
        gold, silver, _ = self._data
        return EpochBatches(self.config, gold, silver, self.current_epoch, self.finetuning)

    def val_dataloader(self) -> DevBatches:
        """Dev in batches of like length."""
        return DevBatches(self._data[2])

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """AdamW, without decay on tables and vectors; Riemannian Adam for points on the ball."""
        curved = [p for p in self.parser.parameters() if isinstance(p, ManifoldParameter)]
        flat = [(n, p) for n, p in self.parser.named_parameters() if not isinstance(p, ManifoldParameter)]
        decayed = [p for n, p in flat if p.dim() > 1 and "table" not in n and "pair" not in n]
        kept = [p for n, p in flat if not (p.dim() > 1 and "table" not in n and "pair" not in n)]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": self.config.weight_decay},
            {"params": kept, "weight_decay": 0.0},
        ]
        betas = (0.9, 0.98)
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=self.config.lr, betas=betas, fused=self.device.type == "cuda")
        ]
        if curved:
            optimizers.append(RiemannianAdam(curved, lr=self.config.lr, betas=betas))
        return optimizers

    def on_train_start(self) -> None:
        """Count steps in integers again: torch reads them as float32, which would change geoopt's corrections.

        A run that was over trains no further epoch.
        """
        self.trainer.should_stop = self.finished
        for optimizer in self.trainer.optimizers:
            if isinstance(optimizer, RiemannianAdam):
                for state in optimizer.state.values():
                    state["step"] = int(state["step"])

    def on_train_epoch_start(self) -> None:
        """Seed the epoch, so that a resumed run repeats it; the fine-tuning starts from the averaged weights."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch + 1_000_003 * rank_and_world()[0])
        self._within, self._clock = 0.0, time.monotonic()
        self._look()
        if self.current_epoch == self.main_epochs:
            self.best.restore(self.averaged)
            self.parser.load_state_dict(self.averaged.state_dict())

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of both optimisers at the scheduled rate."""
        total = len(self.trainer.train_dataloader)  # type: ignore[arg-type]
        self._within = batch_idx / max(1, total)
        self._look()
        if self.config.minutes and not self.finetuning and self.progress >= 1:
            return
        rate = self._rate()
        if self.config.word_dropout:
            dropped = torch.rand(batch.features.shape[:2], device=self.device) < self.config.word_dropout
            batch.features[..., 0].masked_fill_(dropped & batch.mask, DROPPED_ROW)
        if not self.rounding and self.progress >= self.config.quantise_from:
            self._round(batch)
        terms = parser_losses(self.parser, batch, self._loss_weights(), self.progress >= self.config.candidates_from)
        optimizers = self.optimizers()
        optimizers = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.manual_backward(terms["loss"])
        torch.nn.utils.clip_grad_norm_(self.parser.parameters(), self.config.clip, foreach=True)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        self._average()
        self._watch.add(terms["loss"], self.steps, self.current_epoch)

    def _loss_weights(self) -> LossWeights:
        """The weights of this step: the k best trees are asked for late, and not at every step."""
        c = self.config
        ranked = self.progress >= c.trees_from and self.steps % c.trees_every == 0
        return c.loss if ranked or not c.loss.trees else replace(c.loss, trees=0.0)

    def _round(self, batch: Batch) -> None:
        """Round as the finished parser does from here on: a batch calibrates it, the first process's counts.

        What was best without rounding is forgotten.
        """
        if self.config.arithmetic == "int8":
            calibrate_(self.parser, lambda: parser_losses(self.parser, batch, self.config.loss))
            for mine, theirs in zip(self.parser.buffers(), self.averaged.buffers(), strict=True):
                if rank_and_world()[1] > 1:
                    torch.distributed.broadcast(mine, 0)
                theirs.copy_(mine)
        round_(self.parser)
        round_(self.averaged)
        self.rounding = True
        self.best = Best(self.config.patience)

    def _rate(self) -> float:
        c = self.config
        if self.finetuning:
            done = (self.current_epoch - self.main_epochs + self._within) / c.finetune_epochs
            return c.finetune_lr * (1 - 0.9 * done)
        warm = min(1.0, (self.progress + 1e-4) / c.warmup)
        return c.lr * warm * max(c.min_lr, 0.5 * (1 + math.cos(math.pi * self.progress)))

    @torch.no_grad()
    def _average(self) -> None:
        self.steps += 1
        decay = min(self.config.average, (1 + self.steps) / (10 + self.steps))
        mine, theirs = ([p.detach() for p in parser.parameters()] for parser in (self.parser, self.averaged))
        torch._foreach_lerp_(theirs, mine, 1 - decay)

    def on_validation_epoch_start(self) -> None:
        """Start counting; an epoch that diverged is neither scored nor kept."""
        self._watch.check(self.current_epoch)
        self._tally = Tally(self._labels, self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count right heads, labels and tags of the averaged weights, by best heads without a tree search."""
        scores = self.averaged(batch.features, batch.lengths)
        self._tally.add(batch, scores.heads, scores.labels, scores.tag_scores.argmax(-1))

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        self.dev = self._tally.scores()
        seconds = time.monotonic() - self._clock
        line = {
            "name": self.config.name,
            "epoch": self.current_epoch,
            "step": self.steps,
            "loss": float(self._watch.loss),
        }
        self.logged = line | self.dev | {"seconds": seconds}
        log_line(self.folder, self.logged)
        self.spent += time.monotonic() - self._clock
        self._clock = time.monotonic()
        self._look()
        self.best.offer(self.current_epoch, self.dev, self.averaged)
        enough = self.best.exhausted(self.current_epoch)
        if not self.finetuning and (enough or self.config.minutes):
            self.main_epochs = self.current_epoch + (1 if enough or self.progress >= 1 else 2)
            enough = False
        if enough or self.current_epoch + 1 >= self.main_epochs + self.config.finetune_epochs:
            self.finished = self.trainer.should_stop = True
            self.dev = self.best.restore(self.averaged) or self.dev
            if not self.rounding:  # a run that was too short for it
                self._round(next(iter(self.train_dataloader())))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the schedule needs, and the scores."""
        checkpoint |= {name: getattr(self, name) for name in _KEPT} | {"best": self.best.state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        for name in _KEPT:
            setattr(self, name, checkpoint[name])
        self.best.load(checkpoint["best"])
        if self.rounding:
            round_(self.parser)
            round_(self.averaged)
