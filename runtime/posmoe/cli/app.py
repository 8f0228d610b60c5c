"""The command's words and options; the work is done in the files beside this one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..engines import ENGINES
from ..limits import MAX_THREADS, MAX_TREES

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

_MODEL = typer.Option("--model", metavar="NAME|PATH", help="An installed model's name, or a bundle's path.")


def _known_backend(name: str) -> str:
    if name not in ("auto", *ENGINES):
        raise typer.BadParameter(f"expected one of auto, {', '.join(ENGINES)}, got {name!r}.")
    return name


_HERE = [name for name, engine in ENGINES.items() if engine.module]
_BACKEND = typer.Option(
    "--backend", callback=_known_backend, help=f"The engine: auto, or one that this version has: {', '.join(_HERE)}."
)


class Format(StrEnum):
    """What is written."""

    conllu = "conllu"
    jsonl = "jsonl"
    tree = "tree"


class Input(StrEnum):
    """What is read."""

    text = "text"
    lines = "lines"
    conllu = "conllu"


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__
        from .messages import say
        from .output import OutputError, show

        try:
            show(f"posmoe {__version__}\n")
        except OutputError as error:
            say(str(error))
            raise typer.Exit(1) from None
        raise typer.Exit


@app.callback()
def posmoe(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Raw text to Universal Dependencies trees."""


@app.command()
def parse(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE|TEXT",
            help="Files, or text itself. An argument that names a file is read; `-` is standard input; any "
            "other argument with white space in it, or that doesn't look like a file name, is text. "
            "Without any, standard input is read.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="A text to parse, whatever it looks like. May be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; it appears when it is whole.")
    ] = None,
    model: Annotated[str | None, _MODEL] = None,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.conllu,
    kind: Annotated[
        Input,
        typer.Option(
            "--input",
            help="What to read: running text, a sentence a line, or CoNLL-U, which keeps its sentences, "
            "words, comments, multiword ranges, empty nodes, LEMMA, XPOS, FEATS and MISC and gets new UPOS, "
            "HEAD and DEPREL; DEPS becomes `_`.",
        ),
    ] = Input.text,
    backend: Annotated[str, _BACKEND] = "auto",
    threads: Annotated[
        int, typer.Option(min=0, max=MAX_THREADS, help="Parts of the input parsed at a time; 0: one a core.")
    ] = 1,
    k_best: Annotated[
        int,
        typer.Option(
            "--k-best",
            min=1,
            max=MAX_TREES,
            help="Write the K best trees. A sentence of more than 4,096 words has its best tree alone, without a "
            "probability.",
        ),
    ] = 1,
    gold_upos: Annotated[
        bool,
        typer.Option(
            "--gold-upos",
            help="With --input conllu: keep the given UPOS. The relations follow them; the heads are the same as "
            "without.",
        ),
    ] = False,
    skip_invalid: Annotated[
        bool,
        typer.Option(
            "--skip-invalid",
            help="With --input conllu: leave malformed sentences out and count them, instead of giving up the rest of "
            "the file. The exit code is 1 all the same.",
        ),
    ] = False,
) -> None:
    """Parse text, files or standard input.

    A pipe that pauses after a paragraph (with --input lines, after a line) is answered at once, with one thread; so is
    a line that is typed at a terminal, whose end ends a sentence.

    Exit codes: 0; 1 some input failed and the rest was written, or nothing was; 2 usage; 130 Ctrl-C.
    """
    from .parse import Job, run

    if kind is not Input.conllu and (gold_upos or skip_invalid):
        raise typer.BadParameter("--gold-upos and --skip-invalid need --input conllu.")
    job = Job(
        inputs=inputs or [],
        texts=text or [],
        output=output,
        model=model,
        format=form.value,
        input=kind.value,
        backend=backend,
        threads=threads,
        k_best=k_best,
        gold_upos=gold_upos,
        skip_invalid=skip_invalid,
    )
    raise typer.Exit(run(job))


@app.command()
def info(
    model: Annotated[str | None, _MODEL] = None,
    backend: Annotated[str, _BACKEND] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Show version, model, engine and why it was taken, processor, sizes, accuracy and FLOPs."""
    from .info import run

    raise typer.Exit(run(model, backend, as_json))
