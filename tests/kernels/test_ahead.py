"""The inference kernels compile for cards that are not there, and keep their numbers in registers."""

import os
import subprocess
import sys

import pytest

from posmoe_kernels.ahead import ARCHITECTURES
from tests.kernels import device  # noqa: F401  skips without Triton
from tests.paths import ROOT


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.timeout(180)
def test_small_tiles_compile_without_spills(arch: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["PYTHONPATH"] = str(ROOT / "kernels")
    command = [sys.executable, "-m", "posmoe_kernels.ahead", "--arch", str(arch), "--small"]
    run = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [row[0] for row in rows] == ["context 64", "words 64", "trees", "relations"]
    assert all(int(row[1]) == arch and int(row[4]) == 0 for row in rows), run.stdout
