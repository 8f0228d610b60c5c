"""The component `posmoe`: heads, relations, tags, sentence starts and ranked trees for spaCy's tokens."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import DEP, HEAD, POS, SENT_START
from spacy.language import Language
from spacy.parts_of_speech import IDS
from spacy.pipeline.dep_parser import parser_score
from spacy.scorer import Scorer
from spacy.symbols import SPACE
from spacy.tokens import Doc
from spacy.util import minibatch, raise_error
from spacy.vocab import Vocab

from ..document import Arrays
from ..limits import MAX_TREES, whole_number
from ..pipeline import Parser, load
from ..request import Request
from .alignment import Alignment, align
from .ranked import NAME, Trees, ranked, register
from .serialization import Reference

ErrorHandler = Callable[[str, Any, list[Doc], Exception], None]
ROOT, WHITE = "ROOT", "dep"  # what spaCy's own parsers call a root, and what hangs white space on a word
DEFAULTS = {"model": None, "engine": "auto", "k_best": 1, "overwrite": True}
SCORES = {"pos_acc": 0.3, "dep_uas": 0.2, "dep_las": 0.3, "sents_f": 0.2, "sents_p": None, "sents_r": None}


class Component(Reference):
    """Parses Docs in place; see `make_component` for the settings."""

    def __init__(self, vocab: Vocab, name: str, parser: Parser, k_best: int, overwrite: bool) -> None:
        super().__init__(parser.bundle)
        self.vocab = vocab
        self.name = name
        self.parser = parser
        self.k_best = whole_number(k_best, "k_best", 1, MAX_TREES)
        self.overwrite = overwrite
        self._error_handler: ErrorHandler = raise_error
        bundle = parser.bundle
        self.labels = tuple(ROOT if label == "root" else label for label in bundle.labels)
        self._ids = {label: vocab.strings.add(label) for label in (*self.labels, WHITE, ROOT)}
        self._relations = np.array([self._ids[label] for label in self.labels], np.uint64)
        self._tags = np.array([IDS.get(tag, IDS["X"]) for tag in bundle.tags], np.int64)
        self._known = {IDS[tag]: tag for tag in bundle.tags if tag in IDS}

    def __call__(self, doc: Doc) -> Doc:
        """Parse one Doc."""
        try:
            self._annotate([doc])
        except Exception as error:
            self._error_handler(self.name, self, [doc], error)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Parse a stream of Docs, `batch_size` together."""
        for docs in minibatch(stream, size=batch_size):
            try:
                self._annotate(docs)
            except Exception:
                yield from self._one_by_one(docs)
            else:
                yield from docs

    def _one_by_one(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        """The Docs that can be parsed; the error handler gets the others."""
        for doc in docs:
            try:
                self._annotate([doc])
            except Exception as error:
                self._error_handler(self.name, self, [doc], error)
            else:
                yield doc

    def set_error_handler(self, error_handler: ErrorHandler) -> None:
        """What is called with (name, component, docs, error) where a Doc can't be parsed."""
        self._error_handler = error_handler

    def get_error_handler(self) -> ErrorHandler:
        """The error handler."""
        return self._error_handler

    def score(self, examples: Iterable[Any], **kwargs: Any) -> dict[str, Any]:
        """spaCy's own scores of a parser (without punctuation) and of tags."""
        examples = list(examples)
        return {**parser_score(examples, **kwargs), **Scorer.score_token_attr(examples, "pos", **kwargs)}

    def _annotate(self, docs: list[Doc]) -> None:
        """Parse Docs together, and write their columns when all is well."""
        aligned = align(docs, self.parser.tokenize)
        (document,) = self.parser.run([Request(words=aligned.words, upos=self._given(aligned))])
        columns = self._columns(aligned, document.arrays())
        trees: Iterable[list[Trees] | None] = repeat(None)
        if self.k_best > 1:
            trees = ranked(aligned, self.parser.rank(document, self.k_best), ROOT, WHITE)
        for doc, tokens, own in zip(docs, aligned.docs(), trees, strict=False):
            self._write(doc, columns[:, tokens])
            if own is not None:
                doc._.set(NAME, own)

    def _given(self, aligned: Alignment) -> list[str | None] | None:
        """The tags that words keep."""
        pos = aligned.pos[aligned.places]
        if self.overwrite or not pos.any():
            return None
        return [self._known.get(tag) for tag in pos.tolist()]

    def _columns(self, aligned: Alignment, found: Arrays) -> NDArray[np.uint64]:
        """Tags, heads from the token on, relations and sentence starts (1 or -1) of all tokens, [4, n]."""
        pos = np.full(len(aligned.pos), SPACE, np.int64)
        pos[aligned.places] = self._tags[found.upos]
        if not self.overwrite:
            pos = np.where(aligned.pos == 0, pos, aligned.pos)
        tokens = np.arange(len(pos))
        heads = aligned.heads(found.heads)
        deps = np.full(len(pos), self._ids[WHITE], np.uint64)
        deps[aligned.places] = self._relations[found.deprels]
        deps[heads == tokens] = self._ids[ROOT]
        starts = np.where(np.diff(aligned.sentences, prepend=-1) > 0, 1, -1)
        return np.stack([pos.view(np.uint64), (heads - tokens).view(np.uint64), deps, starts.view(np.uint64)])

    def _write(self, doc: Doc, columns: NDArray[np.uint64]) -> None:
        if doc.vocab is not self.vocab:
            for label in self._ids:
                doc.vocab.strings.add(label)
        if self.overwrite or not doc.has_annotation("DEP"):
            doc.from_array([POS, HEAD, DEP], columns[:3].T)
            doc.from_array([SENT_START], columns[3])  # spaCy's own guess fails where very many arcs cross
        else:
            doc.from_array([POS], columns[0])


def make_component(nlp: Language, name: str, model: str | None, engine: str, k_best: int, overwrite: bool) -> Component:
    """The component `posmoe` of a pipeline.

    Args:
        model: as for `posmoe.load`: None for the packaged model, a name, or a bundle's path.
        engine: `auto`, or an engine's name.
        k_best: with 2 and more, `doc._.posmoe_trees` has that many trees of every sentence, best first.
        overwrite: whether tags and trees that a Doc has are replaced. Else its tree stays, and so do its tags: the
            relations follow those. Sentence starts that are set stay in both cases.
    Raises:
        BundleError: there is no such model.
        InputError: a setting is out of bounds.
    """
    return Component(nlp.vocab, name, load(model, engine), k_best, overwrite)


register()
Language.factory(
    "posmoe",
    assigns=["token.pos", "token.head", "token.dep", "token.is_sent_start", "doc.sents", f"doc._.{NAME}"],
    default_config=DEFAULTS,
    default_score_weights=SCORES,
    func=make_component,
)
