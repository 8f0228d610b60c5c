"""From a teacher's checkpoint to a bundle: encoder and heads in one graph that ONNX Runtime runs."""

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from posmoe.bundle import Bundle
from posmoe.bundle_files import SUBWORD_TOKENIZER
from posmoe_export.bundle import write_folder, write_weights
from posmoe_export.errors import ExportError
from posmoe_export.graph import OPSET, forget_origin
from posmoe_export.teacher_parity import measure
from posmoe_train.conllu import UPOS, Sentence
from posmoe_train.encoder import check_encoder
from posmoe_train.teacher import END, PAD, PIECES, START, UNKNOWN, Teacher
from posmoe_train.teacher_run import load_teacher
from posmoe_train.tokenizer import load_tokenizer

FORMAT = 1
MIN_EQUAL = 0.999
# smaller initialisers stay in the graph
_SMALL = 256


class Outputs(NamedTuple):
    """What the graph gives; docs/bundle.md."""

    tag_scores: Tensor
    arc_scores: Tensor
    arc_heads: Tensor
    arc_labels: Tensor


class NamedArcs(nn.Module):
    """A teacher that names every arc: `root` for arcs from the root and for no others."""

    def __init__(self, teacher: Teacher, labels: Sequence[str]) -> None:
        super().__init__()
        self.teacher = teacher
        self.root = labels.index("root") if "root" in labels and len(labels) > 1 else None

    def forward(self, pieces: Tensor, first: Tensor, lengths: Tensor) -> Outputs:
        """Packed sub-words int64 [batch, p], place of each word's first one [batch, n], words of each [batch]."""
        mask = torch.arange(first.shape[1]) < lengths[:, None]
        scores = self.teacher(pieces, (pieces != PAD).sum(1), first, mask)
        heads = torch.arange(scores.arcs.shape[2])
        real = nn.functional.pad(mask, (1, 0), value=True)[:, None] & (heads != heads[1:, None])
        arc_heads = torch.where(real, heads, -1)
        return Outputs(scores.tags, scores.arcs, arc_heads, self._names(scores.words))

    def _names(self, words: Tensor) -> Tensor:
        dependent, head = self.teacher.label.project(words)
        # one relation after another: [batch, relations, dependents, heads] is small beside the encoder
        scores = (dependent[:, None, 1:] @ self.teacher.label.weight) @ head[:, None].transpose(2, 3)
        if self.root is None:
            return scores.argmax(1)
        other = torch.arange(scores.shape[1]) != self.root
        named = scores.masked_fill(~other[:, None, None], float("-inf")).argmax(1)
        return torch.where(torch.arange(named.shape[2]) > 0, named, self.root)


def export_teacher(
    run: Path,
    out: Path,
    *,
    encoder: Path,
    tokenizer: Path,
    about: Mapping[str, Any],
    dev: Sequence[Sentence],
    min_equal: float = MIN_EQUAL,
    opset: int = OPSET,
) -> Path:
    """Export a teacher to the bundle folder `out`, with scores on `dev` and parity with PyTorch in metrics.json.

    Args:
        run: folder that `posmoe-train teacher` wrote.
        encoder: the pretrained encoder from which it was trained, for its sizes and `tokenizer.json`.
        tokenizer: folder with spec.json and weights.npy, which cut text into words.
        about: name, version, language, licence and training_data, for the manifest.
        dev: sentences for the scores and the parity check.
        min_equal: share of words whose head, label and tag must be those of PyTorch.
        opset: ONNX operator set of the graph.
    Raises:
        CheckpointError: teacher, encoder or tokeniser are missing, cut short or of another version.
        ExportError: the teacher is untrained, encoder and teacher don't fit together, fewer words are equal, or `out`
            is there and is no bundle.
    """
    teacher, labels = load_teacher(run)
    _check_trained(teacher, run)
    features = features_of(teacher, encoder)
    spec, weights = load_tokenizer(tokenizer)
    network = NamedArcs(teacher, labels).eval().requires_grad_(False)
    manifest = {
        "format": FORMAT,
        **about,
        "metrics": {},
        "constants": _constants(teacher),
        "tags": list(UPOS),
        "labels": labels,
        "tokenizer": dict(spec),
        "features": features,
    }

    def write(folder: Path) -> None:
        graph = teacher_graph(network, opset)
        tensors = {"tokenizer.weights": torch.from_numpy(weights)}
        for initialiser in graph.graph.initializer:
            array = numpy_helper.to_array(initialiser)
            if array.nbytes >= _SMALL:
                tensors[initialiser.name] = torch.from_numpy(np.array(array))
        write_weights(tensors, graph, folder)
        (folder / SUBWORD_TOKENIZER).write_bytes((encoder / SUBWORD_TOKENIZER).read_bytes())

    def checked(draft: Path) -> dict[str, Any]:
        found = measure(network, Bundle.load(draft), dev, run)
        parity = found["parity"]["onnxruntime"]
        if parity["equal"] < min_equal:
            raise ExportError(
                f"only {parity['equal']:.4%} of words equal PyTorch's, expected {min_equal:.4%}: {parity}"
            )
        return found

    return write_folder(out, manifest, write, checked)


