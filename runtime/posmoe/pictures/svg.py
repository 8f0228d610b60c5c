"""Trees as SVG: text stays text, no scripts, no fonts or files from elsewhere; colours follow a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from ..errors import InputError
from .arcs import arcs
from .layouts import MARGIN, SPACE, Drawing, line, listing
from .marks import STYLE, estimate, text
from .picture import Picture

LAYOUTS = ("auto", "line", "list")
# a line that would be longer is drawn as a list, in pixels
LONGEST = 1400
CAPTION = 26.0
# pictures in one SVG
MOST = 500


def svg(rows: Sequence[Sequence[Picture]], layout: str = "auto", style: bool = True) -> str:
    """One SVG of sentences below each other, the ranked trees of each side by side.

    Arcs that are not in the first of them are dashed.

    Args:
        layout: `line`, words from left to right (or right to left); `list`, down the page; `auto` takes a list
            where the line would be too long.
        style: False leaves out what adapts the colours to dark pages, for pages that have `STYLE` already.
    Raises:
        InputError: the layout is unknown, or there are more than 500 pictures.
    """
    if layout not in LAYOUTS:
        raise InputError(f"expected a layout of {', '.join(LAYOUTS)}, got {layout!r:.80}.")
    pictures = [picture for row in rows for picture in row]
    if len(pictures) > MOST:
        raise InputError(f"expected at most {MOST} trees in one SVG, got {len(pictures)}. HTML holds any number.")
    parts, wide, high = _stacked(rows, layout, alone=len(pictures) == 1)
    if len(pictures) == 1:
        named = _names(pictures[0])
        role = "img"
    else:
        named = f"<title>Dependency trees: {len(pictures)}</title>"
        role = "group"
    size = f'width="{wide:.0f}" height="{high:.0f}" viewBox="0 0 {wide:.0f} {high:.0f}"'
    font = 'font-family="system-ui, sans-serif" font-size="16"'
    begin = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="posmoe-tree" role="{role}" {size} {font}>',
        named,
        f"<style>{STYLE}</style>" if style else "",
        '<rect class="page" width="100%" height="100%" fill="#ffffff"/>',
    ]
    return "".join([*begin, *parts, "</svg>"])


def _stacked(rows: Sequence[Sequence[Picture]], layout: str, alone: bool) -> Drawing:
    """Pictures at their places on the sheet."""
    parts, wide, top = [], 0.0, 0.0
    for row in rows:
        left = high = 0.0
        for picture in row:
            drawing = _drawing(picture, layout)
            inside = "".join(drawing.parts)
            if not alone:
                place = f'transform="translate({left:.1f} {top:.1f})"'
                inside = f'<g role="img" {place}>{_names(picture)}{inside}</g>'
            parts.append(inside)
            left += drawing.wide
            high = max(high, drawing.high)
        wide = max(wide, left)
        top += high
    return Drawing(parts, max(wide, 2 * MARGIN), max(top, 2 * MARGIN))


def _names(picture: Picture) -> str:
    """What a screen reader says of a picture."""
    caption = f", {picture.caption}" if picture.caption else ""
    description = escape(" ".join(picture.sentences))
    return f"<title>Dependency tree{caption}: {escape(picture.text)}</title><desc>{description}</desc>"


def _drawing(picture: Picture, layout: str) -> Drawing:
    found = arcs(picture.tree.heads)
    above = MARGIN + (CAPTION if picture.caption else 0)
    hopeless = layout == "auto" and len(found) * SPACE > LONGEST
    drawing = None if layout == "list" or hopeless else line(picture, found, above)
    if drawing is None or (layout == "auto" and drawing.wide > LONGEST):
        drawing = listing(picture, found, above)
    if picture.caption:
        caption = f"{picture.caption}, dashed: not as in tree 1" if picture.differs else picture.caption
        drawing.parts.insert(0, text("caption", MARGIN, MARGIN + 12, caption, "start"))
        return drawing._replace(wide=max(drawing.wide, 2 * MARGIN + estimate(caption, "caption")))
    return drawing
