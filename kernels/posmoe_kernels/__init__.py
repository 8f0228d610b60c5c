"""Operations with a plain form (`naive`) and a fused GPU form (`triton`), held equal by tests."""

from posmoe_kernels.recurrence import recurrence as recurrence

__all__ = ["recurrence"]
