"""What precisions and engines make of one network: accuracy, parity with PyTorch, size and speed, on EWT dev.

    python -m bench.precisions [--models en-edge en-base en-large] [--rounds 5] [--without-compile]
    python -m bench.precisions --page        # the page alone, from the results that are there

Appends to bench/results/precisions.csv and parity.csv, and writes docs/precisions.md from their last runs. Engines take
turns over the same batches, one thread; TensorRT's rows are filled by a run on a machine that has it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from bench import ROOT
from bench.data import dev
from bench.results import Row, append, latest, stamp
from posmoe.bundle import Bundle, find
from posmoe.engines import Engine, choose, create
from posmoe_export.accuracy import TorchEngine, accuracy, examples, padded
from posmoe_export.cast import cast_bundle
from posmoe_export.network import PRECISIONS, Precision, integer_network, network
from posmoe_export.parity import compare
from posmoe_export.program import add_program
from posmoe_kernels.recurrence import doubling
from posmoe_models import Parser, Scores
from posmoe_quant import BallConfig, quantize_
from posmoe_train.conllu import Sentence

PAGE = ROOT / "docs" / "precisions.md"
MATRIX: tuple[Precision, ...] = ("float32", "int8", "float8_e4m3")
ENGINES = ("PyTorch", "torch.compile", "ONNX Runtime", "native", "torch .pt2", "TensorRT")
SAMPLE = 400  # sentences of the speed figures
_HEAD = """# Precisions

What each precision costs, and how near each engine is to PyTorch. Written by `python -m bench.precisions` from
[precisions.csv](../bench/results/precisions.csv) and [parity.csv](../bench/results/parity.csv); UD_English-EWT dev,
gold tokens, tree search, one thread. Weights come from the shipped INT8 bundles and steps of activations follow theirs:
`float32` is what the codes stand for, and no scheme here was trained for but `int8`.
[quant](../quant/README.md) says what a scheme rounds and by how much; `posmoe-export cast` makes a bundle of it
([export](../export/README.md)).

