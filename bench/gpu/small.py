"""Every kernel once on small shapes, for compute-sanitizer: `compute-sanitizer python -m bench.gpu.small`."""

import numpy as np
import torch

from bench.gpu.material import Material
from posmoe_kernels import biaffine, gated, lookup, mixture, recurrence
from posmoe_kernels.biaffine import pack
from posmoe_kernels.forward import Capacity, Forward, fill, host_blocks


def inference() -> None:
    """All stages, with small and large tiles, given tags and logits."""
    material = Material()
    offsets = np.array([0, 1, 8, 8, 28, 95, 115, 116], np.int64)
    ids = np.random.default_rng(0).integers(0, material.shape.rows, (int(offsets[-1]), 6), dtype=np.int32)
    forward = Forward(material.shape, material.weights, Capacity(len(ids), len(offsets) - 1))
    host = host_blocks(forward.capacity, pinned=False)
    fill(host.inputs, ids, offsets, np.full(len(ids), -1, np.int32))
    forward.block.copy_(host.block)
    logits = torch.zeros(len(ids), material.shape.tags, device="cuda")
    forward.launch(True, True, logits)
    forward.launch()
    forward.rename(torch.tensor([1, 4], dtype=torch.int32, device="cuda"))


def training() -> None:
    """All operations that train, forward and backward."""
    x = torch.randn(3, 7, 48, device="cuda", requires_grad=True)
    gates = torch.randn(3, 7, 48, device="cuda", requires_grad=True)
    lengths = torch.tensor([7, 4, 1], device="cuda")
    mask = torch.arange(7, device="cuda") < lengths[:, None]
    total = gated(x, gates, mask).sum() + recurrence(torch.sigmoid(gates), x).sum()
    table = torch.randn(50, 128, device="cuda", requires_grad=True)
    total = total + lookup(table, torch.randint(0, 50, (3, 7, 6), device="cuda"), True).sum()
    matrix = torch.randn(544, 32, device="cuda", requires_grad=True)
    index = torch.rand(70, 17, device="cuda").topk(2).indices
    words = torch.randn(70, 32, device="cuda", requires_grad=True)
    total = total + mixture(words, matrix, matrix, matrix[:17] * 0.1, torch.rand(70, 2, device="cuda"), index).sum()
    d, h = torch.randn(3, 7, 32, device="cuda", requires_grad=True), torch.randn(3, 8, 32, device="cuda")
    w = torch.randn(32, 32, device="cuda", requires_grad=True)
    bias, tags = torch.randn(3, 8, device="cuda"), torch.randint(0, 18, (3, 8), device="cuda")
    pair = torch.randn(324, 24, device="cuda")
    torch.autograd.backward(total + biaffine(d, w, h, bias, tags, pair, lengths)[1].sum())
    biaffine(d, pack(w), h, bias, tags, pair, lengths)


if __name__ == "__main__":
    inference()
    training()
    torch.cuda.synchronize()
    print("done")
