"""Candidates, best heads, tree check and relations in plain PyTorch, sentence by sentence: the kernel's reference."""

from typing import NamedTuple

import torch
from torch import Tensor

from posmoe_kernels.network import BUCKETS, Shape, Weights

FORBIDDEN = -1e9
_EDGES = (7, 10, 15, 21, 31)


class Trees(NamedTuple):
    """Of n words: candidates' scores [n, C] and heads int32 [n, C] (−1: none), best heads and relations int32 [n].

    Per sentence, `searched` int32 [S]: 1 where the best heads form no tree with one root.
    """

    scores: Tensor
    candidates: Tensor
    heads: Tensor
    relations: Tensor
    searched: Tensor


def buckets(word: Tensor, head: Tensor) -> Tensor:
    """Bucket 0 … 23 of direction and distance of numbers from 1 on, 0 being the root."""
    distance = (head - word).abs()
    bucket = distance.clamp_max(6)
    for edge in _EDGES:
        bucket = bucket + (distance >= edge)
    return bucket + 12 * (head > word)


def hubs_of(logits: Tensor, shape: Shape) -> Tensor:
    """The words (from 1) with the largest logits of every word's window, [n] → [n, hubs]; 0 where there are fewer."""
    rows = []
    for begin in range(0, len(logits), shape.hub_window):
        window = logits[begin : begin + shape.hub_window]
        best = torch.sort(window, descending=True, stable=True).indices[: shape.hubs] + begin + 1
        row = torch.zeros(shape.hubs, dtype=torch.int64, device=logits.device)
        row[: len(best)] = best
        rows.append(row.expand(len(window), -1))
    return torch.cat(rows)


def is_tree(heads: list[int]) -> bool:
    """Whether one word hangs on the root and no heads (0 the root, else from 1) lead round in a circle."""
    for word in range(len(heads)):
        steps, at = 0, word + 1
        while at and steps <= len(heads):
            at, steps = heads[at - 1], steps + 1
        if at:
            return False
    return heads.count(0) == 1


def relations_of(projected: Tensor, tags: Tensor, heads: Tensor, shape: Shape, weights: Weights) -> Tensor:
    """The best relation of every word of a sentence, int32 [n]."""
    s, n = shape, len(heads)
    dependent = projected[:, 2 * s.rank : 2 * s.rank + s.label_rank]
    part = slice(2 * s.rank + s.label_rank, 2 * s.rank + 2 * s.label_rank)
    heads, tags = heads.long(), torch.cat([tags.new_tensor([s.tags]), tags]).long()
    hidden = torch.relu(dependent + torch.cat([weights.root[None, part], projected[:, part]])[heads])
    pair = (tags[1:] * (s.tags + 1) + tags[heads]) * 2 + (heads > torch.arange(1, n + 1, device=heads.device))
    return (weights.label_pair[pair] + hidden @ weights.label_weight).argmax(1).int()


def trees_naive(
    projected: Tensor, tags: Tensor, offsets: Tensor, shape: Shape, weights: Weights, gold: Tensor | None = None
) -> Trees:
    """Projections [n, PROJECTED] and tags int32 [n] of sentences at `offsets` → heads and relations.

    `gold` has a known tag or -1 a word: relations follow it, heads don't.
    """
    s, parts = shape, []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        if begin == end:
            none = projected.new_zeros(0, s.candidates)
            parts.append((none, none.int(), tags[:0], tags[:0], tags.new_ones(1)))
            continue
        own, n = projected[begin:end], end - begin
        word = torch.arange(1, n + 1, device=own.device)[:, None]
        near = word + torch.tensor([*range(-s.left, 0), *range(1, s.right + 1)], device=own.device)
        near = torch.where((near >= 1) & (near <= n), near, -1)
        far = hubs_of(own[:, 2 * s.rank + 2 * s.label_rank + 1], s)
        far = torch.where(((far < word - s.left) | (far > word + s.right)) & (far > 0), far, -1)
        heads = torch.cat([torch.zeros_like(word), near, far], 1)
        known = torch.cat([weights.root[None], own])[heads.clamp_min(0)]
        tag = torch.cat([tags.new_tensor([s.tags]), tags[begin:end]]).long()
        scores = (own[:, None, : s.rank] * known[..., s.rank : 2 * s.rank]).sum(-1)
        scores = scores + known[..., 2 * s.rank + 2 * s.label_rank]
        row = tag[1:, None] * (s.tags + 1) + tag[heads.clamp_min(0)]
        scores = scores + weights.pair.view(-1)[row * BUCKETS + buckets(word, heads)]
        scores = scores.masked_fill(heads < 0, FORBIDDEN)
        top = scores == scores.max(1, keepdim=True).values
        best = torch.where(top, heads, n + 1).min(1).values.int()
        final = tags[begin:end] if gold is None else torch.where(gold[begin:end] >= 0, gold[begin:end], tags[begin:end])
        relation = relations_of(own, final, best, s, weights)
        parts.append((scores, heads.int(), best, relation, tags.new_tensor([not is_tree(best.tolist())])))
    return Trees(*(torch.cat(column) for column in zip(*parts, strict=True)))
