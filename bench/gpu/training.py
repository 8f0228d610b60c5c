"""A training step of the edge student by PyTorch, torch.compile and the fused kernels; and those kernels alone."""

from functools import partial
from typing import Any

import torch

from bench.gpu.report import Report, on_device
from posmoe_kernels import recurrence
from posmoe_kernels.recurrence import recurrence_naive
from posmoe_models import FeatureConfig, Parser, ParserConfig, context, fuse
from posmoe_quant import calibrate_, parser_int8, quantize_
from posmoe_train.examples import Batch
from posmoe_train.losses import LossWeights, parser_losses

WORDS, LENGTH = 32_768, 20


def batch_of(parser: Parser, words: int = WORDS) -> Batch:
    """A batch of random words and targets on the device, sentences of 20."""
    n, rows, labels = words // LENGTH, parser.config.features.rows, parser.config.labels

    def integers(high: int, *more: int) -> Any:
        return torch.randint(0, high, (n, LENGTH, *more), device="cuda")

    def shares(k: int) -> Any:
        return torch.rand(n, LENGTH, k, device="cuda").softmax(-1)

    lengths = torch.full((n,), LENGTH, device="cuda")
    # rows as frequent as words are: a few of them very often
    ids = (rows * torch.rand(n, LENGTH, 6, device="cuda") ** 4).int().clamp_max(rows - 1)
    return Batch(
        ids, lengths, integers(LENGTH + 1, 4), shares(4), integers(labels, 4), shares(4), integers(17, 3), shares(3)
    )


def step(report: Report, _: Any) -> None:
    """Forward, losses, backward and AdamW on a batch of the recipe's size, in bf16 as the recipe trains."""
    torch.set_float32_matmul_precision("high")
    for rounding in (False, True):
        for name in ("plain", "torch.compile", "fused"):
            if report.late:
                return
            with report.attempt(f"training {name} rounding={rounding}"):
                torch.manual_seed(0)
                config = ParserConfig(features=FeatureConfig(words=22_528), dropout=0.05)
                parser = quantize_(Parser(config), parser_int8(config)).cuda()
                batch = batch_of(parser)
                if rounding:
                    calibrate_(parser, lambda p=parser, b=batch: parser_losses(p, b, LossWeights()))  # type: ignore[misc]
                fuse(parser, name == "fused")
                # a compiled step unrolls the loop over time; else the recurrence has a kernel of its own
                context.recurrence = recurrence_naive if name == "torch.compile" else recurrence  # type: ignore[attr-defined]
                optimizer = torch.optim.AdamW(parser.parameters(), lr=1e-4, fused=True)
                encode = torch.compile(parser.encode, dynamic=False) if name == "torch.compile" else parser.encode
                parser.encode = encode  # type: ignore[method-assign]

                def work(p: Parser = parser, b: Batch = batch, o: Any = optimizer) -> None:
                    o.zero_grad(set_to_none=True)
                    with torch.autocast("cuda", torch.bfloat16):
                        loss = parser_losses(p, b, LossWeights())["loss"]
                    torch.autograd.backward(loss)
                    o.step()

                torch.cuda.reset_peak_memory_stats()
                time_us = on_device(work, repeats=5, seconds=0.2)
                peak = torch.cuda.max_memory_allocated() / 2**20
                kind = "rounded" if rounding else "float"
                report.add(
                    "training", f"{name} {kind}", WORDS, ms=time_us / 1e3, words_s=WORDS / time_us * 1e6, peak_mib=peak
                )


def operations(report: Report, _: Any) -> None:
    """Each operation that trains, forward and backward, against its plain form on the same tensors."""
    from posmoe_kernels import biaffine, gated, lookup, mixture
    from posmoe_kernels.biaffine import biaffine_naive
    from posmoe_kernels.gated import gated_naive
    from posmoe_kernels.lookup import lookup_naive
    from posmoe_kernels.mixture import mixture_naive

    def floats(*shape: int) -> Any:
        return torch.randn(*shape, device="cuda").mul_(0.2).requires_grad_()

    n, rows = WORDS // LENGTH, 42_498
    index = torch.rand(WORDS, 17, device="cuda").topk(2).indices
    ids = (rows * torch.rand(n, LENGTH, 6, device="cuda") ** 4).int().clamp_max(rows - 1)
    mask = torch.ones(n, LENGTH, dtype=torch.bool, device="cuda")
    tags = torch.randint(0, 18, (n, LENGTH + 1), device="cuda")
    lengths = torch.full((n,), LENGTH, device="cuda")
    matrices = [
        floats(WORDS, 32),
        floats(544, 32),
        floats(544, 32),
        floats(17, 32),
        torch.rand(WORDS, 2, device="cuda"),
    ]
    pairs = [
        floats(n, LENGTH, 32),
        floats(32, 32),
        floats(n, LENGTH + 1, 32),
        floats(n, LENGTH + 1),
        tags,
        floats(324, 24),
    ]
    ways: dict[str, tuple[Any, Any, tuple[Any, ...]]] = {
        "lookup": (lookup, lookup_naive, (floats(rows, 128), ids, True)),
        "gated recurrence": (gated, gated_naive, (floats(n, LENGTH, 48), floats(n, LENGTH, 48), mask)),
        "mixture": (mixture, mixture_naive, (*matrices, index)),
        "biaffine": (lambda *a: biaffine(*a)[1], lambda *a: biaffine_naive(*a)[1], (*pairs, lengths)),
    }
    for name, (fused, plain, given) in ways.items():
        for kind, function in (("fused", fused), ("plain", plain)):
            if report.late:
                return
            with report.attempt(f"operation {name} {kind}"):
                out = function(*given)
                weight = torch.randn_like(out)
                inputs = [x for x in given if isinstance(x, torch.Tensor) and x.requires_grad]

                def both(f: Any = function, g: Any = given, w: Any = weight, i: Any = inputs) -> None:
                    torch.autograd.grad(f(*g), i, w)

                with torch.no_grad():
                    forward = on_device(partial(function, *given))
                report.add("training", f"{name} {kind}", WORDS, forward_us=forward, both_us=on_device(both))
