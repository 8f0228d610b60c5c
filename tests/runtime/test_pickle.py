"""Parsers in other processes: pickled by the model's name or path."""

import multiprocessing
import pickle
import shutil
from pathlib import Path

import pytest

import posmoe
from posmoe.errors import BundleError
from tests.bundles import tiny_bundle

TEXT = "I saw the dog. He waved."


def test_a_pickled_parser_parses_alike(nlp: posmoe.Parser) -> None:
    again = pickle.loads(pickle.dumps(nlp))
    assert again(TEXT).to_conllu() == nlp(TEXT).to_conllu()
    assert again.bundle.path == nlp.bundle.path


def test_settings_and_the_name_of_an_installed_model_are_what_is_pickled() -> None:
    parser = posmoe.load(backend="native")
    data = pickle.dumps(parser)
    assert len(data) < 500
    assert str(parser.bundle.path).encode() not in data
    assert pickle.loads(data).engine == parser.engine


def test_a_parser_in_a_process_that_is_spawned(nlp: posmoe.Parser) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (document,) = pool.map(nlp, [TEXT])
    assert document.to_conllu() == nlp(TEXT).to_conllu()


def test_where_the_model_is_missing_or_another_one_the_error_says_so(own: Path) -> None:
    data = pickle.dumps(posmoe.load(own))
    shutil.rmtree(own)
    with pytest.raises(BundleError, match=r"its model is missing in this one: no bundle at .*own"):
        pickle.loads(data)
    tiny_bundle(own, seed=1)
    with pytest.raises(BundleError, match=r"is not the .* of this one. Install the same version on both sides"):
        pickle.loads(data)
