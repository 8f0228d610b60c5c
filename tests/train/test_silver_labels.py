"""Silver trees name relations by number: their order must be the teachers', and known to the treebank."""

import json
from pathlib import Path

import pytest

from posmoe_train.config import ConfigError
from posmoe_train.student_run import silver_labels


def part(folder: Path, labels: list[str]) -> Path:
    folder.mkdir()
    (folder / "silver.json").write_text(json.dumps({"labels": labels}))
    return folder


def test_without_silver_trees_the_treebank_gives_the_order() -> None:
    assert silver_labels([], ["obj", "root"]) == ["obj", "root"]


def test_the_teachers_give_the_order(tmp_path: Path) -> None:
    parts = [part(tmp_path / name, ["root", "dep", "obj"]) for name in "ab"]
    assert silver_labels(parts, ["obj", "root"]) == ["root", "dep", "obj"]


def test_parts_of_other_teachers_are_refused(tmp_path: Path) -> None:
    parts = [part(tmp_path / "a", ["obj", "root"]), part(tmp_path / "b", ["root", "obj"])]
    with pytest.raises(ConfigError, match="other relations"):
        silver_labels(parts, ["obj", "root"])


def test_teachers_that_lack_a_relation_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="don't know the treebank's obj"):
        silver_labels([part(tmp_path / "a", ["root"])], ["obj", "root"])
