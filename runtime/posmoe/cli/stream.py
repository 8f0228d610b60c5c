"""The sources of a run as one stream of requests, with what has to be kept until their documents arrive."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConlluError, InputError
from ..readers.text import Readable, TextReader
from ..request import Request, whole
from .inputs import NamedFile, Source, is_live, opened, sources
from .messages import say

if TYPE_CHECKING:
    from ..readers.conllu import ConlluSentence, Lines

# seconds without anything new after which the lines of a pipe or a terminal are parsed
PATIENCE = 0.05
# words of CoNLL-U in a request
WORDS = 4096


class Part(NamedTuple):
    """What a request came from: its source, whether it is the first of it, its place there."""

    source: Source
    begins: bool
    start: int = 0
    given: tuple[ConlluSentence, ...] | None = None


class Stream:
    """Requests in the order of the sources; `parts` holds those whose documents aren't taken yet.

    A source that cannot be read is named on standard error, counted in `failed`, and the next one follows.

    Attributes:
        skipped: malformed sentences left out; without `skip_invalid` the first one makes its source a failed one,
            of which the sentences before it are all that is parsed.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        texts: Sequence[str],
        kind: str,
        tags: tuple[str, ...],
        gold: bool,
        skip_invalid: bool,
    ) -> None:
        self.sources = sources(inputs, texts)
        self.parts: deque[Part] = deque()
        self.failed = 0
        self.skipped = 0
        self.file: NamedFile | None = None  # the one that is being read
        self.done = 0  # bytes of the files before it
        self._kind = kind
        self._tags = tags
        self._gold = gold
        self._skip_invalid = skip_invalid

    @property
    def live(self) -> bool:
        """Whether some source may come bit by bit."""
        return any(map(is_live, self.sources))

    def __iter__(self) -> Generator[Request, None, None]:
        for source in self.sources:
            try:
                if source.text is not None:
                    yield from self._requests(source, io.BytesIO(whole(source.text).encode()))
                    continue
                with opened(source) as file:
                    self.file = file
                    yield from self._requests(source, file)
                    self.done += file.position()
                    self.file = None
            except InputError as error:
                say(str(error))
                self.failed += 1

    def _requests(self, source: Source, file: NamedFile | io.BytesIO) -> Iterator[Request]:
        requests = self._conllu(source, file) if self._kind == "conllu" else self._text(source, file)
        begins = True
        for request, start, given in requests:
            self.parts.append(Part(source, begins, start, given))
            begins = False
            yield request

    def _text(self, source: Source, file: Readable) -> Iterator[tuple[Request, int, None]]:
        lines = self._kind == "lines"
        reader = TextReader(file, lines, idle=partial(_idle, file, PATIENCE), typed=_typed(file))
        for block in reader:
            if not block.text.isspace():
                yield Request(text=block.text, lines=lines), block.start, None
        if reader.replaced:
            say(f"{source.name}: {reader.replaced} invalid UTF-8 sequence(s) became U+FFFD.")

    def _conllu(self, source: Source, file: Lines) -> Iterator[tuple[Request, int, tuple[ConlluSentence, ...]]]:
        group: list[ConlluSentence] = []
        words = 0
        failure: InputError | None = None
        try:
            for sentence in self._sentences(source, file):
                group.append(sentence)
                words += len(sentence.rows)
                if words >= WORDS or _idle(file, 0):
                    yield self._request(group), 0, tuple(group)
                    group, words = [], 0
        except InputError as error:
            failure = error
        if group:
            yield self._request(group), 0, tuple(group)
        if failure is not None:
            raise failure

    def _sentences(self, source: Source, file: Lines) -> Iterator[ConlluSentence]:
        """The sentences of a source; malformed ones are left out with `skip_invalid`, else raised."""
        from ..readers.conllu import read_conllu

        for sentence in read_conllu(file, source.name, self._skip if self._skip_invalid else None):
            try:
                self._check_tags(source, sentence)
            except ConlluError as error:
                if not self._skip_invalid:
                    raise
                self._skip(error)
                continue
            yield sentence

    def _request(self, group: list[ConlluSentence]) -> Request:
        upos: list[str | None] | None = None
        if self._gold:
            upos = [None if row[3] == "_" else row[3] for sentence in group for row in sentence.words]
        return Request(sentences=[sentence.surface() for sentence in group], upos=upos)

    def _check_tags(self, source: Source, sentence: ConlluSentence) -> None:
        """With --gold-upos every word has a tag of the model's, or `_`."""
        if not self._gold:
            return
        known = {*self._tags, "_"}
        for place, row in enumerate(sentence.rows, sentence.line + len(sentence.comments)):
            if row[0].isdecimal() and row[3] not in known:
                expected = f"one of the tags {' '.join(self._tags)} or `_`"
                raise ConlluError(source.name, place, expected, f"{row[3]!r:.40}")

    def _skip(self, error: ConlluError) -> None:
        say(f"{error} The sentence is left out.")
        self.skipped += 1


def _typed(file: object) -> bool:
    return isinstance(file, NamedFile) and file.typed()


def _idle(file: object, patience: float) -> bool:
    return isinstance(file, NamedFile) and file.idle(patience)
