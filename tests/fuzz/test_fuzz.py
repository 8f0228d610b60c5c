"""The fuzz targets' committed inputs and a few mutations; CI's job `sanitize` runs many more, with sanitizers."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import posmoe
from posmoe import _core
from tests.core.tokenizer_specs import make_spec, random_weights
from tests.fuzz import bundle
from tests.paths import ROOT

CORPUS = Path(__file__).parent / "corpus"


def test_any_bundle_is_refused_or_parses() -> None:
    bundle.run(runs=40, seed=2)


def test_the_small_bundle_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "whole.posmoe"
    bundle.changed(path, b"")
    assert posmoe.load(path, backend="native")("The dog saw.").to_conllu()


@pytest.mark.parametrize("path", sorted((CORPUS / "tokenizer").iterdir()), ids=lambda path: path.name)
def test_the_tokenizer_takes_the_corpus(path: Path) -> None:
    data = path.read_bytes()[2:]
    spec = make_spec()
    words = _core.Tokenizer(spec, random_weights(spec, 1))(data)
    assert words.text == data.decode(errors="replace")
    assert len(words) > 0


@pytest.mark.parametrize("name", ["tokenizer", "decode", "manifest", "weights", "driver"])
def test_the_targets_fit_the_core(name: str) -> None:
    compiler = shutil.which("c++")
    if compiler is None or sys.platform == "win32":
        pytest.skip("needs a C++ compiler named c++")
    command = [compiler, "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'runtime' / 'core'}"]
    run = subprocess.run([*command, str(CORPUS.parent / f"{name}.cc")], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
