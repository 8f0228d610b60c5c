"""The inference kernels twice over a batch of so many sentences, for a profiler: `python -m bench.gpu.once 512`."""

import sys

import torch

from bench.gpu.device import forward_of
from bench.gpu.material import Material

if __name__ == "__main__":
    forward = forward_of(Material(), int(sys.argv[1]))
    for _ in range(2):
        forward.launch()
        torch.cuda.synchronize()
