"""The files of a bundle in a folder: read whole, with size and SHA-256 checked."""

from __future__ import annotations

import hashlib
import re
import stat
from pathlib import Path
from typing import Protocol

from .errors import BundleError
from .safetensors import SafeTensors, map_file

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
GRAPH = "model.onnx"
# the same network as TensorRT reads it; not every bundle has it
TENSORRT = "tensorrt.onnx"
SUBWORD_TOKENIZER = "tokenizer.json"


class Files(Protocol):
    """Where a bundle's files come from."""

    def read(self, name: str, limit: int) -> bytes:
        """A file's bytes, refused where they are more than `limit`."""
        ...

    def checked(self, name: str, record: tuple[int, str]) -> bytes | SafeTensors:
        """A file whose size and SHA-256 are those of the record."""
        ...


class FolderFiles:
    """The files of a bundle in a folder; the weights are memory-mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str, limit: int) -> bytes:
        return _read_file(self.path / name, f"bundle {self.path}", limit)

    def checked(self, name: str, record: tuple[int, str]) -> bytes | SafeTensors:
        size, digest = record
        file = self.path / name
        found = _size(file, f"bundle {self.path}")
        if found != size:
            raise changed(f"bundle {self.path}", name, f"{size} bytes", f"{found} bytes")
        if name == WEIGHTS:
            mapped = map_file(file)
            with memoryview(mapped) as view:
                check_hash(f"bundle {self.path}", name, digest, view)
            return SafeTensors(mapped, str(file))
        data = self.read(name, size)
        check_hash(f"bundle {self.path}", name, digest, data)
        return data


def check_name(name: str, path: Path) -> None:
    """Only plain file names: nothing may point out of the bundle."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise BundleError(f"bundle {path}: {name[:80]!r} is no plain file name. Don't use this bundle.")


def check_hash(where: str, name: str, expected: str, data: bytes | memoryview) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected.lower():
        raise changed(where, name, f"SHA-256 {expected[:64]}", found)


def changed(where: str, name: str, expected: str, found: str) -> BundleError:
    return BundleError(
        f"{where}: {name} was cut short or altered: expected {expected}, got {found}. Fetch or export the bundle again."
    )


def _size(file: Path, where: str) -> int:
    """Size of a regular file."""
    try:
        status = file.stat()
    except OSError as error:
        raise BundleError(f"{where}: {file.name} is missing or cannot be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{where}: {file.name} is no regular file.")
    return status.st_size


def _read_file(file: Path, where: str, limit: int) -> bytes:
    size = _size(file, where)
    if size > limit:
        raise changed(where, file.name, f"at most {limit} bytes", f"{size} bytes")
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{where}: cannot read {file.name}: {error.strerror or error}.") from error


def as_bytes(content: bytes | SafeTensors) -> bytes:
    return bytes(content.buffer) if isinstance(content, SafeTensors) else content
