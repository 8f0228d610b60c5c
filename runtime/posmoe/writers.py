"""Documents as CoNLL-U, JSON lines or drawings, in UTF-8, to be written one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import Document, Sentence
from .request import whole
from .trees import Tree

if TYPE_CHECKING:
    from .readers.conllu import ConlluSentence

# a document's ranked trees: a list for every sentence
Trees = Sequence[Sequence[Tree]]
TAB = "\t"
_SENT_ID = re.compile(r"#\s*sent_id\s*=\s*(.*?)\s*$")
_BREAKS = re.compile(r"[\t\n\r]+")


class Place(NamedTuple):
    """Where a document stands in what is written.

    `first` is the number of its first sentence, `offset` the code points before it in its source; `source`
    names that where there are several, and `begins` says that the document is the first of it.
    """

    first: int = 1
    offset: int = 0
    source: str | None = None
    begins: bool = False


START = Place()
Writer = Callable[[Document, Place, Trees | None], bytes]


def conllu(document: Document, place: Place = START, trees: Trees | None = None) -> bytes:
    """CoNLL-U; with ranked trees a sentence comes once for each, as 1-1, 1-2 …"""
    if trees is not None:
        return plain_conllu(document, place, trees).encode()
    source = place.source if place.begins else None
    return document.analysis.conllu(document.tags, document.labels, place.first, source=source)


def plain_conllu(document: Document, place: Place = START, trees: Trees | None = None) -> str:
    """The same in Python alone: what the core is held against."""
    blocks = []
    if place.begins and place.source is not None and len(document):
        blocks.append(f"# newdoc id = {_cell(whole(place.source))}\n")
    for sentence in document:
        for name, variant, comments in _variants(sentence, place, trees):
            lines = [
                f"# sent_id = {name}",
                *comments,
                f"# text = {_text(sentence)}",
                *_rows(sentence, variant),
            ]
            blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def jsonl(document: Document, place: Place = START, trees: Trees | None = None) -> bytes:
    """A JSON object a line for every sentence; `start` and `end` count from the beginning of the source."""
    if trees is not None:
        return plain_jsonl(document, place, trees).encode()
    return document.analysis.jsonl(document.tags, document.labels, place.first, place.offset, place.source)


def plain_jsonl(document: Document, place: Place = START, trees: Trees | None = None) -> str:
    """The same in Python alone: what the core is held against."""
    lines = []
    for sentence in document:
        value: dict[str, Any] = {"id": str(place.first + sentence.index)}
        if place.source is not None:
            value["source"] = whole(place.source)
        value |= sentence.to_dict()
        for part in (value, *value["tokens"], *value["multiwords"]):
            part["start"] += place.offset
            part["end"] += place.offset
        if trees is not None:
            value["trees"] = [
                {"probability": variant.probability, "heads": variant.heads, "deprels": variant.deprels}
                for variant in trees[sentence.index]
            ]
        lines.append(json.dumps(value, ensure_ascii=False) + "\n")
    return "".join(lines)


def tree(document: Document, place: Place = START, trees: Trees | None = None) -> bytes:
    """A drawing of every sentence."""
    from .draw import draw, printable

    blocks = []
    if place.begins and place.source is not None and len(document):
        blocks.append(f"{printable(place.source)}:\n")
    for sentence in document:
        forms = [token.text for token in sentence]
        tags = [token.upos for token in sentence]
        for _, variant, comments in _variants(sentence, place, trees):
            head = [comment.removeprefix("# posmoe_") for comment in comments]
            blocks.append("\n".join([*head, draw(forms, tags, variant.heads, variant.deprels)]) + "\n\n")
    return "".join(blocks).encode()


def arrow(document: Document, place: Place = START, trees: Trees | None = None) -> bytes:
    """A record batch of an Arrow stream, a row for every sentence; ranked trees have no place in it."""
    from .arrow import of_sentences

    source = None if place.source is None else whole(place.source)
    return bytes(of_sentences(document, place.first, place.offset, source).serialize())


def _arrow_schema() -> bytes:
    from .arrow import sentences_schema

    return bytes(sentences_schema().serialize())


class Format(NamedTuple):
    """How the documents of one output are written, and what comes before the first and after the last."""

    write: Writer
    begin: Callable[[], bytes] = bytes
    end: Callable[[], bytes] = bytes


def _arrow() -> Format:
    return Format(arrow, _arrow_schema, lambda: b"\xff\xff\xff\xff\0\0\0\0")


def _parquet() -> Format:
    from .parquet import ParquetWriter

    writer = ParquetWriter()

    def write(document: Document, place: Place = START, trees: Trees | None = None) -> bytes:
        source = None if place.source is None else whole(place.source)
        return writer.add(document, place.first, place.offset, source)

    return Format(write, end=writer.close)


# how an output is begun; some formats keep what is to be written
FORMATS: dict[str, Callable[[], Format]] = {
    "conllu": lambda: Format(conllu),
    "jsonl": lambda: Format(jsonl),
    "arrow": _arrow,
    "parquet": _parquet,
    "tree": lambda: Format(tree),
}


def rewrite(
    given: ConlluSentence, sentence: Sentence, ranked: Sequence[Tree] | None = None, number: int | None = None
) -> bytes:
    """A CoNLL-U sentence as it was given, with the tags, heads and relations of its parsed form.

    Comments, multiword ranges, empty nodes, LEMMA, XPOS, FEATS and MISC stay; DEPS becomes `_`. With ranked
    trees the sentence comes once for each, its sent_id (or `number`, where it has none) followed by -1, -2 …
    """
    blocks = []
    for rank, variant in enumerate(ranked if ranked is not None else [_best(sentence)], 1):
        comments = given.comments
        if ranked is not None:
            names = [found[1] for line in comments if (found := _SENT_ID.match(line)) and found[1]]
            name = names[0] if names else sentence.index + 1 if number is None else number
            comments = [f"# sent_id = {name}-{rank}", *_ranks(variant, rank, len(ranked))]
            comments += [line for line in given.comments if not _SENT_ID.match(line)]
        lines = list(comments)
        words = zip(sentence, variant.heads, variant.deprels, strict=True)
        for row in given.rows:
            columns = list(row)
            columns[8] = "_"
            if row[0].isdecimal():
                token, head, deprel = next(words)
                columns[3], columns[6], columns[7] = token.upos, str(head), deprel
            lines.append("\t".join(columns))
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks).encode()


def _variants(sentence: Sentence, place: Place, trees: Trees | None) -> Iterator[tuple[str, Tree, list[str]]]:
    """Name, tree and comments of every tree that is to be written."""
    number = place.first + sentence.index
    if trees is None:
        yield str(number), _best(sentence), []
        return
    ranked = trees[sentence.index]
    for rank, variant in enumerate(ranked, 1):
        yield f"{number}-{rank}", variant, _ranks(variant, rank, len(ranked))


def _best(sentence: Sentence) -> Tree:
    return Tree(*sentence.tree(), None)


def _ranks(variant: Tree, rank: int, count: int) -> list[str]:
    comments = [f"# posmoe_tree = {rank}/{count}"]
    if variant.probability is not None:
        comments.append(f"# posmoe_probability = {variant.probability:.6g}")
    return comments


def _rows(sentence: Sentence, variant: Tree) -> list[str]:
    """The lines of a sentence's words and multiword ranges."""
    lists, index = sentence.document.lists, sentence.index
    begin, end = lists.sentences[index : index + 2]
    forms = lists.forms[begin:end]
    if _BREAKS.search("".join(forms)):
        forms = [_cell(form) for form in forms]
    columns = (forms, lists.upos[begin:end], variant.heads, variant.deprels, lists.space_after[begin:end])
    rows = [
        f"{i}\t{form}\t_\t{tag}\t_\t_\t{head}\t{label}\t_\t{'_' if space else 'SpaceAfter=No'}"
        for i, (form, tag, head, label, space) in enumerate(zip(*columns, strict=True), 1)
    ]
    for multiword in reversed(sentence.multiwords):
        first, last = multiword.first, multiword.last
        for i in range(first - 1, last):
            rows[i] = f"{rows[i].rpartition(TAB)[0]}\t_"
        misc = "_" if multiword.space_after else "SpaceAfter=No"
        rows.insert(first - 1, f"{first}-{last}\t{_cell(multiword.text)}\t_\t_\t_\t_\t_\t_\t_\t{misc}")
    return rows


def _text(sentence: Sentence) -> str:
    """The sentence's surface tokens, with one space wherever white space follows."""
    parts = []
    for token in sentence:
        multiword = token.multiword
        if multiword is None:
            parts.append(token.text + " " * token.space_after)
        elif multiword.first == token.index:
            parts.append(multiword.text + " " * multiword.space_after)
    return _cell("".join(parts)).rstrip(" ")


def _cell(text: str) -> str:
    """Text that breaks neither line nor column."""
    return _BREAKS.sub(" ", text)
