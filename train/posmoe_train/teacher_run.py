"""Training of a teacher on gold trees, and reading it back."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from posmoe_train.best import Best
from posmoe_train.corpus import MAX_WORDS
from posmoe_train.encoder import Encoder, load_encoder
from posmoe_train.errors import CheckpointError
from posmoe_train.examples import Batch, Examples
from posmoe_train.fit import fit
from posmoe_train.run import is_first, log_line, rank_and_world, share, write_json
from posmoe_train.tally import Tally
from posmoe_train.teacher import SubWords, Teacher, TeacherConfig, TeacherScores, teacher_loss
from posmoe_train.watch import Watch

FORMAT = 2


class TeacherModule(L.LightningModule):
    """Fine-tunes the encoder with its heads: a low rate for the one, a high rate for the others."""

    def __init__(
        self,
        teacher: Teacher,
        config: TeacherConfig,
        gold: Examples,
        dev: Examples,
        pieces: tuple[SubWords, SubWords],
        labels: list[str],
        folder: Path,
    ) -> None:
        super().__init__()
        self.teacher, self.config, self.folder = teacher, config, folder
        self._data, self._pieces = (gold, dev), pieces
        self._labels = labels
        self._watch = Watch(folder)
        self.best = Best(config.patience)
        self.finished = False
        self.dev: dict[str, float] = {}

    def configure_optimizers(self) -> Any:
        """AdamW with linear warm-up and decay over all steps."""
        c = self.config
        encoder = list(self.teacher.encoder.parameters())
        heads = [p for n, p in self.teacher.named_parameters() if not n.startswith("encoder.")]
        optimizer = torch.optim.AdamW(
            [
                {"params": encoder, "lr": c.encoder_lr, "weight_decay": 0.01},
                {"params": heads, "lr": c.head_lr, "weight_decay": 0.0},
            ],
            betas=(0.9, 0.98),
        )
        total = len(self.train_dataloader()) * c.epochs

        def rate(step: int) -> float:
            return min(1.0, (step + 1) / (c.warmup * total)) * max(0.0, 1 - step / total)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Batches are built where they are used."""
        return batch

    def train_dataloader(self) -> "SentenceBatches":
        """A fixed number of sentences a batch, of like length, shuffled by seed and epoch."""
        return SentenceBatches(self._data[0], self.config.batch_sentences, [self.config.seed, self.current_epoch])

    def val_dataloader(self) -> "SentenceBatches":
        """Dev in order of length."""
        return SentenceBatches(self._data[1], 64, None)

    def on_train_epoch_start(self) -> None:
        """Seed the epoch, so that a resumed run repeats it."""
        torch.manual_seed(self.config.seed * 100_003 + self.current_epoch + 1_000_003 * rank_and_world()[0])
        self._clock = time.monotonic()

    def _scores(self, batch: Batch, pieces: SubWords) -> TeacherScores:
        scores: TeacherScores = self.teacher(*pieces.batch(batch.features[..., 0].long(), batch.mask), batch.mask)
        return scores

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        scores = self._scores(batch, self._pieces[0])
        gold = (batch.heads[..., 0], batch.labels[..., 0], batch.tags[..., 0])
        loss = teacher_loss(self.teacher, scores, *gold, batch.mask, self.config.tag_weight)
        self._watch.add(loss, self.global_step + 1, self.current_epoch)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start counting; an epoch that diverged is neither scored nor kept."""
        self._watch.check(self.current_epoch)
        self._tally = Tally(self._labels, self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count right heads, labels of the best heads, and tags."""
        scores = self._scores(batch, self._pieces[1])
        best = scores.arcs.argmax(-1)
        labels = self.teacher.labels(scores.words, best).argmax(-1)
        self._tally.add(batch, best, labels, scores.tags.argmax(-1))

    def on_validation_epoch_end(self) -> None:
        """Log the epoch."""
        self.dev = self._tally.scores()
        seconds = time.monotonic() - self._clock
        line = {"seed": self.config.seed, "epoch": self.current_epoch, "loss": float(self._watch.loss)}
        self.logged = line | self.dev | {"seconds": seconds}
        log_line(self.folder, self.logged)
        self.best.offer(self.current_epoch, self.dev, self.teacher)
        if self.best.exhausted(self.current_epoch) or self.current_epoch + 1 == self.config.epochs:
            self.finished = self.trainer.should_stop = True
            self.dev = self.best.restore(self.teacher) or self.dev

    def on_train_start(self) -> None:
        """A run that was over trains no further epoch."""
        self.trainer.should_stop = self.finished

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the scores and the best epoch."""
        checkpoint |= {"dev": self.dev, "finished": self.finished, "best": self.best.state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them back."""
        self.dev, self.finished = checkpoint["dev"], checkpoint["finished"]
        self.best.load(checkpoint["best"])


