"""Silver trees: raw text parsed by an ensemble of teachers, kept as soft targets."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posmoe_train.conllu import Sentence
from posmoe_train.corpus import HEADS, LABELS, MAX_WORDS, TAGS, Corpus, Targets, batches, spans
from posmoe_train.data import gold_corpus, gold_targets
from posmoe_train.examples import Examples
from posmoe_train.tally import Tally
from posmoe_train.teacher import SubWords, Teacher

MAX_PIECES = 500


@torch.inference_mode()
def silver_targets(
    teachers: Sequence[Teacher],
    corpus: Corpus,
    pieces: SubWords,
    device: torch.device,
    *,
    min_confidence: float = 0.8,
    budget: int = 48_000,
) -> tuple[NDArray[np.int64], Targets]:
    """Parse a corpus with the mean of the teachers' distributions.

    A sentence is kept when its likeliest heads have exactly one root and no cycle, and the mean
    probability of its heads is at least `min_confidence`.

    Returns:
        the indices of the sentences kept, rising, and the targets of their words.
    """
    lengths = np.diff(corpus.offsets)
    sub_words = np.diff(pieces.offsets.cpu().numpy())
    total = np.add.reduceat(sub_words[corpus.words], corpus.offsets[:-1]) if len(corpus) else lengths
    usable = np.flatnonzero((lengths <= MAX_WORDS) & (total <= MAX_PIECES))
    words = torch.from_numpy(corpus.words).to(device)
    count = len(corpus.words)
    widths = {"heads": HEADS, "labels": LABELS, "tags": TAGS}
    columns = {name: torch.zeros(count, width, dtype=torch.uint8, device=device) for name, width in widths.items()}
    columns |= {f"{name[:-1]}_p": torch.zeros_like(column) for name, column in columns.items()}
    kept = torch.zeros(len(corpus), dtype=torch.bool, device=device)
    offsets = torch.from_numpy(corpus.offsets).to(device)
    begin, report = time.monotonic(), 0.0
    done = 0
    # batches() bounds padded words; sub-words are a little more
    for chosen in batches(total[usable], budget, None):
        sentences = usable[chosen]
        index = torch.from_numpy(sentences).to(device)
        length = offsets[index + 1] - offsets[index]
        place = torch.arange(int(lengths[sentences].max()), device=device)
        mask = place < length[:, None]
        row = torch.where(mask, offsets[index][:, None] + place, 0)
        found = _ensemble(teachers, pieces, words[row].long(), mask)
        kept[index] = _valid(found["heads"][..., 0], found["head_p"][..., 0], mask, length, min_confidence)
        for name, values in found.items():
            scaled = (values * 255).round() if name.endswith("_p") else values
            columns[name][row[mask]] = scaled[mask].to(torch.uint8)
        done += int(lengths[sentences].sum())
        if time.monotonic() - begin > report + 10:
            report = time.monotonic() - begin
            print(f"silver: {done} of {count} words, {done / report:.0f} a second", flush=True)
    sentences = np.flatnonzero(kept.cpu().numpy())
    targets = Targets(**{name: column.cpu().numpy() for name, column in columns.items()})
    return sentences, targets.select(spans(corpus.offsets, sentences))


@torch.inference_mode()
def ensemble_scores(
    teachers: Sequence[Teacher], dev: Sequence[Sentence], tokenizer: Path, labels: list[str], device: torch.device
) -> dict[str, float]:
    """UAS, LAS and UPOS of the ensemble's likeliest answers, by best heads without a tree search.

    Args:
        dev: gold trees.
        tokenizer: the encoder's `tokenizer.json`.
    """
    words = gold_corpus(dev)
    forms = torch.arange(len(words.forms), dtype=torch.int32)[:, None]
    examples = Examples(words, gold_targets(dev, labels), forms, device)
    pieces = SubWords.build(words.forms, tokenizer, device)
    tally = Tally(labels, device)
    for sentences in batches(examples.lengths, 16_384, None):
        batch = examples.batch(sentences)
        found = _ensemble(teachers, pieces, batch.features[..., 0].long(), batch.mask)
        tally.add(batch, *(found[name][..., 0] for name in ("heads", "labels", "tags")))
    return tally.scores()


def _ensemble(teachers: Sequence[Teacher], pieces: SubWords, words: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Mean distributions of the teachers → the likeliest heads, labels of the likeliest head, and tags."""
    batch = pieces.batch(words, mask)
    arcs: Tensor | None = None
    words_of: list[Tensor] = []
    tags: Tensor | None = None
    for teacher in teachers:
        with torch.autocast(words.device.type, torch.bfloat16, enabled=words.device.type == "cuda"):
            scores = teacher(*batch, mask)
        p, t = scores.arcs.softmax(-1), scores.tags.float().softmax(-1)
        arcs = p if arcs is None else arcs + p
        tags = t if tags is None else tags + t
        words_of.append(scores.words)
    assert arcs is not None and tags is not None
    n = len(teachers)
    wide = min(HEADS, arcs.shape[-1])
    head_p, heads = (arcs / n).topk(wide, -1)
    heads, head_p = (torch.nn.functional.pad(x, (0, HEADS - wide)) for x in (heads, head_p))
    with torch.autocast(words.device.type, torch.bfloat16, enabled=words.device.type == "cuda"):
        label_scores = [t.labels(w, heads[..., 0]) for t, w in zip(teachers, words_of, strict=True)]
    label_p = sum(scores.float().softmax(-1) for scores in label_scores)
    assert isinstance(label_p, Tensor)
    label_p, label = (label_p / n).topk(LABELS, -1)
    tag_p, tag = (tags / n).topk(TAGS, -1)
    return {"heads": heads, "head_p": head_p, "labels": label, "label_p": label_p, "tags": tag, "tag_p": tag_p}


def _valid(heads: Tensor, confidence: Tensor, mask: Tensor, lengths: Tensor, threshold: float) -> Tensor:
    """Which sentences have one root, no cycle, and heads that are likely enough in the mean."""
    roots = ((heads == 0) & mask).sum(1)
    mean = (confidence * mask).sum(1) / lengths
    # after 2^7 ≥ MAX_WORDS steps up, doubling each time, every word of a tree is at the root
    above = torch.nn.functional.pad(heads * mask, (1, 0))
    for _ in range(7):
        above = above.gather(1, above)
    return (roots == 1) & (above == 0).all(1) & (mean >= threshold)
