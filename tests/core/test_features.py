"""The compiled feature hashing against its plain twin and the published vectors."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posmoe import _core
from posmoe.errors import BundleError
from posmoe.features import frequent_keys, load_features
from tests.core import features_twin as twin

VECTORS = Path(__file__).parents[2] / "docs" / "features.vectors.json"
SIZE = st.integers(1, 2**20)


def make(forms: tuple[str, ...] = twin.KEY_FORMS) -> tuple[_core.Features, NDArray[np.uint32]]:
    keys = np.array([_core.word_hash(form) for form in forms], dtype=np.uint32)
    return load_features({**twin.SPEC, "words": len(forms)}, keys), keys


def test_published_vectors() -> None:
    published = json.loads(VECTORS.read_text())
    features = load_features(published["spec"], np.array(published["keys"], dtype=np.uint32))
    forms = [vector["form"] for vector in published["vectors"]]
    assert features.ids(forms).tolist() == [vector["ids"] for vector in published["vectors"]]
    for vector in published["vectors"]:
        assert list(_core.form_hashes(vector["form"])) == vector["hashes"]
    assert VECTORS.read_text() == twin.vectors()


def test_every_code_point_of_the_cased_blocks() -> None:
    for c in range(0x600):
        assert list(_core.form_hashes(chr(c))) == twin.hashes(chr(c)), hex(c)


def test_case_ranges_agree_with_unicode() -> None:
    blocks = [*range(0x180), *range(0x386, 0x3CF), *range(0x400, 0x460)]
    assert [
        hex(c) for c in blocks if c != 0x130 and twin.normal(chr(c)) != chr(c).lower() and not chr(c).isdigit()
    ] == []
    assert twin.normal("İ") == "i"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=30) | st.text("aB9-\x00ß", max_size=20))
def test_hashes_equal_the_twin(form: str) -> None:
    assert list(_core.form_hashes(form)) == twin.hashes(form)
    assert _core.word_hash(form) == twin.hashes(form)[0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=8), max_size=12, unique_by=twin.normal),
    st.lists(st.text(max_size=8)),
    st.lists(SIZE, min_size=6, max_size=6),
)
def test_ids_equal_the_twin(known: list[str], forms: list[str], sizes: list[int]) -> None:
    spec = {"version": 1, "words": len(known), **dict(zip(twin.SIZES[1:], sizes, strict=True))}
    keys = [twin.hash32(twin.normal(form), 0) for form in known]
    features = load_features(spec, np.array(keys, dtype=np.uint32))
    got = features.ids(known + forms)
    assert got.dtype == np.int32 and got.shape == (len(known + forms), 6)
    assert got.tolist() == [twin.ids(form, spec, keys) for form in known + forms]
    assert features.rows == 2 + len(known) + sum(sizes)
    assert got.max(initial=0) < features.rows and got.min(initial=2) >= 2


def test_a_million_bytes_in_one_form() -> None:
    form = "Aß9" * 100_000
    assert list(_core.form_hashes(form)) == twin.hashes(form)


def test_words_give_the_ids_of_their_forms() -> None:
    features, _ = make()
    sentences = [["I", "saw", "Zoë", "."], ["日本語", "2000", "the"]]
    words = _core.Words.from_sentences(sentences)
    assert features(words).tolist() == features.ids([form for s in sentences for form in s]).tolist()
    assert features(_core.Words.from_sentences([])).shape == (0, 6)


def test_multiword_tokens_give_the_ids_of_their_words() -> None:
    features, _ = make()
    words = _core.Words.from_tokens([[("I", ["I"], True), ("don't", ["do", "n't"], True), ("Au", ["à", "le"], False)]])
    assert features(words).tolist() == features.ids(["I", "do", "n't", "à", "le"]).tolist()


def test_of_equal_keys_the_first_counts() -> None:
    features, _ = make(("the", "The", "a"))
    assert features.ids(["THE", "a"])[:, 0].tolist() == [2, 4]


def test_full_probe_chains() -> None:
    keys = np.arange(0, 4096 * 1024, 1024, dtype=np.uint32)
    features = load_features({**twin.SPEC, "words": len(keys)}, keys)
    forms = [str(c) * 3 for c in "abcdefgh"]
    spec = {**twin.SPEC, "words": len(keys)}
    assert features.ids(forms).tolist() == [twin.ids(form, spec, keys.tolist()) for form in forms]


def test_threads_share_one_object() -> None:
    features, _ = make()
    expected = features.ids(list(twin.FORMS)).tolist()
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(features.ids(list(twin.FORMS)).tolist())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_frequent_keys_count_normal_forms_together() -> None:
    keys = frequent_keys({"a": 5, "The": 3, "the": 4, "1990": 1, "2000": 1, "rare": 1}, 3)
    assert keys.dtype == np.uint32
    assert keys.tolist() == [_core.word_hash(form) for form in ("the", "a", "1234")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "expected version 1, got 2"),
        ({"words": 4}, "has 4 words, features.keys 5"),
        ({"suffix3": 0}, "at least one row"),
        ({"suffix3": -1}, "'suffix3' must be a whole number of rows, got -1"),
        ({"suffix3": 1.5}, "'suffix3' must be a whole number of rows, got 1.5"),
        ({"suffix3": 2**31}, "passes 2147483647 rows"),
        ({"suffix5": 1}, "unknown entries: suffix5"),
    ],
)
def test_impossible_specifications_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        load_features({**twin.SPEC, **change}, np.arange(5, dtype=np.uint32))


@pytest.mark.parametrize("name", ["version", *twin.SIZES])
def test_a_missing_size_is_named(name: str) -> None:
    with pytest.raises(BundleError, match=f"lacks '{name}'"):
        load_features({k: v for k, v in twin.SPEC.items() if k != name}, np.arange(5, dtype=np.uint32))


def test_keys_of_another_type_are_refused() -> None:
    with pytest.raises(BundleError, match=r"expected keys uint32 \[words\], got int64 \[5\]"):
        load_features(twin.SPEC, np.arange(5))  # type: ignore[arg-type]


def test_forms_that_are_no_text_are_refused() -> None:
    features, _ = make()
    with pytest.raises(UnicodeEncodeError):
        features.ids(["fine", "\ud800"])
    with pytest.raises(TypeError, match="must be a str"):
        features.ids(["fine", 3])  # type: ignore[list-item]
    assert features.ids([]).shape == (0, 6)
