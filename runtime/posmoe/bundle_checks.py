"""Whether a bundle's manifest and tensors agree, so that nothing past loading has to doubt a shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from .errors import BundleError
from .features import SIZES
from .safetensors import SafeTensors

T = TypeVar("T")
# tensor → type in the safetensors file
TENSORS = {
    "features.keys": "U32",
    "tokenizer.weights": "I8",
    "label.weight": "F32",
    "label.bias": "F32",
    "label.pair": "F32",
}
# numbers of a specification of sub-words: how many a word has at most, how many there are, how many the encoder takes
# with its marks, and the identifiers of the marks
SUBWORDS = ("pieces", "vocabulary", "positions", "start", "padding", "end", "unknown")


def part(manifest: Mapping[str, Any], key: str, kind: type[T], path: Path) -> T:
    """The value of a key that the manifest must have."""
    value = manifest.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        found = "nothing" if value is None else type(value).__name__
        raise BundleError(f"bundle {path}: expected {key!r} in the manifest to be {kind.__name__}, got {found}.")
    return value


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest without its `digest`, as JSON with sorted keys and no spaces in UTF-8."""
    content = {key: value for key, value in manifest.items() if key != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check_digest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Check that the manifest's content is what it was when it was written.

    Raises:
        BundleError: it has no digest, or another content.
    """
    expected = part(manifest, "digest", str, path)
    found = digest_of(manifest)
    if found != expected.lower():
        raise BundleError(
            f"bundle {path}: the content of manifest.json was altered: expected digest {expected[:64]}, got {found}. "
            "Fetch or export the bundle again."
        )


def reads_subwords(features: Mapping[str, Any]) -> bool:
    """Whether a specification of features is of version 2, a pretrained encoder's sub-words."""
    return type(features.get("version")) is int and features["version"] == 2


def check_tensors(
    path: Path, manifest: Mapping[str, Any], tags: Sequence[str], labels: Sequence[str], tensors: SafeTensors
) -> None:
    """Check the tensors that the runtime reads itself against the manifest's sizes.

    Raises:
        BundleError: names the tensor or key, what was expected and what is there.
    """
    features: dict[str, Any] = part(manifest, "features", dict, path)
    tokenizer: dict[str, Any] = part(manifest, "tokenizer", dict, path)
    subwords = reads_subwords(features)
    for name, dtype in ({"tokenizer.weights": "I8"} if subwords else TENSORS).items():
        if name not in tensors:
            raise BundleError(f"bundle {path}: expected a tensor {name!r} in weights.safetensors, it is missing.")
        if tensors.entries[name].dtype != dtype:
            raise BundleError(
                f"bundle {path}: expected tensor {name!r} to be {dtype}, got {tensors.entries[name].dtype}."
            )
    for where, spec, known in (("features", features, "1 or 2"), ("tokenizer", tokenizer, "1")):
        if spec.get("version") != 1 and not (spec is features and subwords):
            raise BundleError(f"bundle {path}: expected {where} of version {known}, got {spec.get('version')!r}.")
    for size in SUBWORDS if subwords else SIZES:
        if type(features.get(size)) is not int or not 0 <= features[size] < 1 << 31:
            kind = "a whole number" if subwords else "a number of rows"
            raise BundleError(f"bundle {path}: expected features.{size} to be {kind}, got {features.get(size)!r}.")
    longest = tokenizer.get("max_sentence")
    if type(longest) is not int or longest < 1:
        raise BundleError(f"bundle {path}: expected tokenizer.max_sentence to be at least 1, got {longest!r}.")
    if subwords:
        _check_subwords(path, features)
        return
    weight = tensors.entries["label.weight"].shape
    rank = weight[0] if weight else 0
    expected = {
        "features.keys": (features.get("words"),),
        "label.weight": (rank, len(labels)),
        "label.bias": (len(labels),),
        "label.pair": (2 * (len(tags) + 1) ** 2, len(labels)),
    }
    for name, shape in expected.items():
        found = tensors.entries[name].shape
        if found != shape:
            raise BundleError(
                f"bundle {path}: manifest and weights disagree: for {len(tags)} tags, {len(labels)} labels "
                f"and {features['words']} words expected {name!r} of {list(shape)}, got {list(found)}."
            )


def _check_subwords(path: Path, features: Mapping[str, Any]) -> None:
    """The numbers of a specification of sub-words fit together."""
    unknown = sorted(set(features) - {"version", *SUBWORDS})
    if unknown:
        raise BundleError(f"bundle {path}: features have unknown entries: {', '.join(unknown)}")
    for mark in ("start", "padding", "end", "unknown"):
        if features[mark] >= features["vocabulary"]:
            raise BundleError(
                f"bundle {path}: expected features.{mark} to be one of {features['vocabulary']} sub-words, "
                f"got {features[mark]}."
            )
    if not 1 <= features["pieces"] <= 64 or features["positions"] < 3:
        found = f"{features['pieces']} and {features['positions']}"
        raise BundleError(
            f"bundle {path}: expected features.pieces from 1 to 64 and features.positions from 3, got {found}."
        )
