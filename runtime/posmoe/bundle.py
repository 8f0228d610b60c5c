"""Model bundles: finding them, opening a folder or a `.posmoe` zip, and refusing what is not whole."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .bundle_checks import check_digest, check_tensors, part, reads_subwords
from .bundle_files import GRAPH, MANIFEST, WEIGHTS, Files, FolderFiles, as_bytes, check_name
from .errors import BundleError, InputError
from .features import SIZES
from .safetensors import SafeTensors, no_constant, unique

FORMAT = 1
DEFAULT = "en-edge"
ENTRY_POINTS = "posmoe.models"
MAX_MANIFEST = 16 << 20
# words that a scorer of all pairs takes: its memory grows with their square, 100 MB here
QUADRATIC = 1024
# what the root of a later piece of a cut sentence is to the root of the first one; the first that the model knows
JOINING = ("parataxis", "list", "dep")
MODELS = Path(__file__).parent / "models"


class Bundle:
    """A checked bundle. `folder` is None when it came from a zip.

    `graph` holds the bytes of model.onnx, `others` those of the files that only some engines read.
    """

    def __init__(
        self, path: Path, folder: Path | None, manifest: dict[str, Any], tags: tuple[str, ...],
        labels: tuple[str, ...], tensors: SafeTensors, graph: bytes, others: Mapping[str, bytes],
    ) -> None:  # fmt: skip
        self.path = path
        self.folder = folder
        self.manifest = manifest
        self.tags = tags
        self.labels = labels
        self.tensors = tensors
        self.graph = graph
        self.others = others

    @classmethod
    def load(cls, path: str | Path) -> Bundle:
        """Open and check a bundle.

        Raises:
            BundleError: a file is missing, cut short or altered, the format is another version, the manifest was
                altered, lacks something, or disagrees with the tensors.
        """
        path = Path(path)
        folder = os.path.isdir(path)  # noqa: PTH112 (no error where the folder above is closed)
        files = FolderFiles(path) if folder else _zipped(path)
        manifest = _manifest(files, path)
        recorded: dict[str, Any] = part(manifest, "files", dict, path)
        for name in recorded:
            check_name(name, path)
        for name in (WEIGHTS, GRAPH):
            if name not in recorded:
                raise BundleError(f"bundle {path}: expected {name} among the manifest's files, it is missing.")
        contents = {name: files.checked(name, _record(recorded, name, path)) for name in recorded}
        weights = contents[WEIGHTS]
        bundle = cls(
            path=path,
            folder=path if folder else None,
            manifest=manifest,
            tags=_names(manifest, "tags", path),
            labels=_names(manifest, "labels", path),
            tensors=weights if isinstance(weights, SafeTensors) else SafeTensors(weights, f"{path}:{WEIGHTS}"),
            graph=as_bytes(contents[GRAPH]),
            others={name: as_bytes(content) for name, content in contents.items() if name not in (WEIGHTS, GRAPH)},
        )
        check_tensors(path, manifest, bundle.tags, bundle.labels, bundle.tensors)
        return bundle

    def __repr__(self) -> str:
        return f"<Bundle {self.name} {self.version} at {self.path}>"

    @property
    def name(self) -> str:
        """The model's name, such as `en-edge`."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """The model's version."""
        return str(self.manifest["version"])

    @property
    def max_sentence(self) -> int:
        """The longest sentence in words that the network takes; longer ones are cut."""
        longest = int(self.manifest["tokenizer"]["max_sentence"])
        if self.subwords:  # each word has one at least, between two marks
            return min(longest, int(self.manifest["features"]["positions"]) - 2)
        return min(longest, QUADRATIC) if self.manifest["constants"].get("scorer") == "biaffine" else longest

    @property
    def joining(self) -> int:
        """Index of the relation that joins the pieces of a sentence beyond `max_sentence`."""
        return next((self.labels.index(label) for label in JOINING if label in self.labels), 0)

    @property
    def subwords(self) -> bool:
        """Whether the network reads the sub-words of a pretrained encoder, in place of hashed features."""
        return reads_subwords(self.manifest["features"])

    @property
    def rows(self) -> int:
        """Rows of the feature table: padding, dropped word, and those of every kind of feature; or of an encoder's."""
        if self.subwords:
            return 1 + int(self.manifest["features"]["vocabulary"])
        return 2 + sum(int(self.manifest["features"][size]) for size in SIZES)


