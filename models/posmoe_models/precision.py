"""Parts of the model that compute in float32, whatever surrounds them."""

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: str) -> AbstractContextManager[object]:
    """No autocast in this block; a program that is exported knows of none, and could not be written down with it."""
    return nullcontext() if torch.compiler.is_exporting() else torch.autocast(device, enabled=False)
