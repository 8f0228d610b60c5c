"""What is measured of a bundle and kept beside it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe_export.parity import compare
from posmoe_models import flops
from posmoe_quant import freeze
from posmoe_train.checkpoint import Student
from posmoe_train.conllu import Sentence
from posmoe_train.corpus import batches
from posmoe_train.data import gold_corpus, gold_targets, identifiers
from posmoe_train.evaluate import evaluate_bundle
from posmoe_train.examples import Examples
from posmoe_train.usage import expert_usage


def measure(student: Student, bundle: Path, dev: Sequence[Sentence], run: Path) -> dict[str, Any]:
    """Accuracy on dev, parity with PyTorch, FLOPs, parameters and expert usage, with the run's record."""
    parser = freeze(student.parser)
    corpus = gold_corpus(dev)
    features = identifiers(corpus.forms, parser.config.features, student.keys)
    examples = Examples(corpus, gold_targets(dev, student.labels), features, torch.device("cpu"))
    engine = create(Bundle.load(bundle), choose("onnxruntime"))
    parity = compare(parser, engine, _batches(examples))
    layers = flops(parser.config)
    record = run / "run.json"
    dense = sum(p.numel() for name, p in student.parser.named_parameters() if not name.startswith("lexicon"))
    return {
        "dev": evaluate_bundle(bundle, dev),
        "parity": {"onnxruntime": parity.__dict__ | {"equal": parity.equal}},
        "flops_20": layers.pop("total"),
        "flops_20_by_layer": layers,
        "parameters": {"dense": dense, "table": parser.config.features.rows * parser.config.row_dim},
        "experts": expert_usage(student.parser, examples),
        "run": json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {},
    }


def _batches(examples: Examples) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    for sentences in batches(examples.lengths, 4096, None):
        batch = examples.batch(sentences, multiple=1)
        yield batch.features.numpy(), batch.lengths.numpy()
