"""Dependency trees for terminals: words in order down the page, indented by their depth in the tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

# deeper trees are listed without lines
MAX_COLUMNS = 40
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
# the line that goes to the given directions
_LINES = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"


def draw(forms: Sequence[str], tags: Sequence[str], heads: Sequence[int], deprels: Sequence[str]) -> str:
    """Draw one tree: lines from each word to its head, then forms, tags and relations in columns.

    Args:
        heads: 0 for the root, else the head's place, from 1; they form a tree.
    """
    forms = [printable(form) for form in forms]
    branches = _branches(heads)
    if branches is None:
        digits = len(str(len(forms)))
        branches = [f"{i:>{digits}} → {head:>{digits}} " for i, head in enumerate(heads, 1)]
    lines = [f"{branch} {form}" for branch, form in zip(branches, forms, strict=True)]
    widths = [width(line) for line in lines]
    edge = min(max(widths), 60)
    tag_edge = max(map(len, tags))
    return "\n".join(
        f"{line}{' ' * (edge - size)}  {tag:<{tag_edge}}  {deprel}"
        for line, size, tag, deprel in zip(lines, widths, tags, deprels, strict=True)
    )


def width(text: str) -> int:
    """Columns that a terminal gives to a text: wide characters take two, combining and format ones none."""
    if text.isascii():
        return len(text)
    total = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


def printable(text: str) -> str:
    """The text without what steers a terminal or breaks XML: control characters as pictures, no directions."""
    if text.isascii() and text.isprintable():
        return text
    result = []
    for character in text:
        code = ord(character)
        if code < 0x20:
            result.append(chr(0x2400 + code))
        elif code == 0x7F:
            result.append("\u2421")
        elif 0x80 <= code < 0xA0 or code & 0xFFFE == 0xFFFE or unicodedata.category(character) in ("Zl", "Zp", "Cs"):
            result.append("\ufffd")
        elif 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
            continue
        else:
            result.append(character)
    return "".join(result)


def _branches(heads: Sequence[int]) -> list[str] | None:
    """The lines left of each word; None where the tree is too deep to draw."""
    columns = _columns(heads)
    if columns is None:
        return None
    grid = np.zeros((len(heads), 2 * max(columns) + 1), np.int8)
    for row, head in enumerate(heads):
        column = 2 * columns[row]
        above = 0 if head == 0 else 2 * columns[head - 1]
        grid[row, above + 1 : column] |= LEFT | RIGHT
        grid[row, column] |= LEFT
        grid[row, above] |= RIGHT if head else LEFT | RIGHT
        if head:
            top, bottom = sorted((row, head - 1))
            grid[top, above] |= DOWN
            grid[bottom, above] |= UP
            grid[top + 1 : bottom, above] |= UP | DOWN
    rows = []
    for row, cells in enumerate(grid):
        own = 2 * columns[row]
        if cells[own] == LEFT:
            cells[own] = LEFT | RIGHT
        end = int(np.flatnonzero(cells)[-1])  # where words cross, others' lines may pass right of the own one
        rows.append("".join(_LINES[cell] for cell in cells[: end + 1]))
    return rows


def _columns(heads: Sequence[int]) -> list[int] | None:
    """A column for every word, right of its head's, where its lines touch no other word's lines."""
    children: list[list[int]] = [[] for _ in range(len(heads) + 1)]
    for word, head in enumerate(heads, 1):
        children[head].append(word)
    columns = [0] * len(heads)
    taken: list[list[tuple[int, int]]] = []
    stack = [(word, 1) for word in reversed(children[0])]
    while stack:
        word, column = stack.pop()
        span = (min([word, *children[word]]), max([word, *children[word]]))
        while column <= MAX_COLUMNS:
            while len(taken) <= column:
                taken.append([])
            if all(span[1] < top or bottom < span[0] for top, bottom in taken[column]):
                break
            column += 1
        else:
            return None
        taken[column].append(span)
        columns[word - 1] = column
        stack.extend((child, column + 1) for child in reversed(children[word]))
    return columns
