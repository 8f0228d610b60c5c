"""What the command says on standard error."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Write one line to standard error; a closed or full one is no reason to fail."""
    try:
        print(f"posmoe: {message}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return
