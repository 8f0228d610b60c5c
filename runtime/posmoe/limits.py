"""Bounds of what may be asked for, and the check of whole numbers against them."""

from __future__ import annotations

import operator
from typing import Any

from .errors import InputError

MAX_TREES = 1_000_000  # ranked trees of a sentence
MAX_THREADS = 4096
MAX_BATCH = 1 << 31
# words of a sentence whose trees can be ranked: the sum over all trees takes time with their cube
MAX_RANKED = 4096


def whole_number(value: Any, name: str, least: int, most: int) -> int:
    """The value as an int.

    Raises:
        InputError: it is no whole number (NumPy's count as such), or out of bounds.
    """
    expected = f"expected {name} to be a whole number from {least} to {most}"
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{expected}, got {value!r:.80}.") from None
    if not least <= number <= most:
        raise InputError(f"{expected}, got {number if number.bit_length() <= 64 else 'one far beyond'}.")
    return number
