"""A tree of one sentence among several, with its probability."""

from __future__ import annotations

from typing import NamedTuple


class Tree(NamedTuple):
    """Heads (0 is the root, else from 1) and relations of a sentence's words, and how likely the tree is.

    `probability` is None where the sentence was too long to rank its trees.
    """

    heads: list[int]
    deprels: list[str]
    probability: float | None
