"""A reader of the safetensors format; it trusts nothing that the file says about itself."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_HEADER = 16 << 20
# name in the file → (format character of `struct` or None where Python has none, bytes an element)
DTYPES: dict[str, tuple[str | None, int]] = {
    "BOOL": ("?", 1), "U8": ("B", 1), "I8": ("b", 1), "U16": ("H", 2), "I16": ("h", 2),
    "U32": ("I", 4), "I32": ("i", 4), "U64": ("Q", 8), "I64": ("q", 8),
    "F16": ("e", 2), "F32": ("f", 4), "F64": ("d", 8), "BF16": (None, 2),
    "F8_E4M3": (None, 1), "F8_E5M2": (None, 1),
}  # fmt: skip


class Entry(NamedTuple):
    """Where one tensor lies: its bytes are [begin, end) of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class SafeTensors(Mapping[str, "NDArray[Any]"]):
    """The tensors of one file as read-only arrays that share its memory.

    Args:
        data: the whole file; a memory map or bytes.
        name: what error messages call the file.
    Raises:
        BundleError: the header is cut short or malformed, or a tensor lies outside the file or on another.
    """

    def __init__(self, data: bytes | mmap.mmap, name: str) -> None:
        self._data = data
        self._name = name
        self.entries = _entries(data, name)

    @classmethod
    def open(cls, path: Path) -> SafeTensors:
        """Memory-map a file; its bytes are read when a tensor is."""
        return cls(map_file(path), str(path))

    @property
    def buffer(self) -> memoryview:
        """The bytes of the whole file."""
        return memoryview(self._data)

    def __getitem__(self, name: str) -> NDArray[Any]:
        import numpy as np

        entry, kind, size = self._kind(name)
        count = (entry.end - entry.begin) // size
        if count == 0:
            return np.empty(entry.shape, f"<{kind}")
        return np.frombuffer(self._data, f"<{kind}", count, entry.begin).reshape(entry.shape)

    def view(self, name: str) -> memoryview | NDArray[Any]:
        """A tensor for those who read buffers: as `[name]`, without NumPy unless the tensor is empty."""
        entry, kind, _ = self._kind(name)
        if entry.begin == entry.end or not entry.shape:
            return self[name]  # memoryview has no such shapes
        return memoryview(self._data)[entry.begin : entry.end].cast(kind, entry.shape)  # type: ignore[call-overload, no-any-return]

    def _kind(self, name: str) -> tuple[Entry, str, int]:
        """A tensor's entry, the format character and size of its elements."""
        entry = self.entries[name]
        kind, size = DTYPES[entry.dtype]
        if kind is None:
            raise BundleError(f"{self._name}: NumPy has no type for {entry.dtype}, the type of tensor {name!r}.")
        return entry, kind, size

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def map_file(path: Path) -> bytes | mmap.mmap:
    """A file's bytes, memory-mapped; an empty file has none to map."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}.") from error


def _entries(data: bytes | mmap.mmap, name: str) -> dict[str, Entry]:
    """Parse and check the header of a whole file."""

    def refuse(why: str) -> BundleError:
        return BundleError(f"{name} is no whole safetensors file: {why}. Fetch or export the bundle again.")

    if len(data) < 8:
        raise refuse(f"expected at least 8 bytes, got {len(data)}")
    size = int.from_bytes(data[:8], "little")
    if size > min(len(data) - 8, MAX_HEADER):
        raise refuse(f"its header says {size} bytes, {len(data) - 8} follow and {MAX_HEADER} are allowed")
    try:
        header = json.loads(data[8 : 8 + size].decode(), parse_constant=no_constant, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise refuse(f"its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise refuse("its header is no JSON object")
    header.pop("__metadata__", None)
    start = 8 + size
    entries: dict[str, Entry] = {}
    for key, value in header.items():
        entry = _entry(value, start)
        if isinstance(entry, str):
            raise refuse(f"tensor {key!r}: {entry}")
        entries[key] = entry
    position = start
    for key, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise refuse(f"tensor {key!r} begins at byte {entry.begin}, expected {position} (a gap or an overlap)")
        position = entry.end
    if position != len(data):
        raise refuse(f"its tensors end at byte {position}, the file has {len(data)}")
    return entries


def _entry(value: object, start: int) -> Entry | str:
    """One tensor's place, or what is wrong with it."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        return "expected the keys dtype, shape and data_offsets"
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        return f"unknown type {str(dtype)[:40]!r}"
    if not _naturals(shape) or len(shape) > 8:
        return "the shape is no list of at most 8 sizes"
    if not _naturals(offsets) or len(offsets) != 2:
        return "data_offsets is no pair of offsets"
    expected = DTYPES[dtype][1]
    for size in shape:
        expected *= size
    begin, end = offsets
    if end - begin != expected:
        return f"expected {expected} bytes for {dtype} {shape}, got {end - begin}"
    return Entry(dtype, tuple(shape), start + begin, start + end)


def _naturals(value: object) -> bool:
    """Whether a JSON value is a list of integers from 0 to 2**53."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= 1 << 53 for item in value)


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; a name given twice is an error."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is given twice")
    return result


def no_constant(name: str) -> object:
    """NaN and the infinities are no JSON."""
    raise ValueError(f"{name} is no JSON")
