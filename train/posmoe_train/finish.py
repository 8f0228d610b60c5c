"""From a finished run to a bundle: the tokeniser, what the manifest tells, and the export."""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posmoe_train.data import read_parts
from posmoe_train.errors import TrainError
from posmoe_train.tokenizer import save_tokenizer, train_tokenizer

EXPORT = "posmoe_export"
Exporter = Callable[..., Path]


class ExportMissingError(TrainError, ImportError):
    """No package that makes bundles is installed, or one of those that it needs is not."""


def exporter() -> Exporter:
    """`posmoe_export.export_run`, found by its name: export reads what training writes, and never the other way.

    Raises:
        ExportMissingError: names the package that is not installed.
    """
    try:
        found: Exporter = importlib.import_module(EXPORT).export_run
    except ImportError as error:
        raise ExportMissingError(
            f"a bundle needs the package {error.name or EXPORT}, which is not installed; install it, or train with "
            "--no-bundle and export later with posmoe-export"
        ) from error
    return found


def default_about(name: str, train: Path, words: int, silver: Sequence[Path] = ()) -> dict[str, Any]:
    """What a manifest says of a model whose maker said nothing: unknown licences, and the files it was trained on.

    Args:
        name: of the model.
        train: the treebank; a name like `af_afribooms-ud-train.conllu` tells the language, others `und`.
        words: of the treebank.
        silver: folders of silver trees.
    """
    language = re.match(r"([a-z]{2,3})_\w+-ud-", train.name)
    data = [{"name": train.name, "licence": "unknown", "words": words, "use": "gold trees; the tokeniser"}]
    data += [{"name": part.name, "licence": "unknown", "words": 0, "use": "silver trees"} for part in silver]
    return {
        "name": name,
        "version": "0.0.0",
        "language": language[1] if language else "und",
        "licence": "unknown",
        "training_data": data,
    }


def make_bundle(
    export: Exporter,
    run: Path,
    train: Path,
    dev: Path | None,
    *,
    silver: Sequence[Path] = (),
    tokenizer: Path | None = None,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Make the bundle `run/bundle` of a finished run, with a tokeniser of the same treebank.

    Args:
        export: from `exporter`.
        tokenizer: folder of a trained tokeniser; none trains one, under `run/tokenizer`.
        about: for the manifest; none is `default_about`.
    """
    gold, held_out = read_parts(train, dev)
    if tokenizer is None:
        tokenizer = run / "tokenizer"
        save_tokenizer(*train_tokenizer(gold), tokenizer)
    described = about or default_about(run.resolve().name, train, sum(map(len, gold)), silver)
    try:
        return export(run, run / "bundle", tokenizer=tokenizer, about=described, dev=held_out)
    except ValueError as error:
        raise TrainError(f"{run}: the parser is trained, but no bundle was made: {error}") from error
