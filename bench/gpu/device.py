"""On the device: ceilings of the card, kernels one by one, and the network from identifiers to relations."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from bench.gpu.material import LENGTH, Material, pytorch_parser
from bench.gpu.report import Report, graphed, on_device
from posmoe_kernels.recurrence import recurrence_naive
from posmoe_models import ParserConfig, context, flops

SIZES = (1, 4, 16, 64, 128, 512, 2048, 4096, 16384)


def ceilings(report: Report, _: Material) -> None:
    """Bytes a second of a large copy, INT8 and float32 operations a second of large products, a launch's cost."""
    source = torch.randint(0, 255, (1 << 30,), dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    rate = 2 * source.numel() / on_device(lambda: target.copy_(source)) / 1e6
    a = torch.randint(-127, 127, (8192, 8192), dtype=torch.int8, device="cuda")
    b = torch.randint(-127, 127, (8192, 8192), dtype=torch.int8, device="cuda")
    int8 = 2 * 8192**3 / on_device(lambda: torch._int_mm(a, b.T)) / 1e6
    torch.set_float32_matmul_precision("highest")
    c = torch.randn(4096, 4096, device="cuda")
    float32 = 2 * 4096**3 / on_device(lambda: c @ c) / 1e6
    small = torch.zeros(1, device="cuda")
    launch = on_device(graphed(lambda: small.add_(1), 100)) / 100
    properties = torch.cuda.get_device_properties(0)
    report.add("ceilings", "card", 0, copy_tb_s=rate, int8_top_s=int8, float32_tflop_s=float32, graph_launch_us=launch,
               multiprocessors=properties.multi_processor_count, l2_mb=properties.L2_cache_size / 2**20,
               memory_gib=properties.total_memory / 2**30)  # fmt: skip


def forward_of(material: Material, sentences: int, seed: int = 0) -> Any:
    """All stages with a batch of 20-word sentences on the device."""
    from posmoe_kernels.forward import Capacity, Forward, fill, host_blocks

    ids, offsets = material.batch(sentences, seed)
    forward = Forward(material.shape, material.weights, Capacity(len(ids), sentences))
    host = host_blocks(forward.capacity, pinned=False)
    fill(host.inputs, ids, offsets)
    forward.block.copy_(host.block)
    return forward


def network(report: Report, material: Material) -> None:
    """Words a second from identifiers on the device to heads and relations on the device, by batch."""
    for sentences in SIZES:
        if report.late:
            return
        with report.attempt(f"network {sentences}"):
            runs = []
            for seed in range(4 if sentences <= 512 else 1):
                runs.append(graphed(forward_of(material, sentences, seed).launch, 1))

            def work(runs: list[Any] = runs) -> None:
                for run in runs:
                    run()

            words = sentences * LENGTH
            time_us = on_device(work) / len(runs)
            report.add("network", "triton", words, us=time_us, words_s=words / time_us * 1e6)


class Stage(NamedTuple):
    """A kernel over a batch: a launch, the bytes that it must move, the operations that docs/ counts."""

    launch: Callable[[], object]
    moved: float
    operations: float


def stages(forward: Any) -> dict[str, Stage]:
    """The inference kernels over a batch that was run once.

    A word's bytes are its identifiers, what the stage before wrote, and what this one writes; a row of the table
    counts once.
    """
    from posmoe_kernels.context.triton import context_triton
    from posmoe_kernels.experts.triton import words_triton
    from posmoe_kernels.packed import SENTENCES, SMALL, SMALL_TILES

    s, w, i, x = forward.shape, forward.weights, forward.inputs, forward.scratch
    layers = flops(ParserConfig(labels=s.labels), LENGTH)
    words, sentences = len(i.ids), len(i.offsets) - 1
    tiles, count = i.counts[SMALL_TILES : SMALL_TILES + 1], i.counts[SENTENCES : SENTENCES + 1]
    table = float(min(len(w.table), 6 * words) * s.row)
    routed = ("router", "experts", "expert_context", "arc_projections", "label_projections")

    def operations(*names: str) -> float:
        return words / LENGTH * sum(layers[name] for name in names)

    return {
        "context": Stage(
            lambda: context_triton(i.ids, i.offsets, i.small, tiles, SMALL, s, w, x.x, x.ends),
            words * (24 + 4 * s.width + 8) + table * s.width / s.row,
            operations("lookup", "lexical_norm", "context"),
        ),
        "words": Stage(
            lambda: words_triton(x.x, x.ends, i.ids, i.offsets, i.small, tiles, SMALL, s, w, None, x.tags, x.projected),
            words * (24 + 4 * s.width + 8 + 4 + 256) + table * (1 - s.width / s.row),
            operations(*routed),
        ),
        "trees": Stage(
            lambda: forward._trees(None, count, sentences, None),
            words * (256 + 4 + 8 * s.candidates + 4 + 12) + 4.0 * sentences,
            operations("arcs", "labels"),
        ),
    }


def kernels(report: Report, material: Material) -> None:
    """Time, bytes that must move, operations that count, of every inference kernel at three sizes."""
    for sentences in (2, 512, 16384):
        if report.late:
            return
        forward = forward_of(material, sentences)
        forward.launch()
        words = sentences * LENGTH
        for name, stage in stages(forward).items():
            with report.attempt(f"kernel {name} {words}"):
                time_us = on_device(graphed(stage.launch, 10)) / 10
                report.add("kernels", name, words, us=time_us, bytes=stage.moved, flops=stage.operations)


def others(report: Report, material: Material) -> None:
    """The same from PyTorch: the module that the graph was exported from, as it is and compiled."""
    parser = pytorch_parser(material.bundle).cuda()
    ways: dict[str, Any] = {"pytorch": parser}
    # the loop over time is unrolled, so every length is compiled anew; here there is one
    context.recurrence = recurrence_naive  # type: ignore[attr-defined]
    ways["torch.compile"] = torch.compile(pytorch_parser(material.bundle).cuda(), dynamic=False)
    with torch.inference_mode():
        for name, module in ways.items():
            for sentences in (1, 64, 512, 4096):
                if report.late:
                    return
                with report.attempt(f"{name} {sentences}"):
                    ids, _ = material.batch(sentences)
                    features = torch.from_numpy(ids).view(sentences, LENGTH, 6).cuda()
                    lengths = torch.full((sentences,), LENGTH, device="cuda")
                    begin = time.perf_counter()
                    module(features, lengths)
                    torch.cuda.synchronize()
                    first = time.perf_counter() - begin
                    time_us = on_device(partial(module, features, lengths))
                    words = sentences * LENGTH
                    report.add("network", name, words, us=time_us, words_s=words / time_us * 1e6, first_s=first)


def integers(report: Report, material: Material) -> None:
    """The stages against their plain forms on the device, and the trees against the native engine, on all of dev."""
    from posmoe.engines import triton as engine
    from posmoe_kernels.context.naive import context_naive
    from posmoe_kernels.experts.naive import words_naive
    from posmoe_kernels.forward import Capacity, Forward, fill, host_blocks

    ids, offsets = material.dev
    loaded = engine.load(material.bundle, 1)
    begin = time.perf_counter()
    found = loaded.columns(ids, offsets, None)
    report.add("latency", "triton first batch", len(ids), s=time.perf_counter() - begin)
    expected = material.native._engine.columns(ids, offsets, None)  # type: ignore[attr-defined]
    same = {
        name: float((a == b).mean()) for name, a, b in zip(("upos", "heads", "deprels"), found, expected, strict=True)
    }
    report.add("parity", "triton", len(ids), **same)
    # stages, on some sentences: exact where the arithmetic is
    last = int(np.searchsorted(offsets, 4000))
    part, at = ids[: offsets[last]], offsets[: last + 1]
    forward = Forward(material.shape, material.weights, Capacity(len(part), last))
    host = host_blocks(forward.capacity, pinned=False)
    large = fill(host.inputs, part, at)
    forward.block.copy_(host.block)
    logits = torch.full((len(part), material.shape.tags), float("nan"), device="cuda")
    forward.launch(large, logits=logits)
    ids_, at_ = torch.from_numpy(part).cuda(), torch.from_numpy(at).cuda()
    x = context_naive(ids_, at_, material.shape, material.weights)
    words = words_naive(forward.scratch.x, ids_, at_, material.shape, material.weights)
    relative = float((forward.scratch.x - x).norm() / x.norm())
    report.add("parity", "context", len(part), relative_error=relative)
    report.add("parity", "words", len(part), logits_equal=float((logits == words.logits).all(1).float().mean()),
               logits_rmse=float((logits - words.logits).square().mean().sqrt()),
               projected_equal=float((forward.scratch.projected == words.projected).all(1).float().mean()),
               projected_rmse=float((forward.scratch.projected - words.projected).square().mean().sqrt()))  # fmt: skip
    if min(same.values()) < 0.999 or relative > 1e-3:
        raise AssertionError(f"the trees are not the native engine's: {same}")
