"""The TensorRT engine: the bundle's graph, built for the card at hand by TensorRT or TensorRT-RTX.

The built engine is kept on disk. Batches are padded to a few shapes and go through slots, each with a stream and pinned
memory of its own; the core decodes the scores. An engine is tried against the native one before it serves.
"""

from __future__ import annotations

import queue
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...bundle_files import TENSORRT, WEIGHTS
from ...errors import EngineError
from .. import Engine, Scores, arithmetic, expect_precision
from . import cache, device
from .build import PROFILES, Built, Profile, build
from .library import Library, installed, serving
from .slot import Slot

if TYPE_CHECKING:
    from ...bundle import Bundle

SLOTS = 2
ENGINE, TIMINGS, KERNELS = "engine", "timings", "kernels"


class TensorRTEngine:
    """An engine on one GPU; serves many threads, which share the slots."""

    name = "tensorrt"
    # padded words of a batch
    budget = max(profile.length * profile.batch for profile in PROFILES)

    def __init__(self, slots: list[Slot], card: device.Card, long: Engine | None) -> None:
        self.card = card
        self._long = long
        self._slots: queue.LifoQueue[Slot] = queue.LifoQueue()
        for slot in slots:
            self._slots.put(slot)

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`. Batches beyond a profile's are cut.

        Sentences beyond the longest profile are computed by the native engine, if it runs the bundle.
        """
        length = features.shape[1]
        profile = next((profile for profile in PROFILES if length <= profile.length), None)
        if profile is None:
            if self._long is None:
                raise EngineError(
                    f"expected sentences of at most {PROFILES[-1].length} words, as the tensorrt engine was built for, "
                    f"got {length}. Take backend='onnxruntime' for this text."
                )
            return self._long.scores(features, lengths)
        parts = [
            self._part(features[first : first + profile.batch], lengths[first : first + profile.batch])
            for first in range(0, len(features), profile.batch)
        ]
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part[:-1] for part in parts), strict=True)  # its graphs name no labels
        return Scores(*(np.concatenate(column) for column in columns))

    def _part(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        device.use(self.card)
        slot = self._slots.get()
        try:
            return slot.scores(features, lengths)
        finally:
            self._slots.put(slot)


def load(bundle: Bundle, threads: int, precision: str = "auto") -> TensorRTEngine:
    """Take the kept engine of this bundle and card, or build it; then try it.

    Raises:
        MissingExtraError: TensorRT or CUDA for Python is not installed.
        EngineError: there is no GPU that serves, the bundle has no graph for TensorRT, or the trial failed.
    """
    del threads
    expect_precision(bundle, "the tensorrt engine", precision, arithmetic(bundle))
    graph = graph_of(bundle)
    libraries = installed()
    card = device.card()
    library = serving(card, libraries)
    device.use(card)
    key = key_of(bundle, library, card)
    engine = kept(bundle, graph, library, card, key)
    reference, long = _others(bundle)
    with _runtime_cache(library, engine, key) as context:
        slots = [Slot(library.module, engine, context(), PROFILES) for _ in range(SLOTS)]
        made = TensorRTEngine(slots, card, long)
        if reference is not None:
            from .trial import check

            check(bundle, made, reference)
    return made


def graph_of(bundle: Bundle) -> bytes:
    """The bundle's graph for TensorRT.

    Raises:
        EngineError: it has none.
    """
    if TENSORRT not in bundle.others:
        raise EngineError(
            f"bundle {bundle.path} has no graph for TensorRT ({TENSORRT}). Add it with: posmoe-export tensorrt "
            f"{bundle.path}; or take another engine."
        )
    return bundle.others[TENSORRT]


def key_of(bundle: Bundle, library: Library, card: device.Card) -> dict[str, Any]:
    """What a built engine depends on; where any of it changes, another is built."""
    return {
        "bundle": bundle.name,
        "digest": bundle.manifest["digest"],
        "arithmetic": arithmetic(bundle),
        "card": card.name,
        "capability": list(card.capability),
        "driver": card.driver,
        "library": library.title,
        "version": library.version,
        "profiles": [list(profile) for profile in PROFILES],
    }


def kept(bundle: Bundle, graph: bytes, library: Library, card: device.Card, key: cache.Key) -> Any:
    """The engine from the cache, or a new one, which is kept; one that the library refuses is built again."""
    data = cache.read(key, ENGINE)
    for fresh in (False, True):
        if data is None or fresh:
            built = built_for(bundle, graph, library, card.capability, timings=cache.read(key, TIMINGS) or b"")
            data = built.engine
            cache.write(key, ENGINE, data)
            if built.timings:
                cache.write(key, TIMINGS, built.timings)
        logger = library.module.Logger(library.module.Logger.ERROR)
        runtime = library.module.Runtime(logger)
        engine = runtime.deserialize_cuda_engine(data)
        if engine is not None:
            return engine
        warnings.warn(f"{library.title} refuses {cache.path(key, ENGINE)}: it is built again.", cache.CacheWarning, 3)
        cache.forget(key, ENGINE)
    raise EngineError(f"{library.title} {library.version} can't load the engine that it built. Take backend='native'.")


def built_for(
    bundle: Bundle,
    graph: bytes,
    library: Library,
    capability: tuple[int, int],
    profiles: tuple[Profile, ...] = PROFILES,
    **options: Any,
) -> Built:
    """Build a bundle's graph; options as `build` takes them. A zip's weights are unpacked for it."""
    if bundle.folder is not None:
        return build(library, graph, bundle.folder / TENSORRT, capability, profiles, **options)
    with tempfile.TemporaryDirectory(prefix="posmoe-") as folder:
        (Path(folder) / WEIGHTS).write_bytes(bundle.tensors.buffer)
        return build(library, graph, Path(folder) / TENSORRT, capability, profiles, **options)


@contextmanager
def _runtime_cache(library: Library, engine: Any, key: cache.Key) -> Iterator[Any]:
    """What makes contexts; kernels that TensorRT-RTX compiles for them within are kept for the next start."""
    if not library.ahead:
        yield engine.create_execution_context
        return
    config = engine.create_runtime_config()
    kernels = config.create_runtime_cache()
    before = cache.read(key, KERNELS)
    if before is not None:
        kernels.deserialize(before)  # one of another driver is refused, and filled anew
    config.set_runtime_cache(kernels)
    yield lambda: engine.create_execution_context(config)
    after = bytes(kernels.serialize())
    if after != before:
        cache.write(key, KERNELS, after)


def _others(bundle: Bundle) -> tuple[Engine | None, Engine | None]:
    """Engines to try this one against, and for long sentences."""
    from .. import native

    if native.refusal(bundle) is None:
        host = native.load(bundle, 1)
        return host, host
    if find_spec("onnxruntime") is None:
        return None, None
    from .. import onnxruntime

    return onnxruntime.load(bundle, 1), None
