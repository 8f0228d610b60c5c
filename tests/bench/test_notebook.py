"""The baseline notebook: a whole one with small outputs, and it runs and writes its log."""

import json
import re
from pathlib import Path

import pytest

from bench.notebook import BASELINE, execute
from tests.paths import ROOT


def test_it_is_a_whole_notebook_with_its_output() -> None:
    notebook = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]{1,64}", one) for one in ids)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert set(cell) == {"cell_type", "execution_count", "id", "metadata", "outputs", "source"}
        for output in cell["outputs"]:
            assert set(output) == {"name", "output_type", "text"}
            assert len("".join(output["text"])) < 2000
    log = json.loads((ROOT / "bench" / "results" / "baseline.json").read_text(encoding="utf-8"))
    assert log["spacy_flops_20"]["total"] == 23_508_480


def test_it_runs_and_writes_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="the notebook times ONNX Runtime beside the native engine")
    monkeypatch.setenv("POSMOE_BASELINE", str(tmp_path / "log.json"))
    monkeypatch.delenv("POSMOE_RIVALS", raising=False)
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(BASELINE.read_bytes())
    names = execute(copy)
    log = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))
    assert log == names["log"]
    assert log["posmoe_flops_20"]["en-edge"] <= 550_000
    assert all(speed > 0 for speed in log["words_per_second"].values())
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    assert any("23.51 M" in "".join(output["text"]) for cell in cells for output in cell.get("outputs", []))


def test_a_cell_that_fails_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.ipynb"
    text = json.dumps({"cells": [{"cell_type": "code", "id": "a", "source": ["1 / 0"], "outputs": []}]})
    path.write_text(text)
    with pytest.raises(ZeroDivisionError):
        execute(path)
    assert path.read_text() == text
