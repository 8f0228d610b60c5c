"""One training run of a student, from files to a folder with its checkpoint, log and record."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from lightning.pytorch.callbacks import Callback

from posmoe.decode import decode_batch
from posmoe_models.config import ROOT_TAG
from posmoe_train.augment import variants
from posmoe_train.checkpoint import Student, save_student
from posmoe_train.config import ConfigError
from posmoe_train.corpus import Corpus, Targets, spans
from posmoe_train.data import feature_keys, gold_corpus, gold_targets, identifiers, label_set, read_parts
from posmoe_train.epochs import DevBatches
from posmoe_train.examples import Examples
from posmoe_train.fit import fit
from posmoe_train.run import is_first, local_device, note, record, write_json
from posmoe_train.student import StudentModule
from posmoe_train.student_config import StudentConfig
from posmoe_train.tally import Tally


def join(parts: Sequence[tuple[Corpus, Targets]]) -> tuple[Corpus, Targets]:
    """Silver parts that share their list of forms, one after another."""
    import numpy as np

    first = parts[0][0]
    if any(corpus.forms != first.forms for corpus, _ in parts):
        raise ConfigError("silver parts: expected parts of one corpus, got different lists of forms")
    lengths = np.concatenate([np.diff(corpus.offsets) for corpus, _ in parts])
    words = np.concatenate([corpus.words for corpus, _ in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Corpus(first.forms, words, offsets), Targets.join([targets for _, targets in parts])


def limited(silver: tuple[Corpus, Targets], words: int) -> tuple[Corpus, Targets]:
    """Evenly spread sentences of about so many words; 0 is all."""
    import numpy as np

    corpus, targets = silver
    if not 0 < words < len(corpus.words):
        return silver
    count = max(1, round(len(corpus) * words / len(corpus.words)))
    chosen = np.linspace(0, len(corpus) - 1, count).astype(np.int64)
    return corpus.select(chosen), targets.select(spans(corpus.offsets, chosen))


def silver_labels(silver: Sequence[Path], own: list[str]) -> list[str]:
    """The relations in the order of the silver targets; `own`, the treebank's, where there are no silver trees.

    Raises:
        ConfigError: parts of different teachers, or teachers that don't know the treebank's relations.
    """
    labels = own
    for i, part in enumerate(silver):
        found: list[str] = json.loads((part / "silver.json").read_text(encoding="utf-8"))["labels"]
        if i and found != labels:
            raise ConfigError(f"{part}: its teachers had other relations than those of {silver[0]}; parse it again")
        labels = found
    unknown = sorted(set(own) - set(labels))
    if unknown:
        raise ConfigError(f"{silver[0]}: its teachers don't know the treebank's {', '.join(unknown)}; train them on it")
    return labels


@torch.inference_mode()
def tree_scores(student: Student, dev: Examples) -> dict[str, float]:
    """UAS, LAS and UPOS with the tree search, as the runtime decodes."""
    parser = student.parser.to(dev.device)
    tally = Tally(student.labels, dev.device)
    for batch in DevBatches(dev):
        scores = parser(batch.features, batch.lengths)
        arcs, candidates, lengths = (x.cpu().numpy() for x in (scores.arc_scores, scores.arc_heads, batch.lengths))
        heads = torch.from_numpy(decode_batch(arcs, candidates, lengths)).to(dev.device).long().clamp_min(0)
        tags = scores.tag_scores.argmax(-1)
        tags_and_root = torch.nn.functional.pad(tags, (1, 0), value=ROOT_TAG)
        labels = parser.label(scores.label_dependent, scores.label_head, heads, tags_and_root).argmax(-1)
        tally.add(batch, heads, labels, tags)
    return tally.scores()


def train_student(
    config: StudentConfig,
    train: Path,
    dev: Path | None,
    silver: Sequence[Path],
    folder: Path,
    callbacks: Sequence[Callback] = (),
) -> Student:
    """Train a parser and save it under `folder`; resumes where a stopped run of the same folder was.

    Args:
        train, dev: treebanks; without `dev` a tenth of `train` is held out (`read_parts`).
        silver: folders that `posmoe-train silver` wrote, parts of one corpus; may be empty.
        callbacks: for Lightning's trainer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = local_device()
    gold, held_out = read_parts(train, dev)
    labels = silver_labels(silver, label_set(gold))
    gold_words, dev_words = gold_corpus(gold), gold_corpus(held_out)
    corpora = [gold_words]
    silver_data: tuple[Corpus, Targets] | None = None
    if silver:
        parts = [
            (Corpus.load(part / "corpus.safetensors"), Targets.load(part / "targets.safetensors")) for part in silver
        ]
        silver_data = limited(join(parts), config.silver_limit)
        if not config.soft_targets:
            silver_data = (silver_data[0], silver_data[1].hardened())
        corpora.append(silver_data[0])
    keys, features = feature_keys(corpora, config.parser.features)
    config = replace(config, parser=replace(config.parser, labels=len(labels), features=features))

    def examples(corpus: Corpus, targets: Targets, augment: float = 0.0) -> Examples:
        forms, found = variants(corpus.forms) if augment else (corpus.forms, None)
        rows = identifiers(forms, features, keys)
        return Examples(corpus, targets, rows, device, (found, augment) if found else None)

    record(folder, config, [train, *([dev] if dev else []), *(part / "targets.safetensors" for part in silver)])
    note(folder, words={"gold": len(gold_words.words), "silver": len(silver_data[0].words) if silver_data else 0})
    gold_examples = examples(gold_words, gold_targets(gold, labels))
    silver_examples = examples(*silver_data, config.augment) if silver_data else None
    dev_examples = examples(dev_words, gold_targets(held_out, labels))

    def build(settled: StudentConfig) -> StudentModule:
        torch.manual_seed(settled.seed)
        return StudentModule(settled, gold_examples, silver_examples, dev_examples, labels, folder)

    epochs = -1 if config.minutes else config.epochs + config.finetune_epochs
    module = fit(build, config, folder, epochs, callbacks=callbacks)
    student = Student(module.averaged.cpu().eval(), labels, keys, module.dev)
    if is_first():
        save_student(student, folder)
        trees = tree_scores(student, dev_examples)
        metrics = {"dev_greedy": module.dev, "dev_trees": trees, "parser": asdict(config.parser)}
        write_json(folder / "metrics.json", metrics)
    return student