def teacher_graph(network: NamedArcs, opset: int = OPSET) -> onnx.ModelProto:
    """The network with dynamic batch, words and sub-words; inputs `pieces`, `first`, `lengths`, outputs `Outputs`."""
    # sizes that no layer has, so that no dimension is taken for another
    pieces = torch.full((3, 13), UNKNOWN)
    pieces[:, 0], pieces[:, -1] = START, END
    first = torch.arange(1, 12).repeat(3, 1)
    lengths = torch.tensor([11, 7, 1])
    batch, words, width = (torch.export.Dim(name) for name in ("batch", "length", "width"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter; nothing that a caller could change
        program = torch.onnx.export(
            network,
            (pieces, first, lengths),
            dynamo=True,
            opset_version=opset,
            input_names=["pieces", "first", "lengths"],
            output_names=list(Outputs._fields),
            dynamic_shapes={"pieces": {0: batch, 1: width}, "first": {0: batch, 1: words}, "lengths": {0: batch}},
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    forget_origin(model.graph)
    return model


def features_of(teacher: Teacher, folder: Path) -> dict[str, int]:
    """The bundle's features: sub-words of the encoder in a folder, which must be the teacher's.

    Raises:
        CheckpointError: a file of the encoder is missing.
        ExportError: its sizes, or its sub-words, are not the teacher's.
    """
    from tokenizers import Tokenizer

    check_encoder(folder)
    ours = teacher.encoder
    expected = {
        "hidden_size": ours.dim,
        "num_hidden_layers": len(ours.layers),
        "vocab_size": ours.word.num_embeddings,
        "max_position_embeddings": ours.position.num_embeddings,
        "relative_attention_num_buckets": ours.buckets,
    }
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / SUBWORD_TOKENIZER))
    except Exception as error:  # tokenizers raises plain exceptions
        raise ExportError(f"{folder}: config.json or {SUBWORD_TOKENIZER} can't be read: {error}") from error
    found = {name: config.get(name) for name in expected}
    if found != expected:
        raise ExportError(f"{folder}: expected the encoder of the teacher, {expected}, got {found}")
    marks = {"<s>": START, "<pad>": PAD, "</s>": END, "<unk>": UNKNOWN}
    places = {mark: tokenizer.token_to_id(mark) for mark in marks}
    if tokenizer.get_vocab_size() != expected["vocab_size"] or places != marks:
        raise ExportError(
            f"{folder / SUBWORD_TOKENIZER}: expected {expected['vocab_size']} sub-words with {marks}, "
            f"got {tokenizer.get_vocab_size()} with {places}"
        )
    return {
        "version": 2,
        "pieces": PIECES,
        "vocabulary": expected["vocab_size"],
        "positions": ours.limit,
        "start": START,
        "padding": PAD,
        "end": END,
        "unknown": UNKNOWN,
    }


def _constants(teacher: Teacher) -> dict[str, Any]:
    """What `posmoe info` says of the network."""
    encoder = teacher.encoder
    return {
        "encoder": "mpnet",
        "scorer": "biaffine",
        "arithmetic": "float32",
        "layers": len(encoder.layers),
        "dim": encoder.dim,
        "parameters": sum(parameter.numel() for parameter in teacher.parameters()),
    }


def _check_trained(teacher: Teacher, run: Path) -> None:
    """Refuse weights that are no numbers, and an arc scorer that is zero as training begins."""
    for name, value in teacher.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            raise ExportError(f"{run}: {name} has numbers that are not finite; train the teacher again")
    if not bool(teacher.arc.weight.any()):
        raise ExportError(f"{run}: the teacher was not trained: its arc.weight is zero still")
