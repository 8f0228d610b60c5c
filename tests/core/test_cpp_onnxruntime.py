"""The example that embeds ONNX Runtime in C++, against the library inside its Python package."""

import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import posmoe
from tests.core.c_library import run
from tests.paths import ROOT, shared

EXAMPLE = ROOT / "examples" / "cpp-onnxruntime"


@pytest.fixture(scope="module")
def program(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, compiled as its README says."""
    onnxruntime = pytest.importorskip("onnxruntime")
    header = Path(os.environ.get("ONNXRUNTIME_INCLUDE", "nowhere"), "onnxruntime_c_api.h")
    if not header.is_file():
        pytest.skip("needs ONNXRUNTIME_INCLUDE: the folder of onnxruntime_c_api.h, which no Python package has")
    libraries = sorted(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("needs an ONNX Runtime with a shared library")
    tree = tmp_path_factory.mktemp("cpp-onnxruntime")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (tree / name).symlink_to(libraries[0])
    cmake = (sys.executable, "-m", "cmake")
    options = (f"-DONNXRUNTIME_INCLUDE_DIR={header.parent}", f"-DONNXRUNTIME_LIBRARY={tree / 'libonnxruntime.so'}")
    generator = ("-G", "Ninja") if shutil.which("ninja") else ()
    run(*cmake, "-S", str(EXAMPLE), "-B", str(tree), f"-DCMAKE_PREFIX_PATH={prefix}", *options, *generator)
    run(*cmake, "--build", str(tree))
    return tree / "parse"


def parsed(program: Path, bundle: Path, text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program, bundle], input=text, capture_output=True, check=False)


def test_its_trees_are_those_of_python(program: Path) -> None:
    treebank = lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode()
    texts = [line.removeprefix("# text = ") for line in treebank.splitlines() if line.startswith("# text = ")]
    text = "\n".join(texts)
    nlp = posmoe.load(backend="onnxruntime")
    result = parsed(program, nlp.bundle.path, text.encode())
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode() == nlp(text).to_conllu()


def test_what_is_not_right_is_told(program: Path, tmp_path: Path) -> None:
    bundle = posmoe.load().bundle.path
    for path, text, message in (
        (bundle, b"caf\xe9", "expected UTF-8, got an invalid byte at 3"),
        (tmp_path, b"x", "manifest.json is missing"),
    ):
        result = parsed(program, path, text)
        assert (result.returncode, result.stdout) == (1, b"")
        assert message in result.stderr.decode()
