"""Where the arcs of a tree run, so that no two lie on each other: levels above the words, and places beside each other.

Words stand along one axis, whatever its direction on the page; arcs run at levels away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# between the ends of two arcs at one word
PORT = 9.0


class Arc(NamedTuple):
    """An arc to `word` from `head` (0: from nowhere, straight to the root), both from 1, at a level from 1.

    `begin` and `end` are where it leaves the head and reaches the word, relative to their middles.
    """

    word: int
    head: int
    level: int
    begin: float
    end: float

    @property
    def ends(self) -> list[tuple[int, float]]:
        """The words it touches, and where."""
        begins = [(self.head, self.begin)] if self.head else []
        return [*begins, (self.word, self.end)]


def levels(heads: Sequence[int]) -> list[int]:
    """A level for every word's arc: above all shorter arcs that it shares a part of its way with.

    So arcs that one encloses are below it, and arcs that cross run at two levels. Arcs of roots are above all.
    """
    result = [0] * len(heads)
    highest = [0] * len(heads)  # between word i + 1 and the next one
    spans = [(abs(head - word), min(head, word) - 1, word) for word, head in enumerate(heads, 1) if head]
    for length, first, word in sorted(spans):
        level = 1 + max(highest[first : first + length])
        highest[first : first + length] = [level] * length
        result[word - 1] = level
    top = 1 + max(result, default=0)
    return [level or top for level in result]


def arcs(heads: Sequence[int]) -> list[Arc]:
    """The arcs of all words, in order of the words."""
    level = levels(heads)
    ends: list[list[tuple[float, int]]] = [[] for _ in heads]
    for word, head in enumerate(heads, 1):
        if head == 0:
            ends[word - 1].append((0.0, word))
            continue
        for here, there in ((word, head), (head, word)):
            # from left to right: arcs to the left, short ones first; the root's; arcs to the right, long ones first
            far = abs(here - there)
            ends[here - 1].append((1 / far if there > here else -1 / far, word))
    places: list[dict[int, float]] = []
    for found in ends:
        middle = (len(found) - 1) / 2
        places.append({word: (at - middle) * PORT for at, (_, word) in enumerate(sorted(found))})
    return [
        Arc(word, head, level[word - 1], places[head - 1][word] if head else 0.0, places[word - 1][word])
        for word, head in enumerate(heads, 1)
    ]


def reach(found: Sequence[Arc], count: int) -> list[float]:
    """How much room each of `count` words needs along the axis for the ends of its arcs."""
    room = [PORT] * count
    for arc in found:
        if arc.head:
            room[arc.head - 1] += PORT
        room[arc.word - 1] += PORT
    return room


def middles(found: Sequence[Arc], sizes: Sequence[float], labels: Sequence[float], space: float) -> list[float]:
    """The words' middles along the axis, as near as words and labels allow.

    Args:
        sizes: of the words, [n].
        labels: of the labels on the arcs, [n].
        space: between two words at least.
    """
    ending: list[list[Arc]] = [[] for _ in sizes]
    for arc in found:
        if arc.head:
            ending[max(arc.word, arc.head) - 1].append(arc)
    result: list[float] = []
    for place, size in enumerate(sizes):
        at = size / 2 if place == 0 else result[-1] + (sizes[place - 1] + size) / 2 + space
        for arc in ending[place]:
            first, last = (arc.begin, arc.end) if arc.head < arc.word else (arc.end, arc.begin)
            at = max(at, result[min(arc.word, arc.head) - 1] + first + labels[arc.word - 1] - last)
        result.append(at)
    return result


def clear(first: float, last: float, crossed: Sequence[float]) -> float:
    """The middle of the longest stretch between two places that nothing crosses: where an arc's label can be read."""
    stops = [first, *crossed, last]
    length, begin = max((after - before, -before) for before, after in pairwise(stops))
    return -begin + length / 2
