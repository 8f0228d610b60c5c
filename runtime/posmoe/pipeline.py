"""The parser: text or tokens in, documents out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from . import _core
from .bundle import Bundle, find
from .document import Document
from .engines import Choice, choose, create
from .errors import BundleError, InputError, LongSentenceWarning
from .features import load_features
from .network import Network
from .pieces import cut_long, join_roots
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
        if threads < 1:
            raise InputError(f"expected threads to be at least 1, got {threads}.")
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
        return _warned(self._work([text_request(text)])[0], 3)

    def pipe(self, texts: Iterable[str], batch_size: int = 64, threads: int = 1) -> Iterator[Document]:
        """Parse a stream of texts: one document a text, in order.

        Texts are read as documents are taken, at most 2 * threads * batch_size ahead, so the
        stream may be endless. An exception, of a text or of the stream itself, is raised after the documents
        of all texts before it.

        Args:
            batch_size: texts that are analysed together; long texts close a batch early. With 1, a document
                comes as soon as its text is read.
            threads: batches that are analysed at a time.
        """
        return self.run((text_request(text) for text in texts), batch_size, threads)

    def parse_tokens(
        self, sentences: Iterable[Sequence[str]], upos: Iterable[Sequence[str | None]] | None = None
    ) -> Document:
        """Parse sentences that are cut into words already; the document's text joins the words by spaces.

        Args:
            upos: a tag for every word, or None where it is to be predicted.
        Raises:
            InputError: a word is empty, a tag unknown, or the numbers of words and tags differ.
        """
        return _warned(self._work([tokens_request(sentences, upos)])[0], 3)

    def k_best(self, tokens: Sequence[str], k: int, upos: Sequence[str | None] | None = None) -> list[Tree]:
        """The k likeliest trees of one sentence, best first; fewer where fewer exist.

        Probabilities are those of the whole trees: of all trees of the sentence they add up to 1. Relations
        are the best ones given the tree.

        Raises:
            InputError: as `parse_tokens`, or k is below 1.
            DecodeError: the sentence has more than 4,096 words.
        """
        document = self._work([tokens_request([tokens], None if upos is None else [upos])])[0]
        return self.rank(document, k)[0]

    def rank(self, document: Document, k: int) -> list[list[Tree]]:
        """The k likeliest trees of every sentence of a document that this parser made, as `k_best`."""
        if k < 1:
            raise InputError(f"expected k to be at least 1, got {k}.")
        words, tags = document._words, document.arrays().upos
        offsets = words.sentences.astype(np.int64)
        labels = self.bundle.labels
        return [
            [
                Tree(heads.tolist(), [labels[label] for label in deprels], min(float(probability), 1.0))
                for heads, deprels, probability in zip(*ranked, strict=True)
            ]
            for ranked in self._network.ranked(self._features(words), offsets, k, tags)
        ]

    def run(self, requests: Iterable[Request], batch_size: int = 64, threads: int = 1) -> Iterator[Document]:
        """Parse a stream of requests, as `pipe` does."""
        if batch_size < 1 or threads < 1:
            raise InputError(f"expected batch_size and threads of at least 1, got {batch_size} and {threads}.")
        stream = ordered(self._work, requests, size=Request.size, most=batch_size, weight=GROUP, threads=threads)
        return map(_warned, stream)

    def _work(self, requests: Sequence[Request]) -> list[Document]:
        """Analyse some requests together."""
        words = [self._words(request) for request in requests]
        known = [request.gold(self._tags) for request in requests]
        features = [self._features(part) for part in words]
        limit = self.bundle.max_sentence
        offsets = [part.sentences.astype(np.int64) for part in words]
        pieces = [cut_long(offset, limit) for offset in offsets]
        starts = np.cumsum([0, *(len(part) for part in features)])
        together = np.concatenate([[0], *(p[1:] + s for p, s in zip(pieces, starts, strict=False))])
        gold = None
        if any(part is not None for part in known):
            gold = np.concatenate(
                [np.full(len(f), -1, np.int32) if k is None else k for f, k in zip(features, known, strict=True)]
            )
        columns = self._network.columns(np.concatenate(features), together.astype(np.int64), gold)
        documents = []
        for i, part in enumerate(words):
            mine = type(columns)(*(column[starts[i] : starts[i + 1]] for column in columns))
            join_roots(mine, offsets[i], pieces[i], self.bundle.labels)
            cut = int(np.count_nonzero(part.split)) + len(pieces[i]) - len(offsets[i])
            documents.append(Document(part, mine, self.bundle.tags, self.bundle.labels, cut))
        return documents

    def _words(self, request: Request) -> _core.Words:
        if request.text is not None:
            return self._tokenizer(request.text, request.lines)
        return words_of_tokens(request.sentences or [])


def load(name_or_path: str | Path | None = None, backend: str = "auto", threads: int = 1) -> Parser:
    """Load a model: the bundled English one, an installed one by its name, or a bundle by its path.

    Args:
        backend: `auto`, or the name of an engine.
        threads: threads that the engine computes one batch with.
    Raises:
        BundleError: there is no such bundle, or it is not whole.
        MissingExtraError: the engine's package is not installed; the message names the line that installs it.
    """
    return Parser(Bundle.load(find(name_or_path)), backend, threads)


def _warned(document: Document, level: int = 2) -> Document:
    """Warn, in the thread that takes a document, of sentences beyond the bound."""
    if document.cut:
        count = "a sentence was" if document.cut == 1 else f"{document.cut} sentences were"
        message = f"{count} longer than the model's bound of words and cut there."
        warnings.warn(message, LongSentenceWarning, stacklevel=level)
    return document
