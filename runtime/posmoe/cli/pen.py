"""Documents of a run as the bytes of its format, numbered, placed and counted."""

from __future__ import annotations

from ..document import Document
from ..pipeline import Parser
from ..request import whole
from ..writers import Format, Place, rewrite
from .stream import Part

# what is counted, in the order of a report
COUNTS = ("sentences", "words", "cut", "unranked")


class Pen:
    """Writes documents one after another.

    Attributes:
        sentences, words: written so far; sentences are numbered on.
        cut: sentences longer than the model's bound.
        unranked: sentences too long to be ranked.
        offset: code points of the source's CoNLL-U before what comes next.
    """

    def __init__(self, parser: Parser, form: str, k_best: int) -> None:
        self._parser = parser
        self._conllu = form == "conllu"
        self._k_best = k_best
        self.sentences = self.words = self.cut = self.unranked = self.offset = 0

    def state(self) -> dict[str, int]:
        """What it has counted, and the offset."""
        return {name: getattr(self, name) for name in (*COUNTS, "offset")}

    def go_on(self, state: dict[str, int]) -> None:
        """Count and number on from where another pen has ended."""
        for name, value in state.items():
            setattr(self, name, value)

    def write(self, form: Format, document: Document, part: Part, name: str | None) -> bytes:
        """The bytes of a document; `name` is its source's, where that is to be told."""
        trees = self._parser.rank(document, self._k_best) if self._k_best > 1 else None
        self.unranked += sum(ranked[0].probability is None for ranked in trees or ())
        if part.begins:
            self.offset = 0
        offset = self.offset if part.given is not None else part.start
        if name is not None and part.record is not None:
            name = f"{name}:{part.record}"
        place = Place(self.sentences + 1, offset, None if name is None else whole(name), part.begins)
        if part.given is not None:
            self.offset += len(document.text) + 1
        self.sentences += len(document)
        self.words += len(document.analysis.words)
        self.cut += document.cut
        if part.given is None or not self._conllu:
            return form.write(document, place, trees)
        return b"".join(
            rewrite(given, sentence, None if trees is None else trees[sentence.index], place.first + sentence.index)
            for given, sentence in zip(part.given, document, strict=True)
        )
