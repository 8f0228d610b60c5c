"""A small bundle and a parser on it, made once for all tests of the runtime."""

from pathlib import Path

import pytest

import posmoe
from tests.bundles import tiny_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small bundle; tests don't change it."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="session")
def nlp(tiny: Path) -> posmoe.Parser:
    """A parser on the small bundle."""
    return posmoe.load(tiny)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A small bundle's folder that the test may damage."""
    return tiny_bundle(tmp_path / "own")
