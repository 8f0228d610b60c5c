"""Reports on runs: means over seeds, curves, silver sizes, and figures that hold every point."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from posmoe_train.cli import main
from posmoe_train.compare import write_report
from posmoe_train.errors import CheckpointError
from posmoe_train.figure import Line, line_chart
from posmoe_train.runs import Run, grouped
from posmoe_train.student_config import StudentConfig
from tests.paths import ROOT
from tests.train.fake_runs import seeds, write_run

EDGE = StudentConfig(name="edge")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_seeds_of_one_configuration_are_one_row_with_mean_and_spread(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "edge", EDGE, [89.0, 89.6, 89.3])
    paths += seeds(tmp_path / "k1", replace(EDGE, parser=replace(EDGE.parser, k=1)), [88.0])
    text = write_report(paths, tmp_path / "out")
    edge, hard = rows(tmp_path / "out" / "models.csv")
    assert (edge["model"], edge["seeds"]) == ("edge", "3")
    assert (float(edge["uas"]), float(edge["uas_low"]), float(edge["uas_high"])) == (89.3, 89.0, 89.6)
    assert float(edge["minutes"]) == 3.0  # three epochs of half a minute on two devices
    assert hard["model"] == "edge k=1"
    assert "| edge | 3 | 89.30 (89.00–89.60) | 86.30 (86.00–86.60) | 95.00 | 3.0 | GPU |" in text
    curves = rows(tmp_path / "out" / "curves.csv")
    assert len(curves) == 12
    assert [float(row["minutes"]) for row in curves[:3]] == [0.5, 1.0, 1.5]
    assert not (tmp_path / "out" / "silver.csv").exists()


def test_accuracy_by_silver_data_is_a_table_and_a_figure(tmp_path: Path) -> None:
    paths = []
    for words, uas in ((1_000_000, 85.0), (0, 78.0), (10_000_000, 88.0)):
        paths += seeds(tmp_path / str(words), replace(EDGE, silver_words=words), [uas, uas + 0.4], silver=words)
    text = write_report(paths, tmp_path / "out")
    found = rows(tmp_path / "out" / "silver.csv")
    assert [int(row["silver_words"]) for row in found] == [0, 1_000_000, 10_000_000]
    assert [float(row["uas"]) for row in found] == [78.2, 85.2, 88.2]
    svg = (tmp_path / "out" / "silver.svg").read_text()
    assert svg.count("<circle") == 2  # a logarithmic axis has no place for none
    assert "![UAS by words of silver trees](silver.svg)" in text


def test_silver_sizes_of_other_settings_are_lines_of_their_own(tmp_path: Path) -> None:
    paths = []
    for lr, words, uas in ((0.01, 1_000_000, 84.0), (0.02, 1_000_000, 85.0), (0.01, 10_000_000, 87.0)):
        config = replace(EDGE, lr=lr, silver_limit=words)
        paths += seeds(tmp_path / f"{lr}-{words}", config, [uas], silver=words)
    write_report(paths, tmp_path / "out")
    found = [(row["model"], row["silver_words"], row["uas"]) for row in rows(tmp_path / "out" / "silver.csv")]
    name = EDGE.name
    expected = [(name, "1000000", "84.0"), (name, "10000000", "87.0"), (f"{name} lr=0.02", "1000000", "85.0")]
    assert found == expected


def test_the_best_measurement_of_a_run_counts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", EDGE, 89.0, trees=89.4)
    assert (Run.load(run).measured, Run.load(run).best["uas"]) == ("dev_trees", 89.4)
    (run / "bundle").mkdir()
    (run / "bundle" / "metrics.json").write_text(
        json.dumps({"dev": {"gold_tokens": {"uas": 89.5, "las": 1, "upos": 2}}})
    )
    assert (Run.load(run).measured, Run.load(run).best["uas"]) == ("bundle", 89.5)
    (run / "metrics.json").unlink()
    (run / "bundle" / "metrics.json").unlink()
    assert (Run.load(run).measured, Run.load(run).best["uas"]) == ("dev_greedy", 89.0)


def test_the_committed_results_give_a_report(tmp_path: Path) -> None:
    paths = sorted((ROOT / "train" / "results" / "2026-11-22").glob("*.run.json"))
    write_report(paths, tmp_path)
    models = {row["model"]: row for row in rows(tmp_path / "models.csv")}
    assert models["teacher"]["seeds"] == "2"
    assert float(models["edge"]["uas"]) == pytest.approx(89.55, abs=0.01)


def test_the_command_reports_and_refuses_what_is_no_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", EDGE, 89.0)
    monkeypatch.setattr("sys.argv", ["posmoe-train", "report", str(run), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert "| edge | 1 | 89.00 |" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match=r"expected a run's folder with run.json, or a file NAME.run.json"):
        Run.load(tmp_path / "out")
    (run / "log.jsonl").write_text('{"epoch": 0')
    with pytest.raises(CheckpointError, match=r"log.jsonl: cut short or altered"):
        Run.load(run)


def test_groups_keep_the_order_of_their_runs(tmp_path: Path) -> None:
    paths = seeds(tmp_path / "b", replace(EDGE, name="b"), [1.0]) + seeds(
        tmp_path / "a", replace(EDGE, name="a"), [2.0]
    )
    assert [group.title for group in grouped(map(Run.load, paths))] == ["b", "a"]


def test_a_chart_holds_every_point_inside_its_axes() -> None:
    lines = [Line("<one>", [(0, 10), (5, 20)], [(9, 11), (18, 22)], marked=True), Line("two", [(2, 12)])]
    svg = line_chart(lines, "a & b", "x", "y")
    root = ElementTree.fromstring(svg)
    drawn = [p for e in root if e.tag.endswith("polyline") for p in re.findall(r"[\d.]+,[\d.]+", e.attrib["points"])]
    assert len(drawn) == 3
    assert all(64 <= float(x) <= 540 and 40 <= float(y) <= 364 for x, y in (point.split(",") for point in drawn))
    texts = [e.text for e in root if e.tag.endswith("text")]
    assert {"a & b", "x", "y", "<one>", "two"} <= set(texts)
    assert line_chart(lines, "a & b", "x", "y") == svg
    with pytest.raises(ValueError, match="chart 'none': expected at least one point"):
        line_chart([], "none", "x", "y")


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_one_point_is_enough_for_a_chart(value: float) -> None:
    assert "polyline" in line_chart([Line("one", [(value, value)])], "", "", "")
