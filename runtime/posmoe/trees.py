"""A tree of one sentence among several, with its probability."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tree:
    """Heads (0 is the root, else from 1) and relations of a sentence's words, and how likely the tree is."""

    heads: list[int]
    deprels: list[str]
    probability: float
