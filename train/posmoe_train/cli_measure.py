"""The commands of `posmoe-train` that measure bundles, runs and routing, and that run many commands."""

from pathlib import Path
from typing import Annotated

import typer

Dev = Annotated[Path, typer.Option(help="Development treebank.", exists=True, dir_okay=False)]
Bundle = Annotated[Path | None, typer.Argument(help="A bundle; by default the packaged model.", exists=True)]
SubWordTokenizer = Annotated[Path, typer.Option(help="The encoder's tokenizer.json.", exists=True)]
Teachers = Annotated[list[Path], typer.Option("--teacher", help="Folder of a teacher; may be repeated.")]
Runs = Annotated[list[Path], typer.Argument(help="Folders of runs, or their NAME.run.json.", exists=True)]


def evaluate(
    dev: Dev,
    bundle: Bundle = None,
    backend: Annotated[str, typer.Option(help="The runtime's engine.")] = "auto",
    k_best: Annotated[int, typer.Option(help="Also the oracle among so many trees a sentence.", min=1)] = 1,
) -> None:
    """Print a bundle's scores on a treebank as JSON, from gold tokens and from raw text."""
    import json

    from posmoe_train.conllu import read_treebank
    from posmoe_train.evaluate import evaluate_bundle, oracle_scores

    gold = read_treebank(dev)
    scores = evaluate_bundle(bundle, gold, backend)
    if k_best > 1:
        scores |= {"k_best": oracle_scores(bundle, gold, k_best, backend)}
    typer.echo(json.dumps(scores, indent=1))


def ensemble(teachers: Teachers, tokenizer: SubWordTokenizer, dev: Dev) -> None:
    """Print the scores of teachers on a treebank as JSON: of each, and of their mean."""
    import json

    from posmoe_train.conllu import read_treebank
    from posmoe_train.run import local_device
    from posmoe_train.silver import ensemble_scores
    from posmoe_train.teacher_run import load_teachers

    device = local_device()
    networks, labels = load_teachers(teachers, device)
    gold = read_treebank(dev)
    scores = {
        folder.name: ensemble_scores([network], gold, tokenizer, labels, device)
        for folder, network in zip(teachers, networks, strict=True)
    }
    typer.echo(json.dumps(scores | {"mean": ensemble_scores(networks, gold, tokenizer, labels, device)}, indent=1))


def card(
    bundle: Annotated[Path, typer.Argument(help="A bundle.", exists=True)],
    dev: Dev,
    out: Annotated[Path, typer.Option(help="The Markdown file to write.")],
) -> None:
    """Write the card of a BUNDLE: its data and scores by genre, relation and length, calibration, errors."""
    from posmoe_train.card import model_card
    from posmoe_train.conllu import read_treebank

    text = model_card(bundle, read_treebank(dev))
    draft = out.with_name(out.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(out)


def routing(
    source: Annotated[Path, typer.Argument(help="A run's folder, or a bundle.", exists=True)],
    dev: Dev,
) -> None:
    """Print how words are routed on a treebank, as JSON: use of the experts, their accuracy, hard, soft and gold."""
    import json

    from posmoe_train.conllu import read_treebank
    from posmoe_train.routing import routing_report

    typer.echo(json.dumps(routing_report(source, read_treebank(dev)), indent=1))


def report(runs: Runs, out: Annotated[Path, typer.Option(help="Folder for tables and figures.")]) -> None:
    """Compare RUNS: scores over seeds, learning curves, minutes, accuracy by silver data; CSV, SVG and report.md."""
    from posmoe_train.compare import write_report

    typer.echo(write_report(runs, out))


def ablations(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of runs, the base first.", exists=True)] = None,
    out: Annotated[Path | None, typer.Option(help="The page to put the table into; else it is printed.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Print the command lines of all runs for this configuration.", exists=True)
    ] = None,
    options: Annotated[str, typer.Option(help="With --config: common options of the commands.")] = "",
    seeds: Annotated[int, typer.Option(help="With --config: seeds of each.", min=1)] = 3,
) -> None:
    """Make the table of ablations of RUNS, or with --config print the commands that make the runs."""
    from posmoe_train.ablation_table import table, write_table
    from posmoe_train.ablations import commands
    from posmoe_train.config import load_config
    from posmoe_train.runs import Run
    from posmoe_train.student_config import StudentConfig

    if config:
        parser = load_config(StudentConfig, config).parser
        lines = commands(parser, f"{options} --config {config}".strip(), Path("runs/ablations"), seeds)
        typer.echo("\n".join(lines))
        return
    if not runs:
        raise typer.BadParameter("expected RUNS, or --config for the commands that make them", param_hint="RUNS")
    text = table([Run.load(path) for path in runs])
    if out:
        write_table(text, out)
    else:
        typer.echo(text)


def jobs(
    commands: Annotated[typer.FileText, typer.Argument(help="Command lines, one a line; - is standard input.")],
    logs: Annotated[Path, typer.Option(help="Folder for a log a command, and a mark of each that is done.")],
    at_once: Annotated[int, typer.Option(help="Commands at once on each GPU, or on the CPU.", min=1)] = 1,
) -> None:
    """Run COMMANDS over the GPUs, such as those of `ablations --config`; what is done already isn't run again."""
    import signal

    import torch

    from posmoe_train.jobs import read_jobs, run_jobs

    found = read_jobs(commands.read(), commands.name)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the jobs, as Ctrl-C does
    try:
        failed = run_jobs(found, logs, at_once, torch.cuda.device_count())
    finally:
        signal.signal(signal.SIGTERM, before)
    for job in failed:
        typer.echo(f"failed: {logs / job.name}.log", err=True)
    raise typer.Exit(1 if failed else 0)


COMMANDS = (evaluate, ensemble, routing, card, report, ablations, jobs)
