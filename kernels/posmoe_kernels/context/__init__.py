"""From feature rows to words in context: rows summed, normed, and carried along the sentence in both directions."""

from posmoe_kernels.context.naive import context_naive as context_naive

__all__ = ["context_naive"]
