"""From projections to trees: hubs, best heads over candidates, the check that they are a tree, relations."""

from posmoe_kernels.trees.naive import trees_naive as trees_naive

__all__ = ["trees_naive"]
