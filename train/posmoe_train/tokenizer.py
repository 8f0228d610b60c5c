"""Train a tokeniser (cuts, multiword tokens, sentence boundaries) on any treebank; see docs/tokenizer.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posmoe._core import Tokenizer, Words
from posmoe.evaluation.metrics import Evaluation
from posmoe.evaluation.metrics import evaluate as evaluate_sentences
from posmoe_train.conllu import Sentence, Token, raw_text
from posmoe_train.errors import CheckpointError
from posmoe_train.linear import fit
from posmoe_train.tokenizer_rules import (
    learn_abbreviations,
    learn_closed,
    learn_grouped_digits,
    learn_multiwords,
)
from posmoe_train.tokenizer_text import ENDINGS, blocks_of, raw_of, with_rarities

Spec = dict[str, Any]

FEATURES = {"cut": 28, "multiword": 16, "boundary": 32}  # of the core, which refuses other numbers
SIZES = {"cut": 32768, "multiword": 8192, "boundary": 32768}  # slots, one byte each


def empty_spec(sizes: Mapping[str, int] = SIZES) -> Spec:
    """A specification that knows nothing yet."""
    return {
        "version": 1,
        "max_sentence": 10000,
        "grouped_digits": False,
        "abbreviations": [],
        "endings": ENDINGS,
        "multiwords": {},
        "ambiguous": {},
        "suffixes": {},
        "closed": [],
        "tables": {name: {"size": sizes[name], "bias": 0, "features": n} for name, n in FEATURES.items()},
    }


def train_tokenizer(
    sentences: Sequence[Sentence],
    *,
    seed: int = 0,
    abbreviations: Iterable[str] = (),
    sizes: Mapping[str, int] = SIZES,
    verbose: bool = False,
) -> tuple[Spec, NDArray[np.int8]]:
    """Learn a tokeniser from a treebank; the same for the same seed.

    Args:
        abbreviations: more of them, lower-case with their point, beside those of the treebank.
        sizes: slots of the tables `cut`, `multiword` and `boundary`.
    Returns:
        The specification (JSON values only) and the weights of its tables, int8.
    """
    spec = empty_spec(sizes)
    no_weights = np.zeros(sum(sizes[name] for name in FEATURES), np.int8)
    blocks = blocks_of(sentences)
    spec["abbreviations"] = sorted({*learn_abbreviations(blocks), *abbreviations})
    spec["grouped_digits"] = learn_grouped_digits(blocks)
    spec["multiwords"], spec["ambiguous"], spec["suffixes"] = learn_multiwords(blocks)
    rng = np.random.default_rng(seed)
    plain, broken = raw_of(blocks), raw_of(blocks, rng)
    rare = raw_of(with_rarities(blocks, spec["abbreviations"], rng))
    blank = Tokenizer(spec, no_weights)
    lessons = [blank.follow(raw.text, raw.guide()) for raw in (plain, broken)]
    spec["closed"] = learn_closed([(places, lesson["boundary"][1]) for lesson, places in lessons])
    blank = Tokenizer(spec, no_weights)
    lessons = [blank.follow(raw.text, raw.guide()) for raw in (plain, broken, plain.lowered(), rare)]
    weights = []
    for name in FEATURES:
        used = lessons[:3] if name == "boundary" else lessons  # what was put in makes sentence ends unnatural
        features = np.concatenate([lesson[name][0] for lesson, _ in used])
        answers = np.concatenate([lesson[name][1] for lesson, _ in used])
        table, spec["tables"][name]["bias"] = fit(features, answers, sizes[name], seed=seed)
        weights.append(table)
        if verbose:
            print(f"{name}: {len(answers)} decisions, {int(answers.sum())} yes", file=sys.stderr)
    return spec, np.concatenate(weights)


def sentences_of(words: Words) -> list[Sentence]:
    """Words as treebank sentences; tags, heads and relations are not given."""
    forms, text = words.forms(), words.text
    starts, ends, spaces = words.token_start.tolist(), words.token_end.tolist(), words.space_after.tolist()
    token, offsets = words.token.tolist(), words.sentences.tolist()
    sentences = []
    for first, end in pairwise(offsets):
        n = end - first
        tokens: list[Token] = []
        for i in range(first, end):
            t = token[i]
            if i > first and token[i - 1] == t:
                begun = tokens.pop()
                tokens.append(Token(begun.form, begun.start, i - first + 1, begun.space_after))
            else:
                tokens.append(Token(text[starts[t] : ends[t]], i - first, i - first + 1, bool(spaces[t])))
        sentences.append(Sentence(forms[first:end], ["X"] * n, [0] * n, ["dep"] * n, tokens))
    return sentences


def evaluate(tokenizer: Tokenizer, sentences: Sequence[Sentence]) -> Evaluation:
    """Score a tokeniser on the raw text of gold sentences; only tokens, words and sentences mean anything."""
    return evaluate_sentences(sentences, sentences_of(tokenizer(raw_text(sentences))))


def save_tokenizer(spec: Spec, weights: NDArray[np.int8], folder: Path) -> None:
    """Write spec.json and weights.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.json").write_text(json.dumps(spec, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    np.save(folder / "weights.npy", weights)


def load_tokenizer(folder: Path) -> tuple[Spec, NDArray[np.int8]]:
    """Read what `save_tokenizer` wrote.

    Raises:
        CheckpointError: a file is missing, cut short or altered.
    """
    try:
        spec: Spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        return spec, np.load(folder / "weights.npy")
    except (OSError, ValueError, EOFError) as error:
        advice = "train it with posmoe-train tokenizer"
        raise CheckpointError(
            f"{folder}: expected spec.json and weights.npy of a tokeniser ({error}); {advice}"
        ) from error
