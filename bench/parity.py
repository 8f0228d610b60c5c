"""The matrix of engines and precisions, and the quantisers of others beside them: parity, size and speed."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.quantisers import Quantised, quantisers
from bench.results import append, stamp
from posmoe.bundle import Bundle, find
from posmoe.engines import Engine, Scores, choose, create
from posmoe.engines.torch import TorchEngine as ProgramEngine
from posmoe.engines.torch import padded as widened
from posmoe_export.accuracy import TorchEngine, accuracy, examples, padded
from posmoe_export.cast import cast_bundle
from posmoe_export.errors import ExportError
from posmoe_export.network import Precision, network
from posmoe_export.parity import Parity, compare
from posmoe_export.program import add_program
from posmoe_kernels.recurrence import doubling
from posmoe_models import Parser
from posmoe_models import Scores as Outputs
from posmoe_train.conllu import Sentence

MATRIX: tuple[Precision, ...] = ("float32", "int8", "float8_e4m3")
ENGINES = ("PyTorch", "torch.compile", "ONNX Runtime", "native", "torch .pt2", "torch .pt2 --compile", "TensorRT")
SAMPLE = 50  # sentences of the speed figures
SHAPE = (16, 80)  # of torch.compile: sentences, words; no sentence of dev is longer
PARTS = ("heads", "labels", "tags")
Batch = tuple[NDArray[np.int32], NDArray[np.int64]]


class Column(NamedTuple):
    """An engine of the matrix in one precision, the bytes of what it loads, or why it is not there."""

    engine: Engine | None
    size: int = 0
    why: str = ""


class Compiled:
    """`torch.compile` of a parser for batches padded to `SHAPE`, as the engine `torch` does it on a GPU for a few."""

    name = "torch.compile"

    def __init__(self, parser: Parser) -> None:
        run = torch.compile(parser, dynamic=False)

        def traced(features: torch.Tensor, lengths: torch.Tensor) -> Outputs:
            with doubling():
                return run(features, lengths)  # type: ignore[no-any-return]

        self._engine = ProgramEngine(traced, "cpu")

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch, so many sentences at a time; see `Engine.scores`."""
        words, found = features.shape[1], []
        for begin in range(0, len(lengths), SHAPE[0]):
            some = slice(begin, begin + SHAPE[0])
            scores = self._engine.scores(*widened(features[some], lengths[some], SHAPE))
            arrays = [array for array in scores if array is not None]
            rows, ends = len(lengths[some]), (words, words, words, words, words + 1)
            found.append([array[:rows, :end] for array, end in zip(arrays, ends, strict=True)])
        return Scores(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


class _Late(Exception):
    """The time for compiling is over."""


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def compiled(make: Callable[[], tuple[Engine, int]], seconds: int) -> Column:
    """What a compiler makes in a number of seconds, or why it made nothing."""
    if not seconds:
        return Column(None, why="not run")
    try:
        with _within(seconds):
            return Column(*make())
    except _Late:
        return Column(None, why=f"not compiled in {seconds} s")
    except (ExportError, RuntimeError) as error:
        return Column(None, why=f"can't compile: {str(error).splitlines()[0]:.100}")


def columns(source: Path, precision: Precision, parser: Parser, folder: Path, seconds: int) -> dict[str, Column]:
    """The engines of one precision; `folder` keeps the bundles that are made for them."""
    weights: int = sum(t.numel() * t.element_size() for t in parser.state_dict().values())

    def compile_now() -> tuple[Engine, int]:
        engine = Compiled(parser)
        engine.scores(np.ones((*SHAPE, 6), np.int32), np.full(SHAPE[0], SHAPE[1]))
        return engine, weights

    def program(ahead: bool) -> tuple[Engine, int]:
        made = folder / f"{precision}-pt2{'-compiled' if ahead else ''}"
        if not made.exists():
            add_program(source, made, precision, compiled=ahead)
        return create(Bundle.load(made), choose("torch")), (made / "model.pt2").stat().st_size

    made = source if precision == "int8" else folder / precision
    if not made.exists():
        cast_bundle(source, made, precision)
    size = sum((made / name).stat().st_size for name in ("weights.safetensors", "model.onnx"))
    native = Column(None, why="has no FP8")
    if precision != "float8_e4m3":
        engine = create(Bundle.load(source), choose("native"), precision=precision)
        native = Column(engine, (source / "weights.safetensors").stat().st_size)
    return {
        "PyTorch": Column(TorchEngine(parser), weights),
        "torch.compile": compiled(compile_now, seconds),
        "ONNX Runtime": Column(create(Bundle.load(made), choose("onnxruntime")), size),
        "native": native,
        "torch .pt2": Column(*program(False)),
        "torch .pt2 --compile": compiled(lambda: program(True), seconds),
        "TensorRT": Column(None, why="not run: no GPU here"),
    }


def measure(
    model: str,
    gold: Sequence[Sentence],
    train: Sequence[Sentence],
    folder: Path,
    *,
    sentences: int | None,
    rounds: int,
    seconds: int,
) -> None:
    """Fill parity.csv and quantisers.csv in one run: all engines of all precisions take turns.

    Args:
        sentences: so many of dev are compared; all by default.
        folder: keeps what is made for the engines, which a run that was broken off finds again.
        seconds: how long a compiler may take for a network; 0 leaves compilers out.
    """
    source = find(model)
    bundle = Bundle.load(source)
    batches = list(padded(examples(bundle, gold[:sentences]), 1024))
    parsers = {precision: network(bundle, precision) for precision in MATRIX}
    matrix: dict[tuple[Precision, str], Column] = {}
    for precision, parser in parsers.items():
        made = columns(source, precision, parser, folder, seconds)
        matrix |= {(precision, name): column for name, column in made.items()}
        print(precision, {name: column.why or column.size for name, column in made.items()}, flush=True)
    others = {other.name: other for other in quantisers(bundle, train, folder)}
    running: dict[object, Engine] = {key: cell.engine for key, cell in matrix.items() if cell.engine is not None}
    running |= {key: other.engine for key, other in others.items() if other.engine is not None}
    speeds = _speeds(running, list(padded(examples(bundle, gold[:SAMPLE]), 1024)), rounds)
    begun = stamp() | {"load": f"{os.getloadavg()[0] / (os.cpu_count() or 1):.1f}", "model": bundle.name}
    rows = []
    for (kind, name), cell in matrix.items():
        parity = None if cell.engine is None else compare(parsers[kind], cell.engine, batches)
        rows.append(_row(begun, kind, name, cell, parity, speeds.get((kind, name))))
        print(*rows[-1].values(), flush=True)
    append("parity", rows)
    append("quantisers", [_other(begun, bundle, other, gold, speeds.get(name)) for name, other in others.items()])


def _speeds(engines: Mapping[object, Engine], batches: Sequence[Batch], rounds: int) -> dict[object, float]:
    """Words a second of each engine: the median of rounds in which they take turns, after one that warms them up."""
    words = sum(int(lengths.sum()) for _, lengths in batches)
    seconds: dict[object, list[float]] = {key: [] for key in engines}
    for turn in range(rounds + 1):
        for key, engine in engines.items():
            begin = time.perf_counter()
            for batch in batches:
                engine.scores(*batch)
            if turn:
                seconds[key].append(time.perf_counter() - begin)
    return {key: words / statistics.median(times) for key, times in seconds.items()}


def _row(
    begun: Mapping[str, str], precision: str, name: str, cell: Column, parity: Parity | None, speed: float | None
) -> dict[str, object]:
    row: dict[str, object] = {**begun, "precision": precision, "engine": name}
    row |= dict.fromkeys(("words", *PARTS, "logit_error", "bytes", "words_s"), "") | {"note": cell.why}
    if parity is not None and speed is not None:
        row |= {part: f"{getattr(parity, part) / parity.words:.6f}" for part in PARTS}
        row |= {
            "words": parity.words,
            "logit_error": f"{parity.logit_error:.2g}",
            "bytes": cell.size,
            "words_s": f"{speed:.0f}",
        }
    return row


def _other(
    begun: Mapping[str, str], bundle: Bundle, other: Quantised, gold: Sequence[Sentence], speed: float | None
) -> dict[str, object]:
    row: dict[str, object] = {**begun, "quantiser": other.name}
    row |= dict.fromkeys(("upos", "uas", "las", "bytes", "words_s"), "") | {"note": other.why}
    if other.engine is not None and speed is not None:
        scores = accuracy(bundle, other.engine, gold)
        row |= {name: f"{value:.3f}" for name, value in scores.items()}
        row |= {"bytes": other.size, "words_s": f"{speed:.0f}"}
    print(*row.values(), flush=True)
    return row
