"""The TensorRT engine: libraries, cards, what is kept on disk, shapes and the trial; execution where a card serves."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import posmoe
from posmoe import engines
from posmoe.bundle import Bundle, find
from posmoe.bundle_files import TENSORRT
from posmoe.engines import Engine, Scores, choose, create, native, tensorrt
from posmoe.engines.onnxruntime import OUTPUTS
from posmoe.engines.tensorrt import TensorRTEngine, cache, device, library, trial
from posmoe.engines.tensorrt.build import PROFILES, Built
from posmoe.engines.tensorrt.device import Card
from posmoe.engines.tensorrt.library import Library
from posmoe.engines.tensorrt.slot import bucket
from posmoe.errors import BundleError, EngineError, MissingExtraError
from posmoe.network import Network

RTX4090 = Card(0, "NVIDIA GeForce RTX 4090", (8, 9), 13000)
H100 = Card(0, "NVIDIA H100 80GB HBM3", (9, 0), 13000)


@pytest.fixture(scope="module")
def edge() -> Bundle:
    """The packaged bundle, which has a graph for TensorRT."""
    bundle = Bundle.load(find())
    assert TENSORRT in bundle.others, "add it with: posmoe-export tensorrt runtime/posmoe/models/en-edge"
    return bundle


@pytest.fixture(scope="module")
def rtx() -> Library:
    """TensorRT-RTX, where it is installed."""
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed")
    return next(one for one in library.installed() if one.ahead)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what is kept."""
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "kept"))
    return tmp_path / "kept"


def key(bundle: Bundle, card: Card = RTX4090, version: str = "1.7") -> dict[str, Any]:
    """As the engine makes it."""
    return tensorrt.key_of(bundle, Library("TensorRT-RTX", SimpleNamespace(__version__=version)), card)


class Onnx:
    """A slot that computes the same graph on ONNX Runtime, in place of a card; it keeps the batches' shapes."""

    def __init__(self, bundle: Bundle) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        assert bundle.folder is not None
        path = str(bundle.folder / TENSORRT)
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.shapes: list[tuple[int, ...]] = []

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        self.shapes.append(features.shape)
        return Scores(*self._session.run(list(OUTPUTS), {"features": features, "lengths": lengths}))


@pytest.fixture
def stand_in(edge: Bundle, monkeypatch: pytest.MonkeyPatch) -> TensorRTEngine:
    """The engine with such a slot."""
    monkeypatch.setattr(device, "use", lambda card: None)
    slot: Any = Onnx(edge)
    engine = TensorRTEngine([slot], RTX4090, native.load(edge, 1))
    engine.slot = slot  # type: ignore[attr-defined]
    return engine


def test_the_graph_of_the_bundle_gives_the_native_trees(edge: Bundle, stand_in: TensorRTEngine) -> None:
    assert trial.compare(edge, stand_in, native.load(edge, 1)) == 1
    trial.check(edge, stand_in, native.load(edge, 1))


def test_large_batches_are_cut_and_long_sentences_go_to_the_native_engine(
    edge: Bundle, stand_in: TensorRTEngine
) -> None:
    host = native.load(edge, 1)
    rng = np.random.default_rng(0)
    lengths = np.array([1100, *[700] * 24, *[33] * 150, *[5] * 600])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    features = rng.integers(2, edge.rows, (int(offsets[-1]), 6), dtype=np.int32)
    found = Network(edge, stand_in).columns(features, offsets)
    expected = host.columns(features, offsets, None)
    shapes = stand_in.slot.shapes  # type: ignore[attr-defined]
    assert {shape[1] for shape in shapes} == {5, 33, 700}
    for shape in shapes:
        profile = next(profile for profile in PROFILES if shape[1] <= profile.length)
        assert shape[0] <= profile.batch
    # identifiers at random are nothing that the network knows, so more scores are nearly equal than in text
    assert np.mean(found.heads == expected[1]) > 0.99
    assert np.mean(found.upos == expected[0]) > 0.99


def test_a_sentence_over_the_limit_is_refused_where_no_other_engine_takes_it(stand_in: TensorRTEngine) -> None:
    stand_in._long = None
    with pytest.raises(EngineError, match=r"at most 1024 words, as the tensorrt engine was built for, got 1025. Take"):
        stand_in.scores(np.zeros((1, 1025, 6), np.int32), np.array([1025]))


