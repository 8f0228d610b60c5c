"""What was built, kept on disk: a file for each key, whole or not there, built again where it is damaged."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import EngineWarning

FOLDER = "POSMOE_CACHE"
Key = Mapping[str, Any]


class CacheWarning(EngineWarning):
    """A cached engine was damaged, or none can be kept."""


def folder() -> Path:
    """$POSMOE_CACHE, or `posmoe` in the user's folder for caches."""
    given = os.environ.get(FOLDER)
    if given:
        return Path(given)
    home = Path.home()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(base) / "posmoe"


def path(key: Key, kind: str) -> Path:
    """Where the thing of a kind lies that was built for a key; any change of the key is another file."""
    parts = (str(key[part]) for part in ("bundle", "arithmetic", "card"))
    name = "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part) for part in parts)
    return folder() / f"{name}-{hashlib.sha256(_text(key)).hexdigest()[:16]}.{kind}"


def read(key: Key, kind: str) -> bytes | None:
    """What was kept for a key, or None; None too where the file is damaged.

    Warns:
        CacheWarning: it is damaged.
    """
    file = path(key, kind)
    try:
        header, _, content = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    if header == _header(key, content):
        return content
    warnings.warn(f"{file} is damaged: it is built again.", CacheWarning, stacklevel=3)
    return None


def write(key: Key, kind: str, content: bytes) -> None:
    """Keep something for a key. Two processes may do so at once: whichever file is last is whole.

    Warns:
        CacheWarning: it can't be kept; the next process builds it again.
    """
    file = path(key, kind)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        try:
            with os.fdopen(handle, "wb") as output:
                output.write(_header(key, content) + b"\n" + content)
            Path(draft).replace(file)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        warnings.warn(
            f"an engine can't be kept at {file} ({error.strerror or error}); set ${FOLDER} to a folder that can be "
            "written, else every start builds it again.",
            CacheWarning,
            stacklevel=3,
        )


def forget(key: Key, kind: str) -> None:
    """Remove what was kept for a key."""
    path(key, kind).unlink(missing_ok=True)


def _text(key: Key) -> bytes:
    return json.dumps(key, sort_keys=True).encode()


def _header(key: Key, content: bytes) -> bytes:
    """One line: the whole key, and the digest of what follows."""
    return json.dumps({"key": dict(key), "sha256": hashlib.sha256(content).hexdigest()}, sort_keys=True).encode()
