"""The Triton engine: the network on an NVIDIA GPU, in three fused kernels that a CUDA graph launches at once.

Batches go through without padding, in slots of fixed capacity, each with a stream, pinned host memory and graphs of its
own: while one slot computes, others copy. Sentences whose best heads form no tree are decoded on host threads.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import DecodeError, EngineError, MissingExtraError
from . import DEVICE, Analyser, Scores, arithmetic, expect_precision
from . import native as core

if TYPE_CHECKING:
    from ..bundle import Bundle

# words of a slot; sentences are at most a quarter of them
CAPACITIES = (256, 1024, 4096, 16384, 65536)
SLOTS = 4
# words whose trees are searched for on one host thread, about
SHARE = 1024
OLDEST = (8, 0)  # compute capability
KNOWN = {"arithmetic": "int8", "router": "cnn", "geometry": "hyperbolic", "trunk_dim": 0}
Columns = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


class Chunk(NamedTuple):
    """Some sentences of a call, on their way: their first word, and their offsets from there."""

    slot: Slot
    begin: int
    offsets: NDArray[np.int64]


class Slot:
    """Room for one batch on the device and in pinned memory, a stream, and a graph for each kind of batch."""

    def __init__(self, kernels: Any, shape: Any, weights: Any, words: int) -> None:
        import torch

        self.torch = torch
        capacity = kernels.Capacity(words, max(words // 4, 1))
        self.capacity = capacity
        self.forward = kernels.Forward(shape, weights, capacity)
        self.host = kernels.host_blocks(capacity)
        self.fill = kernels.fill
        device = weights.table.device
        # on the CPU, where tests run the kernels through Triton's interpreter, there are neither streams nor graphs
        make: Any = torch.cuda.Stream
        self.stream = make(device) if device.type == "cuda" else None
        self.graphs: dict[tuple[bool, bool], Any] = {}

    def current(self) -> AbstractContextManager[Any]:
        """Within it, work goes to the slot's stream."""
        return nullcontext() if self.stream is None else self.torch.cuda.stream(self.stream)

    def _work(self, large: bool, gold: bool) -> None:
        self.forward.block.copy_(self.host.block, non_blocking=True)
        self.forward.launch(large, gold)
        self.host.results.copy_(self.forward.results, non_blocking=True)

    def start(self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None) -> None:
        """Begin a batch; returns before it is done."""
        large = self.fill(self.host.inputs, features, offsets, gold)
        kind = large, gold is not None
        if self.stream is None:
            return self._work(*kind)
        if kind not in self.graphs:
            self._capture(*kind)
        with self.current():
            self.graphs[kind].replay()

    def _capture(self, large: bool, gold: bool) -> None:
        """Run the kernels once, so that they are compiled and tuned, then record them."""
        assert self.stream is not None
        with _CAPTURING:
            with self.current():
                self._work(large, gold)
                self.forward.rename(self.torch.zeros(1, dtype=self.torch.int32, device=self.forward.block.device))
            self.stream.synchronize()
            graph = self.torch.cuda.CUDAGraph()
            with self.torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self._work(large, gold)
            self.graphs[large, gold] = graph

    def wait(self) -> None:
        """Until the batch is done and its results lie in pinned memory."""
        if self.stream is not None:
            self.stream.synchronize()

    def scores_of(self, words: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Scores and heads of some words' candidates, [m, C] each."""
        with self.current():
            index = self.torch.from_numpy(words).to(self.forward.block.device)
            scratch = self.forward.scratch
            chosen = [part.index_select(0, index).cpu().numpy() for part in (scratch.scores, scratch.candidates)]
        return chosen[0], chosen[1]

    def rename(
        self, sentences: NDArray[np.int64], words: NDArray[np.int64], heads: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """The relations of some sentences' words under new heads."""
        with self.current():
            device = self.forward.block.device
            index = self.torch.from_numpy(words).to(device)
            self.forward.outputs.heads.index_copy_(0, index, self.torch.from_numpy(heads).to(device))
            self.forward.rename(self.torch.from_numpy(sentences.astype(np.int32)).to(device))
            found: NDArray[np.int32] = self.forward.outputs.relations.index_select(0, index).cpu().numpy()
        return found


_CAPTURING = threading.Lock()


class TritonEngine:
    """A network on one GPU; serves many threads, which share the slots."""

    name = "triton"

    def __init__(self, kernels: Any, shape: Any, weights: Any, host: core.NativeEngine) -> None:
        self._kernels, self._shape, self._weights, self._host = kernels, shape, weights, host
        self._longest = kernels.LARGE
        self._slots: dict[int, queue.LifoQueue[Slot | None]] = {}
        for words in CAPACITIES:
            self._slots[words] = queue.LifoQueue()
            for _ in range(SLOTS):
                self._slots[words].put(None)
        self._threads = min(16, os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(self._threads, "posmoe-decode")

    @property
    def card(self) -> str:
        """Name of the GPU."""
        import torch

        return torch.cuda.get_device_name(self._weights.table.device)

    def warm(self, words: int = CAPACITIES[-1]) -> None:
        """Compile and tune the kernels, and record the graph of one capacity, before the first batch comes."""
        offsets = np.arange(0, words // 2, 20, dtype=np.int64)
        rng = np.random.default_rng(0)
        self.columns(rng.integers(0, self._shape.rows, (int(offsets[-1]), 6), dtype=np.int32), offsets, None)

    def columns(
        self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None
    ) -> Columns:
        """Sentences to tags, heads and relations; see `Compiled.columns`.

        Sentences of more words than a tile holds are computed by the native engine.
        """
        self._check(features, offsets, gold)
        n = len(features)
        out = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
        waiting: deque[Chunk] = deque()
        try:
            for first, last in chunks(offsets, self._longest):
                begin, end = int(offsets[first]), int(offsets[last])
                own = offsets[first : last + 1] - begin
                known = None if gold is None else gold[begin:end]
                if last == first + 1 and end - begin > self._longest:
                    for column, values in zip(out, self._host.columns(features[begin:end], own, known), strict=True):
                        column[begin:end] = values
                    continue
                # whoever holds slots doesn't wait for more of them, so no two threads wait for each other
                while (slot := self._take(end - begin, last - first, wait=not waiting)) is None:
                    self._finish(waiting.popleft(), out)
                waiting.append(Chunk(slot, begin, own))
                with _failing("compute a batch"):
                    slot.start(features[begin:end], own, known)
            while waiting:
                self._finish(waiting.popleft(), out)
        finally:
            for chunk in waiting:
                with suppress(Exception):  # an error is on its way already
                    chunk.slot.wait()
                self._give(chunk.slot)
        return out

    def _check(self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None) -> None:
        rising = (
            len(offsets) and offsets[0] == 0 and offsets[-1] == len(features) and bool((np.diff(offsets) >= 0).all())
        )
        if features.ndim != 2 or features.shape[1] != 6 or not rising:
            raise EngineError(
                f"expected feature rows [n, 6] and offsets that rise from 0 to n, got {list(features.shape)} and "
                f"{len(offsets)} offsets up to {int(offsets[-1]) if len(offsets) else 'none'}."
            )
        # one pass: a negative number is a large one without its sign
        if features.size and int(features.view(np.uint32).max()) >= self._shape.rows:
            row = int(features.min()) if features.min() < 0 else int(features.max())
            raise EngineError(f"the triton engine failed: feature row {row} of a table of {self._shape.rows} rows.")
        if gold is not None and (len(gold) != len(features) or (gold.size and gold.max() >= self._shape.tags)):
            raise EngineError(f"expected a tag below {self._shape.tags} or -1 for each of {len(features)} words.")

    def _take(self, words: int, sentences: int, wait: bool = True) -> Slot | None:
        """A slot that is free, made when it is first needed; None if there is none and it must not wait."""
        size = next(size for size in CAPACITIES if words <= size and sentences <= size // 4)
        try:
            slot = self._slots[size].get(block=wait)
        except queue.Empty:
            return None
        if slot is None:
            try:
                with _failing(f"get memory for {size} words"):
                    slot = Slot(self._kernels, self._shape, self._weights, size)
            except BaseException:
                self._slots[size].put(None)
                raise
        return slot

    def _give(self, slot: Slot) -> None:
        self._slots[slot.capacity.words].put(slot)

    def _finish(self, chunk: Chunk, out: Columns) -> None:
        """Wait for a chunk, search the trees that are left, write its columns, give its slot back."""
        slot, begin, own = chunk
        try:
            with _failing("compute a batch"):
                slot.wait()
            n = int(own[-1])
            *found, searched = slot.host.outputs
            for column, values in zip(out, found, strict=True):
                column[begin : begin + n] = values[:n]
            left = np.flatnonzero(searched[: len(own) - 1])
            left = left[own[left + 1] > own[left]]
            if len(left):
                self._search(slot, left, own, begin, out)
        finally:
            self._give(slot)

    def _search(self, slot: Slot, left: NDArray[np.int64], own: NDArray[np.int64], begin: int, out: Columns) -> None:
        """The best trees of sentences whose best heads form none, and their relations."""
        lengths = np.diff(own)[left]
        places = np.concatenate([[0], np.cumsum(lengths)])
        words = np.repeat(own[left] - places[:-1], lengths) + np.arange(places[-1])
        with _failing("fetch scores"):
            scores, candidates = slot.scores_of(words)

        def decode(first: int, last: int) -> NDArray[np.int32]:
            rows = slice(places[first], places[last])
            return _core.decode_rows(scores[rows], candidates[rows], places[first : last + 1] - places[first])

        parts = min(self._threads, len(words) // SHARE + 1, len(left))
        cuts = [len(left) * part // parts for part in range(parts + 1)]
        try:
            run = map if parts == 1 else self._pool.map
            heads = np.concatenate(list(run(decode, cuts[:-1], cuts[1:])))
        except ValueError as error:
            raise DecodeError(str(error)) from None
        out[1][begin + words] = heads
        with _failing("name arcs"):
            out[2][begin + words] = slot.rename(left, words, heads)

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`. Past a sentence's length, scores are 0 and heads -1."""
        s = self._shape
        batch, time = features.shape[:2]
        if time > self._longest:
            return self._host.scores(features, lengths)
        real = np.arange(time) < lengths[:, None]
        result = Scores(
            np.zeros((batch, time, s.tags), np.float32),
            np.full((batch, time, s.candidates), -1e9, np.float32),
            np.full((batch, time, s.candidates), -1, np.int64),
            np.zeros((batch, time, s.label_rank), np.float32),
            np.zeros((batch, time + 1, s.label_rank), np.float32),
        )
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        flat = np.ascontiguousarray(features[real])
        self._check(flat, offsets, None)
        column = 2 * s.rank
        result.label_heads[:, 0] = self._weights.root[column + s.label_rank : column + 2 * s.label_rank].cpu().numpy()
        rows, places = np.nonzero(real)
        for first, last in chunks(offsets, self._longest):
            begin, end = int(offsets[first]), int(offsets[last])
            row, place = rows[begin:end], places[begin:end]
            slot = self._take(end - begin, last - first)
            assert slot is not None
            try:
                with _failing("compute a batch"):
                    logits, scores, heads, projected = self._scored(
                        slot, flat[begin:end], offsets[first : last + 1] - begin
                    )
            finally:
                self._give(slot)
            result.tags[row, place], result.arcs[row, place], result.heads[row, place] = logits, scores, heads
            result.dependents[row, place] = projected[:, column : column + s.label_rank]
            result.label_heads[row, place + 1] = projected[:, column + s.label_rank : column + 2 * s.label_rank]
        return result

    def _scored(self, slot: Slot, features: NDArray[np.int32], offsets: NDArray[np.int64]) -> list[NDArray[Any]]:
        import torch

        large = slot.fill(slot.host.inputs, features, offsets)
        forward, n = slot.forward, len(features)
        with _CAPTURING, slot.current():
            logits = torch.empty(slot.capacity.words, self._shape.tags, device=forward.block.device)
            forward.block.copy_(slot.host.block, non_blocking=True)
            forward.launch(large, logits=logits)
            scratch = forward.scratch
            parts = [logits, scratch.scores, scratch.candidates, scratch.projected]
            return [part[:n].cpu().numpy() for part in parts]

    def analyser(self, tokenizer: _core.Tokenizer, features: _core.Features, longest: int, joining: int) -> Analyser:
        """See `Compiled.analyser`."""
        from ..analyser import BatchAnalyser

        return BatchAnalyser(tokenizer, features, self, longest, joining)


def chunks(offsets: NDArray[np.int64], longest: int) -> Iterator[tuple[int, int]]:
    """First and last sentence (exclusive) of parts that fit a slot; one of more than `longest` words is alone."""
    words, sentences = CAPACITIES[-1], CAPACITIES[-1] // 4
    count = len(offsets) - 1
    first = 0
    for long in [*np.flatnonzero(np.diff(offsets) > longest).tolist(), count]:
        while first < long:
            last = int(np.searchsorted(offsets, offsets[first] + words, side="right")) - 1
            last = min(last, first + sentences, long)
            yield first, last
            first = last
        if long < count:
            yield long, long + 1
            first = long + 1


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """What torch and Triton raise, as an EngineError that says what was tried and what may help."""
    import torch

    try:
        yield
    except (EngineError, DecodeError):
        raise
    except torch.cuda.OutOfMemoryError as error:
        raise EngineError(
            f"the triton engine can't {what}: the GPU's memory is full ({error}). Free some, or take backend='native'."
        ) from error
    except Exception as error:  # compilers and drivers raise classes of their own that share no public base
        kind = type(error).__name__
        raise EngineError(
            f"the triton engine can't {what}: {kind}: {str(error).strip()[:500]}. Take backend='native'."
        ) from error


def refusal(bundle: Bundle) -> str | None:
    """Why this engine can't run a bundle, or None where it can; needs no GPU."""
    why = core.refusal(bundle)
    constants: Mapping[str, Any] = {"arithmetic": "float32", **bundle.manifest["constants"]}
    for name, known in KNOWN.items():
        if constants.get(name) != known:
            why = why or f"it computes networks with {name} {known!r}, the bundle has {constants.get(name)!r}"
    if why is None and constants["experts"] != len(bundle.tags):
        why = f"it computes one expert a tag, the bundle has {constants['experts']}"
    return why


def gpu() -> Any:
    """The device to compute on: number $POSMOE_GPU of those that CUDA shows, or the first.

    Raises:
        MissingExtraError: PyTorch or Triton is not installed.
        EngineError: there is no GPU, its driver is too old, or it is.
    """
    try:
        import torch
        import triton  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("PyTorch with Triton", "triton") from error
    need = "The triton engine needs an NVIDIA GPU of compute capability 8.0 or newer and its driver"
    if torch.version.cuda is None:
        raise EngineError(f"{need}; PyTorch {torch.__version__} was built without CUDA. Install one with it.")
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        count = torch.cuda.device_count()
        number = int(os.environ.get(DEVICE, "0"))
        if not 0 <= number < count:
            raise EngineError(f"${DEVICE}: expected the number of one of {count} GPUs, from 0, got {number}.")
        capability = torch.cuda.get_device_capability(number)
    except ValueError:
        raise EngineError(f"${DEVICE}: expected the number of a GPU, got {os.environ[DEVICE]!r}.") from None
    except (RuntimeError, AssertionError) as error:
        if isinstance(error, EngineError):
            raise
        raise EngineError(f"{need}: {error}") from error
    if capability < OLDEST:
        name = torch.cuda.get_device_name(number)
        raise EngineError(f"{need}; {name} has {capability[0]}.{capability[1]}. Take backend='native'.")
    return torch.device("cuda", number)


def load(bundle: Bundle, threads: int, precision: str = "auto") -> TritonEngine:
    """Check the bundle's network and copy its weights to the GPU; kernels are compiled when first they run."""
    del threads
    expect_precision(bundle, "the triton engine", precision, arithmetic(bundle))
    why = refusal(bundle)
    if why is None:
        device = gpu()
        from posmoe_kernels import inference as kernels

        host = core.load(bundle, 1)
        constants, tensors = core.contents(bundle)
        shape = kernels.Shape(**{name: constants[name] for name in kernels.Shape._fields})
        why = shape.refusal()
    if why is not None:
        raise EngineError(f"the triton engine can't run bundle {bundle.path}: {why}. Take backend='native'.")
    with _failing("copy the weights to the GPU"):
        make: Callable[..., Any] = kernels.weights
        return TritonEngine(kernels, shape, make(shape, tensors, constants["root"], device), host)
