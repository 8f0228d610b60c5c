"""A progress bar on standard error, for runs that take a while on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from .stream import Stream

# seconds before the bar appears, so that short runs neither load nor show it, and between its changes
PATIENCE = 1.0
BETWEEN = 0.1


class Progress:
    """Shows sentences, words a second, bytes read of all files and the time left.

    It does so where standard error is a terminal and the output is none.
    """

    def __init__(self, stream: Stream, output: str | None) -> None:
        self._stream = stream
        self._begun = time.monotonic()
        self._next = self._begun + PATIENCE
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        shown = sys.stderr is not None and sys.stderr.isatty()
        self._on = shown and (output not in (None, "-") or not sys.stdout.isatty())

    def update(self, sentences: int, words: int) -> None:
        """Show how far the run has come: what it has written so far."""
        if not self._on:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + BETWEEN
        if self._bar is None:
            self._bar, self._task = self._start()
        if self._task is not None:
            speed = words / max(1e-9, now - self._begun)
            shown = f"{sentences:,} sentences, {speed:,.0f} words/s"
            self._bar.update(self._task, completed=self._stream.position(), description=shown)

    def _start(self) -> tuple[Bar, TaskID]:
        """Load rich and show the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        bar = Bar(*columns, console=Console(stderr=True), transient=True)
        paths = [source.path for source in self._stream.sources]
        total = None
        if all(path is not None and path.is_file() for path in paths):
            total = sum(path.stat().st_size for path in paths if path is not None)
        bar.start()
        return bar, bar.add_task("", total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