def test_batches_are_padded_to_few_shapes() -> None:
    assert bucket(1, 1, PROFILES) == (0, 1, 8)
    assert bucket(3, 20, PROFILES) == (0, 4, 32)
    assert bucket(512, 32, PROFILES) == (0, 512, 32)
    assert bucket(128, 33, PROFILES) == (1, 128, 64)
    assert bucket(16, 1000, PROFILES) == (2, 16, 1024)
    for index, profile in enumerate(PROFILES):
        assert profile.batch.bit_count() == profile.length.bit_count() == 1
        shapes = {bucket(b, t, PROFILES) for b in range(1, profile.batch + 1) for t in (1, profile.length)}
        assert all(b <= PROFILES[at].batch and t <= PROFILES[at].length for at, b, t in shapes)
        assert max(at for at, _, _ in shapes) == index


def test_an_engine_that_says_other_things_is_not_used(edge: Bundle) -> None:
    host = native.load(edge, 1)

    class Wrong:
        name = "tensorrt"

        def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
            scores = host.scores(features, lengths)
            return scores._replace(arcs=np.where(scores.heads >= 0, -scores.arcs, scores.arcs))

    wrong: Engine = Wrong()
    with pytest.raises(EngineError, match=r"was tried on 12 sentences and is not used: .*% .*the native engine, 99%"):
        trial.check(edge, wrong, host)
    assert trial.compare(edge, host, host) == 1


def test_a_bundle_without_the_graph_names_the_command_that_adds_it(tiny: Path) -> None:
    with pytest.raises(EngineError, match=rf"no graph for TensorRT \(tensorrt.onnx\). .*posmoe-export tensorrt {tiny}"):
        create(Bundle.load(tiny), choose("tensorrt"))


def test_a_missing_library_names_the_line_that_installs_it(edge: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in library.KNOWN:
        for name in known.modules:
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"TensorRT is not installed. .*pip install 'pos-moe-parser\[gpu\]'"):
        create(edge, choose("tensorrt"))


def test_missing_bindings_of_cuda_name_the_line_that_installs_them(
    edge: Bundle, rtx: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(MissingExtraError, match=r"cuda-bindings\) is not installed. .*pos-moe-parser\[gpu\]"):
        create(edge, choose("tensorrt"))


def cuda(driver: int = 13000, status: str = "cudaSuccess", count: int = 1) -> Any:
    """The real bindings, but for what they say of cards."""
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    good = runtime.cudaError_t.cudaSuccess
    answers = {
        "cudaDriverGetVersion": lambda: (good, driver),
        "cudaGetDeviceCount": lambda: (getattr(runtime.cudaError_t, status), count),
    }
    return SimpleNamespace(**{name: getattr(runtime, name) for name in dir(runtime)} | answers)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"driver": 0}, r"needs an NVIDIA GPU and its driver; none is installed here. Take backend='native'"),
        (
            {"driver": 12040, "status": "cudaErrorInsufficientDriver"},
            r"the driver here serves CUDA 12.4, CUDA 1[3-9]\.\d is installed: update the driver",
        ),
        ({"status": "cudaErrorNoDevice", "count": 0}, r"CUDA finds no GPU \(no CUDA-capable device is detected\)"),
        ({"count": 2}, r"\$POSMOE_GPU: expected the number of one of 2 GPUs, from 0, got '2'"),
    ],
)
def test_a_card_that_cannot_be_had_is_told(
    said: dict[str, Any], message: str, edge: Bundle, rtx: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engines.DEVICE, "2")
    runtime = cuda(**said)
    monkeypatch.setattr(device, "cuda", lambda: runtime)
    with pytest.raises(EngineError, match=message):
        create(edge, choose("tensorrt"))


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = cuda()
    runtime.cudaMalloc = lambda size: (runtime.cudaError_t.cudaErrorMemoryAllocation, None)
    monkeypatch.setattr(device, "cuda", lambda: runtime)
    with pytest.raises(EngineError, match=r"can't get 1,000 bytes on the card: too little memory \(out of memory\)"):
        device.Buffer(1000)


def test_the_library_that_serves_a_card_is_taken(rtx: Library) -> None:
    other = Library("TensorRT", SimpleNamespace(__version__="10.9"))
    assert library.serving(RTX4090, [rtx, other]) is rtx
    assert library.serving(H100, [rtx, other]) is other
    with pytest.raises(
        EngineError,
        match=r"TensorRT-RTX 1\.\S+ can't run on NVIDIA H100 80GB HBM3, compute capability 9.0; here it serves 7.5, "
        r".*Install TensorRT \(pip install tensorrt cuda-bindings\), or take backend='triton'",
    ):
        library.serving(H100, [rtx])


