"""The command `posmoe-train`."""

from pathlib import Path
from typing import Annotated

import typer

from posmoe_train.cli_measure import COMMANDS, SubWordTokenizer, Teachers

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Train parsers for posmoe.")

Config = Annotated[Path | None, typer.Option(help="A TOML file with settings.", exists=True, dir_okay=False)]
Settings = Annotated[list[str] | None, typer.Option("--set", help="A setting, such as parser.k=1; may be repeated.")]
Train = Annotated[Path, typer.Option(help="Training treebank, .conllu, .xz or .gz.", exists=True, dir_okay=False)]
Dev = Annotated[Path, typer.Option(help="Development treebank.", exists=True, dir_okay=False)]
Out = Annotated[Path, typer.Option(help="Folder of the run; an unfinished run in it goes on.")]


@app.command()
def tokenizer(
    train: Train,
    dev: Dev,
    out: Annotated[Path, typer.Option(help="Folder for spec.json and weights.npy.")],
    abbreviations: Annotated[
        Path | None, typer.Option(help="More abbreviations, one a line, each with its point.", exists=True)
    ] = None,
    seed: int = 0,
) -> None:
    """Train a tokeniser and print its scores on the development part as JSON."""
    import json

    from posmoe._core import Tokenizer
    from posmoe_train.conllu import read_treebank
    from posmoe_train.tokenizer import evaluate, save_tokenizer, train_tokenizer

    more = abbreviations.read_text(encoding="utf-8").split() if abbreviations else []
    spec, weights = train_tokenizer(read_treebank(train), seed=seed, abbreviations=more, verbose=True)
    save_tokenizer(spec, weights, out)
    scores = evaluate(Tokenizer(spec, weights), read_treebank(dev)).f1()
    typer.echo(json.dumps({name: round(scores[name], 2) for name in ("tokens", "words", "sentences")}))


@app.command()
def corpus(
    texts: list[Path],
    out: Out,
    held_out: Annotated[
        list[Path], typer.Option(help="Treebank whose text must not be in the corpus; may be repeated.")
    ],
    tokenizer: Annotated[Path, typer.Option(help="Folder with spec.json and weights.npy of a trained tokeniser.")],
) -> None:
    """Prepare raw TEXTS (a paragraph a line; .txt or .xz) for `silver`."""
    from posmoe import _core
    from posmoe_train.conllu import read_treebank
    from posmoe_train.corpus import Corpus
    from posmoe_train.data import gold_corpus
    from posmoe_train.run import origin, write_json
    from posmoe_train.text import clean, tokenised
    from posmoe_train.tokenizer import load_tokenizer

    cut = _core.Tokenizer(*load_tokenizer(tokenizer))
    everything = Corpus.build(tokenised(cut, texts))
    sentences = [sentence for path in held_out for sentence in read_treebank(path)]
    kept = everything.select(clean(everything, gold_corpus(sentences)))
    out.mkdir(parents=True, exist_ok=True)
    kept.save(out / "corpus.safetensors")
    summary = {
        "sentences": len(everything),
        "words": len(everything.words),
        "kept": len(kept),
        "kept_words": len(kept.words),
    }
    read = [*texts, *held_out, tokenizer / "spec.json", tokenizer / "weights.npy"]
    write_json(out / "corpus.json", summary | {"texts": [path.name for path in texts]} | origin(read))
    print(summary)


@app.command()
def teacher(train: Train, dev: Dev, encoder: Path, out: Out, config: Config = None, settings: Settings = None) -> None:
    """Fine-tune a teacher from the pretrained ENCODER folder."""
    import torch

    from posmoe_train.config import load_config
    from posmoe_train.conllu import Sentence, read_treebank
    from posmoe_train.data import gold_corpus, gold_targets, label_set
    from posmoe_train.encoder import check_encoder
    from posmoe_train.examples import Examples
    from posmoe_train.run import local_device, record
    from posmoe_train.teacher import SubWords, TeacherConfig
    from posmoe_train.teacher_run import train_teacher

    settled = load_config(TeacherConfig, config, settings or [])
    check_encoder(encoder)
    out.mkdir(parents=True, exist_ok=True)
    record(out, settled, [train, dev, encoder / "model.safetensors"])
    device = local_device()
    gold, held_out = read_treebank(train), read_treebank(dev)
    labels = label_set(gold)

    def prepare(sentences: list[Sentence]) -> tuple[Examples, SubWords]:
        corpus = gold_corpus(sentences)
        forms = torch.arange(len(corpus.forms), dtype=torch.int32)[:, None]
        pieces = SubWords.build(corpus.forms, encoder / "tokenizer.json", device)
        return Examples(corpus, gold_targets(sentences, labels), forms, device), pieces

    (examples, pieces), (dev_examples, dev_pieces) = prepare(gold), prepare(held_out)
    train_teacher(settled, encoder, examples, dev_examples, (pieces, dev_pieces), labels, out)


