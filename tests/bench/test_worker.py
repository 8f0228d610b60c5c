"""What the benchmarks' workers say: the same words and trees as posmoe itself; rivals give trees."""

import json
import os
import tomllib
from pathlib import Path

import pytest

import posmoe
from bench import ROOT, data, systems
from bench.systems import EDGE, EDGE_CONLLU, EDGE_ONNX, SPACY, SPACY_EWT, UDPIPE, Process, System, cold
from bench.worker import Posmoe

TEXTS = ["I saw the man with a telescope. He waved.", "Prices rose again, didn't they?"]
PYTHON = systems.interpreters(Path(os.environ["POSMOE_RIVALS"]) if "POSMOE_RIVALS" in os.environ else None)


def write(folder: Path) -> str:
    """The texts as a file for workers."""
    path = folder / "texts"
    path.write_text("".join(json.dumps(text) + "\n" for text in TEXTS))
    return str(path)


@pytest.mark.parametrize("system", [EDGE, EDGE_CONLLU, EDGE_ONNX], ids=lambda system: system.name)
def test_our_workers_parse_what_they_are_given(system: System, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="one of the systems runs on ONNX Runtime")
    nlp = posmoe.load()
    documents = [nlp(text) for text in TEXTS]
    with Process(system, PYTHON) as process:
        assert process.load_ms > 0
        for batch, threads in ((0, 1), (1, 1), (8, 2)):
            turn = process.ask(do="throughput", path=write(tmp_path), batch=batch, threads=threads, seconds=0)
            assert turn["words"] == sum(len(document.arrays().heads) for document in documents)
            assert turn["seconds"] > 0
            assert 10 < turn["peak_mib"] < 4000
        assert len(process.ask(do="latency", texts=TEXTS, seconds=0)["ns"]) == len(TEXTS)
        assert process.ask(do="conllu", texts=TEXTS[:1]) == documents[0].to_conllu()
        (sentence,) = documents[1]
        rows = process.ask(do="trees", sentences=[[token.text for token in sentence]])
        assert rows == [[[token.upos, token.head, token.deprel] for token in sentence]]
        sizes = process.ask(do="sizes")
        assert 5 < sizes["own_mb"] < 40 < sizes["install_mb"]


@pytest.mark.parametrize("system", [SPACY, SPACY_EWT, UDPIPE], ids=lambda system: system.name)
def test_rivals_give_trees(system: System, tmp_path: Path) -> None:
    if True not in PYTHON:
        pytest.skip("needs POSMOE_RIVALS, the Python of an environment with spaCy and UDPipe")
    if not all(data.path_of(name).exists() for name in ("spacy-ewt", "udpipe1-ewt.udpipe")):
        pytest.skip("needs the rivals' models: python -m bench prepare")
    with Process(system, PYTHON) as process:
        turn = process.ask(do="throughput", path=write(tmp_path), batch=0, threads=1, seconds=0)
        assert 17 <= turn["words"] <= 20
        (tree,) = process.ask(do="trees", sentences=[TEXTS[1][:-1].split()])
        assert len(tree) == 5
        assert [head for _, head, _ in tree].count(0) == 1
        assert process.ask(do="conllu", texts=TEXTS).count("\n\n") >= 2
        assert process.ask(do="sizes")["install_mb"] >= process.ask(do="sizes")["own_mb"] > 5


def test_a_worker_that_fails_is_named() -> None:
    with (
        pytest.raises(RuntimeError, match="nobody: the worker ended with code 1"),
        Process(System("nobody", "x"), PYTHON),
    ):
        pass
    with pytest.raises(RuntimeError, match="nobody: the worker ended with code 1"):
        cold(System("nobody", "x"), PYTHON)


def test_a_cold_start_is_timed_and_its_own_memory_taken() -> None:
    milliseconds, mib = cold(systems.PYTHON, PYTHON)
    assert milliseconds > 1
    assert 3 < mib < 40  # less than this process


def test_our_size_counts_what_we_require() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(Posmoe.packages) == [line.partition(">")[0] for line in project["dependencies"]]
