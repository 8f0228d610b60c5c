"""The command's words and options; the work is done in the files beside this one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..engines import ENGINES, PRECISIONS
from ..limits import MAX_THREADS, MAX_TREES

FORMATS = ("conllu", "jsonl", "arrow", "parquet", "tree")
INPUTS = ("auto", "text", "lines", "conllu", "jsonl", "parquet")
PACKINGS = ("gz", "xz", "bz2", "zst")
DRAWINGS = ("tree", "svg", "html")
Command = TypeVar("Command", bound=Callable[..., Any])


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from .. import __version__
        from .messages import say
        from .output import OutputError, show

        try:
            show(f"posmoe {__version__}\n")
        except OutputError as error:
            say(str(error))
            context.exit(1)
        context.exit()


def _known_backend(context: click.Context, option: click.Parameter, name: str) -> str:
    if name not in ("auto", *ENGINES):
        raise click.BadParameter(f"expected one of auto, {', '.join(ENGINES)}, got {name!r}.")
    return name


def _choosing(command: Command) -> Command:
    """The options that say what parses."""
    here = ", ".join(ENGINES)
    model = "An installed model's name, or a bundle's path."
    backend = f"The engine: auto, or one of {here}."
    command = click.option("--backend", default="auto", callback=_known_backend, show_default=True, help=backend)(
        command
    )
    return click.option("--model", metavar="NAME|PATH", help=model)(command)


def _computing(command: Command) -> Command:
    """The option that says what the network is computed in."""
    text = "What the network is computed in: auto, the bundle's own, or one that the engine can cast it to."
    option = click.option(
        "--precision", type=click.Choice(PRECISIONS), default="auto", metavar="PRECISION", show_default=True,
        help=f"{text} One of {', '.join(PRECISIONS)}.",
    )  # fmt: skip
    return option(command)


@click.group()
@click.option(
    "--version", is_flag=True, callback=_show_version, is_eager=True, expose_value=False,
    help="Show the version and exit.",
)  # fmt: skip
def app() -> None:
    """Raw text to Universal Dependencies trees."""


@app.command()
@click.argument("inputs", nargs=-1, metavar="[FILE|FOLDER|PATTERN|TEXT]...")
@click.option("--text", "texts", multiple=True, help="A text to parse, whatever it looks like. May be repeated.")
@click.option(
    "-o", "--output", metavar="FILE|FOLDER",
    help="The file to write, or the folder to write a file in for each input file. A file appears when it is whole.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(FORMATS),
    help="What to write; by default what the ending of the output's name says, else conllu. arrow is a stream of "
    "record batches.",
)  # fmt: skip
@click.option("--compress", type=click.Choice(PACKINGS), help="Pack what is written; by default as its name says.")
@click.option(
    "--input", type=click.Choice(INPUTS), default="auto", show_default=True,
    help="What to read: running text, a sentence a line, CoNLL-U, JSON Lines, Parquet; auto: by a file's ending "
    "(.conllu, .jsonl, .ndjson, .parquet), else text. CoNLL-U keeps its sentences, words, comments, multiword ranges, "
    "empty nodes, LEMMA, XPOS, FEATS and MISC and gets new UPOS, HEAD and DEPREL; DEPS becomes `_`.",
)  # fmt: skip
@click.option(
    "--text-column", metavar="NAME", default="text", show_default=True,
    help="The column of JSON Lines and Parquet that holds the texts; every one of them is a document.",
)  # fmt: skip
@_choosing
@_computing
@click.option(
    "--threads", type=click.IntRange(0, MAX_THREADS), default=1, show_default=True,
    help="Parts of the input parsed at a time; 0: one a core.",
)  # fmt: skip
@click.option(
    "--k-best", type=click.IntRange(1, MAX_TREES), default=1, show_default=True,
    help="Write the K best trees. A sentence of more than 4,096 words has its best tree alone, without a probability.",
)  # fmt: skip
@click.option(
    "--gold-upos", is_flag=True,
    help="With --input conllu: keep the given UPOS. The relations follow them; the heads are the same as without.",
)  # fmt: skip
@click.option(
    "--on-error", type=click.Choice(("skip", "stop")), default="skip", show_default=True,
    help="Where something cannot be read: leave out the sentence, record or rest of a file, or stop there. Skipped is "
    "named and counted, and the exit code is 1 all the same.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with a folder of output where it was left, or begin it.")
@click.option(
    "--shard-words", type=click.IntRange(1), metavar="N",
    help="In a folder: begin another file after N words of an input, NAME.00001, NAME.00002 …",
)  # fmt: skip
def parse(**options: Any) -> int:
    """Parse text, files, folders or standard input.

    An argument that names a file is read, packed as .gz, .xz, .bz2 or .zst too; all files below a folder are, or those
    that a quoted pattern ('data/**/*.txt') matches. `-` is standard input; any other argument with white space in it,
    or that doesn't look like a file name, is text. Without any, standard input is read.

    The output is a folder where it is one, ends in a slash, or where a folder or pattern is parsed and its name has no
    ending that we write. It holds a file for each input, and in _posmoe/ a report and what --resume needs.

    A pipe that pauses after a paragraph (with --input lines, after a line) is answered at once, with one thread; so is
    a line that is typed at a terminal, whose end ends a sentence.

    Exit codes: 0; 1 some input failed and the rest was written, or nothing was; 2 usage; 130 Ctrl-C.
    """
    from .parse import Job, run
    from .target import target, wants_folder

    packed, folders_only = options.pop("compress"), options["resume"] or options["shard_words"] is not None
    output, given = options["output"], target(options["output"], options.pop("form"), packed and f".{packed}")
    folder = wants_folder(output, options["inputs"], folders_only)
    job = Job(**options, target=given, folder=folder)
    if job.input != "conllu" and job.gold_upos:
        raise click.BadParameter("--gold-upos needs --input conllu.")
    if given.format in ("arrow", "parquet") and job.k_best > 1:
        raise click.BadParameter("--k-best needs --format conllu, jsonl or tree.")
    if given.format == "parquet" and given.packed:
        raise click.BadParameter("--compress has no meaning for Parquet, which is packed inside.")
    if folders_only and not folder:
        raise click.BadParameter("--resume and --shard-words need a folder: -o FOLDER.")
    return run(job)


@app.command()
@click.argument("inputs", nargs=-1, metavar="[FILE|TEXT]...")
@click.option("--text", "texts", multiple=True, help="A text to draw, whatever it looks like. May be repeated.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; it appears when it is whole.")
@click.option(
    "--format", type=click.Choice(("auto", *DRAWINGS)), default="auto", show_default=True,
    help="tree is for the terminal; auto goes by the ending of --output, and is tree without one.",
)  # fmt: skip
@click.option(
    "--input", type=click.Choice(INPUTS), default="auto", show_default=True,
    help="What to read, as for parse.",
)  # fmt: skip
@click.option("--given", is_flag=True, help="With --input conllu: draw the trees of the file; nothing is parsed.")
@_choosing
@click.option(
    "--k-best", type=click.IntRange(1, 100), default=1, show_default=True,
    help="Draw the K best trees of every sentence side by side, with their probabilities.",
)  # fmt: skip
@click.option(
    "--layout", type=click.Choice(("auto", "line", "list")), default="auto", show_default=True,
    help="SVG and HTML: words in a line, or in a list down the page; auto takes a list for long sentences.",
)  # fmt: skip
def render(**options: Any) -> int:
    """Draw trees for the terminal, as SVG, or as a page of its own.

    Arguments are read as by `posmoe parse`. SVG and HTML hold no scripts and load nothing.

    Exit codes: 0; 1 some input failed and the rest was drawn, or nothing was; 2 usage; 130 Ctrl-C.
    """
    from .render import Job, run

    job = Job(**options)
    if job.given and job.input != "conllu":
        raise click.BadParameter("--given needs --input conllu.")
    if job.given and job.k_best > 1:
        raise click.BadParameter("--given draws the one tree that is given, so it goes without --k-best.")
    return run(job)


@app.command()
@_choosing
@_computing
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def info(model: str | None, backend: str, precision: str, as_json: bool) -> int:
    """Show version, model, engine, why it was taken and what it computes in, processor, sizes, accuracy and FLOPs.

    With --precision: whether the engine can compute the model in it, by loading it.
    """
    from .info import run

    return run(model, backend, precision, as_json)


@app.command()
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@_choosing
@click.option(
    "--threads", type=click.IntRange(0, MAX_THREADS), default=0, show_default=True,
    help="Measure with 1, 2, 4 … up to so many threads; 0: one a core.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.FloatRange(0, 3600), default=0.3, show_default=True,
    help="How long a turn lasts at least; there are five of each.",
)  # fmt: skip
@click.option("--profile", is_flag=True, help="Show where a word's time goes, on one thread of the native engine.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def bench(**options: Any) -> int:
    """Measure this machine: words a second by engine and threads, and the time of one sentence.

    FILEs are texts in UTF-8 to measure with; without any, a text of our own is taken, in ever new orders. Measured is
    what a program waits for: from raw text to documents whose columns were asked for. With --backend auto all engines
    that are installed take turns.
    """
    from .bench import Job, run

    return run(Job(**options))


@app.command()
@click.argument("gold", nargs=-1, required=True, metavar="GOLD...", type=click.Path(path_type=Path))
@click.option(
    "--system", type=click.Path(path_type=Path), metavar="PARSED",
    help="Score the trees of this CoNLL-U file, made of the same text by any parser, instead of a model's.",
)  # fmt: skip
@_choosing
@_computing
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def evaluate(**options: Any) -> int:
    """Score a model on a treebank: tokens, sentences, words, tags, heads and relations, from gold tokens and raw text.

    GOLD are CoNLL-U files, also packed as .gz, .xz or .zst, that are taken as one treebank. Scores are those of the
    CoNLL 2018 shared task: punctuation counts, subtypes of relations don't. Tables by genre (what stands before the
    first hyphen of sent_id), relation and sentence length are of gold tokens.
    """
    from .evaluate import Job, run

    return run(Job(**options))


@app.command()
@click.option("--host", help="The address to listen at; by default the loopback, so that no other machine can connect.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen at, 8400 by default; 0: any free one.")
@click.option("--model", metavar="NAME|PATH", help="An installed model's name, or a bundle's path.")
@click.option(
    "--backend", "backends", multiple=True, callback=lambda context, option, names: tuple(
        _known_backend(context, option, name) for name in names
    ), help="An engine to load, auto by default. May be repeated; requests choose, the first one is the default.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1, MAX_THREADS), help="Batches computed at a time; 1 by default.")
@click.option(
    "--show-settings", is_flag=True, help="Show all settings, their values and environment variables, and exit."
)
def serve(show_settings: bool, **options: Any) -> int:
    """Parse over HTTP, with a page to try it at /.

    Limits, times and the API key are settings by environment variables, POSMOE_SERVE_API_KEY and others: see
    --show-settings. SIGTERM and Ctrl-C end it; requests under way are finished.

    Exit codes: 0; 1 the model or the address cannot be had; 2 a setting is wrong.
    """
    from .serve import run

    return run(show_settings, {name: value for name, value in options.items() if value not in (None, ())})
