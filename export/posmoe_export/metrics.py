"""What is measured of a bundle and kept beside it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe_export.accuracy import examples, padded
from posmoe_export.parity import compare
from posmoe_models import flops
from posmoe_quant import freeze
from posmoe_train.checkpoint import Student
from posmoe_train.conllu import Sentence
from posmoe_train.evaluate import evaluate_bundle
from posmoe_train.usage import expert_usage


def measure(student: Student, bundle: Path, dev: Sequence[Sentence], run: Path) -> dict[str, Any]:
    """Accuracy on dev, parity with PyTorch, FLOPs, parameters and expert usage, with the run's record."""
    parser = freeze(student.parser)
    opened = Bundle.load(bundle)
    data = examples(opened, dev)
    parity = compare(parser, create(opened, choose("onnxruntime")), padded(data))
    layers = flops(parser.config)
    record = run / "run.json"
    dense = sum(p.numel() for name, p in student.parser.named_parameters() if not name.startswith("lexicon"))
    return {
        "dev": evaluate_bundle(bundle, dev),
        "parity": {"onnxruntime": parity.__dict__ | {"equal": parity.equal}},
        "flops_20": layers.pop("total"),
        "flops_20_by_layer": layers,
        "parameters": {"dense": dense, "table": parser.config.features.rows * parser.config.row_dim},
        "experts": expert_usage(student.parser, data),
        "run": json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {},
    }
