"""MPNet, the teacher's pretrained encoder, in plain PyTorch (Song et al. 2020; weights Apache-2.0)."""

import json
import math
from pathlib import Path

import torch
from torch import Tensor, nn

from posmoe_train.errors import CheckpointError

_PADDING = 1


class Attention(nn.Module):
    """Multi-head self-attention with a position bias that all layers share."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """x [batch, time, dim], bias [batch, heads, time, time] → [batch, time, dim]."""
        shape = (*x.shape[:2], self.heads, -1)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        out: Tensor = self.o(y.transpose(1, 2).flatten(2))
        return out


class Layer(nn.Module):
    """One post-norm transformer layer."""

    def __init__(self, dim: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(dim, heads)
        self.attention_norm = nn.LayerNorm(dim, eps=1e-5)
        self.inner, self.outer = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-5)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """[batch, time, dim] → the same shape."""
        x = self.attention_norm(x + self.dropout(self.attention(x, bias)))
        inner = nn.functional.gelu(self.inner(x))
        y: Tensor = self.norm(x + self.dropout(self.outer(inner)))
        return y


class Encoder(nn.Module):
    """Sub-word identifiers to the hidden states of every layer."""

    def __init__(
        self,
        dim: int = 768,
        layers: int = 12,
        heads: int = 12,
        inner: int = 3072,
        vocabulary: int = 30527,
        positions: int = 514,
        buckets: int = 32,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.dim, self.buckets = dim, buckets
        self.limit = positions - _PADDING - 1
        self.word = nn.Embedding(vocabulary, dim)
        self.position = nn.Embedding(positions, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-5)
        self.relative = nn.Embedding(buckets, heads)
        self.layers = nn.ModuleList(Layer(dim, heads, inner, dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.checkpointing = False

    def forward(self, ids: Tensor, lengths: Tensor) -> list[Tensor]:
        """ids int64 [batch, time], lengths int64 [batch] → hidden states, each [batch, time, dim]."""
        time = ids.shape[1]
        place = torch.arange(time, device=ids.device)
        mask = place < lengths[:, None]
        positions = torch.where(mask, place + _PADDING + 1, _PADDING)
        x = self.dropout(self.norm(self.word(ids) + self.position(positions)))
        bias = self.relative(_relative_bucket(place[None] - place[:, None], self.buckets)).permute(2, 0, 1)
        bias = bias[None].masked_fill(~mask[:, None, None], float("-inf"))
        states = [x]
        for layer in self.layers:
            if self.checkpointing and self.training:
                x = torch.utils.checkpoint.checkpoint(layer, x, bias, use_reentrant=False)
            else:
                x = layer(x, bias)
            states.append(x)
        return states


def _relative_bucket(offset: Tensor, buckets: int, furthest: int = 128) -> Tensor:
    """T5's buckets: the nearer half of them exact, the further half logarithmic."""
    half = buckets // 2
    distance = -offset
    bucket = (distance < 0).long() * half
    distance = distance.abs()
    exact = half // 2
    scale = (half - exact) / math.log(furthest / exact)
    far = exact + (torch.log(distance.float().clamp_min(1) / exact) * scale).long()
    return bucket + torch.where(distance < exact, distance, far.clamp_max(half - 1))


def check_encoder(folder: Path) -> None:
    """See that the files of a pretrained encoder are there.

    Raises:
        CheckpointError: names the first that is not.
    """
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: expected {name} of MPNet, which is missing; get the encoder first")


def load_encoder(folder: Path) -> Encoder:
    """Build the encoder from `model.safetensors` and `config.json` as `get_encoder.py` leaves them."""
    from safetensors.torch import load_file

    check_encoder(folder)
    weights_path = folder / "model.safetensors"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    encoder = Encoder(
        dim=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        buckets=config["relative_attention_num_buckets"],
    )
    named = {_our_name(name): value.float() for name, value in load_file(weights_path).items()}
    named.pop("", None)
    missing = encoder.state_dict().keys() - named.keys()
    if missing:
        raise CheckpointError(f"{weights_path}: lacks {len(missing)} tensors, among them {sorted(missing)[0]}")
    encoder.load_state_dict({name: named[name] for name in encoder.state_dict()})
    return encoder


def _our_name(name: str) -> str:
    """Name of a published MPNet tensor in `Encoder`, or nothing for those that it doesn't use."""
    if "pooler" in name or "position_ids" in name:
        return ""
    for theirs, ours in (
        ("embeddings.word_embeddings", "word"),
        ("embeddings.position_embeddings", "position"),
        ("embeddings.LayerNorm", "norm"),
        ("encoder.relative_attention_bias", "relative"),
        ("encoder.layer.", "layers."),
        ("attention.attn.", "attention."),
        ("attention.LayerNorm", "attention_norm"),
        ("intermediate.dense", "inner"),
        ("output.dense", "outer"),
        ("output.LayerNorm", "norm"),
    ):
        name = name.replace(theirs, ours)
    return name
