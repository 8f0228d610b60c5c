"""From treebanks to examples: label sets, feature keys and gold targets."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from posmoe.features import frequent_keys, load_features
from posmoe_models import FeatureConfig
from posmoe_train.conllu import UPOS, Sentence, TreebankError, read_treebank
from posmoe_train.corpus import Corpus, Targets


def read_parts(train: Path, dev: Path | None) -> tuple[list[Sentence], list[Sentence]]:
    """The sentences to train on, and those to choose by.

    Without a development part every tenth sentence is held out, from the tenth on; of fewer than ten, none is, and
    the scores are those of the training sentences.

    Raises:
        TreebankError: what `read_treebank` refuses, or a file without a sentence.
    """
    sentences = _some(train)
    if dev:
        return sentences, _some(dev)
    held_out = sentences[9::10]
    if not held_out:
        return sentences, sentences
    return [s for i, s in enumerate(sentences) if i % 10 != 9], held_out


def _some(path: Path) -> list[Sentence]:
    sentences = read_treebank(path)
    if not sentences:
        raise TreebankError(str(path), 1, "a sentence", "none in the file")
    return sentences


def label_set(sentences: Sequence[Sentence]) -> list[str]:
    """Relations of the sentences, sorted."""
    return sorted({deprel for sentence in sentences for deprel in sentence.deprels})


def gold_corpus(sentences: Sequence[Sentence]) -> Corpus:
    """The sentences' forms."""
    return Corpus.build(sentence.forms for sentence in sentences)


def gold_targets(sentences: Sequence[Sentence], labels: Sequence[str]) -> Targets:
    """Hard targets; heads past 255 words become the root: such sentences are left out of training (`MAX_WORDS`).

    A relation that is none of `labels` becomes one of the same universal relation, else `len(labels)`, which
    no prediction equals.
    """
    label_index = {label.partition(":")[0]: i for i, label in reversed(list(enumerate(labels)))}
    label_index |= {label: i for i, label in enumerate(labels)}
    unseen = len(labels)
    tag_index = {tag: i for i, tag in enumerate(UPOS)}
    return Targets.hard(
        [head if head < 256 else 0 for s in sentences for head in s.heads],
        [
            label_index.get(deprel, label_index.get(deprel.partition(":")[0], unseen))
            for s in sentences
            for deprel in s.deprels
        ],
        [tag_index[tag] for s in sentences for tag in s.upos],
    )


def feature_keys(corpora: Sequence[Corpus], config: FeatureConfig) -> tuple[NDArray[np.uint32], FeatureConfig]:
    """Keys of the most frequent words, and the configuration with as many word rows as were found."""
    counts: Counter[str] = Counter()
    for corpus in corpora:
        frequency = np.bincount(corpus.words, minlength=len(corpus.forms))
        counts.update(dict(zip(corpus.forms, frequency.tolist(), strict=True)))
    keys = frequent_keys(counts, config.words)
    return keys, replace(config, words=len(keys))


def identifiers(forms: list[str], config: FeatureConfig, keys: NDArray[np.uint32]) -> torch.Tensor:
    """Feature identifiers of each form, int32 [forms, 6]."""
    return torch.from_numpy(load_features(asdict(config), keys).ids(forms))


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
