"""The parser: text or tokens in, documents out."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from . import _core
from .bundle import Bundle, find
from .document import Document
from .engines import Choice, Reading, choose, create
from .errors import BundleError, DecodeError, InputError, LongSentenceWarning
from .features import load_features
from .limits import MAX_BATCH, MAX_RANKED, MAX_THREADS, MAX_TREES, whole_number
from .network import Columns, Network
from .pieces import apart, count_long, cut_long, in_a_row, join_roots
from .request import Request, text_request, tokens_request
from .schedule import ordered
from .tokens import load_tokenizer, words_of_tokens
from .trees import Tree

# characters after which a group of texts is closed, whatever the batch size
GROUP = 1 << 18


class Parser:
    """A loaded model. One parser serves many threads at a time.

    Attributes:
        bundle: the model.
        engine: the chosen engine's name, and why it was taken.
    """

    def __init__(self, bundle: Bundle, backend: str = "auto", threads: int = 1) -> None:
        threads = whole_number(threads, "threads", 1, MAX_THREADS)
        if not isinstance(backend, str):
            raise InputError(f"expected backend to be the name of an engine, got {backend!r:.80}.")
        self.bundle = bundle
        self.engine: Choice = choose(backend, bundle)
        self._network = Network(bundle, create(bundle, self.engine, threads))
        tensors, manifest = bundle.tensors, bundle.manifest
        try:
            self._tokenizer = load_tokenizer(manifest["tokenizer"], tensors["tokenizer.weights"])
            self._features = load_features(manifest["features"], tensors["features.keys"])
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise BundleError(f"bundle {bundle.path}: {error}") from error
        self._tags = {tag: index for index, tag in enumerate(bundle.tags)}

    def __call__(self, text: str) -> Document:
        """Parse one text. Lone surrogates count as U+FFFD.

        Raises:
            InputError: it is no string.
        """
        return self._warned(self._work([text_request(text)])[0])

    def pipe(self, texts: Iterable[str], batch_size: int = 64, threads: int = 1) -> Generator[Document, None, None]:
        """Parse a stream of texts: one document a text, in order.

        Texts are read as documents are taken, at most 2 * threads * batch_size ahead, so the
        stream may be endless. An exception, of a text or of the stream itself, is raised after the documents
        of all texts before it. Closing the generator stops the threads.

        Args:
            batch_size: texts that are analysed together; long texts close a batch early. With 1, a document
                comes as soon as its text is read.
            threads: batches that are analysed at a time.
        Raises:
            InputError: `texts` is a single text or no iterable, or a size is out of bounds.
        """
        if isinstance(texts, str | bytes) or not isinstance(texts, Iterable):
            raise InputError(f"expected an iterable of texts, got {type(texts).__name__}.")
        return self.run((text_request(text) for text in texts), batch_size, threads)

    def parse_tokens(
        self, sentences: Iterable[Iterable[str]], upos: Iterable[Iterable[str | None]] | None = None
    ) -> Document:
        """Parse sentences that are cut into words already; the document's text joins the words by spaces.

        Args:
            upos: a tag for every word, or None where it is to be predicted. Tags and relations follow it; the
                heads are the same as without it.
        Raises:
            InputError: a word is empty, a tag unknown, or the numbers of words and tags differ.
        """
        return self._warned(self._work([tokens_request(sentences, upos)])[0])

    def k_best(self, tokens: Iterable[str], k: int, upos: Iterable[str | None] | None = None) -> list[Tree]:
        """The k likeliest trees of one sentence, best first; fewer where fewer exist.

        Probabilities are those of the whole trees: of all trees of the sentence they add up to 1. Relations
        are the best ones given the tree; they follow `upos`, the heads don't.

        Raises:
            InputError: as `parse_tokens`, or k is below 1 or above 1,000,000.
            DecodeError: the sentence has more words than `longest_ranked`.
        """
        k = whole_number(k, "k", 1, MAX_TREES)
        request = tokens_request([tokens], None if upos is None else [upos])
        size = len((request.sentences or [[]])[0])
        if size > self.longest_ranked:
            raise DecodeError(f"k_best: expected a sentence of at most {self.longest_ranked} words, got {size}.")
        return self.rank(self._work([request])[0], k)[0]

    @property
    def longest_ranked(self) -> int:
        """The longest sentence in words whose trees can be ranked: 4,096, or the model's bound if that is less."""
        return min(MAX_RANKED, self.bundle.max_sentence)

    def rank(self, document: Document, k: int) -> list[list[Tree]]:
        """The k likeliest trees of every sentence of a document that this parser made, as `k_best`.

        A sentence of more words than `longest_ranked` has its best tree alone, with None as its probability.

        Warns:
            LongSentenceWarning: there is such a sentence; the message names the first one.
        """
        k = whole_number(k, "k", 1, MAX_TREES)
        words, tags = document._words, document.arrays().upos
        begins: NDArray[np.int64] = words.sentences.astype(np.int64)
        sizes = np.diff(begins)
        short = sizes <= self.longest_ranked
        chosen = np.repeat(short, sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes[short])]).astype(np.int64)
        labels = self.bundle.labels
        ranked = iter(self._network.ranked(self._features(words)[chosen], offsets, k, tags[chosen]))
        result = []
        for sentence, rankable in zip(document, short, strict=True):
            if not rankable:
                result.append([Tree(*sentence.tree(), None)])
                continue
            result.append(
                [
                    Tree(heads.tolist(), [labels[label] for label in deprels], min(float(probability), 1.0))
                    for heads, deprels, probability in zip(*next(ranked), strict=True)
                ]
            )
        if not short.all():
            first = int(np.flatnonzero(~short)[0])
            message = (
                f"{np.count_nonzero(~short)} sentence(s) of more than {self.longest_ranked} words have their best "
                f"tree alone, without a probability; the first is sentence {first} of {sizes[first]} words."
            )
            warnings.warn(message, LongSentenceWarning, stacklevel=2)
        return result

    def run(
        self, requests: Iterable[Request], batch_size: int = 64, threads: int = 1
    ) -> Generator[Document, None, None]:
        """Parse a stream of requests, as `pipe` does."""
        batch_size = whole_number(batch_size, "batch_size", 1, MAX_BATCH)
        threads = whole_number(threads, "threads", 1, MAX_THREADS)
        stream = ordered(self._work, requests, size=Request.size, most=batch_size, weight=GROUP, threads=threads)
        return self._delivered(stream)

    def _delivered(self, stream: Generator[Document, None, None]) -> Generator[Document, None, None]:
        with closing(stream):
            for document in stream:
                yield self._warned(document)

    def _work(self, requests: Sequence[Request]) -> list[Document]:
        """Analyse some requests together."""
        documents = self._read([(request.text, request.lines) for request in requests])
        return self._analyse(requests) if documents is None else documents

    def _read(self, texts: Sequence[tuple[str | None, bool]]) -> list[Document] | None:
        """Raw texts to documents by one call of the engine; None where it can't, or something is no text."""
        engine, tags, labels = self._network.engine, self.bundle.tags, self.bundle.labels
        known = [text for text, _ in texts if text is not None]
        if len(known) < len(texts) or not isinstance(engine, Reading):
            return None
        lines = [line for _, line in texts]
        parsed = engine.parse(self._tokenizer, self._features, known, lines, self.bundle.max_sentence)
        documents = []
        for words, columns, long in parsed:
            if columns is None:
                return None
            documents.append(Document(words, Columns(*columns), tags, labels, long))
        return documents

    def _analyse(self, requests: Sequence[Request]) -> list[Document]:
        """Requests to documents, step by step."""
        limit = self.bundle.max_sentence
        words = [self._words(request) for request in requests]
        known = [request.gold(self._tags) for request in requests]
        features = [self._features(part) for part in words]
        offsets = [part.sentences.astype(np.int64) for part in words]
        pieces = [cut_long(offset, limit) for offset in offsets]
        gold = None
        if any(tags is not None for tags in known):
            unknown = (np.full(len(rows), -1, np.int32) for rows in features)
            gold = np.concatenate([n if tags is None else tags for tags, n in zip(known, unknown, strict=True)])
        columns = self._network.columns(np.concatenate(features), in_a_row(pieces), gold)
        documents = []
        for part, offset, piece, own in zip(words, offsets, pieces, apart(columns, pieces), strict=True):
            join_roots(own, offset, piece, self.bundle.labels)
            long = count_long(offset, part.split, limit)
            documents.append(Document(part, own, self.bundle.tags, self.bundle.labels, long))
        return documents

    def _words(self, request: Request) -> _core.Words:
        if request.text is not None:
            return self._tokenizer(request.text, request.lines)
        return words_of_tokens(request.sentences or [])

    def _warned(self, document: Document) -> Document:
        """Warn, in the thread that takes a document, of sentences beyond the bound."""
        if document.cut:
            count = "a sentence was" if document.cut == 1 else f"{document.cut} sentences were"
            message = f"{count} longer than the model's bound of {self.bundle.max_sentence} words and cut there."
            warnings.warn(message, LongSentenceWarning, stacklevel=3)
        return document

    def __repr__(self) -> str:
        return f"<Parser of {self.bundle.name} {self.bundle.version} on {self.engine.name}>"


def load(name_or_path: str | PathLike[str] | None = None, backend: str = "auto", threads: int = 1) -> Parser:
    """Load a model: the bundled English one, an installed one by its name, or a bundle by its path.

    Args:
        backend: `auto`, or the name of an engine.
        threads: threads that ONNX Runtime computes one batch with; the native engine takes one, and `pipe` runs
            several batches at a time.
    Raises:
        InputError: an argument is of another type or out of bounds.
        BundleError: there is no such bundle, or it is not whole.
        MissingExtraError: the engine's package is not installed; the message names the line that installs it.
    """
    return Parser(Bundle.load(find(name_or_path)), backend, threads)
