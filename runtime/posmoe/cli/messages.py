"""What the command says on standard error."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Write one line to standard error; a closed or full one is no reason to fail."""
    if sys.stderr is None:  # print would take standard output
        return
    try:
        print(f"posmoe: {message}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return
