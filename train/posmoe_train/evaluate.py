"""Scores of a bundle on a treebank, from gold tokens and from raw text, by the runtime that users have."""

from collections.abc import Sequence
from pathlib import Path

import posmoe
from posmoe_train.conllu import Sentence, parse_treebank, raw_text
from posmoe_train.metrics import evaluate, evaluate_words


def evaluate_bundle(
    bundle: Path | None, gold: Sequence[Sentence], backend: str = "auto"
) -> dict[str, dict[str, float]]:
    """F1 after the CoNLL 2018 definitions, in percent.

    Args:
        bundle: a bundle's path, or None for the packaged model.
        gold: sentences of a treebank.
    Returns:
        `gold_tokens`: upos, uas and las with everything but the tokens predicted; `raw_text`: tokens,
        sentences, words, upos, uas and las of the treebank's text, cut by the bundle's own tokeniser.
    """
    nlp = posmoe.load(bundle, backend=backend)
    parsed = list(nlp.parse_tokens([sentence.forms for sentence in gold]))
    words = evaluate_words(
        gold,
        [[word.upos for word in sentence] for sentence in parsed],
        [[word.head for word in sentence] for sentence in parsed],
        [[word.deprel for word in sentence] for sentence in parsed],
    )
    text = nlp(raw_text(gold)).to_conllu()
    cut = evaluate(gold, list(parse_treebank(text.splitlines(), "parsed text"))).f1()
    return {"gold_tokens": _rounded(words), "raw_text": _rounded(cut)}


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in scores.items()}
