"""Training of the parsers that are shipped: on gold trees, and on silver trees with soft targets."""

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from geoopt import ManifoldParameter
from geoopt.optim import RiemannianAdam
from torch import Tensor

from posmoe_models import Parser, ParserConfig
from posmoe_models.lexicon import Lexicon
from posmoe_train.corpus import batches
from posmoe_train.errors import DivergedError
from posmoe_train.examples import Batch, Examples
from posmoe_train.losses import LossWeights, parser_losses
from posmoe_train.run import log_line, rank_and_world

DROPPED_ROW = 1


@dataclass(frozen=True)
class StudentConfig:
    """How a parser is trained. An epoch is one pass over the gold trees and a share of the silver ones.

    With `minutes`, the main phase lasts as long by the clock, whatever `epochs` says; on a machine
    that is lent for a while its schedule then ends in time, but two runs are no longer equal.
    """

    name: str = "student"
    seed: int = 1
    parser: ParserConfig = field(default_factory=ParserConfig)
    epochs: int = 30
    minutes: float = 0.0
    finetune_epochs: int = 0
    silver_words: int = 0
    gold_repeat: int = 1
    batch_words: int = 8192
    finetune_batch_words: int = 4096
    lr: float = 3e-3
    finetune_lr: float = 3e-4
    min_lr: float = 0.02
    warmup: float = 0.05
    weight_decay: float = 0.01
    word_dropout: float = 0.15
    clip: float = 1.0
    average: float = 0.999
    quantise_from: float = 0.8
    loss: LossWeights = field(default_factory=LossWeights)


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
        self.averaged = copy.deepcopy(self.parser).requires_grad_(False).eval()
        self._data = (gold, silver, dev)
        base = {label.split(":")[0] for label in labels}
        order = {label: i for i, label in enumerate(sorted(base))}
        self.register_buffer("universal", torch.tensor([order[label.split(":")[0]] for label in labels]), False)
        self.steps = 0
        self.spent = 0.0
        self.main_epochs = config.epochs
        self._within = 0.0
        self._bad = torch.tensor(False)
        self._clock = time.monotonic()

    @property
    def progress(self) -> float:
        """Share of the main phase that is done, 0 to 1."""
        if self.config.minutes:
            return min(1.0, (self.spent + time.monotonic() - self._clock) / (60 * self.config.minutes))
        return min(1.0, (self.current_epoch + self._within) / self.main_epochs)

    @property
    def finetuning(self) -> bool:
        """Whether the main phase is over."""
        return self.current_epoch >= self.main_epochs

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches are built where they are used."""
        return batch

    def train_dataloader(self) -> "EpochBatches":
        """The batches of the current epoch, the same for the same seed and epoch."""
        gold, silver, _ = self._data
        return EpochBatches(self.config, gold, silver, self.current_epoch, self.finetuning)

    def val_dataloader(self) -> "DevBatches":
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

    def on_train_epoch_start(self) -> None:
        """Seed the epoch, so that a resumed run repeats it; the fine-tuning starts from the averaged weights."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch)
        self._within, self._clock = 0.0, time.monotonic()
        if self.current_epoch == self.main_epochs:
            self.parser.load_state_dict(self.averaged.state_dict())
        lexicon = self.parser.lexicon
        assert isinstance(lexicon, Lexicon)
        lexicon.quantisation_aware = self.progress >= self.config.quantise_from

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of both optimisers at the scheduled rate."""
        total = len(self.trainer.train_dataloader)  # type: ignore[arg-type]
        self._within = batch_idx / max(1, total)
        if self.config.minutes and not self.finetuning and self.progress >= 1:
            return
        rate = self._rate()
        if self.config.word_dropout:
            dropped = torch.rand(batch.features.shape[:2], device=self.device) < self.config.word_dropout
            batch.features[..., 0].masked_fill_(dropped & batch.mask, DROPPED_ROW)
        terms = parser_losses(self.parser, batch, self.config.loss)
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
        self._watch(terms["loss"].detach())

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
        mine, theirs = list(self.parser.parameters()), list(self.averaged.parameters())
        torch._foreach_lerp_(theirs, [p.detach() for p in mine], 1 - decay)

    def _watch(self, loss: Tensor) -> None:
        """Stop at a loss that is no number; looks every 50 steps, because looking waits for the device."""
        self._bad = self._bad.to(loss.device) | ~torch.isfinite(loss)
        self._loss = loss
        if self.steps % 50 == 0 and bool(self._bad):
            raise DivergedError(
                f"the loss is {float(loss)} at or within 50 steps before step {self.steps} "
                f"(epoch {self.current_epoch}); the last good checkpoint is kept in {self.folder}. Lower `lr`."
            )

    def on_validation_epoch_start(self) -> None:
        """Start counting."""
        self._counts = torch.zeros(4, dtype=torch.long, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count right heads, labels and tags of the averaged weights, by best heads without a tree search."""
        scores = self.averaged(batch.features, batch.lengths)
        mask, gold = batch.mask, batch.heads[..., 0]
        heads = (scores.heads == gold) & mask
        labels = heads & (self.universal[scores.labels] == self.universal[batch.labels[..., 0]])
        tags = (scores.tag_scores.argmax(-1) == batch.tags[..., 0]) & mask
        self._counts += torch.stack([x.sum() for x in (mask, heads, labels, tags)])

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        words, heads, labels, tags = self._counts.tolist()
        self.dev = {name: 100 * n / words for name, n in (("uas", heads), ("las", labels), ("upos", tags))}
        loss = float(self._loss) if hasattr(self, "_loss") else 0.0
        seconds = time.monotonic() - self._clock
        line = {"name": self.config.name, "epoch": self.current_epoch, "step": self.steps, "loss": loss}
        log_line(self.folder, line | self.dev | {"seconds": seconds})
        self.spent += time.monotonic() - self._clock
        self._clock = time.monotonic()
        if self.config.minutes and not self.finetuning:
            self.main_epochs = self.current_epoch + (1 if self.progress >= 1 else 2)
        if self.current_epoch + 1 >= self.main_epochs + self.config.finetune_epochs:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the schedule needs."""
        checkpoint |= {"steps": self.steps, "spent": self.spent, "main_epochs": self.main_epochs}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        self.steps, self.spent = checkpoint["steps"], checkpoint["spent"]
        self.main_epochs = checkpoint["main_epochs"]


class EpochBatches:
    """The batches of one epoch: all gold sentences and the epoch's share of the silver ones, mixed."""

    def __init__(
        self, config: StudentConfig, gold: Examples, silver: Examples | None, epoch: int, finetuning: bool
    ) -> None:
        generator = np.random.default_rng([config.seed, epoch])
        budget = config.finetune_batch_words if finetuning else config.batch_words
        plan: list[tuple[Examples, np.ndarray[Any, Any]]] = []
        repeats = 1 if finetuning else config.gold_repeat
        for _ in range(repeats):
            plan += [(gold, b) for b in batches(gold.lengths, budget, generator)]
        if silver is not None and not finetuning:
            share = silver_share(config, silver, epoch)
            plan += [(silver, share[b]) for b in batches(silver.lengths[share], budget, generator)]
        rank, world = rank_and_world()
        order = generator.permutation(len(plan))
        self.plan = [plan[i] for i in order[: len(order) // world * world][rank::world]]

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        return (examples.batch(sentences) for examples, sentences in self.plan)


def silver_share(config: StudentConfig, silver: Examples, epoch: int) -> np.ndarray[Any, Any]:
    """The epoch's sentences: the corpus in one random order, read on from where the last epoch stopped."""
    order = np.random.default_rng([config.seed, 1 << 20]).permutation(len(silver))
    mean = max(1.0, float(silver.lengths.mean()))
    count = min(len(order), int(config.silver_words / mean)) if config.silver_words else len(order)
    start = epoch * count % len(order)
    return np.take(order, np.arange(start, start + count), mode="wrap")


class DevBatches:
    """Dev in order of length."""

    def __init__(self, dev: Examples, budget: int = 16_384) -> None:
        self.dev = dev
        self.plan = list(batches(dev.lengths, budget, None))

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        return (self.dev.batch(sentences) for sentences in self.plan)