def find(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """Where a bundle lies: the packaged model for None, a path, or a model that another package brings.

    Packages bring models through the entry point group `posmoe.models`: the entry's name is the model's, its
    object the path of the bundle or a function without arguments that returns it.

    Raises:
        InputError: neither a name nor a path was given.
        BundleError: there is no such bundle.
    """
    if not isinstance(name_or_path, str | os.PathLike | None):
        raise InputError(f"expected a model's name or a bundle's path, got {name_or_path!r:.80}.")
    name = DEFAULT if name_or_path is None else name_or_path
    if name_or_path is not None and os.path.exists(name_or_path):  # noqa: PTH110 (takes names of any length)
        return Path(name_or_path)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BundleError(f"no bundle at {name}: there is no such file or folder.")
    if (MODELS / name / MANIFEST).is_file():
        return MODELS / name
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            place = entry.load()
            return Path(place() if callable(place) else place)
        except Exception as error:
            raise BundleError(f"model {name!r}: the package that brings it ({entry.value}) failed: {error}") from error
    known = {folder.parent.name for folder in MODELS.glob(f"*/{MANIFEST}")}
    known |= {entry.name for entry in entry_points(group=ENTRY_POINTS)}
    if name_or_path is None:
        raise BundleError("this installation has no model of its own. Name a bundle, or an installed model.")
    raise BundleError(
        f"no model named {name!r} is installed, and no such file or folder exists. "
        f"Installed models: {', '.join(sorted(known)) or 'none'}."
    )


def reference(bundle: Bundle) -> str:
    """What finds a bundle again in another process: its name where that leads to it, else its whole path."""
    try:
        named = find(bundle.name) == bundle.path
    except BundleError:
        named = False
    return bundle.name if named else str(bundle.path.resolve())


def _zipped(path: Path) -> Files:
    from .bundle_zip import ZipFiles

    return ZipFiles(path)


def _manifest(files: Files, path: Path) -> dict[str, Any]:
    """The manifest, of this format's version."""
    data = files.read(MANIFEST, MAX_MANIFEST)
    try:
        manifest = json.loads(data, parse_constant=no_constant, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"bundle {path}: {MANIFEST} is no whole JSON ({error}). Fetch or export it again.") from error
    if not isinstance(manifest, dict):
        raise BundleError(f"bundle {path}: expected a JSON object in {MANIFEST}, got {type(manifest).__name__}.")
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"bundle {path}: expected format {FORMAT}, got {manifest.get('format')!r}. "
            "Export it again with this version's posmoe-export, or install the posmoe it was made for."
        )
    check_digest(path, manifest)
    for key in ("name", "version", "language"):
        part(manifest, key, str, path)
    part(manifest, "constants", dict, path)
    return manifest


def _names(manifest: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    """A list of distinct names, as tags and labels are; they may not break a CoNLL-U line."""
    names: list[Any] = part(manifest, key, list, path)
    if not names or not all(isinstance(name, str) and re.fullmatch(r"[!-~]+", name) for name in names):
        raise BundleError(f"bundle {path}: expected {key} to be names in printable ASCII without spaces.")
    if len(set(names)) != len(names):
        raise BundleError(f"bundle {path}: a name is twice among the {key}.")
    return tuple(names)


def _record(recorded: Mapping[str, Any], name: str, path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file by the manifest."""
    value = recorded[name]
    size = value.get("bytes") if isinstance(value, dict) else None
    digest = value.get("sha256") if isinstance(value, dict) else None
    if type(size) is not int or size < 0 or not isinstance(digest, str):
        raise BundleError(f"bundle {path}: expected `bytes` and `sha256` for {name} in the manifest's files.")
    return size, digest
