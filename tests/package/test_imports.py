"""What imports what: between the folders, and at run time."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

FOLDERS = {
    "posmoe": "runtime",
    "posmoe_kernels": "kernels",
    "posmoe_models": "models",
    "posmoe_train": "train",
    "posmoe_quant": "quant",
    "posmoe_export": "export",
}
MAY_IMPORT = {
    "posmoe": {"posmoe_kernels"},  # the engine triton, when it is loaded
    "posmoe_kernels": set(),
    "posmoe_models": {"posmoe_kernels"},
    "posmoe_quant": {"posmoe_kernels", "posmoe_models"},
    "posmoe_train": {"posmoe", "posmoe_kernels", "posmoe_models", "posmoe_quant"},
    "posmoe_export": {"posmoe", "posmoe_kernels", "posmoe_models", "posmoe_quant", "posmoe_train"},
}
# `import posmoe` may load NumPy and the standard library.
HEAVY = {
    "click", "cupy", "fastapi", "httpx", "lightning", "networkx", "onnx", "onnxruntime", "pandas",
    "prometheus_client", "pyarrow", "pydantic", "pydantic_settings", "pyspark", "ray", "rich",
    "safetensors", "scipy", "spacy", "starlette", "tensorrt", "tensorrt_rtx_bindings", "tokenizers", "torch",
    "transformers", "triton", "typer", "uvicorn",
}  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    """The top-level names of all absolute imports of a file, wherever in it they stand."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", FOLDERS)
def test_packages_import_in_one_direction(package: str) -> None:
    files = sorted((ROOT / FOLDERS[package] / package).rglob("*.py"))
    assert files
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if name in {*FOLDERS, "tests", "bench"} - allowed
    ]
    assert wrong == []


def test_the_build_script_needs_the_standard_library_alone() -> None:
    assert set(imported(ROOT / "wheels" / "build.py")) <= sys.stdlib_module_names


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'runtime')!r}); {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_importing_posmoe_loads_nothing_heavy() -> None:
    loaded = loaded_by("import posmoe")
    assert "posmoe" in loaded
    assert not loaded & (HEAVY | FOLDERS.keys() - {"posmoe"})


def test_importing_the_public_names_loads_nothing_heavy() -> None:
    assert not loaded_by("from posmoe import *") & HEAVY


def test_importing_posmoe_starts_no_thread_and_writes_nothing() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'runtime')!r}); import posmoe, threading;"
        "assert threading.active_count() == 1"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", "")
