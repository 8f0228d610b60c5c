"""`posmoe parse`: sources in, documents through the parser, text out."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from ..document import Document
from ..errors import PosmoeError, PosmoeWarning
from ..pipeline import Parser, load
from ..writers import FORMATS, Place, rewrite
from .messages import say
from .output import ClosedPipe, open_output
from .progress import Progress
from .stream import Part, Stream


class Job(NamedTuple):
    """The command's options, as they were given."""

    inputs: tuple[str, ...]
    texts: tuple[str, ...]
    output: Path | None
    model: str | None
    format: str
    input: str
    backend: str
    threads: int
    k_best: int
    gold_upos: bool
    skip_invalid: bool


class NothingDone(PosmoeError):
    """Every input failed, so that there is no output."""


def run(job: Job) -> int:
    """Do the job; everything that goes wrong is said on standard error. Returns the exit code."""
    interrupt = _Interrupt()
    signal.signal(signal.SIGINT, interrupt)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, _terminated)
    warnings.simplefilter("ignore", PosmoeWarning)
    try:
        return _Run(job, load(job.model, backend=job.backend)).run()
    except ClosedPipe:
        return 0
    except (KeyboardInterrupt, PosmoeError) as error:
        if interrupt.came:
            return 130
        if not isinstance(error, NothingDone):
            say(str(error))
        return 1


class _Interrupt:
    """The handler of Ctrl-C; it remembers, as a library may make another exception of the interrupt."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


class _Run:
    """One run of the command."""

    def __init__(self, job: Job, parser: Parser) -> None:
        self.job = job
        self.parser = parser
        self.stream = Stream(job.inputs, job.texts, job.input, parser.bundle.tags, job.gold_upos, job.skip_invalid)
        self.cut = 0
        self.unranked = 0
        self.sentences = 0
        self.offset = 0

    def run(self) -> int:
        """Parse everything and write it; returns the exit code."""
        stream = self.stream
        progress = Progress(stream, self.job.output)
        form = FORMATS[self.job.format]
        with open_output(self.job.output) as output, progress:
            output.write(form.begin())
            for document in self.parser.run(stream, 1 if stream.live else 64, self.job.threads or cores()):
                self.cut += document.cut
                output.write(self._text(document, stream.parts.popleft()))
                progress.update(self.sentences)
            if stream.failed == len(stream.sources) and self.sentences == 0:
                raise NothingDone
            output.write(form.end)
        if self.cut:
            limit = self.parser.bundle.max_sentence
            say(f"{self.cut} sentence(s) were longer than the model's bound of {limit} words and cut there.")
        if self.unranked:
            limit = self.parser.longest_ranked
            say(f"{self.unranked} sentence(s) of more than {limit} words have their best tree alone.")
        if stream.skipped:
            say(f"{stream.skipped} malformed sentence(s) were left out.")
        return 1 if stream.failed or stream.skipped else 0

    def _text(self, document: Document, part: Part) -> bytes:
        """What is written of one document."""
        trees = self.parser.rank(document, self.job.k_best) if self.job.k_best > 1 else None
        self.unranked += sum(ranked[0].probability is None for ranked in trees or ())
        if part.begins:
            self.offset = 0
        offset = self.offset if part.given is not None else part.start
        name = part.source.name if len(self.stream.sources) > 1 else None
        place = Place(self.sentences + 1, offset, name, part.begins)
        self.offset += len(document.text) + 1
        self.sentences += len(document)
        if part.given is None or self.job.format != "conllu":
            return FORMATS[self.job.format].write(document, place, trees)
        return b"".join(
            rewrite(given, sentence, None if trees is None else trees[sentence.index], place.first + sentence.index)
            for given, sentence in zip(part.given, document, strict=True)
        )


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _terminated(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that no temporary file stays behind."""
    sys.exit(128 + number)
