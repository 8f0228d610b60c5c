"""Numbers that the core reads: NumPy arrays or views of a file, without importing NumPy for the latter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def contiguous(numbers: NDArray[Any] | memoryview, kind: str, expected: str) -> NDArray[Any] | memoryview:
    """A column of numbers as one run of memory.

    Args:
        kind: the type of its elements, as a format character of `struct`.
        expected: how the error begins.
    Raises:
        BundleError: it has another type or more dimensions than one.
    """
    view = memoryview(cast(Any, numbers))
    if view.format == kind and view.ndim == 1 and view.contiguous:
        return numbers
    import numpy as np

    array = np.asarray(numbers)
    if view.format != kind or view.ndim != 1:
        raise BundleError(f"{expected}, got {array.dtype} {list(array.shape)}")
    return np.ascontiguousarray(array)
