"""posmoe's tokeniser as `nlp.tokenizer`: Universal Dependencies' words, and their sentences."""

from collections.abc import Callable
from typing import Any

import numpy as np
from spacy.attrs import SENT_START
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vocab import Vocab

from ..bundle import Bundle, find, reference
from ..errors import InputError
from ..tokens import load_tokenizer
from .serialization import Reference


class Tokenizer(Reference):
    """Texts to Docs whose text is the given one, lone surrogates replaced by U+FFFD.

    A token of several words becomes those words where they are parts of it, as in don't, else it stays whole. White
    space is as in spaCy's own tokeniser: one blank belongs to the word before it, and what else there is is a token.
    """

    def __init__(self, vocab: Vocab, model: str | None = None, sentences: bool = True) -> None:
        bundle = Bundle.load(find(model))
        super().__init__(bundle)
        self.vocab = vocab
        self.sentences = sentences
        self._place = reference(bundle)
        self._tokenizer = load_tokenizer(bundle.manifest["tokenizer"], bundle.tensors.view("tokenizer.weights"))

    def __call__(self, text: str) -> Doc:
        """Cut a text into a Doc.

        Raises:
            InputError: it is no string.
        """
        if not isinstance(text, str):
            raise InputError(f"expected a text as str, got {type(text).__name__}.")
        found = self._tokenizer(text)
        text = found.text
        opening = set(found.sentences[:-1].tolist())
        forms: list[str] = []
        spaces: list[bool] = []
        starts: list[int] = []

        def add(form: str, start: int) -> None:
            forms.append(form)
            spaces.append(False)
            starts.append(start)

        def add_gap(begin: int, until: int) -> None:
            if forms and text[begin] == " ":
                spaces[-1] = True
                begin += 1
            if begin < until:
                add(text[begin:until], -1)

        at = 0
        for word, (begin, end) in enumerate(zip(found.start.tolist(), found.end.tolist(), strict=True)):
            if begin < at:  # words that are no parts of their token share its span: the first stands for all
                continue
            if begin > at:
                add_gap(at, begin)
            add(text[begin:end], 1 if word in opening else -1)
            at = end
        if at < len(text):
            add_gap(at, len(text))
        doc = Doc(self.vocab, words=forms, spaces=spaces)
        if self.sentences and starts:
            if starts[0] < 0:  # white space at the beginning is the first sentence's
                starts[:2] = [1, *[-1] * len(starts[1:2])]
            doc.from_array([SENT_START], np.array(starts, np.int64).view(np.uint64))
        return doc

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer, (self.vocab, self._place, self.sentences)


def make_tokenizer(model: str | None = None, sentences: bool = True) -> Callable[[Language], Tokenizer]:
    """The tokeniser for a pipeline's configuration.

    Args:
        model: as for `posmoe.load`.
        sentences: whether it says where sentences begin. Components behind it keep to that.
    Raises:
        BundleError: there is no such model.
    """
    return lambda nlp: Tokenizer(nlp.vocab, model, sentences)


registry.tokenizers("posmoe.Tokenizer.v1", func=make_tokenizer)
