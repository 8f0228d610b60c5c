"""Charts as SVG text: lines, points and bars on linear or logarithmic axes; the same input gives the same bytes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 800, 420
LEFT, RIGHT, TOP, BOTTOM = 84, 240, 44, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#000000")
SIZE = 'font-size="13"'


@dataclass(frozen=True)
class Axis:
    """A scale from values to pixels; `ticks` are the values that are named."""

    title: str
    ticks: tuple[float, ...]
    log: bool = False

    def place(self, value: float, begin: float, end: float) -> float:
        """Where a value lies between two pixels, the first and the last tick at the ends."""
        low, high, at = self.ticks[0], self.ticks[-1], value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(value, 1e-12))
        return begin + (end - begin) * (at - low) / (high - low)


def decades(values: Sequence[float]) -> tuple[float, ...]:
    """Powers of ten that enclose positive values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return tuple(10.0**power for power in range(low, max(high, low + 1) + 1))


def steps(low: float, high: float, step: float) -> tuple[float, ...]:
    """Multiples of a step that enclose an interval."""
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(step * i for i in range(first, max(last, first + 1) + 1))


def named(value: float) -> str:
    """A tick's name: 20,000 as 20k, a million as 1M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


@dataclass
class Chart:
    """Series over two axes; a legend stands at the right."""

    title: str
    x: Axis
    y: Axis
    parts: list[str] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        return self.x.place(x, LEFT, WIDTH - RIGHT), self.y.place(y, HEIGHT - BOTTOM, TOP)

    def line(self, name: str, points: Sequence[tuple[float, float]], marks: bool = True) -> None:
        """A series: a line through its points."""
        colour = COLOURS[len(self.legend) % len(COLOURS)]
        places = [self.at(*point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if marks:
            self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        self.legend.append(name)

    def point(self, name: str, x: float, y: float) -> None:
        """A point of a colour of its own."""
        self.line(name, [(x, y)])

    def text(self) -> str:
        """The whole file."""
        right, bottom, middle = WIDTH - RIGHT, HEIGHT - BOTTOM, (LEFT + WIDTH - RIGHT) / 2
        parts = [_label(LEFT, 24, self.title, 'font-weight="bold"')]
        for tick in self.x.ticks:
            x = self.x.place(tick, LEFT, right)
            parts += [_rule(x, TOP, x, bottom), _label(x, bottom + 18, named(tick), 'text-anchor="middle"')]
        for tick in self.y.ticks:
            y = self.y.place(tick, bottom, TOP)
            parts += [_rule(LEFT, y, right, y), _label(LEFT - 8, y + 4, named(tick), 'text-anchor="end"')]
        parts.append(_label(middle, HEIGHT - 14, self.x.title, 'text-anchor="middle"'))
        turned = f'text-anchor="middle" transform="rotate(-90 20 {(TOP + bottom) / 2:.1f})"'
        parts.append(_label(20, (TOP + bottom) / 2, self.y.title, turned))
        for i, name in enumerate(self.legend):
            y = TOP + 10 + 22 * i
            parts.append(f'<circle cx="{right + 16}" cy="{y}" r="5" fill="{COLOURS[i % len(COLOURS)]}"/>')
            parts.append(_label(right + 28, y + 4, name))
        return _whole([*parts, *self.parts], HEIGHT)


def bars(title: str, rows: Sequence[tuple[str, float, float | None]], unit: str) -> str:
    """Horizontal bars: name, value, and a mark (a budget) where there is one."""
    longest = max(max(value, mark or 0) for _, value, mark in rows)
    scale = (WIDTH - LEFT - 180) / longest
    parts = [_label(16, 24, title, 'font-weight="bold"')]
    for i, (name, value, mark) in enumerate(rows):
        y = 44 + 30 * i
        parts.append(_label(LEFT + 20, y + 15, name, 'text-anchor="end"'))
        parts.append(
            f'<rect x="{LEFT + 28}" y="{y}" width="{value * scale:.1f}" height="20" fill="{COLOURS[0]}" opacity="0.8"/>'
        )
        note = f"{value:,.0f} {unit}"
        if mark is not None:
            x = LEFT + 28 + mark * scale
            parts.append(_rule(x, y - 3, x, y + 23, COLOURS[1], 3))
            note += f" (budget {mark:,.0f})"
        parts.append(_label(LEFT + 36 + max(value, mark or 0) * scale, y + 15, note))
    return _whole(parts, 60 + 30 * len(rows))


def badge(subject: str, figure: str) -> str:
    """A small plate with a figure, as READMEs have them."""
    left, right = (14 + 6.6 * len(text) for text in (subject, figure))
    plates = [(0.0, left, "#555555", subject), (left, right, COLOURS[2], figure)]
    parts = []
    for x, width, colour, text in plates:
        parts.append(f'<rect x="{x:.1f}" width="{width:.1f}" height="20" fill="{colour}"/>')
        parts.append(_label(x + width / 2, 14, text, 'text-anchor="middle" fill="white"'))
    size = f'width="{left + right:.0f}" height="20" role="img" aria-label="{escape(subject)}: {escape(figure)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Verdana, sans-serif" font-size="11">'
    return "\n".join([head, *parts, "</svg>", ""])


def _label(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'.replace(" >", ">")


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str = "#dddddd", width: int = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _whole(parts: Sequence[str], height: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" {SIZE}>'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *parts, "</svg>", ""])
