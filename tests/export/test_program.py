"""Programs of PyTorch in bundles, and precision on load: what each engine honours, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.engines import ENGINES, Scores, choose, create
from posmoe.engines.torch import TorchEngine, padded, padded_shape, this_platform
from posmoe.errors import BundleError, EngineError, InputError, MissingExtraError
from posmoe_export import ExportError, compare
from posmoe_export.network import float_network, integer_network
from posmoe_export.program import add_program
from posmoe_quant import freeze
from tests.bundles import write_manifest
from tests.models.sizes import identifiers
from tests.runtime.test_native import TEXT, columns

pytestmark = pytest.mark.timeout(240)  # torch.export takes its time, more on a busy machine


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model with an exported program."""
    return add_program(find(), tmp_path_factory.mktemp("bundles") / "program")


def changed(program: Path, to: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy with another manifest."""
    shutil.copytree(program, to)
    manifest = json.loads((to / "manifest.json").read_text())
    change(manifest)
    write_manifest(to, manifest)
    return to


def test_the_program_gives_what_pytorch_gives(program: Path) -> None:
    bundle = Bundle.load(program)
    engine = create(bundle, choose("torch"))
    batches = [tuple(part.numpy() for part in identifiers(lengths)) for lengths in ([1], [1, 1], [9, 4], [170, 81, 3])]
    parity = compare(integer_network(bundle), engine, batches)  # type: ignore[arg-type]
    assert parity.equal == 1 and parity.candidates == parity.words
    nlp = posmoe.load(program, backend="torch")
    assert columns(nlp(TEXT)) == columns(posmoe.load(backend="onnxruntime")(TEXT))
    assert posmoe.load(program).engine.name == "native"  # a program is never taken unasked
    with pytest.raises(EngineError, match=r"PyTorch's program computes bundle .* in int8, float32 was asked for"):
        posmoe.load(program, backend="torch", precision="float32")


def test_a_bundle_without_a_program_is_told_how_to_get_one() -> None:
    with pytest.raises(EngineError, match=r"has no model\.pt2, .*: posmoe-export torch"):
        posmoe.load(backend="torch")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"compiled": True, "platform": "plan9-mips"}, rf"compiled for plan9-mips, this is {this_platform()}"),
        ({"compiled": True, "torch": "1.0.0"}, r"is of PyTorch 1\.0\.0, here is"),
        ({"compiled": True, "device": "cuda"}, "compiled for a GPU, there is none here"),
    ],
)
def test_a_program_for_another_machine_is_refused(
    program: Path, tmp_path: Path, record: dict[str, Any], message: str
) -> None:
    if record.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    path = changed(program, tmp_path / "other", lambda manifest: manifest["program"].update(record))
    with pytest.raises(EngineError, match=f"{message}.*posmoe-export torch .* --compile"):
        posmoe.load(path, backend="torch")


def test_a_record_that_lacks_something_and_a_program_that_is_none_are_refused(program: Path, tmp_path: Path) -> None:
    path = changed(program, tmp_path / "record", lambda manifest: manifest["program"].pop("device"))
    with pytest.raises(BundleError, match="expected `program` in the manifest to have precision, compiled"):
        posmoe.load(path, backend="torch")
    path = shutil.copytree(program, tmp_path / "none")
    (path / "model.pt2").write_bytes(b"not a program")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"]["model.pt2"] = {"sha256": __import__("hashlib").sha256(b"not a program").hexdigest(), "bytes": 13}
    write_manifest(path, manifest)
    with pytest.raises(BundleError, match=r"PyTorch .* refuses its model\.pt2"):
        posmoe.load(path, backend="torch")


def test_batches_are_padded_to_shapes_that_have_graphs() -> None:
    assert padded_shape(1, 1) == padded_shape(128, 16) == (128, 16)
    assert padded_shape(129, 16) is None and padded_shape(1, 1025) is None
    assert padded_shape(64, 17) == (64, 32)
    parser = freeze(float_network(Bundle.load(find())))
    shapes = []

    def graphs(features: torch.Tensor, lengths: torch.Tensor) -> Any:
        shapes.append(tuple(features.shape))
        return parser(features, lengths)

    plain, graphed = TorchEngine(parser, "cpu"), TorchEngine(parser, "cpu", graphs)
    features, lengths = (part.numpy() for part in identifiers([5, 3]))
    expected, found = plain.scores(features, lengths), graphed.scores(features, lengths)
    assert shapes == [(128, 16, 6)]
    mask = np.arange(5) < lengths[:, None]
    for name in Scores._fields[:5]:
        one, other = getattr(expected, name), getattr(found, name)
        if name != "label_heads":
            assert one.shape == other.shape
            np.testing.assert_allclose(one[mask], other[mask], rtol=1e-4, atol=1e-4)
    wide, counts = padded(features, lengths, (4, 8))
    assert wide.shape == (4, 8, 6) and counts.tolist() == [5, 3, 1, 1] and not wide[2:].any()


def test_the_native_engine_casts_int8_to_float32() -> None:
    bundle = Bundle.load(find())
    cast = create(bundle, choose("native"), precision="float32")
    batch: Any = tuple(part.numpy() for part in identifiers([9, 4, 1, 30]))
    parity = compare(freeze(float_network(bundle)), cast, [batch])
    assert parity.equal == 1 and parity.logit_error < 1e-3
    nlp = posmoe.load(precision="float32")
    own = posmoe.load(precision="int8")
    assert columns(own(TEXT)) == columns(posmoe.load()(TEXT))
    heads = [np.concatenate([d.arrays().heads]) for d in (nlp(TEXT), own(TEXT))]
    assert (heads[0] == heads[1]).mean() > 0.97
    import pickle

    assert columns(pickle.loads(pickle.dumps(nlp))(TEXT)) == columns(nlp(TEXT))


def test_what_an_engine_cannot_cast_is_refused() -> None:
    with pytest.raises(EngineError, match=r"the native engine computes bundle .* in int8, float16 was asked for.*cast"):
        posmoe.load(precision="float16")
    with pytest.raises(EngineError, match=r"ONNX Runtime computes bundle .* in int8, float32 was asked for"):
        posmoe.load(backend="onnxruntime", precision="float32")
    with pytest.raises(InputError, match=r"expected precision to be one of auto, float32, .*, got 'int3'"):
        posmoe.load(precision="int3")


def test_a_missing_pytorch_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "torch", ENGINES["torch"]._replace(packages=("no_such_package",)))
    with pytest.raises(MissingExtraError, match=r"PyTorch is not installed.*pos-moe-parser\[torch\]"):
        choose("torch")


def test_no_gpu_and_no_bundle_are_told(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ExportError, match="is there and is no bundle"):
        add_program(find(), tmp_path)
    if not torch.cuda.is_available():
        with pytest.raises(ExportError, match="expected a GPU to compile for"):
            add_program(find(), tmp_path / "new", device="cuda")
