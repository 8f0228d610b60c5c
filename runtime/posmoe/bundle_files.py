"""The files of a bundle, in a folder or in a zip: read whole, with size and SHA-256 checked."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from pathlib import Path

from .errors import BundleError
from .safetensors import SafeTensors, map_file

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
GRAPH = "model.onnx"


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
            raise _changed(f"bundle {self.path}", name, f"{size} bytes", f"{found} bytes")
        if name == WEIGHTS:
            mapped = map_file(file)
            with memoryview(mapped) as view:
                _check_digest(f"bundle {self.path}", name, digest, view)
            return SafeTensors(mapped, str(file))
        data = self.read(name, size)
        _check_digest(f"bundle {self.path}", name, digest, data)
        return data


class ZipFiles:
    """The files of a zipped bundle, at its top or in its only folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except OSError as error:
            raise BundleError(f"bundle {path}: cannot read it: {error.strerror or error}.") from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise BundleError(
                f"bundle {path}: expected a folder or a zip, got a file that is no whole zip ({error})."
            ) from error
        tops = {name.split("/")[0] for name in names}
        self.prefix = f"{tops.pop()}/" if MANIFEST not in names and len(tops) == 1 else ""
        for name in names:
            if name != self.prefix:
                check_name(name.removeprefix(self.prefix), path)
        if len(set(names)) != len(names):
            raise BundleError(f"bundle {path}: a file is in the zip twice. Fetch or export the bundle again.")

    def read(self, name: str, limit: int) -> bytes:
        try:
            with zipfile.ZipFile(self.path) as archive:
                info = archive.getinfo(self.prefix + name)
                if info.file_size > limit:
                    raise _changed(f"bundle {self.path}", name, f"{limit} bytes", f"{info.file_size} bytes")
                with archive.open(info) as file:
                    return file.read(limit + 1)
        except KeyError as error:
            raise BundleError(f"bundle {self.path}: {name} is missing.") from error
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"bundle {self.path}: cannot read {name} from the zip: {error}") from error

    def checked(self, name: str, record: tuple[int, str]) -> bytes | SafeTensors:
        size, digest = record
        data = self.read(name, size)
        if len(data) != size:
            raise _changed(f"bundle {self.path}", name, f"{size} bytes", f"{len(data)} bytes")
        _check_digest(f"bundle {self.path}", name, digest, data)
        return data


def check_name(name: str, path: Path) -> None:
    """Only plain file names: nothing may point out of the bundle."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise BundleError(f"bundle {path}: {name[:80]!r} is no plain file name. Don't use this bundle.")


def _check_digest(where: str, name: str, expected: str, data: bytes | memoryview) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != expected.lower():
        raise _changed(where, name, f"SHA-256 {expected[:64]}", found)


def _changed(where: str, name: str, expected: str, found: str) -> BundleError:
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
        raise _changed(where, file.name, f"at most {limit} bytes", f"{size} bytes")
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{where}: cannot read {file.name}: {error.strerror or error}.") from error


def as_bytes(content: bytes | SafeTensors) -> bytes:
    return bytes(content.buffer) if isinstance(content, SafeTensors) else content
