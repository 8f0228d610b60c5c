"""The npm package in js/, built once for all tests; they skip where its tools are missing."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

FOLDER = ROOT / "js"
# Emscripten, CMake and Ninja may be those of this environment.
ENVIRONMENT = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def run(command: Sequence[str | Path], folder: Path = FOLDER) -> str:
    """What a command prints; fails the test with all of it where the command fails."""
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@functools.cache
def _missing() -> str | None:
    for tool, package in (("node", "nodejs"), ("npm", "npm"), ("em++", "emscripten"), ("cmake", "cmake")):
        if shutil.which(tool, path=ENVIRONMENT["PATH"]) is None:
            return f"needs {tool} (Debian's package {package})"
    if not (FOLDER / "node_modules" / "typescript").is_dir():
        return "needs js/node_modules: run `npm ci --ignore-scripts` in js"
    return None


@functools.cache
def built() -> Path:
    """The folder of the package, built anew; skips where that cannot be done."""
    if why := _missing():
        pytest.skip(why)
    run(["npm", "run", "--silent", "build"])
    return FOLDER


def has(module: str) -> bool:
    """Whether an npm package is installed beside the package's own."""
    return (FOLDER / "node_modules" / module).is_dir()


def node(script: str, request: Any, tmp_path: Path) -> Path:
    """Run a script of this folder on a request; returns the folder of what it wrote."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")
    run(["node", ROOT / "tests" / "js" / script, tmp_path / "request.json", out])
    return out
