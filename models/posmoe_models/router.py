"""The part-of-speech router: tag logits, and with them the experts that a word goes to."""

import torch
from torch import Tensor, nn

from posmoe_models.config import EXPERTS


class CnnRouter(nn.Module):
    """A depthwise-separable 1-D CNN of about 4,000 parameters: width 3, one hidden layer, 17 tags."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 3, padding=1, groups=dim)
        self.pointwise = nn.Linear(dim, hidden)
        self.output = nn.Linear(hidden, EXPERTS)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, time, dim] → hidden layer [batch, time, hidden] and tag logits [batch, time, 17]."""
        x = (x * mask[..., None]).transpose(1, 2)
        hidden = nn.functional.gelu(self.pointwise(self.depthwise(x).transpose(1, 2)))
        return hidden, self.output(hidden)


class LinearRouter(nn.Module):
    """The same without the window: the ablation of the CNN."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.pointwise = nn.Linear(dim, hidden)
        self.output = nn.Linear(hidden, EXPERTS)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, time, dim] → hidden layer [batch, time, hidden] and tag logits [batch, time, 17]."""
        hidden = nn.functional.gelu(self.pointwise(x))
        return hidden, self.output(hidden)


def route(tag_logits: Tensor, k: int, experts: int) -> tuple[Tensor, Tensor]:
    """Choose the k likeliest experts a word.

    With fewer experts than tags, tag t goes to expert t mod experts, and their probabilities add up.

    Args:
        tag_logits: [batch, time, 17].
    Returns:
        weights [batch, time, k], which sum to 1, and expert indices int64 [batch, time, k].
    """
    probability = tag_logits.float().softmax(-1)
    if experts < EXPERTS:
        rows = nn.functional.pad(probability, (0, -EXPERTS % experts))
        probability = rows.view(*rows.shape[:-1], -1, experts).sum(-2)
    weight, index = torch.topk(probability, k, dim=-1)
    return weight / weight.sum(-1, keepdim=True), index
