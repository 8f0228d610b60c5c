"""From words in context to tags and projections: router, experts, second recurrence, linear scorer's projections."""

from posmoe_kernels.experts.naive import words_naive as words_naive

__all__ = ["words_naive"]
