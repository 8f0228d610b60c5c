"""What goes wrong in a run's inputs: named on standard error, counted, kept for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import InputError, LineError, PosmoeError
from .messages import say

if TYPE_CHECKING:
    from .stream import End

# malformed records of one input that are named on standard error, and that the report lists
NAMED, LISTED = 5, 1000


class NothingDone(PosmoeError):
    """Every input failed, so that there is no output."""


class Notes:
    """What was found in one input.

    Attributes:
        failure: why it could not be read to its end.
        skipped: malformed sentences or records left out; the first of them are in `records`.
        replaced: invalid UTF-8 sequences that became U+FFFD.
    """

    def __init__(self) -> None:
        self.failure: str | None = None
        self.skipped = self.replaced = 0
        self.records: list[dict[str, Any]] = []

    def skip(self, error: LineError) -> None:
        """Leave a sentence or record out."""
        self.skipped += 1
        if self.skipped <= NAMED:
            say(f"{error} It is left out.")
        elif self.skipped == NAMED + 1:
            say(f"{error.file}: more such lines follow, which are counted.")
        if self.skipped <= LISTED:
            found = {"line": error.line, "expected": error.expected, "found": error.found}
            self.records.append(found)

    def replace(self, name: str, count: int) -> None:
        """Count invalid UTF-8 sequences."""
        self.replaced += count
        if count:
            say(f"{name}: {count} invalid UTF-8 sequence(s) became U+FFFD.")

    def fail(self, error: InputError) -> None:
        """Give the input up."""
        self.failure = str(error)
        say(self.failure)

    def to_dict(self) -> dict[str, Any]:
        """What there is to tell, as JSON values."""
        return {name: value for name, value in vars(self).items() if value}


class Tally:
    """The problems of all inputs of a run.

    Attributes:
        failed: inputs that were given up.
        skipped: sentences and records left out.
        spoilt: inputs with either.
    """

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.failed = self.skipped = self.spoilt = 0

    def add(self, end: End) -> None:
        """Count what was found in an input."""
        failed, skipped = end.notes.failure is not None, end.notes.skipped
        self.failed += failed
        self.skipped += skipped
        self.spoilt += failed or skipped > 0

    @property
    def code(self) -> int:
        """The exit code: 1 if something was left out."""
        return 1 if self.failed or self.skipped else 0

    def say(self) -> None:
        """Sum up on standard error, where something was left out."""
        if self.failed and self.inputs > 1:
            say(f"{self.failed} of {self.inputs} inputs could not be read, or not to their end.")
        if self.skipped:
            say(f"{self.skipped} malformed sentence(s) or record(s) were left out.")
