"""The command `posmoe-export`: from a student's run to a bundle, and from a bundle to other precisions and formats."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from posmoe_train.conllu import Sentence

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Export trained parsers for posmoe.")

Out = Annotated[Path, typer.Argument(help="Folder of the bundle; replaced if it is there.")]
Source = Annotated[Path, typer.Argument(help="A bundle.", exists=True)]
PrecisionOption = Annotated[
    str, typer.Option(help="float32, float16, int8, int8_dynamic, float8_e4m3, float8_e5m2 or int4.")
]
OpsetOption = Annotated[int | None, typer.Option(help="ONNX operator set, 18 to 25; 21 if left out.")]
Calibrate = Annotated[
    Path | None, typer.Option(help="Treebank to find the steps of activations by; else they follow the bundle's.")
]
Dev = Annotated[Path | None, typer.Option(help="Treebank on which the loss is measured.", exists=True)]
MostLost = Annotated[float, typer.Option(help="Points of LAS on --dev that may be lost; more is refused.")]


@app.command()
def bundle(
    student: Annotated[Path, typer.Argument(help="Folder of a student's run.", exists=True, file_okay=False)],
    out: Out,
    tokenizer: Annotated[Path, typer.Option(help="Folder with spec.json and weights.npy.", exists=True)],
    about: Annotated[Path, typer.Option(help="TOML: name, version, language, licence, training_data.", exists=True)],
    dev: Annotated[Path, typer.Option(help="Treebank for the scores and the parity check.", exists=True)],
    words: Annotated[int | None, typer.Option(help="Keep the rows of so many frequent words; all if left out.")] = None,
    min_equal: Annotated[float, typer.Option(help="Share of words that must be equal to PyTorch's.")] = 0.999,
    opset: OpsetOption = None,
) -> None:
    """Export a STUDENT to a bundle at OUT, check it over the dev treebank, and write its metrics.json."""
    import tomllib

    from posmoe_export.bundle import METRICS
    from posmoe_export.graph import OPSET
    from posmoe_export.run import export_run
    from posmoe_train.conllu import read_treebank

    described = tomllib.loads(about.read_text(encoding="utf-8"))
    gold = read_treebank(dev)
    export_run(
        student, out, tokenizer=tokenizer, about=described, dev=gold, words=words, min_equal=min_equal,
        opset=opset or OPSET,
    )  # fmt: skip
    typer.echo((out / METRICS).read_text(encoding="utf-8"))


@app.command()
def teacher(
    run: Annotated[Path, typer.Argument(help="Folder of a teacher's run.", exists=True, file_okay=False)],
    out: Out,
    encoder: Annotated[Path, typer.Option(help="Folder of the encoder that it was trained from.", exists=True)],
    tokenizer: Annotated[Path, typer.Option(help="Folder with spec.json and weights.npy.", exists=True)],
    about: Annotated[Path, typer.Option(help="TOML: name, version, language, licence, training_data.", exists=True)],
    dev: Annotated[Path, typer.Option(help="Treebank for the scores and the parity check.", exists=True)],
    min_equal: Annotated[float, typer.Option(help="Share of words that must be equal to PyTorch's.")] = 0.999,
    opset: OpsetOption = None,
) -> None:
    """Export the teacher in RUN to a bundle for ONNX Runtime at OUT, check it, and write its metrics.json."""
    import tomllib

    from posmoe_export.bundle import METRICS
    from posmoe_export.graph import OPSET
    from posmoe_export.teacher import export_teacher
    from posmoe_train.conllu import read_treebank

    described = tomllib.loads(about.read_text(encoding="utf-8"))
    export_teacher(
        run, out, encoder=encoder, tokenizer=tokenizer, about=described, dev=read_treebank(dev), min_equal=min_equal,
        opset=opset or OPSET,
    )  # fmt: skip
    typer.echo((out / METRICS).read_text(encoding="utf-8"))


@app.command()
def cast(
    source: Source,
    out: Out,
    precision: PrecisionOption,
    calibrate: Calibrate = None,
    dev: Dev = None,
    most_lost: MostLost = 0.5,
    opset: OpsetOption = None,
    tensorrt: Annotated[bool, typer.Option("--tensorrt", help="With the graph that engine tensorrt reads.")] = False,
) -> None:
    """Write the bundle SOURCE in another precision to a bundle at OUT."""
    from posmoe_export.cast import cast_bundle

    cast_bundle(source, out, tensorrt=tensorrt, **_cast_options(precision, calibrate, dev, most_lost, opset))
    typer.echo(out)


@app.command()
def tensorrt(
    source: Annotated[Path, typer.Argument(help="A bundle's folder.", exists=True, file_okay=False)],
    opset: OpsetOption = None,
) -> None:
    """Give the bundle SOURCE, where it lies, the graph that the engine tensorrt reads."""
    from posmoe_export.graph import OPSET
    from posmoe_export.tensorrt import add_tensorrt

    typer.echo(add_tensorrt(source, opset=opset or OPSET))


@app.command()
def onnx(
    source: Source,
    out: Annotated[Path, typer.Argument(help="The .onnx file; replaced if it is there.", dir_okay=False)],
    precision: PrecisionOption = "float32",
    tensorrt: Annotated[bool, typer.Option("--tensorrt", help="Only operations that TensorRT has.")] = False,
    calibrate: Calibrate = None,
    dev: Dev = None,
    most_lost: MostLost = 0.5,
    opset: OpsetOption = None,
) -> None:
    """Write the network of the bundle SOURCE as one ONNX file; INT8 and FP8 by QDQ nodes."""
    from posmoe_export.cast import cast_graph

    options = _cast_options(precision, calibrate, dev, most_lost, opset)
    cast_graph(source, out, tensorrt=tensorrt, **options)
    typer.echo(out)


@app.command()
def torch(
    source: Source,
    out: Out,
    precision: Annotated[str | None, typer.Option(help="As for cast; the bundle's own if left out.")] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Compile for this machine with AOTInductor.")] = False,
    device: Annotated[str, typer.Option(help="What it is compiled for: cpu or cuda.")] = "cpu",
    dev: Dev = None,
    most_lost: MostLost = 0.5,
) -> None:
    """Write the bundle SOURCE with a program of PyTorch, for posmoe's engine `torch`, to OUT."""
    from posmoe_export.network import checked_precision
    from posmoe_export.program import add_program

    wanted = None if precision is None else checked_precision(precision)
    gold = _sentences(dev)
    add_program(source, out, wanted, compiled=compile, device=device, dev=gold, most_lost=most_lost)
    typer.echo(out)


