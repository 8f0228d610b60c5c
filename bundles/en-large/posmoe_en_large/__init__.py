"""The bundle of en-large."""

from pathlib import Path

BUNDLE = Path(__file__).parent / "bundle"
