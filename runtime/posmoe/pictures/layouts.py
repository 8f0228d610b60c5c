"""A tree with its words in a line, or in a list down the page."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from .arcs import Arc, clear, middles, reach
from .marks import arrow, estimate, marked, text
from .picture import Picture

MARGIN, SPACE, LEVEL, SIDE_LEVEL, ROW = 16.0, 14.0, 22.0, 14.0, 24.0


class Drawing(NamedTuple):
    """The inside of a picture and its size."""

    parts: list[str]
    wide: float
    high: float


def line(picture: Picture, found: list[Arc], above: float) -> Drawing:
    """Words side by side, arcs above them."""
    words = zip(picture.forms, picture.tags, reach(found, len(found)), strict=True)
    sizes = [max(estimate(form, "form"), estimate(tag, "tag"), room) for form, tag, room in words]
    labels = [estimate(label, "label") + 22 for label in picture.tree.deprels]
    at = [MARGIN + 8 + middle for middle in middles(found, sizes, labels, SPACE)]
    wide = at[-1] + sizes[-1] / 2 + MARGIN + 8
    ground = above + LEVEL * max(arc.level for arc in found) + 12
    backwards = picture.right_to_left

    def place(x: float) -> float:
        return wide - x if backwards else x

    legs = sorted((at[word - 1] + end, arc.level) for arc in found for word, end in arc.ends)
    legs_at = [x for x, _ in legs]
    lines, names = [], []
    for arc, label in zip(found, picture.tree.deprels, strict=True):
        other = arc.word - 1 in picture.differs
        high = ground - LEVEL * arc.level
        end = place(at[arc.word - 1] + arc.end)
        if arc.head == 0:
            path, middle = f"M{end:.1f} {high:.1f}V{ground - 5:.1f}", end
        else:
            begin = place(at[arc.head - 1] + arc.begin)
            bend = min(7.0, abs(end - begin) / 2)
            side = bend if end > begin else -bend
            path = (
                f"M{begin:.1f} {ground:.1f}V{high + bend:.1f}Q{begin:.1f} {high:.1f} {begin + side:.1f} {high:.1f}"
                f"H{end - side:.1f}Q{end:.1f} {high:.1f} {end:.1f} {high + bend:.1f}V{ground - 5:.1f}"
            )
            first, last = sorted(at[word - 1] + offset for word, offset in arc.ends)
            between = legs[bisect_right(legs_at, first) : bisect_left(legs_at, last)]
            middle = place(clear(first, last, [x for x, level in between if level > arc.level]))
        tip = f"M{end:.1f} {ground:.1f}l-3.5 -8h7z"
        name = text("label", middle, high + 4, label, "middle")
        lines.append(arrow(path, tip, other))
        names.append(marked(name, other))
    texts = []
    for form, tag, x in zip(picture.forms, picture.tags, map(place, at), strict=True):
        texts.append(text("form", x, ground + 18, form, "middle", backwards))
        texts.append(text("tag", x, ground + 36, tag, "middle"))
    return Drawing([*lines, *names, *texts], wide, ground + 36 + MARGIN)


def listing(picture: Picture, found: list[Arc], above: float) -> Drawing:
    """Words below each other; arcs before them, relations after them."""
    heights = [max(ROW, room) for room in reach(found, len(found))]
    at = [above + middle for middle in middles(found, heights, [0.0] * len(found), 0.0)]
    backwards = picture.right_to_left
    start = MARGIN + SIDE_LEVEL * max(arc.level for arc in found) + 12
    columns = [start + 6]
    for kind, column in (("form", picture.forms), ("tag", picture.tags), ("label", picture.tree.deprels)):
        columns.append(columns[-1] + max(estimate(cell, kind) for cell in column) + SPACE)
    wide = columns[-1] + MARGIN

    def place(x: float) -> float:
        return wide - x if backwards else x

    lines, texts = [], []
    for arc in found:
        side = place(start - 12 - SIDE_LEVEL * arc.level)
        end = at[arc.word - 1] + arc.end
        edge, tail = place(start), place(start - 5)
        if arc.head == 0:
            path = f"M{side:.1f} {end:.1f}H{tail:.1f}"
        else:
            begin = at[arc.head - 1] + arc.begin
            bend = min(6.0, abs(end - begin) / 2)
            down, inward = (bend if end > begin else -bend), (-bend if backwards else bend)
            path = (
                f"M{edge:.1f} {begin:.1f}H{side + inward:.1f}Q{side:.1f} {begin:.1f} {side:.1f} {begin + down:.1f}"
                f"V{end - down:.1f}Q{side:.1f} {end:.1f} {side + inward:.1f} {end:.1f}H{tail:.1f}"
            )
        other = arc.word - 1 in picture.differs
        lines.append(arrow(path, f"M{edge:.1f} {end:.1f}l{8 if backwards else -8} -3.5v7z", other))
    rows = zip(picture.forms, picture.tags, picture.tree.deprels, at, strict=True)
    for word, (form, tag, label, y) in enumerate(rows):
        x = [place(column) for column in columns]
        texts.append(text("form", x[0], y + 5, form, "start", backwards))
        texts.append(text("tag", x[1], y + 5, tag, "start", backwards))
        name = text("label", x[2], y + 5, label, "start", backwards)
        texts.append(marked(name, word in picture.differs))
    return Drawing([*lines, *texts], wide, at[-1] + heights[-1] / 2 + MARGIN)
