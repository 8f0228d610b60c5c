"""The fuzz targets' committed inputs and a few mutations; CI's job `sanitize` runs many more, with sanitizers."""

from pathlib import Path

import pytest

import posmoe
from posmoe import _core
from tests.core.tokenizer_specs import make_spec, random_weights
from tests.fuzz import bundle

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
