"""The parser: text or tokens in, documents out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

from . import _core
from .bundle import Bundle, find, reference
from .document import Document
from .engines import PRECISIONS, Analyser, Choice, Compiled, choose, create
from .errors import BundleError, DecodeError, InputError, LongSentenceWarning
from .features import Features, load_features
from .limits import MAX_BATCH, MAX_RANKED, MAX_THREADS, MAX_TREES, whole_number
from .request import Request, checked_text, tokens_request
from .schedule import ordered
from .tokens import load_tokenizer, words_of_tokens
from .trees import Tree

if TYPE_CHECKING:
    import pyarrow as pa

    from .network import Network

T = TypeVar("T")
Data = TypeVar("Data", bound="pa.RecordBatch | pa.Table")
# characters after which a group of texts is closed, whatever the batch size
GROUP = 1 << 16


class Parser:
    """A loaded model. One parser serves many threads at a time.

    Attributes:
        bundle: the model.
        engine: the chosen engine's name, and why it was taken.
    """

    def __init__(self, bundle: Bundle, backend: str = "auto", threads: int = 1, precision: str = "auto") -> None:
        threads = whole_number(threads, "threads", 1, MAX_THREADS)
        if not isinstance(backend, str):
            raise InputError(f"expected backend to be the name of an engine, got {backend!r:.80}.")
        self.bundle = bundle
        if precision not in PRECISIONS:
            raise InputError(f"expected precision to be one of {', '.join(PRECISIONS)}, got {precision!r:.80}.")
        self._settings = (backend, threads, precision)
        subwords = _subwords(bundle)
        self.engine: Choice = choose(backend, bundle)
        self._engine = create(bundle, self.engine, threads, precision)
        tensors, manifest = bundle.tensors, bundle.manifest
        try:
            self._tokenizer = load_tokenizer(manifest["tokenizer"], tensors.view("tokenizer.weights"))
            self._features = subwords or load_features(manifest["features"], tensors.view("features.keys"))
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            raise BundleError(f"bundle {bundle.path}: {error}") from error
        self._tags = {tag: index for index, tag in enumerate(bundle.tags)}
        self._analyser = self._make_analyser()

    def _make_analyser(self) -> Analyser:
        engine, bundle, features = self._engine, self.bundle, self._features
        if isinstance(engine, Compiled) and isinstance(features, _core.Features):
            return engine.analyser(self._tokenizer, features, bundle.max_sentence, bundle.joining)
        from .analyser import PlainAnalyser

        return PlainAnalyser(self._tokenizer, features, self._network, bundle.max_sentence, bundle.joining)

    @cached_property
    def _network(self) -> Network:
        from .network import Network

        return Network(self.bundle, self._engine)

    def __call__(self, text: str) -> Document:
        """Parse one text. Lone surrogates count as U+FFFD.

        Raises:
            InputError: it is no string.
        """
        return self._warned(self._texts([checked_text(text)])[0])

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
        return self._run(self._texts, map(checked_text, texts), len, batch_size, threads)

    def parse_arrow(
        self, data: Data, text: str = "text", prefix: str = "", batch_size: int = 64, threads: int = 1
    ) -> Data:
        """Parse a column of texts: the same table with the trees as list columns, which `posmoe.arrow` describes.

        A text that is null has null in all of them.

        Args:
            data: a pyarrow RecordBatch or Table.
            text: the column's name.
            prefix: begins the names of the new columns.
            batch_size: as for `pipe`.
            threads: as for `pipe`.
        Raises:
            InputError: there is no such column, it has no strings, or a name of a new column is taken.
            MissingExtraError: PyArrow is not installed; the message names the line that installs it.
        """
        from .arrow import parse

        result: Data = parse(self, data, text, prefix, batch_size, threads)
        return result

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
        return self._warned(self._requests([tokens_request(sentences, upos)])[0])

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
        return self.rank(self._requests([request])[0], k)[0]

    @property
    def longest_ranked(self) -> int:
        """The longest sentence in words whose trees can be ranked: 4,096, or the model's bound if that is less."""
        return min(MAX_RANKED, self.bundle.max_sentence)

    def rank(self, document: Document, k: int, longest: int | None = None) -> list[list[Tree]]:
        """The k likeliest trees of every sentence of a document that this parser made, as `k_best`.

        A sentence of more words than `longest_ranked` has its best tree alone, with None as its probability.

        Args:
            longest: a lower bound than that, in words; for those who answer for the time that it takes.
        Warns:
            LongSentenceWarning: there is such a sentence, and `longest` was not given; the message names the first one.
        """
        from .ranking import rank

        k = whole_number(k, "k", 1, MAX_TREES)
        bound = self.longest_ranked if longest is None else min(longest, self.longest_ranked)
        return rank(document, self._network, self._features, k, bound, stacklevel=None if longest is not None else 3)

    def run(
        self, requests: Iterable[Request], batch_size: int = 64, threads: int = 1, quiet: bool = False
    ) -> Generator[Document, None, None]:
        """Parse a stream of requests, as `pipe` does; if quiet, sentences beyond the bound are told by `cut` alone."""
        return self._run(self._requests, requests, Request.size, batch_size, threads, quiet)

    def _run(
        self,
        work: Callable[[Sequence[T]], Sequence[Document]],
        items: Iterable[T],
        size: Callable[[T], int],
        batch_size: int,
        threads: int,
        quiet: bool = False,
    ) -> Generator[Document, None, None]:
        batch_size = whole_number(batch_size, "batch_size", 1, MAX_BATCH)
        threads = whole_number(threads, "threads", 1, MAX_THREADS)
        stream = ordered(work, items, size=size, most=batch_size, weight=GROUP, threads=threads)
        return stream if quiet else self._delivered(stream)

    def _delivered(self, stream: Generator[Document, None, None]) -> Generator[Document, None, None]:
        with closing(stream):
            for document in stream:
                yield self._warned(document)

    def tokenize(self, text: str) -> _core.Words:
        """A text's tokens, words and sentences alone, without trees.

        Raises:
            InputError: it is no string.
        """
        return self._tokenizer(checked_text(text))

    def _texts(self, texts: Sequence[str], lines: bool = False) -> list[Document]:
        """Analyse some texts together."""
        return self._documents(self._analyser.texts([*texts], lines))

    def _requests(self, requests: Sequence[Request]) -> list[Document]:
        """Analyse some requests together."""
        texts = [request.text for request in requests if request.text is not None]
        lines = {request.lines for request in requests}
        if len(texts) == len(requests) and len(lines) == 1:
            return self._texts(texts, lines.pop())
        gold = [request.gold(self._tags) for request in requests]
        return self._documents(self._analyser.words([self._words(request) for request in requests], gold))

    def _words(self, request: Request) -> _core.Words:
        if request.words is not None:
            return request.words
        if request.text is not None:
            return self._tokenizer(request.text, request.lines)
        return words_of_tokens(request.sentences or [])

    def _documents(self, analyses: Iterable[_core.Analysis]) -> list[Document]:
        tags, labels = self.bundle.tags, self.bundle.labels
        return [Document(analysis, tags, labels) for analysis in analyses]

    def _warned(self, document: Document) -> Document:
        """Warn, in the thread that takes a document, of sentences beyond the bound."""
        if document.cut:
            count = "a sentence was" if document.cut == 1 else f"{document.cut} sentences were"
            message = f"{count} longer than the model's bound of {self.bundle.max_sentence} words and cut there."
            warnings.warn(message, LongSentenceWarning, stacklevel=3)
        return document

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled parser is its model's name or path and its settings: the model has to be where it is loaded."""
        return _restored, (reference(self.bundle), self.bundle.manifest.get("digest"), *self._settings)

    def __repr__(self) -> str:
        return f"<Parser of {self.bundle.name} {self.bundle.version} on {self.engine.name}>"


