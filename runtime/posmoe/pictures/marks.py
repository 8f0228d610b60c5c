"""What pictures are made of: lines, texts, and the colours of both."""

from __future__ import annotations

from xml.sax.saxutils import escape

from ..draw import width

# Attributes hold the colours of a light page, for viewers without style sheets; this is for dark ones.
STYLE = """\
@media (prefers-color-scheme: dark) {
.posmoe-tree .page { fill: #16181d }
.posmoe-tree .form, .posmoe-tree .caption { fill: #e8eaed }
.posmoe-tree .tag { fill: #a9b1bb }
.posmoe-tree .label { fill: #d3d8de; stroke: #16181d }
.posmoe-tree .arc { stroke: #7f8b99 }
.posmoe-tree .tip { fill: #7f8b99 }
.posmoe-tree .differs .arc { stroke: #ff9d80 }
.posmoe-tree .differs .tip, .posmoe-tree .differs .label { fill: #ff9d80 }
}
"""
# size and colour on a light page
KINDS = {
    "form": (16, "#1b1d21"),
    "tag": (12, "#5a636d"),
    "label": (12, "#3c444d"),
    "caption": (14, "#1b1d21"),
}
_NARROW = frozenset("iIjl.,;:'|!()[]ftr-/ ")
_BROAD = frozenset("mwMW@%—…")


def arrow(path: str, tip: str, differs: bool) -> str:
    """A line and its tip; a dashed one in another colour where the arc differs from the first tree's."""
    colour = "#b3261e" if differs else "#6a7683"
    dashes = ' stroke-dasharray="5 3"' if differs else ""
    line = f'<path class="arc" d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{dashes}/>'
    return marked(f'{line}<path class="tip" d="{tip}" fill="{colour}"/>', differs)


def text(kind: str, x: float, y: float, content: str, anchor: str, backwards: bool = False) -> str:
    """A text of one of the `KINDS`; with `backwards` its start is its right end."""
    size, colour = KINDS[kind]
    more = ' stroke="#ffffff" stroke-width="5" paint-order="stroke"' if kind == "label" else ""
    more += ' direction="rtl" unicode-bidi="embed"' if backwards else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place} font-size="{size}" fill="{colour}"{more}>{escape(content)}</text>'


def marked(part: str, differs: bool) -> str:
    """A part of the picture, marked where it differs from the first tree's."""
    return f'<g class="differs">{part}</g>' if differs else part


def estimate(content: str, kind: str) -> float:
    """About how wide a text is in a sans-serif font, in pixels; no font is measured, so a little too wide."""
    if content.isascii():
        units = sum(0.36 if c in _NARROW else 0.9 if c in _BROAD else 0.68 if c.isupper() else 0.58 for c in content)
    else:
        units = 0.62 * width(content)
    return KINDS[kind][0] * units
