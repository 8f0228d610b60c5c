"""The benchmark harness: its registry, its gate, its results, tables and charts."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import results, svg, tables
from bench.cases import CASES, chosen, threads
from bench.results import Row, append, latest, quantile
from bench.run import KINDS
from bench.verify import unproved, verify
from tests.paths import ROOT


def test_every_case_names_tests_that_exist() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.kind in KINDS and case.rounds >= 5 and case.tests and case.systems, case.name
        for node in case.tests:
            file, _, function = node.partition("::")
            text = (ROOT / file).read_text()
            assert f"\ndef {function}(" in text if function else "\ndef test_" in text, node


def test_cases_are_chosen_by_name_and_rivals_only_where_they_are() -> None:
    assert chosen([], True) == list(CASES)
    (case,) = chosen(["systems"], False)
    assert case.systems and not any(system.rival for system in case.systems)
    with pytest.raises(SystemExit, match=r"expected one of the cases systems, .* got 'speed'"):
        chosen(["speed"], True)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_threads_up_to_the_cores(cores: int, counts: list[int]) -> None:
    assert [point.threads for point in threads(cores)] == counts


def test_nothing_is_measured_on_red(tmp_path: Path) -> None:
    path = tmp_path / "test_gate.py"
    path.write_text("def test_red():\n    assert False\n")
    with pytest.raises(SystemExit, match=r"nothing was measured"):
        verify([str(path)])


def test_a_test_that_did_not_run_is_no_proof() -> None:
    output = "PASSED tests/a.py::test_one[1]\nSKIPPED [1] tests/b.py:3: not here\nFAILED tests/c.py::test_two\n"
    nodes = ["tests/a.py", "tests/a.py::test_one", "tests/b.py", "tests/c.py::test_two"]
    assert unproved(nodes, output) == nodes[2:]


def test_results_are_appended_and_the_last_run_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert latest("speed") == []
    append("speed", [{"date": "1", "case": "a", "p50": 1}])
    append("speed", [{"date": "2", "case": "a", "p50": 2}, {"date": "2", "case": "b", "p50": 3}])
    expected: list[Row] = [{"date": "2", "case": "a", "p50": "2"}]
    assert latest("speed", case="a") == expected
    assert len((tmp_path / "speed.csv").read_text().splitlines()) == 4
    with pytest.raises(ValueError, match=r"speed.csv: expected the columns .*'p20'.*, found .*'p50'"):
        append("speed", [{"date": "3", "case": "a", "p20": 1}])


def test_quantiles() -> None:
    assert [quantile([3, 1, 2], share) for share in (0, 0.25, 0.5, 1)] == [1, 1.5, 2, 3]
    assert quantile([7], 0.8) == 7


def test_a_readme_gets_its_tables_and_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "tables", lambda: ["| a | b |\n|---|---|\n| 1 | 2 |"])
    monkeypatch.setattr(tables, "claims", lambda: [(r"costs [\d,]+ operations", "costs 7 operations")])
    old = "It costs 1,000\noperations.\n\n| a | b |\n|---|---|\n| 8 | 9 |\n| 8 | 9 |\n\n| a |\n|---|\n"
    new = "It costs 7\noperations.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| a |\n|---|\n"
    assert tables.renewed(old) == new
    assert tables.renewed(new) == new


def test_charts_are_xml_and_their_axes_enclose_the_values() -> None:
    chart = svg.Chart(
        "a < b", svg.Axis("x", (1, 10, 100), log=True), svg.Axis("y", svg.steps(3, 17, 5)), parts=[], legend=[]
    )
    chart.line("line", [(1, 5), (10, 10), (100, 15)])
    assert chart.at(10, 10) == pytest.approx(((svg.LEFT + svg.WIDTH - svg.RIGHT) / 2, (svg.TOP + 420 - svg.BOTTOM) / 2))
    for text in (chart.text(), svg.bars("bars", [("one", 5, None), ("two", 7, 9)], "ns")):
        assert ET.fromstring(text).tag.endswith("svg")
    assert svg.decades([3, 40]) == (1, 10, 100)
    assert svg.decades([10]) == (10, 100)
    assert [svg.named(value) for value in (0.1, 20, 20_000, 1e6)] == ["0.1", "20", "20k", "1M"]


def test_the_command_lists_the_cases() -> None:
    run = subprocess.run([sys.executable, "-m", "bench", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in run.stdout.splitlines()] == [case.name for case in CASES]
