"""One training run of a student, from files to a folder with its checkpoint, log and record."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from lightning.pytorch.callbacks import Callback

from posmoe_train.checkpoint import Student, save_student
from posmoe_train.config import ConfigError
from posmoe_train.corpus import Corpus, Targets
from posmoe_train.data import feature_keys, gold_corpus, gold_targets, identifiers, label_set, read_parts
from posmoe_train.examples import Examples
from posmoe_train.fit import fit
from posmoe_train.run import is_first, local_device, record, write_json
from posmoe_train.student import StudentModule
from posmoe_train.student_config import StudentConfig


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
        silver_data = join(parts)
        corpora.append(silver_data[0])
    keys, features = feature_keys(corpora, config.parser.features)
    config = replace(config, parser=replace(config.parser, labels=len(labels), features=features))

    def examples(corpus: Corpus, targets: Targets) -> Examples:
        return Examples(corpus, targets, identifiers(corpus.forms, features, keys), device)

    record(folder, config, [train, *([dev] if dev else []), *(part / "targets.safetensors" for part in silver)])
    gold_examples = examples(gold_words, gold_targets(gold, labels))
    silver_examples = examples(*silver_data) if silver_data else None
    dev_examples = examples(dev_words, gold_targets(held_out, labels))

    def build(settled: StudentConfig) -> StudentModule:
        torch.manual_seed(settled.seed)
        return StudentModule(settled, gold_examples, silver_examples, dev_examples, labels, folder)

    epochs = -1 if config.minutes else config.epochs + config.finetune_epochs
    module = fit(build, config, folder, epochs, callbacks=callbacks)
    student = Student(module.averaged.cpu().eval(), labels, keys, module.dev)
    if is_first():
        save_student(student, folder)
        write_json(folder / "metrics.json", {"dev_greedy": module.dev, "parser": asdict(config.parser)})
    return student
