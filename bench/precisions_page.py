"""docs/precisions.md, from the last runs of precisions.csv, parity.csv, quantisers.csv and parity_gpu.csv."""

from collections.abc import Sequence

from bench.results import Row, latest

GPU = "parity_gpu"  # rows like those of parity.csv that a machine with a GPU adds; they take the place of its cells
_HEAD = """# Precisions

What each precision costs, and how near each engine is to PyTorch. Written by `python -m bench.precisions` from
[precisions.csv](../bench/results/precisions.csv), [parity.csv](../bench/results/parity.csv) and
[quantisers.csv](../bench/results/quantisers.csv); UD_English-EWT dev, gold tokens, tree search, one thread. Weights
come from the shipped INT8 bundles and steps of activations follow theirs: `float32` is what the codes stand for, and no
scheme here was trained for but `int8`. [quant](../quant/README.md) says what a scheme rounds and by how much;
`posmoe-export cast` makes a bundle of it ([export](../export/README.md)).

"""
_PARITY = """{model} on {words} words of dev, each engine against PyTorch in its precision: words with equal best heads,
relations and tags, largest difference of a logit, what the engine loads, and words a second of the network alone, in
batches of 1,024 padded words: the median of rounds in which all rows take turns. Compare rows, not with other pages:
the processor ({cpu}) had a load of {load} a core. Where inputs are rounded, a number between two codes falls to either
side, and moves logits by a fraction of a step.

A row without figures says why: an engine that has no such precision, a compiler that did not finish or was not asked,
or a GPU that was not there. "Built" means that an engine was made of the graph for a card, and not that it ran.
`torch.compile` computes every batch padded to 16 sentences of 80 words, the one shape it was compiled for, so it spends
much of its time on padding. `torch .pt2` is the exported graph run operator by operator, its recurrences by doubling
over a free length: a file that runs anywhere and is meant for a GPU; `--compile` makes machine code of it."""
_OTHERS = """What ONNX Runtime's and torchao's own quantisers make of {model}'s float32 network, as their guides have
it and without training, in the same run. ONNX Runtime's static steps come from 200 sentences of train. The lexical
table stays INT8 in the graphs, and is float32 under torchao, which leaves it alone. Our `int8` is above."""


def page() -> str:
    """The page."""
    parity = latest("parity")
    return _HEAD + "\n\n".join(
        [_schemes(latest("precisions")), _matrix(parity, latest(GPU)), _quantisers(latest("quantisers"), parity)]
    )


def _schemes(rows: Sequence[Row]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    lines = ["## Accuracy", "", "UAS / LAS / UPOS of every scheme, computed by PyTorch.", ""]
    lines += ["| scheme | " + " | ".join(models) + " |", "|---" * (len(models) + 1) + "|"]
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        cells = {row["model"]: _scores(row) for row in rows if row["scheme"] == scheme}
        lines.append(f"| {scheme} | " + " | ".join(cells.get(model, "") for model in models) + " |")
    return "\n".join(lines)


def _scores(row: Row) -> str:
    return " / ".join(f"{float(row[name]):.2f}" for name in ("uas", "las", "upos"))


def _matrix(rows: Sequence[Row], gpu: Sequence[Row]) -> str:
    first = rows[0]
    lines = ["## Parity", "", _PARITY.format(**first), ""]
    head = ["precision", "engine", "equal heads", "labels", "tags", "logit error", "MB", "words/s", "of PyTorch"]
    lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    elsewhere = {(row["precision"], row["engine"]): row for row in gpu}
    base = {row["precision"]: row for row in rows if row["engine"] == "PyTorch"}
    for row in rows:
        found = elsewhere.get((row["precision"], row["engine"]), row)
        lines.append(_line(found, base[row["precision"]] if found is row else None))
    known = {(row["precision"], row["engine"]) for row in rows}
    lines += [_line(row, None) for key, row in elsewhere.items() if key not in known]
    return "\n".join(lines)


def _line(row: Row, base: Row | None) -> str:
    """A row; its speed as a ratio to PyTorch's of the same run, where that is known."""
    cells = [row["precision"], row["engine"]]
    if row["heads"]:
        cells += [f"{100 * float(row[part]):.3f} %" for part in ("heads", "labels", "tags")]
        cells += [row["logit_error"], _size(row), f"{int(row['words_s']):,}" if row["words_s"] else row["note"]]
        cells += [f"{int(row['words_s']) / int(base['words_s']):.2g}×" if base and row["words_s"] else ""]
    else:
        cells += [row["note"], *[""] * 6]
    return f"| {' | '.join(cells)} |"


def _size(row: Row) -> str:
    return f"{int(row['bytes']) / 1e6:.2f}" if row["bytes"] else ""


def _quantisers(rows: Sequence[Row], parity: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = ["## Other quantisers", "", _OTHERS.format(**rows[0]), ""]
    lines += ["| quantiser | UAS / LAS / UPOS | MB | words/s |", "|---|---|---|---|"]
    for row in rows:
        figures = [row["note"], "", ""] if row["note"] else [_scores(row), _size(row), f"{int(row['words_s']):,}"]
        lines.append(f"| {row['quantiser']} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"
