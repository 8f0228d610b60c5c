"""The reader agrees with the safetensors library, and refuses every file that is not whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save, save_file

from posmoe.errors import BundleError
from posmoe.safetensors import SafeTensors

DTYPES = [np.bool_, np.int8, np.uint8, np.int32, np.uint32, np.int64, np.float16, np.float32, np.float64]
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
tensors = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "__metadata__"), arrays, max_size=5)


@given(tensors)
@settings(max_examples=60, deadline=None)
def test_reads_what_the_library_writes(content: dict[str, Any]) -> None:
    read = SafeTensors(save(content, {"made": "by a test"}), "file")
    assert set(read) == set(content)
    for name, value in content.items():
        assert read[name].dtype == value.dtype
        np.testing.assert_array_equal(read[name], value)


@given(tensors.filter(bool), st.data())
@settings(max_examples=60, deadline=None)
def test_refuses_every_shorter_or_longer_file(content: dict[str, Any], data: st.DataObject) -> None:
    whole = save(content)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:cut], whole + b"\0"):
        with pytest.raises(BundleError, match="no whole safetensors"):
            SafeTensors(damaged, "file")


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_refused_or_read(content: bytes, framed: bool) -> None:
    file = len(content).to_bytes(8, "little") + content if framed else content
    try:
        assert len(SafeTensors(file, "file")) >= 0
    except BundleError as error:
        assert "file" in str(error)


def test_maps_a_file_read_only(tmp_path: Path) -> None:
    save_file({"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, tmp_path / "x")
    array = SafeTensors.open(tmp_path / "x")["a"]
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])


def framed(header: Any, size: int) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"\0" * size


def tensor(dtype: Any, shape: Any, *offsets: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "at least 8 bytes"),
        (b"\xff" * 8, "header says"),
        (framed(b"{", 0), "no JSON"),
        (framed(b"\xff\xfe", 0), "no JSON"),
        (framed(b"[" * 100_000, 0), "no JSON"),
        (framed([], 0), "no JSON object"),
        (framed(b'{"a":1,"a":2}', 0), "twice"),
        (framed({"a": 1}, 0), "expected the keys"),
        (framed({"a": tensor("F99", [1], 0, 4)}, 4), "unknown type"),
        (framed({"a": tensor([], [1], 0, 4)}, 4), "unknown type"),
        (framed({"a": tensor("F32", [-1], 0, 4)}, 4), "shape"),
        (framed({"a": tensor("F32", [True], 0, 4)}, 4), "shape"),
        (framed({"a": tensor("F32", [1 << 60], 0, 4)}, 4), "shape"),
        (
            framed({"a": tensor("F32", [1 << 50, 1 << 50], 0, 4)}, 4),
            "expected 5070602400912917605986812821504",
        ),
        (framed({"a": tensor("F32", [1], 0)}, 4), "pair of offsets"),
        (framed({"a": tensor("F32", [1], 4, 0)}, 4), "expected 4 bytes"),
        (framed({"a": tensor("F32", [2], 0, 4)}, 4), "expected 8 bytes"),
        (framed({"a": tensor("F32", [2], 0, 8)}, 4), "tensors end at byte"),
        (framed({"a": tensor("F32", [1], 4, 8)}, 8), "gap or an overlap"),
        (framed({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [2], 4, 12)}, 12), "gap or an overlap"),
        (framed({"a": tensor("F32", [1], 0, 4), "b": tensor("F32", [1], 8, 12)}, 12), "gap or an overlap"),
    ],
)
def test_says_what_is_wrong_with_a_header(file: bytes, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        SafeTensors(file, "file")


def test_types_that_numpy_lacks_are_listed_but_not_read() -> None:
    read = SafeTensors(framed({"a": tensor("BF16", [2], 0, 4)}, 4), "file")
    assert read.entries["a"].shape == (2,)
    with pytest.raises(BundleError, match="BF16"):
        read["a"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.safetensors.*No such file"):
        SafeTensors.open(tmp_path / "none.safetensors")
