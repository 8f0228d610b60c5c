"""Engines run a bundle's network; this file chooses one, and says why."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from ..errors import EngineError, EngineWarning, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .. import _core
    from ..bundle import Bundle


class Scores(NamedTuple):
    """What the network says of a batch of B sentences, padded to T words (docs: the ONNX graph's outputs)."""

    tags: NDArray[np.float32]  # [B, T, tags]
    arcs: NDArray[np.float32]  # [B, T, C]
    heads: NDArray[np.int64]  # [B, T, C]: the head that a score is for; 0 is the root, -1 is no candidate
    dependents: NDArray[np.float32]  # [B, T, q]
    label_heads: NDArray[np.float32]  # [B, T + 1, q]; row 0 is the root
    labels: NDArray[np.int64] | None = None  # [B, T, C]: the relation of every candidate, where the graph names it

    def sentence(self, row: int) -> Scores:
        """One row as a batch of its own."""
        return Scores(*(None if part is None else part[row : row + 1] for part in self))  # type: ignore[arg-type]


class Analyser(Protocol):
    """Texts or words to trees; thread-safe."""

    def texts(self, texts: list[str], lines: bool = False) -> list[_core.Analysis]:
        """Cut texts into words and parse them; with `lines` every line is one sentence.

        Raises:
            DecodeError: the scores give no tree.
            EngineError: the engine failed.
        """
        ...

    def words(self, words: list[_core.Words], gold: list[list[int] | None]) -> list[_core.Analysis]:
        """Parse words; `gold` has for each text None, or a known tag or -1 a word. Raises as `texts`."""
        ...


class Engine(Protocol):
    """A loaded network; one engine serves many threads at a time."""

    name: str

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch: features [B, T, 6], zero past each sentence's length; lengths [B], at least 1.

        Of a bundle that reads sub-words, features are [B, T, pieces].

        Raises:
            EngineError: the engine failed.
        """
        ...


@runtime_checkable
class Compiled(Protocol):
    """An engine of the core: it also decodes and labels, and goes from texts to trees in one call."""

    def columns(
        self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Indices of tags, heads and indices of relations, [n] each; arguments as `Network.columns`.

        Raises:
            DecodeError: the scores give no tree.
            EngineError: the engine failed.
        """
        ...

    def analyser(self, tokenizer: _core.Tokenizer, features: _core.Features, longest: int, joining: int) -> Analyser:
        """The whole way from texts to trees, the sentences of more than `longest` words in pieces."""
        ...


class Choice(NamedTuple):
    """An engine's name and why it was taken; for `auto` also the engine that large batches go to, if any."""

    name: str
    reason: str
    large: str | None = None


class _Known(NamedTuple):
    """An engine that posmoe knows: its module, the packages of which it needs one, and the extra with that."""

    module: str
    packages: tuple[str, ...] = ()
    extra: str = ""
    title: str = ""
    load: str = "load"  # the module's function
    named: bool = False  # `auto` leaves it alone

    def missing(self) -> bool:
        """Whether none of its packages is installed."""
        return bool(self.packages) and all(find_spec(name) is None for name in self.packages)


# says which GPU this process may use; `auto` uses none without it
DEVICE = "POSMOE_GPU"
# there is one where the driver's device is: Linux, and Windows' subsystem for it
NODES = ("/dev/nvidiactl", "/dev/dxg")
# in the order in which `auto` prefers them
ENGINES: dict[str, _Known] = {
    "native": _Known(".native"),
    "onnxruntime": _Known(".onnxruntime", ("onnxruntime",), "onnx", "ONNX Runtime"),
    "onnxruntime-cuda": _Known(
        ".onnxruntime", ("onnxruntime",), "onnx-gpu", "ONNX Runtime for GPUs", load="load_cuda", named=True
    ),
    "tensorrt": _Known(
        ".tensorrt", ("tensorrt_rtx", "tensorrt_rtx_bindings", "tensorrt"), "gpu", "TensorRT", named=True
    ),
    "triton": _Known(".triton", ("triton",), "triton", "Triton", named=True),
    "torch": _Known(".torch", ("torch",), "torch", "PyTorch", named=True),
}
# those that run bundles whose features are sub-words, and why the others don't
SUBWORDS = ("onnxruntime", "onnxruntime-cuda")
ENCODER = "it reads sub-words, as pretrained encoders do"
# what a network may be computed in; `auto` is what its bundle says
PRECISIONS = ("auto", "float32", "float16", "int8", "int8_dynamic", "float8_e4m3", "float8_e5m2")


def choose(backend: str = "auto", bundle: Bundle | None = None) -> Choice:
    """Which engine serves a backend's name, for a bundle or for bundles that any engine runs, without loading it.

    Raises:
        EngineError: the name is unknown, or the engine doesn't run bundles of this kind.
        MissingExtraError: its package is not installed.
    """
    if backend == "auto":
        return _first(bundle)
    known = ENGINES.get(backend)
    if known is None:
        raise EngineError(f"expected one of the engines auto, {', '.join(ENGINES)}, got {backend!r}.")
    if bundle is not None and bundle.subwords and backend not in SUBWORDS:
        raise EngineError(
            f"engine {backend!r} can't run bundle {bundle.path}: {ENCODER}. Take backend={SUBWORDS[0]!r}."
        )
    if known.missing():
        raise MissingExtraError(known.title, known.extra)
    return Choice(backend, "it was asked for")


def _first(bundle: Bundle | None) -> Choice:
    """The first engine that is there and runs the bundle."""
    passed: list[str] = []
    for name, known in ENGINES.items():
        if known.named:
            continue
        why = None if bundle is None or name != "native" else _native_refusal(bundle)
        if why is not None:
            passed.append(f"native can't run this bundle ({why})")
        elif known.missing():
            raise MissingExtraError(f"{known.title} (needed, as {'; '.join(passed)})", known.extra)
        else:
            large, why = _for_large(bundle) if name == "native" else (None, None)
            passed += [] if why is None else [why]
            return Choice(name, f"auto: the first that serves{''.join(f'; {reason}' for reason in passed)}", large)
    raise EngineError("this version of posmoe has no engine.")


def _for_large(bundle: Bundle | None) -> tuple[str | None, str | None]:
    """The engine of large batches where $POSMOE_GPU names a GPU, and what is to be said of it; loads no library."""
    number = os.environ.get(DEVICE)
    known = ENGINES["triton"]
    if not number or bundle is None:
        return None, None
    if known.missing():
        return None, f"triton, for ${DEVICE}, is not installed (pip install 'pos-moe-parser[{known.extra}]')"
    if not any(os.path.exists(node) for node in NODES):  # noqa: PTH110 (no pathlib where nothing else needs it)
        return None, f"there is no GPU for ${DEVICE}"
    module: Any = import_module(known.module, __name__)
    why: str | None = module.refusal(bundle)
    if why is not None:
        return None, f"triton can't run this bundle ({why})"
    return "triton", f"batches of many words go to triton on GPU {number}"


def _native_refusal(bundle: Bundle) -> str | None:
    if bundle.subwords:
        return ENCODER
    from .native import refusal

    return refusal(bundle)


def instruction_set(choice: Choice) -> str | None:
    """What the native engine's kernels use on this machine, or None for other engines.

    Raises:
        EngineError: $POSMOE_ISA names one that is not there.
    """
    if choice.name != "native":
        return None
    from .native import instruction_set as native

    return native()


def arithmetic(bundle: Bundle) -> str:
    """What a bundle's network is computed in."""
    return str(bundle.manifest["constants"].get("arithmetic", "float32"))


def expect_precision(bundle: Bundle, engine: str, precision: str, found: str) -> None:
    """Check that what an engine has is what was asked for.

    Raises:
        EngineError: says how to make a bundle of the precision that was asked for.
    """
    if precision not in ("auto", found):
        raise EngineError(
            f"{engine} computes bundle {bundle.path} in {found}, {precision} was asked for. Make a bundle of it with: "
            f"posmoe-export cast {bundle.path} NEW --precision {precision}"
        )


def create(bundle: Bundle, choice: Choice, threads: int = 1, precision: str = "auto") -> Engine:
    """Load a bundle's network into the chosen engine; one batch is computed on `threads` threads.

    Args:
        precision: one of `PRECISIONS`.
    Raises:
        BundleError: graph and manifest disagree.
        EngineError: the engine refuses the graph, or can't compute it in this precision.
    Warns:
        EngineWarning: the engine that `auto` meant for large batches can't be had.
    """
    engine = _load(bundle, choice.name, threads, precision)
    if choice.large is None:
        return engine
    try:
        large: Any = _load(bundle, choice.large, threads, precision)
    except EngineError as error:
        message = f"auto: {choice.large} can't be had, so {choice.name} computes all batches: {error}"
        warnings.warn(message, EngineWarning, stacklevel=2)
        return engine
    from .by_batch import ByBatch

    small: Any = engine
    return ByBatch(small, large)


def _load(bundle: Bundle, name: str, threads: int, precision: str) -> Engine:
    known = ENGINES[name]
    module: Any = import_module(known.module, __name__)
    make: Callable[[Bundle, int, str], Engine] = getattr(module, known.load)
    return make(bundle, threads, precision)
