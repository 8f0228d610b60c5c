"""The teacher: MPNet, scalar mixes of its last layers, biaffine arcs and labels, tags."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from posmoe_models.config import EXPERTS
from posmoe_models.scorers import FORBIDDEN
from posmoe_train.encoder import Encoder

# the encoder's marks, and how many sub-words of a word it reads
START, PAD, END, UNKNOWN = 0, 1, 2, 3
PIECES = 8


@dataclass(frozen=True)
class TeacherConfig:
    """How a teacher is trained.

    Attributes:
        mixed_layers, tag_layers: how many of the encoder's last layers are mixed for arcs and labels, and for tags.
        tag_weight: of the tags' loss; the arcs' and the labels' are 1.
    """

    seed: int = 1
    epochs: int = 12
    batch_sentences: int = 32
    encoder_lr: float = 5e-5
    head_lr: float = 1e-3
    warmup: float = 0.08
    arc_dim: int = 512
    label_dim: int = 128
    mixed_layers: int = 5
    tag_layers: int = 5
    dropout: float = 0.2
    biaffine_dropout: float = 0.33
    tag_weight: float = 0.3
    gradient_checkpointing: bool = False
    patience: int = 0
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    devices: int = 0

    def halved(self) -> Self:
        """The same with half as many sentences a batch."""
        return replace(self, batch_sentences=max(1, self.batch_sentences // 2))


class TeacherScores(NamedTuple):
    """arcs [batch, time, time + 1]; tags [batch, time, 17]; words, for `Teacher.labels`."""

    arcs: Tensor
    tags: Tensor
    words: Tensor


class SubWords:
    """The sub-words of each distinct form, and batches of them built on the device."""

    def __init__(self, pieces: Tensor, offsets: Tensor) -> None:
        """`pieces` int64 [p]; `offsets` int64 [forms + 1] into it, at least one piece a form."""
        self.pieces, self.offsets = pieces, offsets

    @classmethod
    def build(cls, forms: list[str], tokenizer_path: Path, device: torch.device, limit: int = PIECES) -> "SubWords":
        """Cut the forms with the encoder's own tokeniser; a form keeps its first `limit` pieces."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(tokenizer_path))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        encoded = tokenizer.encode_batch(forms, add_special_tokens=False)
        pieces = [(e.ids or [UNKNOWN])[:limit] for e in encoded]
        flat = torch.tensor([i for ids in pieces for i in ids], dtype=torch.long)
        offsets = torch.tensor(np.cumsum([0, *map(len, pieces)]), dtype=torch.long)
        return cls(flat.to(device), offsets.to(device))

    def batch(self, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words int64 [batch, time] → identifiers [batch, pieces], their lengths, and each word's first place."""
        start = self.offsets[words]
        count = (self.offsets[words + 1] - start) * mask
        first = 1 + count.cumsum(1) - count
        lengths = 2 + count.sum(1)
        width = -(-int(lengths.max()) // 8) * 8
        ids = torch.full((len(words), width), PAD, dtype=torch.long, device=words.device)
        ids[:, 0] = START
        ids.scatter_(1, lengths[:, None] - 1, END)
        flat_count = count.flatten()
        word = torch.repeat_interleave(torch.arange(flat_count.numel(), device=words.device), flat_count)
        within = torch.arange(len(word), device=words.device) - (flat_count.cumsum(0) - flat_count)[word]
        place = first.flatten()[word] + within
        ids[word // words.shape[1], place] = self.pieces[start.flatten()[word] + within]
        return ids, lengths, first * mask


class Biaffine(nn.Module):
    """[x; 1]ᵀ W [y; 1] of all pairs (Dozat & Manning 2017)."""

    def __init__(self, dim: int, hidden: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dependent, self.head = nn.Linear(dim, hidden), nn.Linear(dim, hidden)
        scale = 0.01 / math.sqrt(hidden) if outputs > 1 else 0.0
        self.weight = nn.Parameter(torch.randn(outputs, hidden + 1, hidden + 1) * scale)
        self.dropout = nn.Dropout(dropout)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, time, dim] → [x; 1] as dependent and as head, [batch, time, hidden + 1] each."""
        dependent, head = (self.dropout(nn.functional.gelu(f(x))) for f in (self.dependent, self.head))
        one = torch.ones_like(dependent[..., :1])
        return torch.cat([dependent, one], -1), torch.cat([head, one], -1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, time, dim] → [batch, time (dependents), time (heads)], for one output."""
        dependent, head = self.project(x)
        scores: Tensor = dependent @ self.weight[0].to(dependent.dtype) @ head.transpose(1, 2)
        return scores

    def of_heads(self, x: Tensor, heads: Tensor) -> Tensor:
        """All outputs, of one head a word: x [batch, time + 1, dim], heads int64 [batch, time]."""
        dependent, head = self.project(x)
        chosen = head.gather(1, heads[..., None].expand(-1, -1, head.shape[-1]))
        weight = self.weight.to(dependent.dtype)
        scores: Tensor = torch.einsum("bdi,oij,bdj->bdo", dependent[:, 1:], weight, chosen)
        return scores


class Teacher(nn.Module):
    """The encoder with its heads; place 0, the root, is the encoder's start symbol."""

    def __init__(self, encoder: Encoder, labels: int, config: TeacherConfig) -> None:
        super().__init__()
        self.encoder = encoder
        encoder.checkpointing = config.gradient_checkpointing
        self.mix = nn.Parameter(torch.zeros(config.mixed_layers))
        self.tag_mix = nn.Parameter(torch.zeros(config.tag_layers))
        self.arc = Biaffine(encoder.dim, config.arc_dim, 1, config.biaffine_dropout)
        self.label = Biaffine(encoder.dim, config.label_dim, labels, config.biaffine_dropout)
        self.tag = nn.Linear(encoder.dim, EXPERTS)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, ids: Tensor, lengths: Tensor, first: Tensor, mask: Tensor) -> TeacherScores:
        """Sub-words of `SubWords.batch`, and the words' mask bool [batch, time] → scores of all pairs."""
        states = self.encoder(ids, lengths)
        words = self._words(states, self.mix, nn.functional.pad(first, (1, 0)))
        arcs = self.arc(words)[:, 1:].float()
        arcs = arcs.masked_fill(~nn.functional.pad(mask, (1, 0), value=True)[:, None], FORBIDDEN)
        position = torch.arange(arcs.shape[2], device=arcs.device)
        arcs = arcs.masked_fill(position[1:, None] == position, FORBIDDEN)
        return TeacherScores(arcs, self.tag(self._words(states, self.tag_mix, first)), words)

    def _words(self, states: list[Tensor], mix: Tensor, place: Tensor) -> Tensor:
        """The vectors at the given places, [batch, time, dim], of a scalar mix of the last layers."""
        mixed = sum(w * h for w, h in zip(mix.softmax(0), reversed(states), strict=False))
        assert isinstance(mixed, Tensor)
        words: Tensor = self.dropout(mixed.gather(1, place[..., None].expand(-1, -1, mixed.shape[-1])))
        return words

    def labels(self, words: Tensor, heads: Tensor) -> Tensor:
        """Label scores [batch, time, labels] of the given heads, int64 [batch, time]."""
        return self.label.of_heads(words, heads)


def teacher_loss(
    teacher: Teacher,
    scores: TeacherScores,
    heads: Tensor,
    labels: Tensor,
    tags: Tensor,
    mask: Tensor,
    tag_weight: float,
) -> Tensor:
    """Cross-entropies of gold heads, labels of gold heads, and tags; int64 [batch, time] each."""
    label_scores = teacher.labels(scores.words, heads)
    arc, label, tag = (
        nn.functional.cross_entropy(logits.float().flatten(0, 1), torch.where(mask, gold, -100).flatten())
        for logits, gold in ((scores.arcs, heads), (label_scores, labels), (scores.tags, tags))
    )
    return arc + label + tag_weight * tag
