"""The routing of a parser on a treebank: how experts are used, what each gets right, and what routing is worth."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import posmoe
from posmoe.bundle import Bundle
from posmoe.decode import decode_batch
from posmoe.engines import choose, create
from posmoe.features import load_features
from posmoe_models import Parser, flops
from posmoe_models.config import ROOT_TAG
from posmoe_models.router import route
from posmoe_train.checkpoint import Student, load_student
from posmoe_train.conllu import UPOS, Sentence
from posmoe_train.corpus import batches
from posmoe_train.data import gold_corpus, gold_targets, identifiers
from posmoe_train.examples import Batch, Examples
from posmoe_train.usage import usage

_TAGS = {tag: i for i, tag in enumerate(UPOS)}


class Columns(NamedTuple):
    """What a parser says of every word of a treebank, in order."""

    logits: Tensor  # [words, 17]
    heads: NDArray[np.int64]
    deprels: list[str]


def routing_report(source: Path, gold: Sequence[Sentence]) -> dict[str, Any]:
    """Analyse the routing of a run's student, or of a bundle, on gold tokens with the tree search.

    Args:
        source: a run's folder, or a bundle. Routing otherwise than trained needs the network, so a bundle has
            no `routing` in its report.
    Returns:
        `usage` (see `posmoe_train.usage.usage`); `agreement`: share of words whose gold tag's expert is among the
        K, and the first of them; `experts`: words, load and scores of the words whose first expert it is;
        `routing`: scores when words go to their K experts (`soft`), to the likeliest alone (`hard`) and to
        the gold tag's (`gold`); `flops`: of router and experts for 20 words, soft and hard.
    """
    if (source / "student.json").is_file():
        student = load_student(source)
        config = student.parser.config
        columns = parse(student, gold)
        report = _report(columns, gold, config.k, config.experts)
        return report | {"routing": _routings(student, gold), "flops": _flops(student.parser)}
    manifest = Bundle.load(source).manifest
    return _report(_of_bundle(source, gold), gold, manifest["constants"]["k"], manifest["constants"]["experts"])


@torch.inference_mode()
def parse(student: Student, gold: Sequence[Sentence], *, by_gold_tags: bool = False) -> Columns:
    """Parse gold tokens in PyTorch, as the runtime decodes; `by_gold_tags` sends words to their gold tag's expert."""
    corpus = gold_corpus(gold)
    rows = identifiers(corpus.forms, student.parser.config.features, student.keys)
    examples = Examples(corpus, gold_targets(gold, student.labels), rows, torch.device("cpu"))
    words = len(corpus.words)
    logits = torch.zeros(words, len(UPOS))
    heads, labels = np.zeros(words, np.int64), np.zeros(words, np.int64)
    for sentences in batches(examples.lengths, 8192, None):
        batch = examples.batch(sentences)
        place = np.concatenate([np.arange(corpus.offsets[s], corpus.offsets[s + 1]) for s in sentences])
        found = _parse_batch(student, batch, batch.tags[..., 0] if by_gold_tags else None)
        mask = batch.mask
        logits[place] = found[0][mask]
        heads[place], labels[place] = found[1][mask].numpy(), found[2][mask].numpy()
    return Columns(logits, heads, [student.labels[label] for label in labels])


