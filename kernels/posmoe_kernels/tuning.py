"""Choosing warps and stages by the clock, once for each kernel, card and size."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import triton

# the number of the only choice to take, for a visit that compiles them side by side; the interpreter has none
ONLY = "0" if os.environ.get("TRITON_INTERPRET") == "1" else os.environ.get("POSMOE_TUNING", "")


def tuned(warps: Sequence[int], key: Sequence[str], stages: Sequence[int] = (1,)) -> Callable[[Any], Any]:
    """Decorate a kernel: of these numbers of warps and stages the fastest is taken, anew for every value of `key`.

    A kernel that is tuned runs several times over, so it must not add to what it writes. Triton keeps compiled kernels
    on disk, and with them the choice.
    """
    choices = [triton.Config({}, num_warps=w, num_stages=s) for w in warps for s in stages]
    if ONLY:
        choices = [choices[int(ONLY) % len(choices)]]
    decorate: Callable[[Any], Any] = triton.autotune(configs=choices, key=list(key), cache_results=not ONLY)
    return decorate
