"""The C library as it is installed, once for all tests that compile programs."""

import sys
from pathlib import Path

import pytest

from tests.core import c_library


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the library is installed; skips where it is not compiled."""
    pytest.importorskip("cmake", reason="needs the package cmake")
    tree, prefix = c_library.path().parent, tmp_path_factory.mktemp("installed")
    command = (sys.executable, "-m", "cmake", "--install", str(tree), "--prefix", str(prefix))
    c_library.run(*command, "--component", "library")
    return prefix
