"""`posmoe parse`: sources in, documents through the parser, text out."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from ..errors import PosmoeError, PosmoeWarning
from ..packing import packer
from ..pipeline import Parser, load
from ..writers import FORMATS
from .inputs import Source, sources
from .messages import say
from .output import ClosedPipe, open_output
from .pen import Pen
from .problems import NothingDone, Tally
from .progress import Progress
from .stream import Reading, Stream
from .target import Target


class Job(NamedTuple):
    """The command's options, as they were given."""

    inputs: tuple[str, ...]
    texts: tuple[str, ...]
    output: str | None
    folder: bool
    target: Target
    model: str | None
    input: str
    text_column: str
    backend: str
    precision: str
    threads: int
    k_best: int
    gold_upos: bool
    on_error: str
    resume: bool
    shard_words: int | None

    def reading(self, tags: tuple[str, ...]) -> Reading:
        """How the sources are read, for a model with these tags."""
        return Reading(self.input, self.text_column, tags, self.gold_upos, self.on_error == "stop")


def run(job: Job) -> int:
    """Do the job; everything that goes wrong is said on standard error. Returns the exit code."""
    interrupt = _Interrupt()
    signal.signal(signal.SIGINT, interrupt)
    leave_by_exceptions()
    warnings.simplefilter("ignore", PosmoeWarning)
    try:
        parser = load(job.model, backend=job.backend, precision=job.precision)
        if job.folder:
            from .corpus import Corpus

            return Corpus(job, parser).run()
        return _Run(job, parser).run()
    except ClosedPipe:
        return 0
    except (KeyboardInterrupt, PosmoeError) as error:
        if interrupt.came:
            return 130
        if not isinstance(error, NothingDone):
            say(str(error))
        return 1


def leave_by_exceptions() -> None:
    """From now on SIGTERM and SIGHUP end the process by an exception, so that no temporary file stays behind."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
            signal.signal(number, _terminated)


class _Interrupt:
    """The handler of Ctrl-C; it remembers, as a library may make another exception of the interrupt."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


class _Run:
    """One run of the command into one output."""

    def __init__(self, job: Job, parser: Parser) -> None:
        self.job = job
        self.parser = parser
        self.output = None if job.output is None or job.output == "-" else Path(job.output)
        self.stream = Stream(sources(job.inputs, job.texts, self.output), job.reading(parser.bundle.tags))
        self.pen = Pen(parser, job.target.format, job.k_best)
        self.tally = Tally(len(self.stream.sources))

    def run(self) -> int:
        """Parse everything and write it; returns the exit code."""
        stream, pen, job = self.stream, self.pen, self.job
        form, packing = FORMATS[job.target.format](), packer(job.target.packed)
        with open_output(self.output) as output, Progress(stream, job.output) as progress:
            output.write(packing.compress(form.begin()))
            for document in self.parser.run(stream, 1 if stream.live else 64, job.threads or cores()):
                part = stream.taken(self.tally.add)
                output.write(packing.compress(pen.write(form, document, part, self._name(part.source, part.record))))
                progress.update(pen.sentences, pen.words)
            stream.finish(self.tally.add)
            if self.tally.spoilt == len(stream.sources) and pen.sentences == 0:
                self.tally.say()
                raise NothingDone
            output.write(packing.compress(form.end()) + packing.flush())
        say_bounds(self.parser, pen.cut, pen.unranked)
        self.tally.say()
        return self.tally.code

    def _name(self, source: Source, record: int | None) -> str | None:
        return source.name if record is not None or len(self.stream.sources) > 1 else None


def say_bounds(parser: Parser, cut: int, unranked: int) -> None:
    """Tell of sentences beyond the bounds of parsing and of ranking."""
    if cut:
        limit = parser.bundle.max_sentence
        say(f"{cut} sentence(s) were longer than the model's bound of {limit} words and cut there.")
    if unranked:
        limit = parser.longest_ranked
        say(f"{unranked} sentence(s) of more than {limit} words have their best tree alone.")


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _terminated(number: int, frame: FrameType | None) -> None:
    """Leave by an exception, so that no temporary file stays behind."""
    sys.exit(128 + number)
