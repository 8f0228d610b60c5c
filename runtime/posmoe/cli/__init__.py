"""The command `posmoe`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command and exit with its code: 0, 1 some input failed, 2 usage, 130 interrupted."""
    try:
        from .app import app

        app(prog_name="posmoe")
    except KeyboardInterrupt:
        sys.exit(130)