def load(
    name_or_path: str | PathLike[str] | None = None, backend: str = "auto", threads: int = 1, precision: str = "auto"
) -> Parser:
    """Load a model: the bundled English one, an installed one by its name, or a bundle by its path.

    Args:
        backend: `auto`, or the name of an engine.
        threads: threads that ONNX Runtime computes one batch with; the native engine takes one, and `pipe` runs
            several batches at a time.
        precision: what the network is computed in: `auto`, the bundle's own; or one to which the engine casts the
            weights, as the native engine does from `int8` to `float32`.
    Raises:
        InputError: an argument is of another type or out of bounds.
        BundleError: there is no such bundle, or it is not whole.
        EngineError: the engine can't run the bundle, or not in this precision.
        MissingExtraError: the engine's package is not installed; the message names the line that installs it.
    """
    return Parser(Bundle.load(find(name_or_path)), backend, threads, precision)


def _subwords(bundle: Bundle) -> Features | None:
    """What cuts words into an encoder's sub-words, or None for bundles whose features are hashed."""
    if not bundle.subwords:
        return None
    from .subwords import load_subwords

    return load_subwords(bundle)


def _restored(model: str, digest: str | None, backend: str, threads: int, precision: str) -> Parser:
    """A parser from what was pickled.

    Raises:
        BundleError: its model is not here, or is another one than it was there.
    """
    try:
        parser = load(model, backend, threads, precision)
    except BundleError as error:
        raise BundleError(f"a parser came from another process, its model is missing in this one: {error}") from error
    if parser.bundle.manifest.get("digest") != digest:
        raise BundleError(
            f"a parser came from another process, whose model {model} is not the {parser.bundle.version} of this one. "
            "Install the same version on both sides."
        )
    return parser