def test_any_change_of_card_driver_library_bundle_or_profiles_is_another_engine(edge: Bundle, folder: Path) -> None:
    cards = [RTX4090._replace(name="NVIDIA L4"), RTX4090._replace(driver=13010), RTX4090._replace(capability=(12, 0))]
    keys = [key(edge), *(key(edge, card) for card in cards), key(edge, version="1.8")]
    for name in ("digest", "arithmetic", "profiles"):
        keys.append({**key(edge), name: "other"})
    assert len({cache.path(one, "engine") for one in keys}) == len(keys)
    assert key(edge, RTX4090._replace(number=3)) == key(edge)
    cache.write(keys[0], "engine", b"built")
    assert [cache.read(one, "engine") for one in keys] == [b"built", *[None] * (len(keys) - 1)]
    assert json.dumps(key(edge)).count(edge.manifest["digest"]) == 1


def test_a_damaged_file_is_told_and_not_used(edge: Bundle, folder: Path) -> None:
    cache.write(key(edge), "engine", b"built" * 1000)
    file = cache.path(key(edge), "engine")
    for content in (file.read_bytes()[:-1], b"", file.read_bytes().replace(b"built", b"guilt", 1)):
        file.write_bytes(content)
        with pytest.warns(cache.CacheWarning, match="is damaged: it is built again"):
            assert cache.read(key(edge), "engine") is None
    assert [entry.name for entry in folder.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_told(edge: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "file" / "deeper"))
    with pytest.warns(cache.CacheWarning, match=r"can't be kept at .*set \$POSMOE_CACHE to a folder"):
        cache.write(key(edge), "engine", b"built")


def test_two_that_write_at_once_leave_a_whole_file(edge: Bundle, folder: Path) -> None:
    one, contents = key(edge), [bytes([letter]) * 100_000 for letter in b"ab"]
    cache.write(one, "engine", contents[0])
    with ThreadPoolExecutor(3) as pool:
        writes = [pool.submit(cache.write, one, "engine", content) for content in contents * 20]
        read = [cache.read(one, "engine") for _ in range(50)]
        for write in writes:
            write.result()
    assert set(read) <= set(contents)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("found", [b"refused", b"another"])
def test_a_kept_engine_that_the_library_refuses_is_built_again(
    found: bytes, edge: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda data: None if data == b"refused" else data.decode())
    module = SimpleNamespace(__version__="1.7", Logger=lambda level: None, Runtime=lambda logger: runtime)
    module.Logger.ERROR = 1
    builds: list[bytes] = []

    def built_for(*_: Any, **options: Any) -> Built:
        builds.append(options["timings"])
        return Built(b"another", b"times", ())

    monkeypatch.setattr(tensorrt, "built_for", built_for)
    own = Library("TensorRT-RTX", module)
    cache.write(key(edge), "engine", found)
    if found == b"refused":
        with pytest.warns(cache.CacheWarning, match=r"TensorRT-RTX refuses .*\.engine: it is built again"):
            assert tensorrt.kept(edge, b"", own, RTX4090, key(edge)) == "another"
        assert (builds, cache.read(key(edge), "timings")) == ([b""], b"times")
    assert tensorrt.kept(edge, b"", own, RTX4090, key(edge)) == "another"
    assert len(builds) == (found == b"refused")


def test_a_graph_that_is_none_is_refused(edge: Bundle, rtx: Library, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"TensorRT-RTX 1\.\S+ refuses the graph"):
        tensorrt.built_for(edge, b"no graph", rtx, (8, 9))


def test_a_zip_is_built_as_a_folder_is(edge: Bundle, rtx: Library, tmp_path: Path) -> None:
    from tests.bundles import zip_bundle

    assert edge.folder is not None
    copy = tmp_path / "copy"
    shutil.copytree(edge.folder, copy)
    zipped = Bundle.load(zip_bundle(copy, tmp_path / "edge.posmoe"))
    assert zipped.others == edge.others
    built = tensorrt.built_for(zipped, tensorrt.graph_of(zipped), rtx, (8, 9), PROFILES[:1])
    assert len(built.engine) > 5_439_744  # the lexical table's codes


def test_trees_on_a_card_that_serves(edge: Bundle, folder: Path) -> None:
    pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    try:
        library.serving(device.card(), library.installed())
    except EngineError as error:
        pytest.skip(str(error))
    text = "\n".join(trial.TEXT.splitlines() * 50)
    found, expected = (posmoe.load(backend=name)(text).arrays() for name in ("tensorrt", "native"))
    assert np.mean(found.heads == expected.heads) >= 0.999
    assert sorted(file.suffix for file in folder.iterdir()) == [".engine", ".kernels"]
    posmoe.load(backend="tensorrt")("It rains.")
