"""The npm package is built before its tests."""

from pathlib import Path

import pytest

from tests.js.package import built


@pytest.fixture(scope="session", autouse=True)
def package() -> Path:
    """The package's folder; skips all tests where it cannot be built."""
    return built()
