"""How a parser's experts are used: whether routing works, in figures."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posmoe_models import Parser
from posmoe_models.config import EXPERTS
from posmoe_models.router import route
from posmoe_train.corpus import batches
from posmoe_train.examples import Examples

DEAD = 1e-4


def usage(tag_logits: Tensor, tags: Tensor, k: int, experts: int) -> dict[str, Any]:
    """Load of each expert over words with gold tags.

    Args:
        tag_logits: [words, 17].
        tags: gold tags, int64 [words].
    Returns:
        `load`: each expert's share of the routing weights; `entropy`: of the load, as a share of its
        maximum, 1 for a single expert; `dead`: experts with a load under 0.01 %; `kl_to_upos`: KL
        divergence of the load from the gold tags' distribution, in nats.
    """
    weight, index = route(tag_logits, k, experts)
    load = torch.zeros(experts, dtype=torch.float64).index_add_(
        0, index.flatten().cpu(), weight.flatten().double().cpu()
    )
    share = (load / load.sum()).numpy()
    gold = np.bincount(tags.cpu().numpy() % experts, minlength=experts) / len(tags)
    used = share > 0
    entropy = float(-(share[used] * np.log(share[used])).sum())
    divergence = float((share[used] * np.log(share[used] / np.maximum(gold[used], 1e-12))).sum())
    return {
        "load": [round(float(x), 5) for x in share],
        "entropy": round(entropy / math.log(experts), 4) if experts > 1 else 1.0,
        "dead": int((share < DEAD).sum()),
        "kl_to_upos": round(divergence, 5),
    }


@torch.inference_mode()
def expert_usage(parser: Parser, examples: Examples) -> dict[str, Any]:
    """`usage` of a parser over a corpus with gold tags."""
    logits, tags = [torch.zeros(0, EXPERTS)], [torch.zeros(0, dtype=torch.long)]
    for sentences in batches(examples.lengths, 8192, None):
        batch = examples.batch(sentences)
        logits.append(parser.encode(batch.features, batch.lengths).tag_logits[batch.mask].cpu())
        tags.append(batch.tags[..., 0][batch.mask].cpu())
    return usage(torch.cat(logits), torch.cat(tags), parser.config.k, parser.config.experts)
