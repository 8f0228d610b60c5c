"""A parser's scores on a treebank, from gold tokens and from raw text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ..errors import InputError
from ..pipeline import Parser
from . import tables
from .metrics import evaluate, evaluate_words
from .treebank import Sentence, parse_treebank, raw_text


@dataclass(frozen=True)
class Scores:
    """F1 in percent, and tables on gold tokens.

    `gold_tokens`: upos, uas and las with everything but the tokens predicted; `raw_text`: tokens, sentences, words,
    upos, uas and las of the treebank's text, cut by the model's own tokeniser.
    """

    sentences: int
    words: int
    gold_tokens: dict[str, float]
    raw_text: dict[str, float]
    genre: list[tables.Row]
    relation: list[tables.Row]
    length: list[tables.Row]

    def to_dict(self) -> dict[str, object]:
        """The scores as JSON values."""
        return asdict(self)


def score(nlp: Parser, gold: Sequence[Sentence]) -> Scores:
    """Parse a treebank's gold tokens and its raw text, and compare.

    Raises:
        InputError: there is no sentence.
    """
    if not gold:
        raise InputError("expected a treebank with at least one sentence, got none.")
    parsed = nlp.parse_tokens([sentence.forms for sentence in gold])
    columns = [
        [[getattr(word, name) for word in sentence] for sentence in parsed] for name in ("upos", "head", "deprel")
    ]
    words = list(tables.words(gold, parsed))
    text = nlp(raw_text(gold)).to_conllu()
    return Scores(
        sentences=len(gold),
        words=len(words),
        gold_tokens=_rounded(evaluate_words(gold, *columns)),
        raw_text=_rounded(evaluate(gold, list(parse_treebank(text.split("\n"), "parsed text"))).f1()),
        genre=tables.by_genre(words),
        relation=tables.by_relation(words),
        length=tables.by_length(words),
    )


def compare(gold: Sequence[Sentence], system: Sequence[Sentence]) -> dict[str, float]:
    """F1 of sentences that any parser made of the same text, as `raw_text` of `Scores`.

    Raises:
        InputError: the characters without white space differ; the message says where.
    """
    try:
        return _rounded(evaluate(gold, system).f1())
    except ValueError as error:
        raise InputError(f"{error}.") from None


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in scores.items()}