@app.command()
def silver(
    corpus: Path,
    out: Out,
    tokenizer: SubWordTokenizer,
    teachers: Teachers,
    part: Annotated[str, typer.Option(help="i/n: parse the i-th of n parts.")] = "0/1",
    min_confidence: float = 0.8,
    dev: Annotated[Path | None, typer.Option(help="Treebank to score the teachers on, together.", exists=True)] = None,
) -> None:
    """Parse a prepared CORPUS with the mean of the teachers and keep soft targets."""
    import re

    import numpy as np

    from posmoe_train.conllu import read_treebank
    from posmoe_train.corpus import Corpus
    from posmoe_train.errors import CorpusError
    from posmoe_train.run import local_device, origin, write_json
    from posmoe_train.silver import ensemble_scores, silver_targets
    from posmoe_train.teacher import SubWords
    from posmoe_train.teacher_run import load_teachers

    device = local_device()
    text = Corpus.load(corpus)
    match = re.fullmatch(r"(\d+)/(\d+)", part)
    if not match or not int(match[1]) < int(match[2]):
        raise typer.BadParameter(f"expected i/n with 0 ≤ i < n, got {part!r}", param_hint="--part")
    index, count = int(match[1]), int(match[2])
    text = text.select(np.arange(index, len(text), count))
    networks, labels = load_teachers(teachers, device)
    scores = ensemble_scores(networks, read_treebank(dev), tokenizer, labels, device) if dev else {}
    pieces = SubWords.build(text.forms, tokenizer, device)
    kept, targets = silver_targets(networks, text, pieces, device, min_confidence=min_confidence)
    if not len(kept):
        reached = f"no sentence of {len(text)} got a tree with a mean confidence of {min_confidence}"
        raise CorpusError(f"{corpus}: {reached}; lower --min-confidence, or train the teachers longer")
    out.mkdir(parents=True, exist_ok=True)
    text.select(kept).save(out / "corpus.safetensors")
    targets.save(out / "targets.safetensors")
    confidence = float(targets.head_p[:, 0].mean()) / 255
    summary = {"sentences": len(text), "kept": len(kept), "words": len(targets.heads), "confidence": confidence}
    made = {"labels": labels, "teachers": [t.name for t in teachers], "part": part, "min_confidence": min_confidence}
    read = [corpus, tokenizer, *(folder / "teacher.safetensors" for folder in teachers)]
    write_json(out / "silver.json", {**summary, **made, "dev": scores, **origin(read)})
    print({**summary, "dev": scores})


@app.command()
def student(
    train: Train,
    out: Out,
    dev: Annotated[
        Path | None,
        typer.Option(help="Development treebank; without it a tenth of TRAIN is held out.", exists=True),
    ] = None,
    config: Config = None,
    settings: Settings = None,
    silver: Annotated[list[Path] | None, typer.Option(help="Folder of silver data; may be repeated.")] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of a trained tokeniser; by default one is.")] = None,
    about: Annotated[
        Path | None, typer.Option(help="TOML: name, version, language, licence, training_data.", exists=True)
    ] = None,
    bundle: Annotated[bool, typer.Option(help="Make OUT/bundle of it, which `posmoe parse --model` takes.")] = True,
) -> None:
    """Train a parser on a treebank, with silver data or without, and make a bundle of it.

    Without a configuration and without silver data, it is trained by configs/gold.toml.
    """
    import tomllib

    from posmoe_train.config import load_config
    from posmoe_train.finish import exporter, make_bundle
    from posmoe_train.run import is_first
    from posmoe_train.student_config import StudentConfig
    from posmoe_train.student_run import train_student

    export = exporter() if bundle else None  # what is missing is said before the training
    described = tomllib.loads(about.read_text(encoding="utf-8")) if about else None
    path = config or (None if silver else Path(__file__).parent / "configs" / "gold.toml")
    train_student(load_config(StudentConfig, path, settings or []), train, dev, silver or [], out)
    if export and is_first():
        made = make_bundle(export, out, train, dev, silver=silver or [], tokenizer=tokenizer, about=described)
        typer.echo(f"{made}: written; posmoe parse --model {made} reads it")


for measuring in COMMANDS:
    app.command()(measuring)


def main() -> None:
    """Run the command; what training refuses is one line on standard error and exit code 1."""
    from posmoe.errors import PosmoeError
    from posmoe_train.conllu import TreebankError
    from posmoe_train.errors import TrainError

    try:
        app()
    except (PosmoeError, TrainError, TreebankError) as error:
        typer.echo(f"posmoe-train: {error}", err=True)
        raise SystemExit(1) from None