class SentenceBatches:
    """Batches of a fixed number of sentences of like length."""

    def __init__(self, examples: Examples, size: int, seed: list[int] | None) -> None:
        self.examples = examples
        lengths = examples.lengths
        if seed is None:
            order = np.argsort(lengths, kind="stable")
            self.plan = [order[i : i + size] for i in range(0, len(order), size)]
            return
        generator = np.random.default_rng(seed)
        order = generator.permutation(np.flatnonzero(lengths <= MAX_WORDS))
        pools = [order[i : i + 20 * size] for i in range(0, len(order), 20 * size)]
        pools = [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
        plan = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
        self.plan = share([plan[i] for i in generator.permutation(len(plan))])

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Batch]:
        return (self.examples.batch(sentences) for sentences in self.plan)


def train_teacher(
    config: TeacherConfig,
    encoder_folder: Path,
    gold: Examples,
    dev: Examples,
    pieces: tuple[SubWords, SubWords],
    labels: list[str],
    folder: Path,
) -> dict[str, float]:
    """Train, and write `teacher.safetensors` (half precision) with `teacher.json` beside it; returns dev scores.

    A folder whose teacher is finished is left as it is.
    """
    from safetensors.torch import save_file

    done = folder / "teacher.json"
    if done.is_file():
        scores: dict[str, float] = json.loads(done.read_text(encoding="utf-8"))["dev"]
        return scores

    def build(settled: TeacherConfig) -> TeacherModule:
        torch.manual_seed(settled.seed)
        teacher = Teacher(load_encoder(encoder_folder), len(labels), settled)
        return TeacherModule(teacher, settled, gold, dev, pieces, labels, folder)

    module = fit(build, config, folder, config.epochs, clip=1.0)
    if is_first():
        tensors = {n: p.detach().half().contiguous().cpu() for n, p in module.teacher.state_dict().items()}
        draft = folder / "teacher.safetensors.part"
        save_file(tensors, draft)
        draft.replace(folder / "teacher.safetensors")
        write_json(done, {"format": FORMAT, "config": asdict(config), "labels": labels, "dev": module.dev})
        (folder / "last.ckpt").unlink(missing_ok=True)
    return module.dev


def load_teacher(folder: Path) -> tuple[Teacher, list[str]]:
    """Read what `train_teacher` wrote: the network in float32, and its labels.

    Raises:
        CheckpointError: missing, cut short, of another version, or files of two teachers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "teacher.json"
    if not path.is_file():
        raise CheckpointError(f"{folder}: expected teacher.json and teacher.safetensors; train a teacher first")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: cut short or altered ({error}); train it again") from error
    if found.get("format") != FORMAT:
        raise CheckpointError(f"{path}: expected format {FORMAT}, got {found.get('format')}; train it again")
    try:
        tensors = load_file(folder / "teacher.safetensors")
    except (SafetensorError, FileNotFoundError) as error:
        raise CheckpointError(f"{folder / 'teacher.safetensors'}: missing, cut short or altered ({error})") from error
    try:
        teacher = Teacher(_encoder_of(tensors), len(found["labels"]), TeacherConfig(**found["config"]))
        teacher.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{folder}: teacher.json and teacher.safetensors don't fit together ({error})") from error
    return teacher.eval(), found["labels"]


def load_teachers(folders: Sequence[Path], device: torch.device) -> tuple[list[Teacher], list[str]]:
    """Teachers that answer together, on a device (in bfloat16 on a GPU), and the relations that they share.

    Raises:
        CheckpointError: what `load_teacher` refuses, or teachers of different relations.
    """
    loaded = [load_teacher(folder) for folder in folders]
    labels = loaded[0][1]
    for folder, (_, others) in zip(folders, loaded, strict=True):
        if others != labels:
            raise CheckpointError(f"{folder}: expected the relations of {folders[0]}; train them on one treebank")
    networks = [network.to(device) for network, _ in loaded]
    return [network.bfloat16() for network in networks] if device.type == "cuda" else networks, labels


def _encoder_of(tensors: dict[str, Tensor]) -> Encoder:
    """An encoder of the sizes of these weights."""
    layers = 1 + max(int(n.split(".")[2]) for n in tensors if n.startswith("encoder.layers."))
    vocabulary, dim = tensors["encoder.word.weight"].shape
    return Encoder(
        dim=dim,
        layers=layers,
        heads=tensors["encoder.relative.weight"].shape[1],
        inner=tensors["encoder.layers.0.inner.weight"].shape[0],
        vocabulary=vocabulary,
        positions=tensors["encoder.position.weight"].shape[0],
        buckets=tensors["encoder.relative.weight"].shape[0],
    )
