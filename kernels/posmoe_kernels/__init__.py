"""Operations with a plain form (`naive`) and a fused GPU form (`triton`), held equal by tests."""

from posmoe_kernels.biaffine import biaffine as biaffine
from posmoe_kernels.gated import gated as gated
from posmoe_kernels.lookup import lookup as lookup
from posmoe_kernels.mixture import mixture as mixture
from posmoe_kernels.recurrence import recurrence as recurrence

__all__ = ["biaffine", "gated", "lookup", "mixture", "recurrence"]
