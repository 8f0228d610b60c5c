"""Line charts as SVG, the same bytes for the same data: no library draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]
WIDTH, HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 180, 40, 56
# readable on white for eyes that tell red and green badly (Okabe & Ito)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


@dataclass(frozen=True)
class Line:
    """A line of a chart. Lines of one name share their colour and their place in the legend.

    `spread` holds the lowest and highest value at each point, drawn as a bar.
    """

    name: str
    points: Sequence[Point]
    spread: Sequence[Point] = ()
    marked: bool = False


@dataclass
class _Axis:
    """Values to places between two ends of the page."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False
    ticks: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            steps = [m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5)]
            self.ticks = [t for t in steps if self.low <= t <= self.high]
        else:
            span = (self.high - self.low) or 1.0
            step = 10.0 ** math.floor(math.log10(span / 5))
            step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 6)
            self.low, self.high = math.floor(self.low / step) * step, math.ceil(self.high / step) * step
            if self.low == self.high:
                self.high += step
            self.ticks = [self.low + i * step for i in range(round((self.high - self.low) / step) + 1)]

    def place(self, value: float) -> float:
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def line_chart(lines: Sequence[Line], title: str, x_label: str, y_label: str, log_x: bool = False) -> str:
    """Draw lines over a common x; a logarithmic x needs values above 0.

    Raises:
        ValueError: there is no point at all.
    """
    points = [point for line in lines for point in line.points]
    if not points:
        raise ValueError(f"chart '{title}': expected at least one point")
    heights = [y for _, y in points] + [y for line in lines for pair in line.spread for y in pair]
    x = _Axis(min(p[0] for p in points), max(p[0] for p in points), _LEFT, WIDTH - _RIGHT, log_x)
    y = _Axis(min(heights), max(heights), HEIGHT - _BOTTOM, _TOP)
    names = list(dict.fromkeys(line.name for line in lines))
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for tick in y.ticks:
        at = y.place(tick)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for tick in x.ticks:
        at, base = x.place(tick), HEIGHT - _BOTTOM
        parts.append(f'<path d="M{at:.1f} {base}v5" stroke="black"/>')
        parts.append(f'<text x="{at:.1f}" y="{base + 18}" text-anchor="middle">{_number(tick)}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<path d="M{_LEFT} {HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" stroke="black"/>')
    parts.append(f'<text x="{middle}" y="{HEIGHT - 16}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(
        f'<text transform="translate(16 {(HEIGHT - _BOTTOM + _TOP) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    for line in lines:
        parts += _drawn(line, x, y, colour[line.name])
    for i, name in enumerate(names):
        at = _TOP + 10 + 18 * i
        parts.append(f'<path d="M{WIDTH - _RIGHT + 14} {at}h18" stroke="{colour[name]}" stroke-width="2.5"/>')
        parts.append(f'<text x="{WIDTH - _RIGHT + 38}" y="{at + 4}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _drawn(line: Line, x: _Axis, y: _Axis, colour: str) -> list[str]:
    places = [(x.place(a), y.place(b)) for a, b in line.points]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>']
    for (at, _), (low, high) in zip(places, line.spread, strict=False):
        parts.append(f'<path d="M{at:.1f} {y.place(low):.1f}V{y.place(high):.1f}" stroke="{colour}"/>')
    if line.marked:
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{colour}"/>' for a, b in places]
    return parts


def _number(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{round(value, 6):g}"
