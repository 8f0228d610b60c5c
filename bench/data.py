"""Texts and rivals that are measured, made once from the shared data into build/bench: `python -m bench prepare`.

A text is a JSON string a line: `heldout` documents of EWT's dev part and of reviews that no training text holds, `long`
more of the reviews (threads need many groups of texts to share out evenly),
`sentences` single sentences of EWT's dev part, `twenty` those of 19 to 21 words, `length-N` documents of about a
thousand words in sentences of N.
"""

import hashlib
import json
import lzma
import os
import random
import tarfile
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path

from bench import ROOT
from posmoe_train.conllu import Sentence, read_treebank

MADE = ROOT / "build" / "bench"
LENGTHS = (5, 10, 20, 40, 80, 160, 640, 2500, 10000)
HELD_OUT = 0.05  # share at the end of the reviews that training text leaves out
REVIEW_WORDS, LENGTH_WORDS, DOCUMENT_WORDS = 16_000, 20_000, 1_000
LONG_WORDS = 900_000
SENTENCES = 640
SEED = 2026


def shared(*parts: str) -> Path:
    """A path in the shared data: under $POSMOE_SHARED, else in `shared` beside the checkout.

    Raises:
        FileNotFoundError: it is missing.
    """
    path = Path(os.environ.get("POSMOE_SHARED") or ROOT.parent / "shared").joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{'/'.join(parts)} of the shared data is missing: set POSMOE_SHARED to its folder.")
    return path


def dev() -> list[Sentence]:
    """The dev part of UD_English-EWT."""
    return read_treebank(shared("data/ewt/dev.conllu.xz"))


def text(name: str) -> list[str]:
    """The documents of a text that `prepare` made."""
    return [json.loads(line) for line in path_of(name).read_text(encoding="utf-8").splitlines()]


def path_of(name: str) -> Path:
    """Where `prepare` puts a text, or what it unpacks."""
    return MADE / name


def digest(name: str) -> str:
    """A text's name with the beginning of its SHA-256: figures of another text are not compared with it."""
    return f"{name}-{hashlib.sha256(path_of(name).read_bytes()).hexdigest()[:8]}"


def prepare() -> None:
    """Make what is missing."""
    MADE.mkdir(parents=True, exist_ok=True)
    if not path_of("heldout").exists():
        documents = [*_dev_documents(), *_reviews(REVIEW_WORDS)]
        random.Random(SEED).shuffle(documents)
        _write("heldout", documents)
        _write("sentences", [sentence.text for sentence in random.Random(SEED).sample(dev(), SENTENCES)])
        _write("twenty", [sentence.text for sentence in dev() if 19 <= len(sentence) <= 21])
        words = [word for document in documents for word in document.split() if word.isalpha()]
        for length in LENGTHS:
            starts = range(0, min(len(words), LENGTH_WORDS) - length + 1, length)
            _write(f"length-{length}", _documents([" ".join(words[i : i + length]) for i in starts]))
    if not path_of("long").exists():
        _write("long", _reviews(LONG_WORDS))
    if not path_of("udpipe1-ewt.udpipe").exists():
        packed = shared("peers/udpipe1-ewt.udpipe.xz").read_bytes()
        path_of("udpipe1-ewt.udpipe").write_bytes(lzma.decompress(packed))
    if not path_of("spacy-ewt").exists():
        with tarfile.open(shared("peers/spacy-ewt.tar.xz")) as archive:
            archive.extractall(path_of("spacy-ewt"), filter="data")


def spacy_ewt() -> Path:
    """The folder of the spaCy pipeline trained on EWT."""
    return next(path_of("spacy-ewt").rglob("meta.json")).parent


def _write(name: str, documents: Sequence[str]) -> None:
    lines = [json.dumps(document, ensure_ascii=False) + "\n" for document in documents]
    path_of(name).write_text("".join(lines), encoding="utf-8")


def _dev_documents() -> Iterator[str]:
    """EWT's dev part as running text: a string a document, paragraphs apart by a blank line."""
    document = ""
    for sentence in dev():
        if sentence.newdoc and document:
            yield document
            document = ""
        if document:
            document += "\n\n" if sentence.newpar else " "
        document += sentence.text
    yield document


def _reviews(words: int) -> list[str]:
    """Documents of the reviews' end; a blank line stands between documents."""
    lines = lzma.decompress(shared("data/raw/reviews_imdb_more.txt.xz").read_bytes()).decode().split("\n")
    rest = iter(lines[-int(len(lines) * HELD_OUT) :])
    list(takewhile(bool, rest))  # the document that the cut went through
    documents: list[str] = []
    while paragraphs := list(takewhile(bool, rest)):
        documents.append("\n\n".join(paragraphs))
    random.Random(SEED).shuffle(documents)
    return _first_words(documents, words)


def _documents(paragraphs: Sequence[str]) -> list[str]:
    """Paragraphs joined to documents of about DOCUMENT_WORDS."""
    documents, size = [""], 0
    for paragraph in paragraphs:
        if size >= DOCUMENT_WORDS:
            documents.append("")
            size = 0
        documents[-1] += paragraph + "\n\n"
        size += len(paragraph.split())
    return documents


def _first_words(documents: Sequence[str], words: int) -> list[str]:
    """The first documents that together have a number of words."""
    total, count = 0, 0
    for document in documents:
        total += len(document.split())
        count += 1
        if total >= words:
            break
    return list(islice(documents, count))
