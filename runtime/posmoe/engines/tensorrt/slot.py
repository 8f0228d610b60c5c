"""Room for one batch: a context of the engine, a stream, and memory for inputs and outputs on both sides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import EngineError
from .. import Scores
from ..onnxruntime import FEATURES, INPUTS, OUTPUTS
from .build import Profile
from .device import Buffer, Stream

SHORTEST = 8


class Bucket(NamedTuple):
    """The shape that a batch is padded to, and the profile that holds it; few shapes, so few kernels to compile."""

    profile: int
    batch: int
    length: int


def bucket(batch: int, length: int, profiles: tuple[Profile, ...]) -> Bucket:
    """Powers of two: the next ones that hold `batch` sentences of `length` words, which a profile must hold."""
    length = max(SHORTEST, 1 << (length - 1).bit_length())
    profile = next(index for index, profile in enumerate(profiles) if length <= profile.length)
    return Bucket(profile, 1 << (batch - 1).bit_length(), length)


class Slot:
    """One batch at a time; with two of them, one copies while the other computes."""

    def __init__(self, trt: Any, engine: Any, context: Any, profiles: tuple[Profile, ...]) -> None:
        self._context, self._profiles = context, profiles
        self._profile = -1
        self._stream = Stream()
        self._types = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in (*INPUTS, *OUTPUTS)}
        self._buffers = {name: Buffer(self._largest(engine, name)) for name in (*INPUTS, *OUTPUTS)}
        for name, buffer in self._buffers.items():
            if not context.set_tensor_address(name, buffer.device):
                raise EngineError(f"the tensorrt engine has no tensor {name!r}: build it again.")

    def _largest(self, engine: Any, name: str) -> int:
        """Bytes of a tensor in the largest batch of any profile."""
        free = {"features": (FEATURES,), "lengths": ()}.get(name) or tuple(engine.get_tensor_shape(name))[2:]
        words = max(profile.batch * (profile.length + 1) for profile in self._profiles)
        itemsize: int = self._types[name].itemsize
        return int(np.prod((words, *free))) * itemsize

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Compute a batch that a profile holds; see `Engine.scores`."""
        batch, length = features.shape[:2]
        shape = bucket(batch, length, self._profiles)
        self._fill(shape, features, lengths)
        if not self._context.execute_async_v3(self._stream.handle):
            size = list(features.shape)
            raise EngineError(f"the tensorrt engine failed on a batch of {size}. Take backend='native'.")
        found = {}
        for name in OUTPUTS:
            full = tuple(self._context.get_tensor_shape(name))
            array = self._buffers[name].host(full, self._types[name])
            self._buffers[name].download(array.nbytes, self._stream)
            found[name] = array
        self._stream.wait()
        ends = {"label_head": length + 1}
        return Scores(*(found[name][:batch, : ends.get(name, length)].copy() for name in OUTPUTS))

    def _fill(self, shape: Bucket, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> None:
        """Pad the batch in pinned memory and begin to copy it; sentences of padding have one word."""
        batch, length = features.shape[:2]
        padded = self._buffers["features"].host((shape.batch, shape.length, FEATURES), np.int32)
        padded[batch:] = 0
        padded[:batch, length:] = 0
        padded[:batch, :length] = features
        words = self._buffers["lengths"].host((shape.batch,), np.int64)
        words[:batch], words[batch:] = lengths, 1
        self._buffers["features"].upload(padded.nbytes, self._stream)
        self._buffers["lengths"].upload(words.nbytes, self._stream)
        if shape.profile != self._profile:
            self._context.set_optimization_profile_async(shape.profile, self._stream.handle)
            self._profile = shape.profile
        if not (
            self._context.set_input_shape("features", padded.shape)
            and self._context.set_input_shape("lengths", words.shape)
        ):
            raise EngineError(f"the tensorrt engine takes no batch of {list(padded.shape)}: build it again.")
