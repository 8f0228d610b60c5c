"""How a parser's experts are used: whether routing works, in figures."""

import math
from typing import Any

import numpy as np
import torch

from posmoe_models import Parser
from posmoe_models.config import EXPERTS
from posmoe_models.router import route
from posmoe_train.corpus import batches
from posmoe_train.examples import Examples

DEAD = 1e-4


@torch.inference_mode()
def expert_usage(parser: Parser, examples: Examples) -> dict[str, Any]:
    """Load of each expert over a corpus with gold tags.

    Returns:
        `load`: each expert's share of the routing weights; `entropy`: of the load, as a share of its
        maximum; `dead`: experts with a load under 0.01 %; `kl_to_upos`: KL divergence of the load from
        the gold tags' distribution, in nats.
    """
    c = parser.config
    load = torch.zeros(c.experts, dtype=torch.float64)
    tags = torch.zeros(EXPERTS, dtype=torch.float64)
    for sentences in batches(examples.lengths, 8192, None):
        batch = examples.batch(sentences)
        encoded = parser.encode(batch.features, batch.lengths)
        weight, index = route(encoded.tag_logits, c.k, c.experts)
        load.index_add_(0, index[batch.mask].flatten(), weight[batch.mask].flatten().double())
        tags += torch.bincount(batch.tags[..., 0][batch.mask], minlength=EXPERTS)
    share = (load / load.sum()).numpy()
    gold = (tags / tags.sum()).numpy()
    folded = np.bincount(np.arange(EXPERTS) % c.experts, weights=gold, minlength=c.experts)
    used = share > 0
    entropy = float(-(share[used] * np.log(share[used])).sum()) / math.log(c.experts)
    divergence = float((share[used] * np.log(share[used] / np.maximum(folded[used], 1e-12))).sum())
    return {
        "load": [round(float(x), 5) for x in share],
        "entropy": round(entropy, 4),
        "dead": int((share < DEAD).sum()),
        "kl_to_upos": round(divergence, 5),
    }