"""
_PARITY = """en-edge on all of dev, each engine against PyTorch in the same precision: words with equal best heads,
relations and tags, largest difference of a logit, what the engine loads, and words a second of the network alone, in
batches of 1,024 padded words, the median of five rounds in turns. Where inputs are rounded, a number between two codes
falls to either side, and moves logits by a fraction of a step."""


class Column(NamedTuple):
    """An engine of the matrix in one precision, the bytes of what it loads, or why it is not there."""

    engine: Engine | None
    size: int = 0
    why: str = ""


def schemes(bundle: Bundle) -> Iterator[tuple[str, Callable[[], Parser]]]:
    """Every scheme with what makes its network."""
    for precision in PRECISIONS:
        yield precision, lambda precision=precision: network(bundle, precision)  # type: ignore[misc]
    if bundle.manifest["constants"]["geometry"] == "hyperbolic":
        yield "int8, points of the ball too", lambda: quantize_(integer_network(bundle), BallConfig())


def measure_schemes(models: Sequence[str], gold: Sequence[Sentence]) -> None:
    """Scores of every scheme on dev."""
    rows = []
    for model in models:
        bundle = Bundle.load(find(model))
        for name, make in schemes(bundle):
            scores = accuracy(bundle, TorchEngine(make()), gold)
            rows.append(stamp() | {"model": bundle.name, "scheme": name} | {n: f"{v:.3f}" for n, v in scores.items()})
            print(*rows[-1].values(), flush=True)
    date = stamp()["date"]
    append("precisions", [row | {"date": date} for row in rows])


def columns(source: Path, precision: Precision, parser: Parser, folder: Path, compiled: bool) -> dict[str, Column]:
    """The engines of one precision; `folder` takes the bundles that are made for them."""
    weights = sum(t.numel() * t.element_size() for t in parser.state_dict().values())
    found = {"PyTorch": Column(TorchEngine(parser), weights)}
    if compiled:
        found["torch.compile"] = Column(TorchEngine(_compiled(parser)), weights)
    else:
        found["torch.compile"] = Column(None, why="not run")
    made = source if precision == "int8" else cast_bundle(source, folder / precision, precision)
    bundle = Bundle.load(made)
    size = sum(file.stat().st_size for file in made.iterdir() if file.name in ("weights.safetensors", "model.onnx"))
    found["ONNX Runtime"] = Column(create(bundle, choose("onnxruntime")), size)
    if precision in ("int8", "float32"):
        own = Bundle.load(source)
        small = (source / "weights.safetensors").stat().st_size
        found["native"] = Column(create(own, choose("native"), precision=precision), small)
    else:
        found["native"] = Column(None, why="has no FP8")
    program = add_program(source, folder / f"{precision}-pt2", precision)
    found["torch .pt2"] = Column(create(Bundle.load(program), choose("torch")), (program / "model.pt2").stat().st_size)
    found["TensorRT"] = Column(None, why="no GPU here")
    return found


def _compiled(parser: Parser) -> Callable[[torch.Tensor, torch.Tensor], Scores]:
    """`torch.compile` of a parser; recurrences by doubling, as long as it traces."""
    run = torch.compile(parser, dynamic=True)

    def traced(features: torch.Tensor, lengths: torch.Tensor) -> Scores:
        with doubling():
            return run(features, lengths)  # type: ignore[no-any-return]

    return traced


def measure_parity(model: str, gold: Sequence[Sentence], rounds: int, compiled: bool) -> None:
    """The matrix of engines and precisions."""
    source = find(model)
    bundle = Bundle.load(source)
    batches = list(padded(examples(bundle, gold), 1024))
    sample = list(padded(examples(bundle, gold[:SAMPLE]), 1024))
    words = sum(int(lengths.sum()) for _, lengths in sample)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for precision in MATRIX:
            parser = network(bundle, precision)
            cells = columns(source, precision, parser, Path(folder), compiled)
            engines = {name: cell.engine for name, cell in cells.items() if cell.engine is not None}
            parities = {name: compare(parser, engine, batches) for name, engine in engines.items()}
            seconds: dict[str, list[float]] = {name: [] for name in engines}
            for _ in range(rounds):
                for name, engine in engines.items():
                    begin = time.perf_counter()
                    for batch in sample:
                        engine.scores(*batch)
                    seconds[name].append(time.perf_counter() - begin)
            for name in ENGINES:
                row: dict[str, object] = {**stamp(), "model": bundle.name, "precision": precision, "engine": name}
                row |= dict.fromkeys(("heads", "labels", "tags", "logit_error", "bytes", "words_s"), "")
                row["note"] = cells[name].why
                if name in engines:
                    parity = parities[name]
                    shares = {
                        part: f"{getattr(parity, part) / parity.words:.6f}" for part in ("heads", "labels", "tags")
                    }
                    speed = f"{words / statistics.median(seconds[name]):.0f}"
                    row |= {
                        **shares,
                        "logit_error": f"{parity.logit_error:.2g}",
                        "bytes": cells[name].size,
                        "words_s": speed,
                    }
                rows.append(row)
                print(*row.values(), flush=True)
    date = stamp()["date"]
    append("parity", [row | {"date": date} for row in rows])


def page() -> str:
    """The page, from the last runs."""
    return _HEAD + _scheme_table(latest("precisions")) + _parity_table(latest("parity"))


def _scheme_table(rows: Sequence[Row]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    lines = ["## Accuracy", "", "UAS / LAS / UPOS of every scheme, computed by PyTorch.", ""]
    lines += ["| scheme | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        cells = {row["model"]: row for row in rows if row["scheme"] == scheme}
        shown = [
            " / ".join(f"{float(cells[m][k]):.2f}" for k in ("uas", "las", "upos")) if m in cells else ""
            for m in models
        ]
        lines.append(f"| {scheme} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n\n"


def _scores(row: Row) -> str:
    return " / ".join(f"{float(row[name]):.2f}" for name in ("uas", "las", "upos"))


def _parity_table(rows: Sequence[Row]) -> str:
    lines = ["## Parity", "", _PARITY, ""]
    lines += ["| precision | engine | equal heads | labels | tags | logit error | MB | words/s |", "|---" * 8 + "|"]
    for row in rows:
        cells = [row["precision"], row["engine"]]
        if row["note"]:
            cells += [row["note"], *[""] * 5]
        else:
            cells += [f"{100 * float(row[part]):.3f} %" for part in ("heads", "labels", "tags")]
            cells += [row["logit_error"], f"{int(row['bytes']) / 1e6:.2f}", f"{int(row['words_s']):,}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=["en-edge"], help="the first one's matrix is measured too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-compile", action="store_true", help="leave out torch.compile, which takes minutes")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    parser.add_argument("--schemes", action="store_true", help="measure no matrix")
    arguments = parser.parse_args()
    if not arguments.page:
        torch.set_num_threads(1)
        gold = dev()
        measure_schemes(arguments.models, gold)
        if not arguments.schemes:
            measure_parity(arguments.models[0], gold, arguments.rounds, not arguments.without_compile)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
