"""Early stopping: the best epoch of a phase, and whether waiting for a better one is over."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Best:
    """The best epoch so far by its score; its weights are kept where early stopping is on (`patience` > 0)."""

    patience: int
    score: float = float("-inf")
    epoch: int = -1
    weights: dict[str, Tensor] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    def offer(self, epoch: int, scores: dict[str, float], network: nn.Module) -> None:
        """Keep the weights of an epoch whose LAS is above the best; the earlier of two equals stays."""
        if self.patience and scores["las"] > self.score:
            self.score, self.epoch, self.scores = scores["las"], epoch, scores
            self.weights = {name: value.detach().cpu().clone() for name, value in network.named_parameters()}

    def exhausted(self, epoch: int) -> bool:
        """Whether `patience` epochs have brought nothing better."""
        return bool(self.patience) and epoch - self.epoch >= self.patience

    def restore(self, network: nn.Module) -> dict[str, float] | None:
        """Give the network the best weights and begin a new phase; returns their scores, None if there are none."""
        if not self.weights:
            return None
        with torch.no_grad():
            for name, value in network.named_parameters():
                value.copy_(self.weights[name])
        scores = self.scores
        self.score, self.epoch, self.weights, self.scores = float("-inf"), -1, {}, {}
        return scores

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"score": self.score, "epoch": self.epoch, "weights": self.weights, "scores": self.scores}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        for name, value in state.items():
            setattr(self, name, value)
