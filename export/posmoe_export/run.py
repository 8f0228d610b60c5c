"""From the folder of a student's run to a bundle, checked against PyTorch over a treebank."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posmoe_export.bundle import export_bundle
from posmoe_export.errors import ExportError
from posmoe_export.graph import OPSET
from posmoe_export.metrics import measure
from posmoe_export.prune import keep_words
from posmoe_train.checkpoint import load_student
from posmoe_train.conllu import UPOS, Sentence
from posmoe_train.tokenizer import load_tokenizer

MIN_EQUAL = 0.999


def export_run(
    run: Path,
    out: Path,
    *,
    tokenizer: Path,
    about: Mapping[str, Any],
    dev: Sequence[Sentence],
    words: int | None = None,
    min_equal: float = MIN_EQUAL,
    opset: int = OPSET,
) -> Path:
    """Export the student of a run to the bundle folder `out`, with its scores on `dev` in metrics.json.

    `posmoe-train student` finds this function by its name.

    Args:
        run: folder that `posmoe-train student` wrote.
        tokenizer: folder with spec.json and weights.npy.
        about: name, version, language, licence and training_data, for the manifest.
        dev: sentences for the scores and the parity check.
        words: keep the rows of so many frequent words; all by default.
        min_equal: share of words whose head, label and tag must be those of PyTorch.
        opset: ONNX operator set of the graph.
    Raises:
        ExportError: fewer words are equal, or `out` is there and is no bundle.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that nothing here needs
    trained = load_student(run)
    if words is not None:
        trained = keep_words(trained, words)

    def checked(draft: Path) -> dict[str, Any]:
        metrics = measure(trained, draft, dev, run)
        parity = metrics["parity"]["onnxruntime"]
        if parity["equal"] < min_equal:
            raise ExportError(
                f"only {parity['equal']:.4%} of words equal PyTorch's, expected {min_equal:.4%}: {parity}"
            )
        return metrics

    spec, weights = load_tokenizer(tokenizer)
    return export_bundle(
        trained.parser,
        out,
        tags=list(UPOS),
        labels=trained.labels,
        keys=trained.keys,
        tokenizer=spec,
        tokenizer_weights=weights,
        about=about,
        opset=opset,
        measure=checked,
    )