def _cast_options(
    precision: str, calibrate: Path | None, dev: Path | None, most_lost: float, opset: int | None
) -> dict[str, Any]:
    """The arguments that casts share, as the functions take them."""
    from posmoe_export.graph import OPSET
    from posmoe_export.network import checked_precision

    return {
        "precision": checked_precision(precision),
        "calibrate": _sentences(calibrate),
        "dev": _sentences(dev),
        "most_lost": most_lost,
        "opset": opset or OPSET,
    }


def _sentences(treebank: Path | None) -> "Sequence[Sentence] | None":
    from posmoe_train.conllu import read_treebank

    return None if treebank is None else read_treebank(treebank)


def main() -> None:
    """Run the command; what export refuses is one line on standard error and exit code 1, a warning one line."""
    import logging

    from posmoe.errors import PosmoeError
    from posmoe_export.errors import ExportError
    from posmoe_train.conllu import TreebankError
    from posmoe_train.errors import TrainError

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of packages that nothing here needs
    warnings.showwarning = lambda message, *_: typer.echo(f"posmoe-export: {message}", err=True)
    try:
        app()
    except (ExportError, PosmoeError, TrainError, TreebankError) as error:
        typer.echo(f"posmoe-export: {error}", err=True)
        raise SystemExit(1) from None
