"""Where and how a run writes: a file or a folder, the format and the packing by the file's name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from .. import packing
from .inputs import is_folder

SUFFIXES = {"conllu": ".conllu", "jsonl": ".jsonl", "arrow": ".arrow", "parquet": ".parquet", "tree": ".txt"}
_NAMED = {".conllu": "conllu", ".jsonl": "jsonl", ".ndjson": "jsonl", ".arrow": "arrow", ".parquet": "parquet"}


class Target(NamedTuple):
    """A format, and the suffix of what packs it, or an empty string."""

    format: str
    packed: str

    @property
    def suffix(self) -> str:
        """The ending of its files."""
        return SUFFIXES[self.format] + self.packed


def target(output: str | None, form: str | None, packed: str | None) -> Target:
    """The format and packing that were asked for, else those that the output's name says, else plain CoNLL-U."""
    name = PurePath(output or "")
    if packed is None:
        packed = name.suffix.lower() if name.suffix.lower() in packing.SUFFIXES else ""
    if name.suffix.lower() in packing.SUFFIXES:
        name = name.with_suffix("")
    return Target(form or _NAMED.get(name.suffix.lower(), "conllu"), packed)


def wants_folder(output: str | None, inputs: Sequence[str], asked: bool) -> bool:
    """Whether the output is a folder: it is one, ends in a slash, or is named as none of our files for a folder's.

    Args:
        asked: whether an option was given that has a meaning for folders alone.
    """
    if output is None or output == "-":
        return False
    if asked or output.endswith(("/", os.sep)) or os.path.isdir(output):  # noqa: PTH112
        return True
    known = {*_NAMED, *packing.SUFFIXES, ".txt"}
    if os.path.exists(output) or PurePath(output).suffix.lower() in known:  # noqa: PTH110
        return False
    return any(map(is_folder, inputs))
