"""The GPU through CUDA's runtime (cuda-bindings): which card there is, memory on both sides, streams, copies."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError, MissingExtraError
from .. import DEVICE

NEED = "The tensorrt engine needs an NVIDIA GPU and its driver"


class Card(NamedTuple):
    """A GPU: its number among those that CUDA shows, name, compute capability, and the driver's version of CUDA."""

    number: int
    name: str
    capability: tuple[int, int]
    driver: int  # 1000 major + 10 minor


def cuda() -> Any:
    """The module of CUDA's runtime.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from cuda.bindings import runtime
    except ImportError as error:
        raise MissingExtraError("CUDA for Python (cuda-bindings)", "gpu") from error
    return runtime


def card() -> Card:
    """The GPU to compute on: number $POSMOE_GPU of those that CUDA shows, or the first.

    Raises:
        EngineError: there is none, its driver is too old, or the number is none of theirs.
    """
    runtime = cuda()
    driver = int(runtime.cudaDriverGetVersion()[1] or 0)
    if driver == 0:
        raise EngineError(f"{NEED}; none is installed here. Take backend='native'.")
    status, count = runtime.cudaGetDeviceCount()
    if status == runtime.cudaError_t.cudaErrorInsufficientDriver:
        wanted = int(runtime.cudaRuntimeGetVersion()[1])
        raise EngineError(
            f"{NEED}; the driver here serves CUDA {_version(driver)}, CUDA {_version(wanted)} is installed: "
            "update the driver, or install the cuda-bindings of its version."
        )
    if status != runtime.cudaError_t.cudaSuccess or not count:
        raise EngineError(f"{NEED}; CUDA finds no GPU ({_said(runtime, status)}). Take backend='native'.")
    number = chosen(count)
    properties = call("read the card's properties", runtime.cudaGetDeviceProperties, number)
    name = properties.name.decode(errors="replace").rstrip("\0")
    return Card(number, name, (properties.major, properties.minor), driver)


def chosen(count: int) -> int:
    """The number that $POSMOE_GPU gives.

    Raises:
        EngineError: it is none of `count` GPUs.
    """
    given = os.environ.get(DEVICE, "0")
    if not given.isdecimal() or int(given) >= count:
        raise EngineError(f"${DEVICE}: expected the number of one of {count} GPUs, from 0, got {given!r}.")
    return int(given)


def use(card: Card) -> None:
    """Work of this thread goes to a card."""
    call("use the card", cuda().cudaSetDevice, card.number)


def call(what: str, function: Any, *arguments: Any) -> Any:
    """A function of CUDA's runtime; what it gives beside its status.

    Raises:
        EngineError: it failed at `what`.
    """
    status, *values = function(*arguments)
    runtime = cuda()
    if status == runtime.cudaError_t.cudaErrorMemoryAllocation:
        raise EngineError(
            f"the tensorrt engine can't {what}: too little memory ({_said(runtime, status)}). "
            "Free some, take another card by $POSMOE_GPU, or backend='native'."
        )
    if status != runtime.cudaError_t.cudaSuccess:
        raise EngineError(f"the tensorrt engine can't {what}: {_said(runtime, status)}. Take backend='native'.")
    return values[0] if values else None


class Stream:
    """Work on the card that is done in order."""

    def __init__(self) -> None:
        runtime = cuda()
        made = call("make a stream", runtime.cudaStreamCreateWithFlags, runtime.cudaStreamNonBlocking)
        self.handle = int(made)
        weakref.finalize(self, runtime.cudaStreamDestroy, made)

    def wait(self) -> None:
        """Until all of it is done."""
        call("compute a batch", cuda().cudaStreamSynchronize, self.handle)


class Buffer:
    """Bytes on the card, and as many in pinned memory of the host, which copies go to and come from."""

    def __init__(self, size: int) -> None:
        runtime = cuda()
        self.device = int(call(f"get {size:,} bytes on the card", runtime.cudaMalloc, size))
        weakref.finalize(self, runtime.cudaFree, self.device)
        address = int(call(f"get {size:,} bytes of pinned memory", runtime.cudaHostAlloc, size, 0))
        weakref.finalize(self, runtime.cudaFreeHost, address)
        memory: Any = (ctypes.c_byte * size).from_address(address)
        self._bytes: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)

    def host(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """The first bytes of the pinned memory, as an array."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        array: NDArray[Any] = self._bytes[:size].view(dtype).reshape(shape)
        return array

    def upload(self, size: int, stream: Stream) -> None:
        """Begin to copy the first bytes to the card."""
        self._copy(self.device, self._bytes.ctypes.data, size, "cudaMemcpyHostToDevice", stream)

    def download(self, size: int, stream: Stream) -> None:
        """Begin to copy the first bytes from the card."""
        self._copy(self._bytes.ctypes.data, self.device, size, "cudaMemcpyDeviceToHost", stream)

    def _copy(self, to: int, source: int, size: int, kind: str, stream: Stream) -> None:
        runtime = cuda()
        way = getattr(runtime.cudaMemcpyKind, kind)
        call("copy a batch", runtime.cudaMemcpyAsync, to, source, size, way, stream.handle)


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _said(runtime: Any, status: Any) -> str:
    return str(runtime.cudaGetErrorString(status)[1].decode())
