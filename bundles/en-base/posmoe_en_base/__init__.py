"""The bundle of en-base."""

from pathlib import Path

BUNDLE = Path(__file__).parent / "bundle"
