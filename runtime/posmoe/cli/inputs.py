"""What the command reads: arguments that are text, files, folders or patterns, and standard input."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from ..packing import SUFFIXES
from .messages import say

# where a folder of output keeps the state of its run
STATE = "_posmoe"
_FILE_NAME = re.compile(r".*[/\\].*|.*\.[A-Za-z][A-Za-z0-9]{0,9}|~.*")
_MAGIC = re.compile(r"[*?\[]")
_KINDS = {".conllu": "conllu", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
# endings that the name of an output leaves out
_ENDINGS = {*_KINDS, ".txt", ".text"}


class Source(NamedTuple):
    """Something to parse: a literal text, or a file (no path: standard input).

    Attributes:
        name: how messages call it.
        key: its place below the folder or pattern that it was found by; else the file's name alone.
        found: whether a folder or pattern had it, where anything may lie.
        problem: why it cannot be read, where that is known already.
    """

    name: str
    text: str | None = None
    path: Path | None = None
    key: str = ""
    found: bool = False
    problem: str | None = None

    @property
    def kind(self) -> str:
        """What it holds by its name: conllu, jsonl, parquet or text."""
        return _KINDS.get(_unpacked(self.key).suffix.lower(), "text")

    @property
    def stem(self) -> str:
        """Its key without the endings that say how it is packed and what it holds."""
        path = _unpacked(self.key)
        return str(path.with_suffix("") if path.suffix.lower() in _ENDINGS else path)


def _unpacked(key: str) -> PurePath:
    path = PurePath(key)
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def sources(arguments: Sequence[str], texts: Sequence[str], without: Path | None = None) -> list[Source]:
    """Tell files from text (the rule is in the command's help); standard input where there is neither.

    Args:
        without: the output, which is no input where it lies among them: a file, or a folder and all in it.
    """
    result: list[Source] = []
    for argument in arguments:
        result += _found(argument, without)
    result += [Source("text", text=text) for text in texts]
    return result or [Source("standard input")]


def is_file_name(argument: str) -> bool:
    """Whether an argument looks like a file's name or pattern, or is one."""
    looks = not re.search(r"\s", argument) and _FILE_NAME.fullmatch(argument) is not None
    return looks or (bool(argument) and os.path.exists(argument))  # noqa: PTH110 (takes names of any length)


def is_folder(argument: str) -> bool:
    """Whether an argument stands for more than one file."""
    if not is_file_name(argument):
        return False
    return os.path.isdir(argument) or _is_pattern(argument)  # noqa: PTH112


def _is_pattern(argument: str) -> bool:
    return _MAGIC.search(argument) is not None and not os.path.exists(argument)  # noqa: PTH110


def _found(argument: str, without: Path | None) -> list[Source]:
    if argument == "-":
        return [Source("standard input")]
    if not is_file_name(argument):
        if argument and not re.search(r"\s", argument):
            say(f"{argument}: there is no such file, so the word itself is parsed. --text says so without this note.")
        return [Source("text", text=argument)]
    path = Path(argument)
    if os.path.isdir(path):  # noqa: PTH112 (no error where the folder above is closed)
        found = list(_files(path, path, without))
        problem = "there is no file in this folder."
    elif _is_pattern(argument):
        found = list(_matches(argument, without))
        problem = "no file matches."
    else:
        return [Source(argument, path=path, key=path.name)]
    return found or [Source(argument, path=path, key=path.name, problem=f"{argument}: {problem}")]


def _files(folder: Path, root: Path, without: Path | None) -> Iterator[Source]:
    """All files below a folder by the order of their names, hidden ones and links to folders left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _source(folder, root, f"{folder}: cannot read the folder: {error.strerror or error}.")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == STATE:
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            if without is None or not _same(path, without):
                yield from _files(path, root, without)
        elif not entry.is_dir() and not (without is not None and path.name == without.name and _same(path, without)):
            yield _source(path, root)


def _matches(pattern: str, without: Path | None) -> Iterator[Source]:
    """The files that a pattern names; `**` is any number of folders, of which none is a link."""
    from glob import glob  # not needed for most runs

    root = _fixed_part(pattern)
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207 (as the shell takes it)
        path = Path(name)
        folders = [folder for folder in path.parents if folder != root and root in folder.parents]
        linked = "**" in pattern and any(folder.is_symlink() for folder in folders)
        inside = without is not None and any(_same(place, without) for place in (path, *path.parents))
        if not (linked or inside or path.is_dir() or STATE in path.parts):
            yield _source(path, root)


def _source(path: Path, root: Path, problem: str | None = None) -> Source:
    return Source(str(path), path=path, key=path.relative_to(root).as_posix(), found=True, problem=problem)


def _fixed_part(pattern: str) -> Path:
    """The folder that a pattern begins with."""
    parts: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if _MAGIC.search(part):
            break
        parts.append(part)
    return Path(*parts)


def _same(path: Path, other: Path) -> bool:
    """Whether two paths are one folder."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def is_live(source: Source) -> bool:
    """Whether a source is a pipe or a terminal, whose text may come bit by bit."""
    if source.text is not None:
        return False
    try:
        mode = (os.fstat(sys.stdin.fileno()) if source.path is None else source.path.stat()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
