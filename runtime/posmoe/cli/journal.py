"""The state of a run into a folder, kept beside its files so that it survives a kill at any moment.

    OUT/_posmoe/run.json       the settings that the output depends on
    OUT/_posmoe/journal.jsonl  a line for every file that was written, one for every input that was read to its end
    OUT/_posmoe/part           the file that is being written
    OUT/_posmoe/report.json    counts and what was left out, at the end

A file is written to `part`, takes its name, and then gets its line; so a kill in between costs the work of one file,
which is written again, with the same bytes. A line that a kill has cut short is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from .inputs import STATE
from .output import OutputError, cannot

SYNCED = 1 << 20  # files from this size on are forced to the disk; for smaller ones that would cost more than parsing
# size and time of change, by which an input is known again
Stamp = list[int]


@dataclass
class Entry:
    """What is done of one input.

    Attributes:
        stamp: the input's when it was read.
        files: names and sizes of the files that were written.
        requests: how many requests they hold.
        totals: the pen's counts and offset after them.
        end: what was noted at the input's end; None before it.
    """

    stamp: Stamp
    files: list[tuple[str, int]] = field(default_factory=list)
    requests: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    end: dict[str, Any] | None = None


class Journal:
    """The entries of a folder's inputs, by their keys."""

    def __init__(self, folder: Path, settings: dict[str, Any], resume: bool) -> None:
        """Begin a run in a folder, or go on with one.

        Raises:
            OutputError: the folder holds other files, a run that is not to be resumed or has other settings, or is in
                use, or cannot be written.
        """
        self.folder = folder
        self.state = folder / STATE
        self.entries: dict[str, Entry] = {}
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            self._file = self._locked()
        except OSError as error:
            raise error if isinstance(error, OutputError) else cannot(str(folder), error) from error
        try:
            self._agree(settings, resume)
            self._load()
            (self.state / "part").unlink(missing_ok=True)
        except OSError as error:
            self.close()
            raise error if isinstance(error, OutputError) else cannot(str(folder), error) from error

    def _locked(self) -> BinaryIO:
        file = (self.state / "journal.jsonl").open("ab", buffering=0)
        try:
            import fcntl
        except ImportError:  # Windows
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise OutputError(
                f"{self.folder}: another run is writing there. Wait for it, or name another one."
            ) from None
        return file

    def _agree(self, settings: dict[str, Any], resume: bool) -> None:
        """Check what the folder holds, and note the settings of a new run."""
        path = self.state / "run.json"
        if not path.exists():
            others = next((name for name in os.listdir(self.folder) if name != STATE), None)  # noqa: PTH208
            if others is not None:
                self._forget_state()
                raise OutputError(
                    f"{self.folder}: holds files of something else, such as {others}. Name an empty folder."
                )
            replace(path, (json.dumps(settings, indent=1) + "\n").encode())
            return
        if not resume:
            raise OutputError(f"{self.folder}: holds a run already. Go on with it by --resume, or name another folder.")
        try:
            found = json.loads(path.read_bytes())
        except ValueError as error:
            raise OutputError(f"{path}: is damaged ({error}). Empty the folder and begin again.") from None
        for name in sorted({*settings, *found}):
            if settings.get(name) != found.get(name):
                here, there = json.dumps(settings.get(name)), json.dumps(found.get(name))
                message = f"its run has {name} {there}, this one {here}. Give the same options, or name another folder."
                raise OutputError(f"{self.folder}: cannot resume: {message}")

    def _forget_state(self) -> None:
        """Leave no trace in a folder that isn't ours."""
        self._file.close()
        with contextlib.suppress(OSError):
            (self.state / "journal.jsonl").unlink()
            self.state.rmdir()

    def _load(self) -> None:
        path = self.state / "journal.jsonl"
        whole = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                try:
                    self._take(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    raise OutputError(f"{path}:{number}: is damaged. Empty the folder and begin again.") from None
        os.truncate(path, whole)

    def _take(self, line: dict[str, Any]) -> None:
        key = line["input"]
        if "stamp" in line:
            self.entries[key] = Entry(line["stamp"])
        elif "file" in line:
            entry = self.entries[key]
            entry.files.append((line["file"], line["bytes"]))
            entry.requests, entry.totals = line["requests"], line["totals"]
        else:
            self.entries[key].end = line["end"]

    def note(self, **line: Any) -> None:
        """Add a line: `input` with `stamp` (it begins), `file`, `bytes`, `requests` and `totals`, or `end`."""
        data = (json.dumps(line) + "\n").encode()
        try:
            if self._file.write(data) != len(data):
                raise OSError("the line was written in part")
        except OSError as error:
            raise cannot(str(self.state / "journal.jsonl"), error) from error
        self._take(line)

    def entry(self, key: str, stamp: Stamp) -> Entry:
        """What is done of an input; it begins anew where it has changed or one of its files is missing."""
        entry = self.entries.get(key)
        if entry is not None and entry.stamp == stamp and all(self._is_there(*file) for file in entry.files):
            return entry
        if entry is not None:
            for name, _ in entry.files:
                (self.folder / name).unlink(missing_ok=True)
        self.note(input=key, stamp=stamp)
        return self.entries[key]

    def _is_there(self, name: str, size: int) -> bool:
        try:
            return (self.folder / name).stat().st_size == size
        except OSError:
            return False

    def close(self) -> None:
        """Give the folder free."""
        self._file.close()


class Shard:
    """One file of the output; it takes its name when it is whole."""

    def __init__(self, journal: Journal, name: str) -> None:
        self.name = name
        self.size = 0
        self._path = journal.folder / name
        self._part = journal.state / "part"
        self._file: BinaryIO = self._safe(lambda: self._part.open("wb", buffering=1 << 18))

    def write(self, data: bytes) -> None:
        """Append."""
        self.size += len(data)
        self._safe(lambda: self._file.write(data))

    def finish(self) -> None:
        """Give it its name."""
        self._safe(self._finish)

    def drop(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._part.unlink()

    def _finish(self) -> None:
        with self._file as file:
            if self.size >= SYNCED:
                file.flush()
                os.fsync(file.fileno())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._part.replace(self._path)

    def _safe(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except OSError as error:
            raise cannot(str(self._path), error) from error


def replace(path: Path, content: bytes) -> None:
    """Write a file that is whole or as it was."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise cannot(str(path), error) from error
