"""Gradient checkpointing of a parser: its large layers run again in the backward pass instead of being kept."""

from functools import partial

from torch.utils.checkpoint import checkpoint

from posmoe_models import Parser


def checkpoint_gradients(parser: Parser) -> None:
    """Recompute the trunk's layers, the experts and the scores of all pairs; gradients stay the same.

    Whatever copies the parser must be made before: a copy would recompute, too.
    """
    for layer in (*parser.trunk, parser.experts):
        setattr(layer, "forward", partial(checkpoint, layer.forward, use_reentrant=False))  # noqa: B010
    setattr(parser.arcs, "matrix", partial(checkpoint, parser.arcs.matrix, use_reentrant=False))  # noqa: B010
