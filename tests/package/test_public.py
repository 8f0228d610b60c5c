"""The public surface, and the version that is stated once."""

import importlib
import importlib.metadata
import re
import tomllib
from types import ModuleType

import pytest

import posmoe
from tests.paths import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_public_names_are_few_sorted_and_there() -> None:
    assert posmoe.__all__ == sorted(set(posmoe.__all__))
    assert {"PosmoeError", "__version__", "load"} <= set(posmoe.__all__)
    assert len(posmoe.__all__) <= 10
    for name in posmoe.__all__:
        assert getattr(posmoe, name) is not None
        assert name in dir(posmoe)


def test_nothing_else_looks_public() -> None:
    for name in posmoe.__all__:
        getattr(posmoe, name)
    names = {n for n, value in vars(posmoe).items() if n[0] != "_" and not isinstance(value, ModuleType)}
    assert names - {"import_module", "TYPE_CHECKING"} <= set(posmoe.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(posmoe, "nothing")  # noqa: B009


def test_the_version_is_the_same_everywhere() -> None:
    assert posmoe.__version__ == VERSION
    assert importlib.import_module("posmoe._core").__version__ == VERSION
    assert re.search(r"^## \[(Unreleased|" + re.escape(VERSION) + r")\]", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_an_installed_distribution_has_the_version() -> None:
    try:
        installed = importlib.metadata.version("pos-moe-parser")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("posmoe is not installed in this environment; its folder is on the path")
    assert installed == VERSION
