"""The page on GPUs shows what was measured; rows of a visit are kept once each."""

import csv
from pathlib import Path

import pytest

from bench import results
from bench.gpu import tables
from bench.gpu.report import COLUMNS, Report


def test_the_page_and_its_charts_are_of_the_kept_rows() -> None:
    text = tables.PAGE.read_text(encoding="utf-8")
    assert tables.renewed(text) == text, "python -m bench.gpu --keep FOLDER"
    for name in tables.tables():
        assert f"<!-- {name} -->\n| " in text
    for name, chart in tables.charts().items():
        assert (results.FOLDER / name).read_text(encoding="utf-8") == chart


def test_rows_are_written_as_they_come_and_a_part_may_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(tmp_path / "gpu.csv", {"date": "d", "commit": "c", "card": "k"}, deadline=0)
    assert report.late
    report.add("network", "triton", 20, us=1.5, words_s=2e7)
    with report.attempt("a part"):
        raise ValueError("out of luck")
    report.add("tests", "kernels", 0, summary="3 passed")
    with report.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["metric"], row["value"]) for row in rows] == [
        ("us", "1.5"), ("words_s", "2e+07"), ("summary", "3 passed"),
    ]  # fmt: skip
    assert report.failed == ["a part"]
    assert "FAILED a part: ValueError: out of luck" in capsys.readouterr().out


def test_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gpu.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit, match="expected the columns date, commit, card"):
        tables.keep(tmp_path)
