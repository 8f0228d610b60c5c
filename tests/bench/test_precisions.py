"""The page of precisions is what its results say, and its matrix has every engine."""

from bench.parity import ENGINES, MATRIX
from bench.precisions import PAGE
from bench.precisions_page import page
from bench.results import latest


def test_the_page_shows_the_last_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_engines_give_what_pytorch_gives() -> None:
    rows = latest("parity")
    assert [(row["precision"], row["engine"]) for row in rows] == [(p, e) for p in MATRIX for e in ENGINES]
    measured = [row for row in rows if not row["note"]]
    assert len(measured) >= 9
    for row in measured:
        assert min(float(row[part]) for part in ("heads", "labels", "tags")) >= 0.999, row
