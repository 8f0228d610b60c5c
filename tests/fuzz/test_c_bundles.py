"""The C library's reader of bundles against Python's: both refuse one, or both parse by it and find the same trees."""

import random
import warnings
import zipfile
from ctypes import byref, c_void_p
from pathlib import Path

import pytest

import posmoe
from posmoe.errors import LongSentenceWarning, PosmoeError
from tests.core import c_library as c
from tests.fuzz import bundle

TEXT = "The dog saw a cat, didn't it? Gonna see."


def by_python(path: Path) -> str:
    """The trees, or nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LongSentenceWarning)
        try:
            return posmoe.load(path, backend="native")(TEXT).to_conllu()
        except PosmoeError:
            return ""


def by_c(library: c.Library, path: Path) -> str:
    """The same, of the files of a zip."""
    with zipfile.ZipFile(path) as archive:
        given = c.files((name, archive.read(name)) for name in archive.namelist())
    model, document = c_void_p(), c_void_p()
    status = library.call("load_files", given, len(given), byref(model))
    if status == c.OK:
        status = library.call("parse", model, TEXT.encode(), len(TEXT), 0, byref(document))
        library.do("free_model", model)
    if status != c.OK:
        assert status in {c.BUNDLE, c.ENGINE, c.DECODE}, f"{status}: {library.error()}"
        assert library.error()
        return ""
    written = library.written(document).decode()
    library.do("free_document", document)
    return written


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_bundle_is_refused_or_gives_the_same_trees(tmp_path: Path, seed: int) -> None:
    library, source = c.Library(), random.Random(seed)
    outcomes = set()
    for number in range(40):
        changes = source.randbytes(3 * source.randint(0, 2))
        path = tmp_path / f"{number}.posmoe"
        bundle.changed(path, changes)
        if not path.exists():
            continue
        expected = by_python(path)
        assert by_c(library, path) == expected, f"{changes!r}: {library.error()}"
        outcomes.add(bool(expected))
    assert outcomes == {True, False}


@pytest.mark.parametrize("seed", range(3))
def test_damaged_bytes_are_refused_as_in_python(tmp_path: Path, seed: int) -> None:
    library, source = c.Library(), random.Random(seed)
    whole = tmp_path / "whole.posmoe"
    bundle.changed(whole, b"")
    assert by_c(library, whole) == by_python(whole) != ""
    with zipfile.ZipFile(whole) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for number in range(15):
        path = tmp_path / f"{number}.posmoe"
        name = source.choice(["manifest.json", "weights.safetensors"])
        with zipfile.ZipFile(path, "w") as archive:
            for other, data in files.items():
                archive.writestr(other, bundle.mutated([data], source) if other == name else data)
        assert by_c(library, path) == by_python(path)
