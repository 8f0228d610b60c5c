"""A network in PyTorch behind the runtime's decoder, and its scores on a treebank."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from posmoe.bundle import Bundle
from posmoe.engines import Engine, Scores
from posmoe.engines.onnxruntime import OUTPUTS
from posmoe.evaluation.metrics import evaluate_words
from posmoe.network import Columns, Network
from posmoe_models import FeatureConfig, Parser
from posmoe_models import Scores as Outputs
from posmoe_train.conllu import Sentence
from posmoe_train.corpus import batches
from posmoe_train.data import gold_corpus, gold_targets, identifiers
from posmoe_train.examples import Examples

Features = NDArray[np.int32]
Lengths = NDArray[np.int64]


class TorchEngine:
    """A parser, or what computes as one, as an engine of the runtime."""

    name = "pytorch"

    def __init__(self, parser: Callable[[torch.Tensor, torch.Tensor], Outputs]) -> None:
        self._parser = parser

    @torch.inference_mode()
    def scores(self, features: Features, lengths: Lengths) -> Scores:
        """Run one batch; see `Engine.scores`."""
        found = self._parser(torch.from_numpy(features), torch.from_numpy(lengths))
        return Scores(*(output.numpy() for output in found[: len(OUTPUTS)]))


def examples(bundle: Bundle, gold: Sequence[Sentence]) -> Examples:
    """The sentences as a bundle's network reads them."""
    corpus = gold_corpus(gold)
    keys: NDArray[np.uint32] = bundle.tensors["features.keys"].copy()
    features = identifiers(corpus.forms, FeatureConfig(**bundle.manifest["features"]), keys)
    return Examples(corpus, gold_targets(gold, list(bundle.labels)), features, torch.device("cpu"))


def padded(examples: Examples, budget: int = 4096) -> Iterator[tuple[Features, Lengths]]:
    """Batches of identifiers [batch, length, 6] and lengths [batch], padded to the longest."""
    for sentences in batches(examples.lengths, budget, None):
        batch = examples.batch(sentences, multiple=1)
        yield batch.features.numpy(), batch.lengths.numpy()


def calibrator(bundle: Bundle, gold: Sequence[Sentence]) -> Callable[[Parser], None]:
    """What runs a parser over sentences, for `posmoe_quant.calibrate_`."""
    data = examples(bundle, gold)

    def run(parser: Parser) -> None:
        for features, lengths in padded(data):
            parser(torch.from_numpy(features), torch.from_numpy(lengths))

    return run


def trees(bundle: Bundle, engine: Engine, data: Examples) -> Columns:
    """The trees of all sentences, as the runtime decodes them."""
    words = data.words.long()
    offsets = data.offsets.numpy()
    return Network(bundle, engine).columns(data.identifiers[words].numpy(), offsets)


def accuracy(bundle: Bundle, engine: Engine, gold: Sequence[Sentence]) -> dict[str, float]:
    """UPOS, UAS and LAS on gold tokens after the CoNLL 2018 definitions, in percent."""
    data = examples(bundle, gold)
    found = trees(bundle, engine, data)
    ends = data.offsets.numpy()[1:-1]
    tags, labels = np.array(bundle.tags, dtype=object), np.array(bundle.labels, dtype=object)
    columns = (tags[found.upos], found.heads, labels[found.deprels])
    return evaluate_words(gold, *([list(part) for part in np.split(column, ends)] for column in columns))
