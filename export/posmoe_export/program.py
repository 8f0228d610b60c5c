"""A bundle with the program `model.pt2` for the runtime's PyTorch engine: exported, or compiled ahead of time."""

import copy
import io
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from posmoe.bundle import Bundle
from posmoe.engines.torch import PROGRAM, this_platform
from posmoe_export.bundle import MANIFEST, file_record, stamped, write_json
from posmoe_export.cast import MOST_LOST, check_loss, network_of
from posmoe_export.errors import ExportError
from posmoe_export.network import Precision, integer_network, is_integer
from posmoe_kernels.recurrence import doubling
from posmoe_models import Parser
from posmoe_models.config import FEATURES_PER_WORD
from posmoe_train.conllu import Sentence


class _Outputs(nn.Module):
    """A parser whose outputs are a plain tuple, which a file can hold."""

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """As `Parser.forward`."""
        return tuple(self.parser(features, lengths))


def export_program(parser: Parser, device: str = "cpu") -> torch.export.ExportedProgram:
    """The network as `torch.export` records it, for any batch and length of 2 or more.

    Args:
        parser: as `posmoe_quant.freeze` gives it.
        device: what it is to run on, `cpu` or `cuda`.
    """
    outputs = _Outputs(copy.deepcopy(parser).to(device))
    features = torch.ones(3, 11, FEATURES_PER_WORD, dtype=torch.int32, device=device)
    lengths = torch.tensor([11, 7, 1], device=device)
    free = torch.export.Dim.DYNAMIC  # 2 or more: an engine pads a single sentence, or word
    with warnings.catch_warnings(), doubling():
        warnings.simplefilter("ignore")  # deprecations inside the exporter; nothing that a caller could change
        program = torch.export.export(
            outputs, (features, lengths), dynamic_shapes=({0: free, 1: free}, {0: free}), strict=False
        )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def compile_program(program: torch.export.ExportedProgram, path: Path) -> None:
    """Compile a program for this machine's processor or GPU with AOTInductor, to one file.

    Raises:
        ExportError: PyTorch can't compile it: no compiler is here, or an operation has no code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    except Exception as error:
        raise ExportError(f"PyTorch {torch.__version__} can't compile the network: {error}") from error


def add_program(
    source: Path,
    out: Path,
    precision: Precision | None = None,
    *,
    compiled: bool = False,
    device: str = "cpu",
    dev: Sequence[Sentence] | None = None,
    most_lost: float = MOST_LOST,
) -> Path:
    """Write the bundle `source` with a program to the folder `out`.

    Args:
        precision: of the program; the bundle's own by default.
        compiled: compile it for this machine's `device`.
        dev, most_lost: as for `cast_bundle`.
    Raises:
        ExportError: the network can't be compiled, loses too much, or there is no such device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ExportError("expected a GPU to compile for, PyTorch finds none here")
    if out.exists() and not (out / MANIFEST).is_file():
        raise ExportError(f"export: {out} is there and is no bundle; choose another place or remove it")
    bundle = Bundle.load(source)
    if bundle.folder is None:
        raise ExportError(f"bundle {source}: expected a folder, got a zip: unpack it")
    own: Precision = "int8" if is_integer(bundle) else "float32"
    wanted = precision or own
    parser = integer_network(bundle) if wanted == own == "int8" else network_of(bundle, wanted, None)
    if wanted != own:
        check_loss(bundle, parser, wanted, dev, most_lost)
    program = export_program(parser, device)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as draft:
        folder = Path(draft) / out.name
        shutil.copytree(bundle.folder, folder)
        if compiled:
            compile_program(program, folder / PROGRAM)
        else:
            data = io.BytesIO()
            torch.export.save(program, data)
            (folder / PROGRAM).write_bytes(data.getvalue())
        manifest = dict(bundle.manifest)
        manifest.pop("digest")
        manifest["program"] = {
            "precision": wanted,
            "compiled": compiled,
            "platform": this_platform(),
            "device": device,
            "torch": torch.__version__.partition("+")[0],
        }
        manifest["files"] = {**manifest["files"], PROGRAM: file_record(folder / PROGRAM)}
        write_json(folder / MANIFEST, stamped(manifest))
        if out.exists():
            shutil.rmtree(out)
        folder.replace(out)
    return out
