"""The sources of a run as one stream of requests, with what has to be kept until their documents arrive."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ..errors import ConlluError, InputError
from ..readers.text import AIM, TextReader
from ..request import Request, whole
from .files import NamedFile, named, opened
from .inputs import Source, is_live
from .problems import Notes

if TYPE_CHECKING:
    from ..readers.conllu import ConlluSentence
    from ..readers.records import Record

# seconds without anything new after which the lines of a pipe or a terminal are parsed
PATIENCE = 0.05
# words of CoNLL-U in a request
WORDS = 4096


class Part(NamedTuple):
    """What a request came from: its source, whether a document begins there, its place in that.

    `record` is the line or row of a document that is one of many in its source.
    """

    source: Source
    begins: bool
    start: int = 0
    given: tuple[ConlluSentence, ...] | None = None
    record: int | None = None


class End(NamedTuple):
    """That a source is read to its end, or given up."""

    source: Source
    notes: Notes


class Reading(NamedTuple):
    """How sources are read.

    Attributes:
        kind: auto (by their names), text, lines, conllu, jsonl or parquet.
        column: the texts' column in jsonl and parquet.
        tags: the model's.
        gold: keep the tags of CoNLL-U.
        stops: the first failure is raised; else it is named and noted, and what follows is read.
    """

    kind: str
    column: str
    tags: tuple[str, ...]
    gold: bool
    stops: bool


class Stream:
    """Requests in the order of the sources.

    `events` holds, in this order too, a `Part` for every request whose document isn't taken yet, and an `End` behind
    the last one of a source. A source that cannot be read to its end is named on standard error, and the next one
    follows.

    Args:
        passed: how many of a source's first requests are to be left out.
    """

    def __init__(
        self, sources: Sequence[Source], reading: Reading, passed: Callable[[Source], int] = lambda source: 0
    ) -> None:
        self.sources = sources
        self.events: deque[Part | End] = deque()
        self.file: BinaryIO | None = None  # the one that is being read
        self.done = 0  # bytes of the files before it
        self._reading = reading
        self._passed = passed

    @property
    def live(self) -> bool:
        """Whether some source may come bit by bit."""
        return any(map(is_live, self.sources))

    def position(self) -> int:
        """Bytes of files read so far, as far as they can tell."""
        try:
            return self.done + (self.file.tell() if self.file else 0)
        except (OSError, ValueError):
            return self.done

    def taken(self, ended: Callable[[End], None]) -> Part:
        """The part of the document that comes next; the sources that end before it are told of."""
        while True:
            event = self.events.popleft()
            if isinstance(event, Part):
                return event
            ended(event)

    def finish(self, ended: Callable[[End], None]) -> None:
        """After the last document: tell of the sources that end there."""
        for event in self.events:
            if isinstance(event, End):
                ended(event)
        self.events.clear()

    def __iter__(self) -> Generator[Request, None, None]:
        for source in self.sources:
            notes = Notes()
            try:
                yield from self._requests(source, notes)
            except InputError as error:
                if self._reading.stops:
                    raise
                notes.fail(error)
            self.events.append(End(source, notes))

    def _requests(self, source: Source, notes: Notes) -> Iterator[Request]:
        if source.text is not None:
            yield from self._parts(source, io.BytesIO(whole(source.text).encode()), notes)
            return
        with opened(source) as file:
            self.file = file
            try:
                yield from self._parts(source, file, notes)
            finally:
                self.done = self.position()
                self.file = None

    def _parts(self, source: Source, file: BinaryIO, notes: Notes) -> Iterator[Request]:
        kind = source.kind if self._reading.kind == "auto" and source.path is not None else self._reading.kind
        read = {"conllu": self._conllu, "jsonl": self._jsonl, "parquet": self._parquet}.get(kind, self._text)
        passed = self._passed(source)
        for number, (request, part) in enumerate(read(source, file, notes)):
            if number >= passed:
                self.events.append(part)
                yield request

    def _text(self, source: Source, file: BinaryIO, notes: Notes) -> Iterator[tuple[Request, Part]]:
        lines = self._reading.kind == "lines"
        text = named(file, source)
        reader = TextReader(text, lines, idle=partial(text.idle, PATIENCE), typed=text.typed())
        begins = True
        for block in reader:
            if reader.replaced and self._reading.stops:
                near = block.start + max(0, block.text.find("\ufffd"))
                raise InputError(f"{source.name}: expected UTF-8, found other bytes near character {near}.")
            if not block.text.isspace():
                yield Request(text=block.text, lines=lines), Part(source, begins, block.start)
                begins = False
        notes.replace(source.name, reader.replaced)

    def _jsonl(self, source: Source, file: BinaryIO, notes: Notes) -> Iterator[tuple[Request, Part]]:
        from ..readers.records import JsonLines

        skip = None if self._reading.stops else notes.skip
        records = JsonLines(named(file, source), source.name, self._reading.column, skip)
        yield from self._records(source, records)
        notes.replace(source.name, records.replaced)

    def _parquet(self, source: Source, file: BinaryIO, notes: Notes) -> Iterator[tuple[Request, Part]]:
        from ..readers.records import read_parquet

        yield from self._records(source, read_parquet(file, source.name, self._reading.column))

    def _records(self, source: Source, records: Iterable[Record]) -> Iterator[tuple[Request, Part]]:
        """Records as documents, long ones block by block."""
        for number, text in records:
            if len(text) <= AIM:
                if text and not text.isspace():
                    yield Request(text=text), Part(source, True, record=number)
                continue
            begins = True
            for block in TextReader(io.BytesIO(text.encode())):
                if not block.text.isspace():
                    yield Request(text=block.text), Part(source, begins, block.start, record=number)
                    begins = False

    def _conllu(self, source: Source, file: BinaryIO, notes: Notes) -> Iterator[tuple[Request, Part]]:
        lines = named(file, source)
        group: list[ConlluSentence] = []
        words = 0
        begins = True
        failure: InputError | None = None
        try:
            for sentence in self._sentences(source, lines, notes):
                group.append(sentence)
                words += len(sentence.rows)
                if words >= WORDS or lines.idle(0):
                    yield self._request(group), Part(source, begins, given=tuple(group))
                    group, words, begins = [], 0, False
        except InputError as error:
            failure = error
        if group:
            yield self._request(group), Part(source, begins, given=tuple(group))
        if failure is not None:
            raise failure

    def _sentences(self, source: Source, file: NamedFile, notes: Notes) -> Iterator[ConlluSentence]:
        """The sentences of a source; malformed ones are left out, or raised."""
        from ..readers.conllu import read_conllu

        skip = None if self._reading.stops else notes.skip
        for sentence in read_conllu(file, source.name, skip):
            try:
                self._check_tags(source, sentence)
            except ConlluError as error:
                if skip is None:
                    raise
                skip(error)
                continue
            yield sentence

    def _request(self, group: list[ConlluSentence]) -> Request:
        upos: list[str | None] | None = None
        if self._reading.gold:
            upos = [None if row[3] == "_" else row[3] for sentence in group for row in sentence.words]
        return Request(sentences=[sentence.surface() for sentence in group], upos=upos)

    def _check_tags(self, source: Source, sentence: ConlluSentence) -> None:
        """With --gold-upos every word has a tag of the model's, or `_`."""
        if not self._reading.gold:
            return
        known = {*self._reading.tags, "_"}
        for place, row in enumerate(sentence.rows, sentence.line + len(sentence.comments)):
            if row[0].isdecimal() and row[3] not in known:
                expected = f"one of the tags {' '.join(self._reading.tags)} or `_`"
                raise ConlluError(source.name, place, expected, f"{row[3]!r:.40}")
