"""Documents as answers, in every format that a client may accept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..document import Document
from ..pictures.html import page
from ..pictures.picture import Picture, of_document
from ..pictures.svg import svg
from ..trees import Tree
from ..writers import Place, conllu, jsonl

Ranked = list[list[Tree]] | None


class Parsed(NamedTuple):
    """A request's documents from its text number `first` (from 0) on, with their ranked trees if asked for."""

    model: str
    engine: str
    documents: Sequence[Document]
    trees: list[Ranked]
    first: int
    several: bool

    def source(self, place: int) -> str | None:
        """What names a document: the number of its text, where there are several."""
        return str(self.first + place) if self.several else None


def of_json(parsed: Parsed) -> bytes:
    """One object."""
    documents = []
    for document, trees in zip(parsed.documents, parsed.trees, strict=True):
        sentences = b",".join(jsonl(document, trees=trees).splitlines())
        text = json.dumps(document.text, ensure_ascii=False).encode()
        documents.append(b'{"text":%b,"cut":%d,"sentences":[%b]}' % (text, document.cut, sentences))
    names = json.dumps({"model": parsed.model, "engine": parsed.engine}).encode()
    return b'%b,"documents":[%b]}\n' % (names[:-1], b",".join(documents))


def of_ndjson(parsed: Parsed) -> bytes:
    """An object a line for every sentence, with its text's number as source."""
    rows = enumerate(zip(parsed.documents, parsed.trees, strict=True))
    return b"".join(jsonl(document, Place(source=parsed.source(i)), trees) for i, (document, trees) in rows)


def of_conllu(parsed: Parsed) -> bytes:
    """CoNLL-U; several texts begin with newdoc comments of their numbers."""
    parts = []
    count = 0
    for i, (document, trees) in enumerate(zip(parsed.documents, parsed.trees, strict=True)):
        parts.append(conllu(document, Place(count + 1, 0, parsed.source(i), True), trees))
        count += len(document)
    return b"".join(parts)


def of_svg(parsed: Parsed) -> bytes:
    """One picture.

    Raises:
        InputError: there are more trees than one picture holds.
    """
    return svg([picture for document in _pictures(parsed) for picture in document]).encode()


def of_html(parsed: Parsed) -> bytes:
    """A page of its own with pictures and tables."""
    return page(picture for document in _pictures(parsed) for picture in document).encode()


def _pictures(parsed: Parsed) -> list[list[list[Picture]]]:
    rows = zip(parsed.documents, parsed.trees, strict=True)
    return [list(of_document(document, trees)) for document, trees in rows]


JSON, NDJSON, CONLLU = "application/json", "application/x-ndjson", "text/x-conllu"
ANSWERS: dict[str, Callable[[Parsed], bytes]] = {
    JSON: of_json,
    NDJSON: of_ndjson,
    CONLLU: of_conllu,
    "image/svg+xml": of_svg,
    "text/html": of_html,
}
