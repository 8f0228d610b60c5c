"""Settings of a student's training."""

from dataclasses import dataclass, field, replace
from typing import Literal, Self

from posmoe_models import ParserConfig
from posmoe_train.losses import LossWeights


@dataclass(frozen=True)
class StudentConfig:
    """How a parser is trained. An epoch is one pass over the gold trees and a share of the silver ones.

    With `minutes`, the main phase lasts as long by the clock, whatever `epochs` says; on a machine
    that is lent for a while its schedule then ends in time, but two runs are no longer equal.

    Attributes:
        silver_words: words of silver text that an epoch reads; 0 is all.
        silver_limit: words of silver text that the run knows at all; 0 is all.
        soft_targets: whether silver words keep the teachers' probabilities, or the likeliest answer alone.
        augment: share of silver sentences that are roughened (`posmoe_train.augment`).
        arithmetic: what the finished parser computes its linear layers in.
        candidates_from: share of the main phase after which arcs compete with the scorer's candidates alone.
        trees_from, trees_every: share after which, and steps at which, the list-oracle loss counts, if it has a weight.
        patience: a phase ends when LAS on dev hasn't risen for so many epochs, and its best epoch is kept.
        gradient_checkpointing: computes the large layers twice instead of keeping what they gave.
        devices: GPUs, or processes on the CPU; 0 takes all GPUs or one process, each its share of the batches.
        quantise_from: share of the main phase after which training rounds as INT8 does.
        kernels: whether lookup, recurrences and experts run as PyTorch's operations or as fused kernels (on a GPU).
    """

    name: str = "student"
    seed: int = 1
    parser: ParserConfig = field(default_factory=ParserConfig)
    epochs: int = 30
    minutes: float = 0.0
    finetune_epochs: int = 0
    silver_words: int = 0
    silver_limit: int = 0
    soft_targets: bool = True
    augment: float = 0.0
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
    arithmetic: Literal["int8", "float32"] = "int8"
    quantise_from: float = 0.8
    patience: int = 0
    gradient_checkpointing: bool = False
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    devices: int = 0
    kernels: Literal["plain", "fused"] = "plain"
    candidates_from: float = 0.6
    trees_from: float = 0.5
    trees_every: int = 4
    loss: LossWeights = field(default_factory=LossWeights)

    def halved(self) -> Self:
        """The same with half as many words a batch."""
        return replace(self, batch_words=self.batch_words // 2, finetune_batch_words=self.finetune_batch_words // 2)
