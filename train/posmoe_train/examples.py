"""A corpus with its targets on the device that trains, cut into padded batches there."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from posmoe_train.augment import Variants, roughen
from posmoe_train.corpus import Corpus, Targets


@dataclass
class Batch:
    """Padded tensors of one step; probabilities are zero at padding."""

    features: Tensor
    lengths: Tensor
    heads: Tensor
    head_p: Tensor
    labels: Tensor
    label_p: Tensor
    tags: Tensor
    tag_p: Tensor

    @property
    def mask(self) -> Tensor:
        """bool [batch, time], true for words."""
        time = self.features.shape[1]
        return torch.arange(time, device=self.lengths.device) < self.lengths[:, None]


class Examples:
    """Columns of a corpus as tensors; `batch` gathers one padded batch without leaving the device."""

    def __init__(
        self,
        corpus: Corpus,
        targets: Targets,
        identifiers: Tensor,
        device: torch.device,
        rough: tuple[Variants, float] | None = None,
    ) -> None:
        """Put a corpus on a device.

        Args:
            identifiers: int32 [forms, 6], the features of each distinct form of the corpus, then of variants.
            rough: variants of the forms, and the share of sentences that `batch` roughens by them.
        """
        self.device = device
        self.rough = (rough[0].to(device), rough[1]) if rough else None
        self.lengths = np.diff(corpus.offsets)
        self.offsets = torch.from_numpy(corpus.offsets).to(device)
        self.words = torch.from_numpy(corpus.words).to(device)
        self.identifiers = identifiers.to(device)
        self.targets = {name: torch.from_numpy(column).to(device) for name, column in targets.__dict__.items()}

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, sentences: np.ndarray[tuple[int], np.dtype[np.int64]], multiple: int = 8) -> Batch:
        """The given sentences, padded to a multiple of `multiple` words."""
        index = torch.from_numpy(np.ascontiguousarray(sentences)).to(self.device)
        start, lengths = self.offsets[index], self.offsets[index + 1] - self.offsets[index]
        longest = int(self.lengths[sentences].max())
        place = torch.arange(-(-longest // multiple) * multiple, device=self.device)
        mask = place < lengths[:, None]
        row = torch.where(mask, start[:, None] + place, 0)
        words = self.words[row].long()
        if self.rough:
            words, lengths = roughen(words, lengths, self.targets["heads"][row][..., 0].long(), *self.rough)
            mask = place < lengths[:, None]
        features = self.identifiers[words.long()] * mask[..., None]
        columns = {}
        for name, column in self.targets.items():
            values = column[row]
            columns[name] = values.float() * (mask[..., None] / 255.0) if name.endswith("_p") else values.long()
        return Batch(features, lengths, **columns)
