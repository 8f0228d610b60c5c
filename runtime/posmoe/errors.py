"""Every error and warning of posmoe; each error is also the built-in that a caller would expect."""

from __future__ import annotations


class PosmoeError(Exception):
    """Base of all errors that posmoe raises on purpose."""


class InputError(PosmoeError, ValueError):
    """What was given to be parsed cannot be parsed."""


class LineError(InputError):
    """A line of a file is not what the format asks for.

    Args:
        file: name of the file, as the user gave it.
        line: number of the line, from 1.
        expected: what the format asks for there.
        found: what is there instead.
    """

    def __init__(self, file: str, line: int, expected: str, found: str) -> None:
        super().__init__(f"{file}:{line}: expected {expected}, found {found}.")
        self.file = file
        self.line = line
        self.expected = expected
        self.found = found


class ConlluError(LineError):
    """A line of a CoNLL-U file is not what the format asks for."""


class BundleError(PosmoeError, ValueError):
    """A model bundle is missing, cut short, altered, of another version, or at odds with itself."""


class DecodeError(PosmoeError, ValueError):
    """Arc scores from which no tree can be built."""


class EngineError(PosmoeError, RuntimeError):
    """An engine cannot be had, or failed at its work."""


class MissingExtraError(EngineError, ImportError):
    """An optional dependency is not installed; the message names the line that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed. Install it with: pip install 'pos-moe-parser[{extra}]'")
        self.extra = extra


class PosmoeWarning(UserWarning):
    """Base of all warnings of posmoe."""


class LongSentenceWarning(PosmoeWarning):
    """A sentence was longer than the model's bound and was cut there."""


class EngineWarning(PosmoeWarning):
    """An engine cannot be had or kept, and another takes its place."""
