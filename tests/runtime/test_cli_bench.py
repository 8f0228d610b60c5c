"""`posmoe bench`: what it measures and how it fails."""

import json
import sys
from pathlib import Path

import pytest

import posmoe
from posmoe.bench import counters
from posmoe.bench.profile import profile
from posmoe.bench.speed import latency, quantile, speeds
from posmoe.bench.texts import documents, paragraphs
from posmoe.errors import EngineError
from tests.runtime.command import posmoe as command
from tests.runtime.command import said


def test_the_bundled_text_is_varied_and_the_same_for_a_seed() -> None:
    assert len(paragraphs()) > 25 and len(set(paragraphs())) == len(paragraphs())
    texts = documents(3000)
    assert texts == documents(3000) != documents(3000, seed=2)
    assert 3000 <= sum(len(text.split()) for text in texts) < 4000


def test_speed_and_latency_are_measured(tiny: Path) -> None:
    nlp, texts = posmoe.load(tiny), documents(600)
    told: list[str] = []
    found = speeds([nlp], [1, 2], texts, 0, told.append)
    assert [(one.engine, one.threads) for one in found] == [("onnxruntime", 1), ("onnxruntime", 2)]
    assert all(0 < one.low <= one.median <= one.high and one.words > 600 for one in found)
    assert len(told) == 10
    one = latency(nlp, ["dog " * 20], 0)
    assert one is not None and 0 < one.median <= one.p99
    assert latency(nlp, ["Too short."], 0) is None
    assert [quantile([3, 1, 2], share) for share in (0, 0.5, 1)] == [1, 2, 3]


def test_a_profile_adds_up() -> None:
    found = profile(posmoe.load(backend="native"), documents(600))
    assert {"tokenise", "lookup", "dense", "arcs", "labels", "document", "write"} <= set(found.stages)
    assert "columns" not in found.stages
    assert found.total == pytest.approx(sum(found.stages.values()) - found.stages["write"])
    assert found.words > 600 and found.flops > 1000 and found.rate > 0
    assert found.counters or found.missing


def test_other_engines_have_no_stages(tiny: Path) -> None:
    with pytest.raises(EngineError, match=r"expected the native engine, .* got onnxruntime"):
        profile(posmoe.load(tiny), ["Some text."])


def test_counters_tell_why_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    counts, missing = counters.counted(lambda: done.append(1))
    assert done == [1] and (counts or missing)
    monkeypatch.setattr(sys, "platform", "win32")
    counts, missing = counters.counted(lambda: done.append(2))
    assert counts == {} and missing.startswith("the processor's counters are read on Linux alone")
    assert done == [1, 2]


def test_the_command_shows_speed_as_table_and_json(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n\n".join(documents(300)))
    table = command("bench", str(text), "--seconds", "0", "--threads", "1", "--backend", "native").stdout.decode()
    assert "words/s" in table and "native" in table and "one sentence of about 20 words" in table
    facts = json.loads(command("bench", str(text), "--profile", "--json").stdout)
    assert facts["profile"]["ns_per_word"]["total"] > 0
    assert facts["instruction_set"]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read "), (" \n\n ", "expected text to measure with, found none in ")],
    ids=["missing", "blank"],
)
def test_what_is_no_text_is_named(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_text(content)
    result = command("bench", str(path))
    assert result.returncode == 1
    assert message in said(result)
