"""The estimate of spaCy's FLOPs: its breakdown, and the shapes that it is made from."""

import os
from pathlib import Path

import pytest

from bench.flops import spacy_flops, weights
from bench.systems import SPACY, Process, interpreters


def test_the_small_model_costs_23_5_million() -> None:
    found = {name: round(count / 1e6, 2) for name, count in spacy_flops(20).items()}
    assert found == {
        "tok2vec: embedding mix": 6.64,
        "tok2vec: window layers": 13.27,
        "tagger": 0.19,
        "parser: reduce": 0.25,
        "parser: lower layer": 2.62,
        "parser: upper layer": 0.54,
        "total": 23.51,
    }
    assert spacy_flops(40)["total"] == 2 * spacy_flops(20)["total"]


def test_the_shapes_are_the_model_s_own() -> None:
    if "POSMOE_RIVALS" not in os.environ:
        pytest.skip("needs POSMOE_RIVALS, the Python of an environment with spaCy's small model")
    with Process(SPACY, interpreters(Path(os.environ["POSMOE_RIVALS"]))) as process:
        assert sorted(map(tuple, process.ask(do="weights"))) == sorted(weights())
