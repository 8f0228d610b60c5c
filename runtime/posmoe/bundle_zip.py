"""The files of a zipped bundle: read whole, with size and SHA-256 checked."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

from .bundle_files import MANIFEST, changed, check_hash, check_name
from .errors import BundleError


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
                    raise changed(f"bundle {self.path}", name, f"{limit} bytes", f"{info.file_size} bytes")
                with archive.open(info) as file:
                    return file.read(limit + 1)
        except KeyError as error:
            raise BundleError(f"bundle {self.path}: {name} is missing.") from error
        except (OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"bundle {self.path}: cannot read {name} from the zip: {error}") from error

    def checked(self, name: str, record: tuple[int, str]) -> bytes:
        size, digest = record
        data = self.read(name, size)
        if len(data) != size:
            raise changed(f"bundle {self.path}", name, f"{size} bytes", f"{len(data)} bytes")
        check_hash(f"bundle {self.path}", name, digest, data)
        return data
