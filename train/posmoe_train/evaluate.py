"""Scores of a bundle on a treebank, from gold tokens and from raw text, by the runtime that users have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import posmoe
from posmoe.evaluation.scores import score
from posmoe.trees import Tree
from posmoe_train.conllu import Sentence


def evaluate_bundle(bundle: Path | None, gold: Sequence[Sentence], backend: str = "auto") -> dict[str, Any]:
    """F1 after the CoNLL 2018 definitions, in percent.

    Args:
        bundle: a bundle's path, or None for the packaged model.
        gold: sentences of a treebank.
    Returns:
        `gold_tokens`: upos, uas and las with everything but the tokens predicted; `raw_text`: tokens,
        sentences, words, upos, uas and las of the treebank's text, cut by the bundle's own tokeniser.
    """
    found = score(posmoe.load(bundle, backend=backend), gold)
    return {"gold_tokens": found.gold_tokens, "raw_text": found.raw_text}


def oracle_scores(
    bundle: Path | None, gold: Sequence[Sentence], k: int, backend: str = "auto"
) -> dict[str, dict[str, float]]:
    """Scores on gold tokens of the best of the k likeliest trees of every sentence, in percent.

    The best tree has the most right heads, of these the most right relations, of these the highest rank.

    Args:
        k: trees a sentence.
    Returns:
        for 1, 2, 5, 10, 20, … up to k: `uas` and `las`, and `probability`, the mean share of all trees' probability
        that these trees have.
    """
    nlp = posmoe.load(bundle, backend=backend)
    ranked = nlp.rank(nlp.parse_tokens([sentence.forms for sentence in gold]), k)
    sizes = sorted({k, *(m * 10**e for e in range(len(str(k))) for m in (1, 2, 5) if m * 10**e < k)})
    words = sum(map(len, gold))
    found = {}
    for size in sizes:
        attached = labelled = 0
        mass = 0.0
        for sentence, trees in zip(gold, ranked, strict=True):
            a, b = max(_right(sentence, tree) for tree in trees[:size])
            attached, labelled = attached + a, labelled + b
            mass += sum(tree.probability or 0.0 for tree in trees[:size])
        scores = {"uas": 100 * attached / words, "las": 100 * labelled / words, "probability": 100 * mass / len(gold)}
        found[str(size)] = _rounded(scores)
    return found


def _right(sentence: Sentence, tree: Tree) -> tuple[int, int]:
    """Right heads, and right heads with their universal relation."""
    attached = [i for i, head in enumerate(tree.heads) if head == sentence.heads[i]]
    universal = (tree.deprels[i].partition(":")[0] == sentence.deprels[i].partition(":")[0] for i in attached)
    return len(attached), sum(universal)


def _rounded(scores: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in scores.items()}
