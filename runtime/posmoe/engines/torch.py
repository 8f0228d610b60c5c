"""The PyTorch engine: the program `model.pt2` of a bundle, compiled ahead of time, or an exported graph.

A compiled program is machine code: it runs on the platform that it was compiled for, and with the rights of whoever
loads it. So this engine is taken where it is asked for, and never by `auto`. On a CUDA device an exported program goes
through `torch.compile` and CUDA graphs, one for each of a few shapes to which batches are padded.
"""

from __future__ import annotations

import io
import platform
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle
from ..errors import BundleError, EngineError
from . import Scores, expect_precision
from .onnxruntime import OUTPUTS, check_run

PROGRAM = "model.pt2"
# padded lengths that have a CUDA graph each; a batch is padded to so many words in all, longer ones run without
SHAPES = (16, 32, 64, 128, 256, 512, 1024)
WORDS = 2048


class TorchEngine:
    """A program of PyTorch; runs are thread-safe."""

    name = "torch"

    def __init__(self, run: Callable[..., Any], device: str, graphs: Callable[..., Any] | None = None) -> None:
        """`run` takes features and lengths on the device; `graphs` the same, of the shapes of `padded_shape` alone."""
        self._run, self._device, self._graphs = run, device, graphs

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`."""
        import torch

        batch, time = features.shape[:2]
        shape = padded_shape(batch, time) if self._graphs else None
        run = self._run if shape is None or self._graphs is None else self._graphs
        features, lengths = padded(features, lengths, shape or (max(2, batch), max(2, time)))
        try:
            with torch.inference_mode():
                inputs = (torch.from_numpy(array).to(self._device) for array in (features, lengths))
                outputs = [output.cpu().numpy() for output in list(run(*inputs))[: len(OUTPUTS)]]
        except Exception as error:  # compiled programs raise whatever their code does
            raise EngineError(f"PyTorch {torch.__version__} failed on a batch of {[batch, time]}: {error}") from error
        ends = (time, time, time, time, time + 1)
        return Scores(*(output[:batch, :end] for output, end in zip(outputs, ends, strict=True)))


def padded_shape(batch: int, time: int) -> tuple[int, int] | None:
    """The shape with a CUDA graph to which a batch is padded, or None where none is large enough."""
    for length in SHAPES:
        if time <= length and batch <= WORDS // length:
            return WORDS // length, length
    return None


def padded(
    features: NDArray[np.int32], lengths: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """A batch with more rows, of one empty word each, and longer ones; programs take 2 rows and words at least."""
    if features.shape[:2] == shape:
        return features, lengths
    wide = np.zeros((*shape, features.shape[2]), np.int32)
    wide[: len(features), : features.shape[1]] = features
    counts = np.ones(shape[0], np.int64)
    counts[: len(lengths)] = lengths
    return wide, counts


def load(bundle: Bundle, threads: int, precision: str = "auto") -> TorchEngine:
    """Load the bundle's program and check it against the manifest; `threads` are PyTorch's, of the whole process."""
    record = checked_record(bundle)
    expect_precision(bundle, "PyTorch's program", precision, record["precision"])
    import torch

    _check_platform(bundle, record, torch)
    torch.set_num_threads(threads)
    data = io.BytesIO(bundle.others[PROGRAM])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside PyTorch
            engine = _compiled(data, record) if record["compiled"] else _exported(data)
    except Exception as error:
        raise BundleError(
            f"bundle {bundle.path}: PyTorch {torch.__version__} refuses its {PROGRAM}: {error}. "
            f"Make it again with: posmoe-export torch {bundle.path} NEW"
        ) from error
    check_run(bundle, engine)
    return engine


def checked_record(bundle: Bundle) -> dict[str, Any]:
    """What the manifest says of the program.

    Raises:
        EngineError: the bundle has none.
        BundleError: something is missing in it.
    """
    record = bundle.manifest.get("program")
    if record is None or PROGRAM not in bundle.others:
        raise EngineError(
            f"bundle {bundle.path} has no {PROGRAM}, which PyTorch runs. "
            f"Make one with: posmoe-export torch {bundle.path} NEW"
        )
    expected = {"precision": str, "compiled": bool, "platform": str, "device": str, "torch": str}
    if not isinstance(record, dict) or any(type(record.get(key)) is not kind for key, kind in expected.items()):
        raise BundleError(f"bundle {bundle.path}: expected `program` in the manifest to have {', '.join(expected)}.")
    return record


def this_platform() -> str:
    """Operating system and processor, as a compiled program is for one."""
    return f"{platform.system()}-{platform.machine()}".lower()


def _check_platform(bundle: Bundle, record: dict[str, Any], torch: Any) -> None:
    """A compiled program runs where it was compiled for, under the same version of PyTorch."""
    here = this_platform()
    version = str(torch.__version__).partition("+")[0]
    if not record["compiled"]:
        return
    again = f"Compile it here: posmoe-export torch {bundle.path} NEW --compile"
    if record["platform"] != here:
        raise EngineError(
            f"bundle {bundle.path}: its program was compiled for {record['platform']}, this is {here}. {again}"
        )
    if record["torch"] != version:
        raise EngineError(
            f"bundle {bundle.path}: its program is of PyTorch {record['torch']}, here is {version}. {again}"
        )
    if record["device"] == "cuda" and not torch.cuda.is_available():
        raise EngineError(f"bundle {bundle.path}: its program was compiled for a GPU, there is none here. {again}")


def _compiled(data: io.BytesIO, record: dict[str, Any]) -> TorchEngine:
    """A program that AOTInductor compiled."""
    from torch._inductor import aoti_load_package

    return TorchEngine(aoti_load_package(data, run_single_threaded=False), record["device"])


def _exported(data: io.BytesIO) -> TorchEngine:
    """A graph of `torch.export`: as it is on a CPU, compiled with CUDA graphs on a GPU."""
    import torch

    module = torch.export.load(data).module()
    if not torch.cuda.is_available():
        return TorchEngine(module, "cpu")
    module = module.to("cuda")
    graphs = torch.compile(module, mode="reduce-overhead", dynamic=False)
    return TorchEngine(module, "cuda", graphs)
