"""Where tests find data that is not part of the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared(*parts: str) -> Path:
    """A path under $POSMOE_SHARED, else under `shared` beside the repository; skips where it is missing."""
    base = Path(os.environ.get("POSMOE_SHARED") or ROOT.parent / "shared")
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} of the shared data: set POSMOE_SHARED to its folder")
    return path
