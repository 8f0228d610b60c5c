"""Sum of table rows, each rounded to INT8 with a scale of its own where the finished parser rounds it."""

import torch
from torch import Tensor

from posmoe_kernels.lookup.naive import lookup_naive as lookup_naive

__all__ = ["lookup", "lookup_naive"]


def lookup(table: Tensor, ids: Tensor, rounded: bool = False) -> Tensor:
    """Σ_f table[ids_f]; differentiable in the table: rounding passes gradients on.

    Args:
        table: float32 [rows, channels].
        ids: integers [..., features].
        rounded: whether every row is replaced by its INT8 codes times the scale that makes its largest entry 127.
    Returns:
        [..., channels].
    """
    if ids.dim() < 1 or table.dim() != 2:
        raise ValueError(
            f"lookup: expected a table [rows, channels] and ids [..., features], got {table.shape}, {ids.shape}"
        )
    if table.is_cuda and not torch.compiler.is_exporting():
        from posmoe_kernels.lookup.triton import lookup_triton

        return lookup_triton(table, ids, rounded)
    return lookup_naive(table, ids, rounded)
