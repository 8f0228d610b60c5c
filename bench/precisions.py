"""What precisions, engines and others' quantisers make of one network, on EWT dev.

    python -m bench.precisions [--models en-edge en-base en-large] [--rounds 5] [--compile-seconds 300]
    python -m bench.precisions --accuracy    # no matrix: rows that the last run of precisions.csv lacks
    python -m bench.precisions --matrix      # no accuracy: parity.csv and quantisers.csv
    python -m bench.precisions --page        # the page alone, from the results that are there

Appends to bench/results/{precisions,parity,quantisers}.csv, and writes docs/precisions.md from their last runs.
Accuracy goes on where it was broken off; --anew begins it again. What is made for the engines stays in
build/bench/precisions.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator, Sequence

import torch

from bench import ROOT
from bench.data import MADE, dev, shared
from bench.precisions_page import page
from bench.results import append, latest, stamp
from bench.systems import BUNDLES
from posmoe.bundle import Bundle, find
from posmoe_export.accuracy import TorchEngine, accuracy
from posmoe_export.network import PRECISIONS, integer_network, network
from posmoe_models import Parser
from posmoe_quant import BallConfig, quantize_
from posmoe_train.conllu import Sentence, read_treebank

PAGE = ROOT / "docs" / "precisions.md"
FOLDER = MADE / "precisions"


def schemes(bundle: Bundle) -> Iterator[tuple[str, Callable[[], Parser]]]:
    """Every scheme with what makes its network."""
    for precision in PRECISIONS:
        yield precision, lambda precision=precision: network(bundle, precision)  # type: ignore[misc]
    if bundle.manifest["constants"]["geometry"] == "hyperbolic":
        yield "int8, points of the ball too", lambda: quantize_(integer_network(bundle), BallConfig())


def measure_schemes(models: Sequence[str], gold: Sequence[Sentence], anew: bool) -> None:
    """Scores of every scheme on dev, each written down at once; those that the last run has are kept."""
    kept = [] if anew else latest("precisions")
    done = {(row["model"], row["scheme"]) for row in kept}
    date = kept[0]["date"] if kept else stamp()["date"]
    for model in models:
        bundle = Bundle.load(BUNDLES.get(model) or find(model))
        for name, make in schemes(bundle):
            if (bundle.name, name) in done:
                continue
            scores = accuracy(bundle, TorchEngine(make()), gold)
            row = stamp() | {"date": date, "model": bundle.name, "scheme": name}
            append("precisions", [row | {key: f"{value:.3f}" for key, value in scores.items()}])
            print(bundle.name, name, *scores.values(), flush=True)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models", nargs="*", default=["en-edge", "en-base", "en-large"], help="the first has a matrix"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile-seconds", type=int, default=300, help="for each compiled network; 0: none")
    parser.add_argument("--anew", action="store_true", help="keep nothing of earlier runs")
    parser.add_argument("--sentences", type=int, help="so many of dev for the matrix; all if left out")
    only = parser.add_mutually_exclusive_group()
    for name in ("accuracy", "matrix", "page"):
        only.add_argument(f"--{name}", action="store_true", help="this alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not (arguments.matrix or arguments.page):
        measure_schemes(arguments.models, dev(), arguments.anew)
    if not (arguments.accuracy or arguments.page):
        from bench.parity import measure

        if arguments.anew:
            shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(FOLDER / "inductor")
        train = read_treebank(shared("data/ewt/train.conllu.xz"))
        measure(
            arguments.models[0],
            dev(),
            train,
            FOLDER,
            sentences=arguments.sentences,
            rounds=arguments.rounds,
            seconds=arguments.compile_seconds,
        )
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
