"""Plain Python forms of what posmoe_quant computes in PyTorch."""

from collections.abc import Sequence


def fp8_values(exponent: int, fraction: int, bias: int, specials: str) -> list[float]:
    """All finite values of an FP8 format, negative ones too, from its bits.

    Args:
        specials: `nan`, where only the last code of the last exponent is none; `ieee`, where that exponent has none.
    """
    values = []
    for e in range(1 << exponent):
        for f in range(1 << fraction):
            last = e == (1 << exponent) - 1
            if last and (specials == "ieee" or f == (1 << fraction) - 1):
                continue
            part = f / (1 << fraction)
            values.append((1 + part) * 2.0 ** (e - bias) if e else part * 2.0 ** (1 - bias))
    return [-value for value in values] + values


FP8 = {"e4m3": fp8_values(4, 3, 7, "nan"), "e5m2": fp8_values(5, 2, 15, "ieee")}


def nearest(x: float, values: Sequence[float]) -> list[float]:
    """The values nearest to x: one, or two where x lies half-way."""
    distance = min(abs(value - x) for value in values)
    return [value for value in values if abs(value - x) == distance]


def linear(
    x: Sequence[float], rows: Sequence[Sequence[float]], most: int, group: int, step: float | None = None
) -> list[float]:
    """A layer without bias: integer weights with a scale a group, and integer inputs where they have a step."""
    inputs = list(x) if step is None else [max(-most, min(most, round(value / step))) * step for value in x]
    outputs = []
    for row in rows:
        total = 0.0
        for begin in range(0, len(row), group):
            part = row[begin : begin + group]
            scale = max(map(abs, part)) / most or 1.0
            total += sum(round(w / scale) * scale * inputs[begin + i] for i, w in enumerate(part))
        outputs.append(total)
    return outputs
