"""Whether an engine gives the trees that PyTorch gives."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from posmoe.engines import Engine, Scores
from posmoe_models import Parser
from posmoe_models.config import ROOT_TAG


@dataclass
class Parity:
    """Words compared, those with equal candidates, heads, labels and tags, and the largest difference of a logit.

    Where engines round activations to INT8, a value at the edge of two codes may fall to either side; the logits
    that follow differ by a fraction of a step. Logits of arcs are compared where the candidates are equal.
    """

    words: int = 0
    candidates: int = 0
    heads: int = 0
    labels: int = 0
    tags: int = 0
    logit_error: float = 0.0

    @property
    def equal(self) -> float:
        """Share of words whose head, label and tag are equal; the smallest of the three."""
        return min(self.heads, self.labels, self.tags) / max(1, self.words)


Features = NDArray[np.int32]


def compare(parser: Parser, engine: Engine, batches: Iterable[tuple[Features, NDArray[np.int64]]]) -> Parity:
    """Run both over padded batches of identifiers [batch, length, 6] and lengths [batch].

    Args:
        parser: the network as exported, with INT8 rows.
        engine: the engine under test, on the bundle of that network.
    """
    parity = Parity()
    for features, lengths in batches:
        with torch.inference_mode():
            ours = parser(torch.from_numpy(features), torch.from_numpy(lengths))
        theirs = engine.scores(features, lengths)
        mask = np.arange(features.shape[1]) < lengths[:, None]
        same = ours.arc_heads.numpy() == theirs.heads
        compared = same & (theirs.heads >= 0) & mask[..., None]
        parity.candidates += int((same.all(-1) & mask).sum())
        error = float(np.abs(ours.arc_scores.numpy() - theirs.arcs)[compared].max(initial=0))
        for mine, other in ((ours.tag_scores, theirs.tags), (ours.label_dependent, theirs.dependents)):
            error = max(error, float(np.abs(mine.numpy() - other)[mask].max()))
        parity.logit_error = max(parity.logit_error, error)
        parity.words += int(mask.sum())
        heads = np.take_along_axis(theirs.heads, theirs.arcs.argmax(-1)[..., None], -1)[..., 0].clip(0)
        tags = theirs.tags.argmax(-1)
        labels = _labels(parser, theirs, heads, tags)
        parity.heads += int((ours.heads.numpy() == heads)[mask].sum())
        parity.tags += int((ours.tag_scores.numpy().argmax(-1) == tags)[mask].sum())
        parity.labels += int((ours.labels.numpy() == labels)[mask].sum())
    return parity


def _labels(parser: Parser, scores: Scores, heads: NDArray[np.int64], tags: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels of the given heads from the engine's vectors."""
    padded = np.pad(tags, ((0, 0), (1, 0)), constant_values=ROOT_TAG)
    arrays = (scores.dependents, scores.label_heads, heads, padded)
    found: NDArray[np.int64] = parser.label(*map(torch.from_numpy, arrays)).argmax(-1).numpy()
    return found
