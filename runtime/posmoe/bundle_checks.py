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


def check_tensors(
    path: Path, manifest: Mapping[str, Any], tags: Sequence[str], labels: Sequence[str], tensors: SafeTensors
) -> None:
    """Check the tensors that the runtime reads itself against the manifest's sizes.

    Raises:
        BundleError: names the tensor or key, what was expected and what is there.
    """
    for name, dtype in TENSORS.items():
        if name not in tensors:
            raise BundleError(f"bundle {path}: expected a tensor {name!r} in weights.safetensors, it is missing.")
        if tensors.entries[name].dtype != dtype:
            raise BundleError(
                f"bundle {path}: expected tensor {name!r} to be {dtype}, got {tensors.entries[name].dtype}."
            )
    features: dict[str, Any] = part(manifest, "features", dict, path)
    tokenizer: dict[str, Any] = part(manifest, "tokenizer", dict, path)
    for where, spec in (("features", features), ("tokenizer", tokenizer)):
        if spec.get("version") != 1:
            raise BundleError(f"bundle {path}: expected {where} of version 1, got {spec.get('version')!r}.")
    for size in SIZES:
        if type(features.get(size)) is not int or not 0 <= features[size] < 1 << 31:
            raise BundleError(
                f"bundle {path}: expected features.{size} to be a number of rows, got {features.get(size)!r}."
            )
    longest = tokenizer.get("max_sentence")
    if type(longest) is not int or longest < 1:
        raise BundleError(f"bundle {path}: expected tokenizer.max_sentence to be at least 1, got {longest!r}.")
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
