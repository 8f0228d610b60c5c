"""`posmoe parse … -o FOLDER`: a file of output for each input or shard of it, resumable after a kill."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..document import Document
from ..errors import InputError
from ..packing import packer
from ..pipeline import Parser
from ..writers import FORMATS
from .inputs import Source, sources
from .journal import Entry, Journal, Shard, Stamp, replace
from .messages import say
from .output import OutputError
from .pen import COUNTS, Pen
from .problems import Tally
from .progress import Progress
from .stream import End, Part, Stream

if TYPE_CHECKING:
    from .parse import Job


class Corpus:
    """One run of the command into a folder."""

    def __init__(self, job: Job, parser: Parser) -> None:
        assert job.output is not None
        self.job = job
        self.parser = parser
        planned = _planned(job, Path(job.output))
        self.inputs = [source for source, _ in planned]
        self.journal = Journal(Path(job.output), _settings(job, parser), job.resume)
        self.entries = {
            source.key: self.journal.entry(source.key, stamp) for source, stamp in planned if source.problem is None
        }
        left = [source for source in self.inputs if not self._is_done(source)]
        self.stream = Stream(left, job.reading(parser.bundle.tags), self._passed)
        self.writing: _Writing | None = None
        self.failures: list[End] = []

    def run(self) -> int:
        """Parse what is left to be parsed; returns the exit code."""
        from .parse import cores

        begun, words, sentences = time.monotonic(), 0, 0
        try:
            with Progress(self.stream, self.job.output) as progress:
                for document in self.parser.run(self.stream, threads=self.job.threads or cores()):
                    part = self.stream.taken(self._ended)
                    self._writer(part.source).add(document, part)
                    words, sentences = words + len(document.analysis.words), sentences + len(document)
                    progress.update(sentences, words)
                self.stream.finish(self._ended)
            return self._report(words / max(1e-9, time.monotonic() - begun))
        except InputError as error:
            self.stream.finish(self._ended)
            self._report(None, str(error))
            raise
        finally:
            if self.writing is not None:
                self.writing.drop()
            self.journal.close()

    def _is_done(self, source: Source) -> bool:
        return source.problem is None and self.entries[source.key].end is not None

    def _passed(self, source: Source) -> int:
        return self.entries[source.key].requests

    def _writer(self, source: Source) -> _Writing:
        if self.writing is None or self.writing.source is not source:
            self.writing = _Writing(self.job, self.parser, self.journal, source, self.entries[source.key])
        return self.writing

    def _ended(self, end: End) -> None:
        if end.notes.failure is None:
            self._writer(end.source).end(end)
        else:
            self.failures.append(end)
            if self.writing is not None and self.writing.source is end.source:
                self.writing.drop()
        self.writing = None

    def _report(self, speed: float | None, stopped: str | None = None) -> int:
        """Write the report and sum up on standard error; returns the exit code."""
        tally = Tally(len(self.inputs))
        counts = dict.fromkeys(("parsed", "empty", "replaced", *COUNTS), 0)
        problems = []
        for source in self.inputs:
            if source.problem is not None:
                continue
            entry = self.entries[source.key]
            for name in COUNTS:
                counts[name] += entry.totals.get(name, 0)
            if entry.end is None:
                continue
            counts["parsed"] += 1
            counts["empty"] += not entry.totals["sentences"]
            counts["replaced"] += entry.end.get("replaced", 0)
            tally.skipped += entry.end.get("skipped", 0)
            if entry.end:
                problems.append({"input": source.key, **entry.end})
        for end in self.failures:
            tally.failed += 1
            tally.skipped += end.notes.skipped
            problems.append({"input": end.source.key, **end.notes.to_dict()})
        report: dict[str, Any] = {"complete": stopped is None, "inputs": tally.inputs, "failed": tally.failed}
        report |= {"skipped": tally.skipped, **counts, "problems": problems}
        if stopped is not None:
            report["stopped"] = stopped
        path = self.journal.state / "report.json"
        replace(path, (json.dumps(report, indent=1) + "\n").encode())
        self._say(tally, counts, speed, path if problems or stopped else None)
        return tally.code

    def _say(self, tally: Tally, counts: dict[str, int], speed: float | None, path: Path | None) -> None:
        from .parse import say_bounds

        say_bounds(self.parser, counts["cut"], counts["unranked"])
        tally.say()
        text = f"{counts['parsed']:,} of {tally.inputs:,} input(s) parsed, {counts['empty']:,} of them empty: "
        text += f"{counts['sentences']:,} sentences, {counts['words']:,} words"
        text += f"; {speed:,.0f} words a second." if speed else "."
        say(text if path is None else f"{text} What was left out: {path}.")


class _Writing:
    """The files of one input."""

    def __init__(self, job: Job, parser: Parser, journal: Journal, source: Source, entry: Entry) -> None:
        self.source = source
        self._job = job
        self._journal = journal
        self._entry = entry
        self._pen = Pen(parser, job.target.format, job.k_best)
        self._pen.go_on(entry.totals)
        self._requests = entry.requests
        self._shard: Shard | None = None

    def add(self, document: Document, part: Part) -> None:
        """Write a document, and end the shard where it has its words."""
        shard = self._opened()
        shard.write(self._packing.compress(self._pen.write(self._form, document, part, self.source.key)))
        self._requests += 1
        if self._job.shard_words is not None and self._pen.words - self._before >= self._job.shard_words:
            self._finish(shard)

    def end(self, end: End) -> None:
        """Finish the last file; an input without text has an empty one."""
        if self._shard is not None or not self._entry.files:
            self._finish(self._opened())
        self._journal.note(input=self.source.key, end=end.notes.to_dict())

    def drop(self) -> None:
        """Leave nothing of the file that is being written."""
        if self._shard is not None:
            self._shard.drop()

    def _opened(self) -> Shard:
        if self._shard is None:
            number = "" if self._job.shard_words is None else f".{len(self._entry.files) + 1:05}"
            target = self._job.target
            self._shard = Shard(self._journal, self.source.stem + number + target.suffix)
            self._form, self._packing = FORMATS[target.format](), packer(target.packed)
            self._before = self._pen.words
            self._shard.write(self._packing.compress(self._form.begin()))
        return self._shard

    def _finish(self, shard: Shard) -> None:
        shard.write(self._packing.compress(self._form.end()) + self._packing.flush())
        shard.finish()
        self._shard = None
        self._journal.note(
            input=self.source.key, file=shard.name, bytes=shard.size, requests=self._requests,
            totals=self._pen.state(),
        )  # fmt: skip


def _planned(job: Job, folder: Path) -> list[tuple[Source, Stamp]]:
    """The inputs and their stamps; those that cannot be parsed have a problem, and an empty stamp.

    Raises:
        OutputError: there are inputs that are no files.
        InputError: with --on-error stop, two inputs give one output.
    """
    found = sources(job.inputs, job.texts, without=folder)
    owners: dict[str, Source] = {}
    planned: list[tuple[Source, Stamp]] = []
    for source in found:
        if source.path is None:
            raise OutputError(
                f"cannot write {folder}: it is a folder, for the outputs of files; {source.name} is none."
            )
        if source.problem is None:
            source, stamp = _stamped(source)
        owner = owners.setdefault(source.stem, source) if source.problem is None else source
        if owner is not source:
            name = source.stem + job.target.suffix
            problem = f"{source.name}: its output {name} is that of {owner.name} too. Rename one, or parse it apart."
            if job.on_error == "stop":
                raise InputError(problem)
            source = source._replace(problem=problem)
        planned.append((source, stamp if source.problem is None else []))
    return planned


def _stamped(source: Source) -> tuple[Source, Stamp]:
    assert source.path is not None
    try:
        status = source.path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return source._replace(problem=f"{source.name}: cannot open it: {reason}."), []
    if not stat.S_ISREG(status.st_mode):
        return source._replace(problem=f"{source.name}: is no regular file, so that a run could not be resumed."), []
    return source, [status.st_size, status.st_mtime_ns]


def _settings(job: Job, parser: Parser) -> dict[str, Any]:
    """What the output depends on besides the inputs."""
    bundle = parser.bundle
    return {
        "posmoe": __version__,
        "model": f"{bundle.name} {bundle.version}",
        "digest": bundle.manifest.get("digest"),
        "output": job.target.suffix,
        "format": job.target.format,
        "precision": job.precision,
        "input": job.input,
        "text_column": job.text_column,
        "k_best": job.k_best,
        "gold_upos": job.gold_upos,
        "shard_words": job.shard_words,
    }
