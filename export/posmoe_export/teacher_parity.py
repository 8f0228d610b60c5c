"""Whether ONNX Runtime gives what a teacher gives in PyTorch, and its scores."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe.network import batches
from posmoe.subwords import load_subwords, pack
from posmoe_export.parity import Parity
from posmoe_train.conllu import Sentence
from posmoe_train.evaluate import evaluate_bundle


def measure(network: nn.Module, bundle: Bundle, dev: Sequence[Sentence], run: Path) -> dict[str, Any]:
    """Accuracy on dev, and parity with PyTorch, with the run's record."""
    record, parity = run / "run.json", compare_teacher(network, bundle, dev)
    return {
        "dev": evaluate_bundle(bundle.path, dev),
        "parity": {"onnxruntime": parity.__dict__ | {"equal": parity.equal}},
        "run": json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {},
    }


def compare_teacher(network: nn.Module, bundle: Bundle, sentences: Sequence[Sentence]) -> Parity:
    """Run both over the sentences: best heads, labels of these, tags, and logits of tags and arcs."""
    engine, subwords = create(bundle, choose("onnxruntime", bundle)), load_subwords(bundle)
    kept = [sentence.forms for sentence in sentences if len(sentence) <= bundle.max_sentence]
    features = subwords.ids([form for forms in kept for form in forms])
    parity = Parity()
    for batch in batches(np.cumsum([0, *map(len, kept)])):
        padded = np.where(batch.real[..., None], features[np.where(batch.real, batch.words, 0)], 0)
        packed = pack(padded, batch.lengths, bundle.manifest["features"])
        with torch.inference_mode():
            ours = network(*(torch.from_numpy(part) for part in (*packed, batch.lengths)))
        tags, arcs, heads, labels = (output.numpy() for output in ours)
        theirs = engine.scores(padded, batch.lengths)
        assert theirs.labels is not None
        real, same = batch.real, heads == theirs.heads
        candidate = same & (heads >= 0) & real[..., None]
        errors = np.abs(arcs - theirs.arcs)[candidate], np.abs(tags - theirs.tags)[real]
        best, other = (np.where(heads < 0, -np.inf, scores).argmax(-1)[..., None] for scores in (arcs, theirs.arcs))
        mine, found = (_taken(*pair) for pair in ((labels, best), (theirs.labels, other)))
        parity.words += int(real.sum())
        parity.candidates += int((same.all(-1) & real).sum())
        parity.heads += int((best == other)[..., 0][real].sum())
        parity.labels += int((mine == found)[real].sum())
        parity.tags += int((tags.argmax(-1) == theirs.tags.argmax(-1))[real].sum())
        parity.logit_error = max(parity.logit_error, *(float(error.max(initial=0)) for error in errors))
    return parity


def _taken(labels: NDArray[np.int64], best: NDArray[np.int64]) -> NDArray[np.int64]:
    """The label [batch, time] of the best candidate of each word, [batch, time, 1]."""
    return np.take_along_axis(labels, best, -1)[..., 0]
