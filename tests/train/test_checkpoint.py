"""A student on disk: what comes back, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from posmoe_models.lexicon import quantise_rows
from posmoe_train.checkpoint import Student, load_student, save_student
from posmoe_train.errors import CheckpointError
from tests.models.sizes import identifiers, small_parser


@pytest.fixture
def student() -> Student:
    keys = np.arange(20, dtype=np.uint32) * 7
    return Student(small_parser(), ["a", "b", "c", "d", "e"], keys, {"uas": 50.0})


def test_a_student_comes_back_with_rounded_rows(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    loaded = load_student(tmp_path)
    assert (loaded.labels, loaded.scores) == (student.labels, student.scores)
    assert np.array_equal(loaded.keys, student.keys)
    assert loaded.parser.config == student.parser.config
    expected = student.parser.state_dict()
    codes, scale = quantise_rows(expected["lexicon.table"])
    expected["lexicon.table"] = codes.float() * scale[:, None]
    for name, value in loaded.parser.state_dict().items():
        assert torch.equal(value, expected[name]), name
    student.parser.load_state_dict(expected)
    for mine, theirs in zip(loaded.parser(*identifiers([3, 5])), student.parser(*identifiers([3, 5])), strict=True):
        torch.testing.assert_close(mine, theirs)
    save_student(loaded, tmp_path / "again")
    again = load_student(tmp_path / "again")
    assert all(torch.equal(v, again.parser.state_dict()[n]) for n, v in loaded.parser.state_dict().items())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "student.json", "student.safetensors"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected student.json and student.safetensors; train a student first"):
        load_student(tmp_path)


def test_another_format_is_refused(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    path = tmp_path / "student.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 1}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="expected format 2, got 1; train it again"):
        load_student(tmp_path)


@pytest.mark.parametrize("name", ["student.json", "student.safetensors"])
def test_a_truncated_file_is_refused(name: str, student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(CheckpointError, match=rf"{name}: .*cut short or altered"):
        load_student(tmp_path)


def test_files_of_two_students_are_refused(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    path = tmp_path / "student.json"
    found = json.loads(path.read_text())
    found["config"]["rank"] = 6
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"student.json and student.safetensors don't fit together"):
        load_student(tmp_path)
