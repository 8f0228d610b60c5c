"""The experts that words are sent to: their matrix products, gated unit, Möbius bias and weighted sum."""

import torch
from torch import Tensor

from posmoe_kernels.mixture.naive import mixture_naive as mixture_naive

__all__ = ["mixture", "mixture_naive"]


def mixture(x: Tensor, gate: Tensor, value: Tensor, ball: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """Σ_k weight_k · silu(G_e x) · log₀(exp₀(V_e x) ⊕ b_e) with e = index_k; differentiable in all but the index.

    Args:
        x: [n, inputs].
        gate, value: matrices of all experts, [experts · d, inputs].
        ball: biases b on the Poincaré ball of curvature −1/d, [experts, d].
        weight, index: the experts of each word, [n, k].
    Returns:
        float32 [n, d].
    """
    experts, d = ball.shape
    if gate.shape != (experts * d, x.shape[-1]) or value.shape != gate.shape or index.shape != weight.shape:
        raise ValueError(f"mixture: expected matrices [{experts * d}, {x.shape[-1]}], got {gate.shape}, {value.shape}")
    if x.is_cuda and not torch.compiler.is_exporting():
        from posmoe_kernels.mixture.triton import mixture_triton

        return mixture_triton(x, gate, value, ball, weight, index)
    return mixture_naive(x, gate, value, ball, weight, index)
