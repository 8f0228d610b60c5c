"""Parsers small enough for tests."""

from typing import Any

import torch
from torch import Tensor

from posmoe_models import FeatureConfig, Parser, ParserConfig

FEATURES = FeatureConfig(words=20, remainder=8, suffix2=8, suffix3=8, suffix4=8, prefix3=8, shape=8)
SMALL = ParserConfig(
    labels=5,
    features=FEATURES,
    lexical_dim=8,
    context_dim=4,
    router_dim=6,
    expert_dim=4,
    expert_context_dim=2,
    rank=4,
    left=2,
    right=1,
    hubs=2,
    hub_window=10,
    label_rank=3,
)


def small_parser(seed: int = 1, **changes: Any) -> Parser:
    """A parser of `SMALL` with random weights everywhere, also where training starts from zeros."""
    torch.manual_seed(seed)
    parser = Parser(ParserConfig(**{**SMALL.__dict__, **changes})).eval().requires_grad_(False)
    for name, parameter in parser.named_parameters():
        if not parameter.any():
            parameter.copy_(torch.randn(parameter.shape) * (0.2 if "experts" in name else 0.5))
    return parser


def identifiers(lengths: list[int], seed: int = 2, time: int | None = None) -> tuple[Tensor, Tensor]:
    """Random identifiers int32 [batch, time, 6], zero past each length, and the lengths."""
    generator = torch.Generator().manual_seed(seed)
    time = time or max(lengths)
    features = torch.randint(2, FEATURES.rows, (len(lengths), time, 6), generator=generator, dtype=torch.int32)
    mask = torch.arange(time) < torch.tensor(lengths)[:, None]
    return features * mask[..., None], torch.tensor(lengths)
