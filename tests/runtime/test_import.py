"""What importing posmoe loads, and what its errors are."""

import subprocess
import sys
from pathlib import Path

import pytest

from posmoe import errors

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(ROOT / "runtime")}
    return set(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split())


def test_importing_posmoe_loads_nothing_heavy() -> None:
    heavy = {"torch", "onnxruntime", "onnx", "tensorrt", "spacy", "typer", "click", "rich", "numpy"}
    assert loaded_by("import posmoe") & heavy == set()


def test_parsing_loads_numpy_for_arrays_alone() -> None:
    parse = "import posmoe; doc = posmoe.load()('It is. I know.'); doc.to_conllu(); doc.to_dict(); doc[0].root"
    modules = loaded_by(parse)
    assert modules & {"numpy", "torch", "onnxruntime", "pyarrow", "typer", "rich", "importlib_metadata"} == set()
    assert "numpy" in loaded_by(f"{parse}; doc.arrays().heads")


@pytest.mark.parametrize(
    ("error", "built_in"),
    [
        (errors.InputError, ValueError),
        (errors.ConlluError, ValueError),
        (errors.BundleError, ValueError),
        (errors.DecodeError, ValueError),
        (errors.EngineError, RuntimeError),
        (errors.MissingExtraError, ImportError),
    ],
)
def test_errors_are_also_built_in_ones(error: type[Exception], built_in: type[Exception]) -> None:
    assert issubclass(error, errors.PosmoeError)
    assert issubclass(error, built_in)
