"""The command `posmoe-export`: from a student's run to a bundle, checked against PyTorch."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Export trained parsers for posmoe.")


@app.command()
def bundle(
    student: Annotated[Path, typer.Argument(help="Folder of a student's run.", exists=True, file_okay=False)],
    out: Annotated[Path, typer.Argument(help="Folder of the bundle; replaced if it is there.")],
    tokenizer: Annotated[Path, typer.Option(help="Folder with spec.json and weights.npy.", exists=True)],
    about: Annotated[Path, typer.Option(help="TOML: name, version, language, licence, training_data.", exists=True)],
    dev: Annotated[Path, typer.Option(help="Treebank for the scores and the parity check.", exists=True)],
    words: Annotated[int | None, typer.Option(help="Keep the rows of so many frequent words; all if left out.")] = None,
    min_equal: Annotated[float, typer.Option(help="Share of words that must be equal to PyTorch's.")] = 0.999,
) -> None:
    """Export a STUDENT to a bundle at OUT, check it over the dev treebank, and write its metrics.json."""
    import tomllib

    from posmoe_export.bundle import METRICS
    from posmoe_export.run import export_run
    from posmoe_train.conllu import read_treebank

    described = tomllib.loads(about.read_text(encoding="utf-8"))
    gold = read_treebank(dev)
    export_run(student, out, tokenizer=tokenizer, about=described, dev=gold, words=words, min_equal=min_equal)
    typer.echo((out / METRICS).read_text(encoding="utf-8"))


def main() -> None:
    """Run the command; what export refuses is one line on standard error and exit code 1."""
    from posmoe.errors import PosmoeError
    from posmoe_export.errors import ExportError
    from posmoe_train.conllu import TreebankError
    from posmoe_train.errors import TrainError

    try:
        app()
    except (ExportError, PosmoeError, TrainError, TreebankError) as error:
        typer.echo(f"posmoe-export: {error}", err=True)
        raise SystemExit(1) from None
