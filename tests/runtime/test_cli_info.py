"""`posmoe info`, `--version` and `--help`."""

import json
import sys
from pathlib import Path

import pytest

from posmoe import __version__
from posmoe.cli.info import collect
from posmoe.engines import ENGINES
from tests.runtime.command import inside, posmoe, said


def test_info_names_model_engine_and_reason(tiny: Path) -> None:
    result = posmoe("info", "--model", tiny)
    assert (result.returncode, said(result)) == (0, "")
    text = result.stdout.decode()
    for expected in (
        __version__,
        "tiny 0.0.1 (en)",
        "onnxruntime (auto: ",
        "uas 12.5",
        "total_20 1,000",
        "CC0-1.0",
    ):
        assert expected in text


def test_info_as_json(tiny: Path) -> None:
    result = posmoe("info", "--model", tiny, "--json")
    facts = json.loads(result.stdout)
    assert facts["model"]["accuracy"] == {"uas": 12.5, "las": 6.25}
    assert facts["model"]["bytes"]["total"] == sum(
        (tiny / name).stat().st_size for name in ("model.onnx", "weights.safetensors")
    )
    assert facts["engine"]["name"] == "onnxruntime"
    assert isinstance(facts["cpu"]["features"], list)


def test_info_says_what_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    assert inside("info", "--model", tmp_path / "none", "--backend", "triton") == 1
    out, err = capfd.readouterr()
    assert "none: no bundle at" in out
    assert "none: Triton is not installed. Install it with: pip install 'pos-moe-parser[triton]'" in out
    assert err == ""


def test_facts_are_collected_in_process_too(tiny: Path) -> None:
    facts = collect(str(tiny), "auto")
    assert facts["version"] == __version__
    assert facts["python"] == sys.version.split()[0]


def test_version_and_help() -> None:
    assert posmoe("--version").stdout.decode() == f"posmoe {__version__}\n"
    for arguments in (["--help"], ["parse", "--help"], ["info", "--help"]):
        result = posmoe(*arguments)
        assert result.returncode == 0
        assert "Usage: posmoe" in result.stdout.decode()
    assert b"becomes" in posmoe("parse", "--help").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["parse", "--help"]])
def test_help_that_cannot_be_written_is_a_message(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = posmoe(*arguments, stdout=full)
    assert result.returncode == 1
    assert said(result) == "posmoe: cannot write standard output: No space left on device.\n"


def test_an_unknown_engine_is_wrong_usage_for_every_command(tiny: Path) -> None:
    for arguments in (["parse", "a b"], ["info"]):
        result = posmoe(*arguments, "--model", tiny, "--backend", "abacus")
        assert result.returncode == 2
        assert "abacus" in said(result)


def test_help_names_the_engines_that_are_here() -> None:
    text = " ".join(posmoe("info", "--help").stdout.decode().replace("│", " ").split())
    assert f"auto, or one of {', '.join(ENGINES)}." in text


def test_info_says_what_is_computed_in() -> None:
    for arguments, precision in ((), "int8"), (("--precision", "float32"), "float32"):
        result = posmoe("info", *arguments)
        assert (result.returncode, said(result)) == (0, "")
        assert f", in {precision}, on " in result.stdout.decode()
        assert json.loads(posmoe("info", *arguments, "--json").stdout)["engine"]["precision"] == precision
    result = posmoe("info", "--precision", "float16")
    assert result.returncode == 1
    assert b"engine      none: the native engine computes bundle " in result.stdout
    assert b"posmoe-export cast" in result.stdout
