"""Counts of right words on dev while a network trains: best heads, without a tree search."""

import torch
from torch import Tensor

from posmoe_train.examples import Batch


class Tally:
    """Adds up right heads, labels and tags over batches, on the device."""

    def __init__(self, labels: list[str], device: torch.device) -> None:
        """`labels`: the relations; subtypes (`nmod:poss`) count as their universal relation.

        A gold relation that is none of them has the index `len(labels)`, and is never right.
        """
        universal = [label.partition(":")[0] for label in labels]
        order = {name: i for i, name in enumerate(sorted(set(universal)))}
        self._universal = torch.tensor([*(order[name] for name in universal), -1], device=device)
        self._counts = torch.zeros(4, dtype=torch.long, device=device)

    def add(self, batch: Batch, heads: Tensor, labels: Tensor, tags: Tensor) -> None:
        """Compare predictions, int64 [batch, time] each, with the batch's likeliest targets."""
        mask = batch.mask
        attached = (heads == batch.heads[..., 0]) & mask
        labelled = attached & (self._universal[labels] == self._universal[batch.labels[..., 0]])
        tagged = (tags == batch.tags[..., 0]) & mask
        self._counts += torch.stack([x.sum() for x in (mask, attached, labelled, tagged)])

    def scores(self) -> dict[str, float]:
        """`uas`, `las` and `upos` in percent."""
        words, *right = self._counts.tolist()
        return {name: 100 * n / max(1, words) for name, n in zip(("uas", "las", "upos"), right, strict=True)}
