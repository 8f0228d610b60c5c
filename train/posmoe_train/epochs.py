"""The batches of an epoch: gold and silver sentences, mixed, the same for the same seed and epoch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from posmoe_train.corpus import batches
from posmoe_train.examples import Batch, Examples
from posmoe_train.run import share
from posmoe_train.student_config import StudentConfig


class EpochBatches:
    """The batches of one epoch: all gold sentences and the epoch's share of the silver ones, mixed."""

    def __init__(
        self, config: StudentConfig, gold: Examples, silver: Examples | None, epoch: int, finetuning: bool
    ) -> None:
        generator = np.random.default_rng([config.seed, epoch])
        budget = config.finetune_batch_words if finetuning else config.batch_words
        plan: list[tuple[Examples, NDArray[np.int64]]] = []
        repeats = 1 if finetuning else config.gold_repeat
        for _ in range(repeats):
            plan += [(gold, b) for b in batches(gold.lengths, budget, generator)]
        if silver is not None and not finetuning:
            chosen = silver_share(config, silver, epoch)
            plan += [(silver, chosen[b]) for b in batches(silver.lengths[chosen], budget, generator)]
        self.plan = share([plan[i] for i in generator.permutation(len(plan))])

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        return (examples.batch(sentences) for examples, sentences in self.plan)


def silver_share(config: StudentConfig, silver: Examples, epoch: int) -> NDArray[np.int64]:
    """The epoch's sentences: the corpus in one random order, read on from where the last epoch stopped.

    A corpus smaller than the epoch is read several times.
    """
    order = np.random.default_rng([config.seed, 1 << 20]).permutation(len(silver))
    mean = max(1.0, float(silver.lengths.mean()))
    count = int(config.silver_words / mean) if config.silver_words else len(order)
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
