"""Configurations: files, settings, and what is refused."""

from pathlib import Path

import pytest

from posmoe_train.config import ConfigError, load_config
from posmoe_train.errors import TrainError
from posmoe_train.student_config import StudentConfig
from tests.paths import ROOT

CONFIGS = sorted((ROOT / "train/posmoe_train/configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_our_configurations_load(path: Path) -> None:
    assert load_config(StudentConfig, path).name == path.stem


def test_settings_override_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("epochs = 3\nlr = 1\n[parser]\nk = 3\nrank = 8\n", encoding="utf-8")
    config = load_config(StudentConfig, path, ["parser.k=1", "name=mine", "parser.scorer=biaffine", "clip=0.5"])
    assert (config.epochs, config.name, config.clip) == (3, "mine", 0.5)
    assert (config.parser.k, config.parser.rank, config.parser.scorer) == (1, 8, "biaffine")
    assert isinstance(config.lr, float)
    assert load_config(StudentConfig, None) == StudentConfig()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epoch=3"], r"settings: StudentConfig has no 'epoch'; it has .*epochs"),
        (["parser.kk=3"], r"settings: parser: ParserConfig has no 'kk'"),
        (["epochs=three"], r"settings: epochs: expected int, got 'three'"),
        (["epochs=true"], r"epochs: expected int, got True"),
        (["epochs=1.5"], r"epochs: expected int, got 1.5"),
        (["lr=fast"], r"lr: expected float, got 'fast'"),
        (["parser.scorer=cubic"], r"expected one of \('linear', 'biaffine'\), got 'cubic'"),
        (["epochs"], r"setting 'epochs': expected key=value"),
        (["parser=3"], r"parser: expected settings of ParserConfig, got 3"),
        (["epochs=3", "epochs.more=1"], r"setting 'epochs.more=1': 'epochs' is 3"),
        (["parser.k=0"], r"expected 1 ≤ k ≤ experts"),
    ],
)
def test_wrong_settings_are_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(StudentConfig, None, settings)
    assert isinstance(caught.value, TrainError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("content", [b"epochs = ", b"name = '\xff'"])
def test_a_file_that_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.toml: expected TOML in UTF-8, got"):
        load_config(StudentConfig, path)