def _parse_batch(student: Student, batch: Batch, route_tags: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Tag logits, heads of the best tree, and labels; relation `root` goes to the root's child and no other word."""
    scores = student.parser(batch.features, batch.lengths, route_tags)
    tree = decode_batch(scores.arc_scores.numpy(), scores.arc_heads.numpy(), batch.lengths.numpy())
    heads = torch.from_numpy(tree).long().clamp_min(0)
    tags = torch.nn.functional.pad(scores.tag_scores.argmax(-1), (1, 0), value=ROOT_TAG)
    labels = student.parser.label(scores.label_dependent, scores.label_head, heads, tags)
    if "root" in student.labels and len(student.labels) > 1:
        is_root = torch.arange(len(student.labels)) == student.labels.index("root")
        labels = labels.masked_fill(is_root != (heads == 0)[..., None], float("-inf"))
    return scores.tag_scores, heads, labels.argmax(-1)


def _of_bundle(source: Path, gold: Sequence[Sentence]) -> Columns:
    bundle = Bundle.load(source)
    engine = create(bundle, choose("auto"))
    features = load_features(bundle.manifest["features"], bundle.tensors["features.keys"])
    logits = [
        engine.scores(features.ids(sentence.forms)[None], np.array([len(sentence)], np.int64)).tags[0]
        for sentence in gold
    ]
    parsed = posmoe.load(source).parse_tokens([sentence.forms for sentence in gold])
    words = [word for sentence in parsed for word in sentence]
    heads = np.array([word.head for word in words], np.int64)
    return Columns(torch.from_numpy(np.concatenate(logits)), heads, [word.deprel for word in words])


def _routings(student: Student, gold: Sequence[Sentence]) -> dict[str, dict[str, float]]:
    """Scores with the K likeliest experts, with one, and with the gold tags'."""
    soft, by_gold = parse(student, gold), parse(student, gold, by_gold_tags=True)
    parser = student.parser
    config = parser.config
    try:
        parser.config = replace(config, k=1)
        hard = parse(student, gold)
    finally:
        parser.config = config
    found = {"soft": soft, "hard": hard, "gold": by_gold}
    return {name: _scores(_right(columns, gold)) for name, columns in found.items()}


def _report(columns: Columns, gold: Sequence[Sentence], k: int, experts: int) -> dict[str, Any]:
    tags = torch.tensor([_TAGS[tag] for sentence in gold for tag in sentence.upos])
    _, index = route(columns.logits, k, experts)
    wanted = tags % experts
    found = usage(columns.logits, tags, k, experts)
    right = _right(columns, gold)
    first = index[:, 0].numpy()
    rows = []
    for expert in range(experts):
        own = first == expert
        name = "+".join(tag for i, tag in enumerate(UPOS) if i % experts == expert)
        row = {"expert": name, "words": int(own.sum()), "load": found["load"][expert]}
        rows.append(row | (_scores({score: values[own] for score, values in right.items()}) if own.any() else {}))
    among, best = (index == wanted[:, None]).any(1), index[:, 0] == wanted
    agreement = {"among_k": _percent(among.numpy()), "first": _percent(best.numpy())}
    return {"k": k, "usage": found, "agreement": agreement, "experts": rows}


def _right(columns: Columns, gold: Sequence[Sentence]) -> dict[str, NDArray[np.bool_]]:
    """Per word whether tag, head, and head with universal relation are right."""
    tags = np.array([_TAGS[tag] for sentence in gold for tag in sentence.upos])
    heads = np.array([head for sentence in gold for head in sentence.heads])
    deprels = [deprel.partition(":")[0] for sentence in gold for deprel in sentence.deprels]
    same = np.array([a == b.partition(":")[0] for a, b in zip(deprels, columns.deprels, strict=True)])
    attached = columns.heads == heads
    return {"upos": columns.logits.argmax(-1).numpy() == tags, "uas": attached, "las": attached & same}


def _scores(right: dict[str, NDArray[np.bool_]]) -> dict[str, float]:
    return {name: _percent(values) for name, values in right.items()}


def _percent(right: NDArray[np.bool_]) -> float:
    return round(100 * float(right.mean()), 3)


def _flops(parser: Parser) -> dict[str, float]:
    soft, hard = flops(parser.config), flops(replace(parser.config, k=1))
    found: dict[str, float] = {}
    for layer in ("router", "experts", "total"):
        found |= {f"{layer}_soft": soft[layer], f"{layer}_hard": hard[layer]}
    return found | {"router_ratio": round(soft["router"] / hard["router"], 4)}
