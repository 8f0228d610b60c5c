"""The native engine: the network in C++ of our own, on NumPy alone; the same bits on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import _core
from ..errors import BundleError, DecodeError, EngineError
from . import Scores, arithmetic, expect_precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..bundle import Bundle

SIZES = (
    *("lexical_dim", "context_dim", "trunk_dim", "trunk_layers", "router_dim", "experts", "expert_dim", "k"),
    *("expert_context_dim", "rank", "left", "right", "hubs", "hub_window", "label_rank"),
)
# constant → values that this engine computes
KNOWN = {
    "scorer": ("linear",),
    "similarity": ("dot",),
    "router": ("cnn", "linear"),
    "geometry": ("hyperbolic", "euclidean"),
    "arithmetic": ("float32", "int8"),
    "context": ("recurrence",),
    "gates": ("table",),
    "bigrams": (0,),
    "pair_tags": (1,),
}
# constants that older bundles lack
DEFAULTS = {"arithmetic": "float32", "context": "recurrence", "gates": "table", "bigrams": 0, "pair_tags": 1}
TYPES = ("F32", "I8")
TABLE = "lexicon.codes"  # INT8 in every precision
# read by others
OTHERS = ("features.keys", "tokenizer.weights")


class NativeEngine:
    """A network of the compiled core; runs are thread-safe and release the GIL."""

    name = "native"

    def __init__(self, network: _core.Network) -> None:
        self._network = network

    @property
    def instruction_set(self) -> str:
        """What the kernels were compiled for: plain, avx2, avxvnni, avx512 or neon."""
        return self._network.instruction_set

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`. Past a sentence's length, scores are 0 and heads -1."""
        try:
            return Scores(*self._network.scores(features, lengths))
        except (ValueError, IndexError) as error:
            raise EngineError(f"the native engine failed on a batch of {list(features.shape)}: {error}.") from error

    def columns(
        self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Sentences to tags, heads and relations; see `Compiled.columns`."""
        try:
            return self._network.columns(features, offsets, gold)
        except (ValueError, IndexError) as error:
            raise _named(error) from error

    def analyser(
        self, tokenizer: _core.Tokenizer, features: _core.Features, longest: int, joining: int
    ) -> NativeAnalyser:
        """See `Compiled.analyser`."""
        return NativeAnalyser(_core.Analyser(tokenizer, features, self._network, longest, joining))


class NativeAnalyser:
    """The core from texts to trees; runs are thread-safe, release the GIL and take no lock."""

    def __init__(self, analyser: _core.Analyser) -> None:
        self._analyser = analyser

    def texts(self, texts: list[str], lines: bool = False) -> list[_core.Analysis]:
        """See `Analyser.texts`."""
        try:
            return self._analyser.texts(texts, lines)
        except (ValueError, IndexError) as error:
            raise _named(error) from error

    def words(self, words: list[_core.Words], gold: list[list[int] | None]) -> list[_core.Analysis]:
        """See `Analyser.words`."""
        try:
            return self._analyser.words(words, gold)
        except (ValueError, IndexError) as error:
            raise _named(error) from error


def _named(error: ValueError | IndexError) -> DecodeError | EngineError:
    """What an exception of the core means."""
    if isinstance(error, IndexError):
        return EngineError(f"the native engine failed: {error}.")
    return DecodeError(str(error))


def refusal(bundle: Bundle) -> str | None:
    """Why this engine can't run a bundle, or None where it can."""
    constants: Mapping[str, Any] = {**DEFAULTS, **bundle.manifest["constants"]}
    for name, known in KNOWN.items():
        if constants.get(name) not in known:
            found = repr(constants[name]) if name in constants else "none"
            return f"it computes networks with {name} {' or '.join(map(str, known))}, the bundle has {found}"
    return None


def instruction_set() -> str:
    """The one that $POSMOE_ISA names, else the best of this machine.

    Raises:
        EngineError: it is unknown, or this machine or build has none of it.
    """
    try:
        return _core.instruction_set()
    except ValueError as error:
        raise EngineError(f"the native engine can't start: $POSMOE_ISA: {error}.") from error


def contents(bundle: Bundle, precision: str = "auto") -> tuple[dict[str, Any], dict[str, Any]]:
    """The sizes and tensors of a bundle's network, as the core takes them.

    Args:
        precision: `float32` for layers of INT8 as what their codes stand for.
    Raises:
        BundleError: a size is missing or none.
    """
    constants = bundle.manifest["constants"]
    shape: dict[str, Any] = {
        "rows": bundle.rows,
        "tags": len(bundle.tags),
        "labels": len(bundle.labels),
        "root": bundle.labels.index("root") if "root" in bundle.labels else -1,
        "cnn": constants["router"] == "cnn",
        "hyperbolic": constants["geometry"] == "hyperbolic",
        "int8": constants.get("arithmetic") == "int8",
    }
    for name in SIZES:
        value = constants.get(name)
        if type(value) is not int or not 0 <= value < 1 << 31:
            raise BundleError(f"bundle {bundle.path}: expected the constant {name!r} to be a size, got {value!r}.")
        shape[name] = value
    entries = bundle.tensors.entries.items()
    tensors: dict[str, Any] = {
        n: bundle.tensors.view(n) for n, entry in entries if entry.dtype in TYPES and n not in OTHERS
    }
    if shape["int8"] and precision == "float32":
        shape["int8"] = False
        tensors |= _dequantised(bundle, tensors)
    return shape, tensors


def _dequantised(bundle: Bundle, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The weights of INT8 layers in float32, [inputs, outputs]: codes times the scales of their rows.

    Raises:
        BundleError: a layer lacks one of its tensors, or they don't fit together.
    """
    import numpy as np

    weights = {}
    for layer in (name.removesuffix(".codes") for name in tensors if name.endswith(".codes") and name != TABLE):
        experts = layer.startswith("experts.")
        parts = (f"{layer}.codes", f"{layer}.multiplier", "experts.step" if experts else f"{layer}.step")
        missing = [name for name in parts if name not in tensors]
        if missing:
            raise BundleError(f"bundle {bundle.path}: expected a tensor {missing[0]!r}, it is missing.")
        codes, multiplier, step = (bundle.tensors[name] for name in parts)
        if codes.ndim != 2 or multiplier.shape != codes.shape[:1] or step.shape != (1,) or not step[0] > 0:
            shapes = [list(codes.shape), list(multiplier.shape), list(step.shape)]
            raise BundleError(f"bundle {bundle.path}: codes, multiplier and step of {layer!r} don't fit: {shapes}.")
        scaled = codes.astype(np.float32) * (multiplier / step)[:, None]
        weights[layer if experts else f"{layer}.weight"] = np.ascontiguousarray(scaled.T)
    return weights


def load(bundle: Bundle, threads: int, precision: str = "auto") -> NativeEngine:
    """Check the bundle's network and copy its weights; a batch is computed on the thread that brings it."""
    del threads
    why = refusal(bundle)
    if why is not None:
        raise EngineError(f"the native engine can't run bundle {bundle.path}: {why}. Take backend='onnxruntime'.")
    if precision != "float32":
        expect_precision(bundle, "the native engine", precision, arithmetic(bundle))
    shape, tensors = contents(bundle, precision)
    kernels = instruction_set()
    try:
        return NativeEngine(_core.Network(shape, tensors, kernels))
    except ValueError as error:
        raise BundleError(f"bundle {bundle.path}: {error}.") from error
