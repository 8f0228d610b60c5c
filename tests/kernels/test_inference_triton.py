"""The inference kernels against their plain forms, on a small network."""

from typing import Any

import pytest
import torch

from posmoe_kernels import packed
from posmoe_kernels.context import context_naive
from posmoe_kernels.experts import words_naive
from posmoe_kernels.network import PROJECTED
from posmoe_kernels.trees import trees_naive
from tests.kernels.device import DEVICE
from tests.kernels.networks import SHAPE, batch, network

from posmoe_kernels.context.triton import context_triton  # isort: skip
from posmoe_kernels.experts.triton import words_triton  # isort: skip
from posmoe_kernels.trees.triton import trees_triton  # isort: skip

# sentences of one word, none, a prime number of words, more than a window; several a tile, and one in a tile of its own
LENGTHS = (1, 7, 0, 5, 16, 2, 27)
SMALL, LARGE = 16, 32
NOWHERE = -77


@pytest.mark.parametrize("k", [1, 2])
def test_context_and_words_equal_the_plain_forms(k: int) -> None:
    shape = SHAPE._replace(k=k)
    weights = network(DEVICE, shape)
    ids, offsets = (x.to(DEVICE) for x in batch(*LENGTHS))
    n = len(ids)
    x = torch.full((n + 8, shape.width), float("nan"), device=DEVICE)
    ends = torch.full((n + 8, 2), NOWHERE, dtype=torch.int32, device=DEVICE)
    logits = torch.full((n + 8, shape.tags), float("nan"), device=DEVICE)
    tags = torch.full((n + 8,), NOWHERE, dtype=torch.int32, device=DEVICE)
    projected = torch.full((n + 8, PROJECTED), float("nan"), device=DEVICE)
    cut = packed.tiles(offsets.cpu().numpy(), SMALL, LARGE)
    assert len(cut.small) > 1 and len(cut.large) == 1
    parts = []
    for rows, size in ((cut.small, SMALL), (cut.large, LARGE)):
        tiles = torch.full((len(rows) + 1, 2), 0, dtype=torch.int32)  # one more than there are
        tiles[: len(rows)] = torch.from_numpy(rows)
        parts.append((tiles.to(DEVICE), torch.tensor([len(rows)], dtype=torch.int32, device=DEVICE), size))
    for tiles, count, size in parts:
        context_triton(ids, offsets, tiles, count, size, shape, weights, x, ends)
    expected = context_naive(ids, offsets, shape, weights)
    torch.testing.assert_close(x[:n], expected, rtol=1e-5, atol=1e-5)
    for tiles, count, size in parts:
        words_triton(x, ends, ids, offsets, tiles, count, size, shape, weights, logits, tags, projected)
    words = words_naive(x[:n], ids, offsets, shape, weights)
    # sums of codes are exact; a code may differ where a number lies between two of them but for the last bit
    assert (logits[:n] == words.logits).all(1).float().mean() > 0.95
    torch.testing.assert_close(logits[:n], words.logits, rtol=1e-2, atol=1e-2)
    assert (tags[:n] == words.tags).float().mean() > 0.95
    assert (projected[:n] == words.projected).all(1).float().mean() > 0.8
    assert (projected[:n] - words.projected).square().mean().sqrt() < 2e-2
    # nothing is written past the words
    assert x[n:].isnan().all() and logits[n:].isnan().all() and projected[n:].isnan().all()
    assert (tags[n:] == NOWHERE).all() and (ends[n:] == NOWHERE).all()


@pytest.mark.parametrize("known", [False, True], ids=["tags found", "tags given"])
def test_trees_equal_the_plain_form(known: bool) -> None:
    shape, weights = SHAPE, network(DEVICE)
    generator = torch.Generator().manual_seed(3)
    _, offsets = batch(*LENGTHS, 40)
    n, count = int(offsets[-1]), len(offsets) - 1
    projected = torch.randn(n, PROJECTED, generator=generator)
    tags = torch.randint(0, shape.tags, (n,), generator=generator, dtype=torch.int32)
    gold = torch.randint(-1, shape.tags, (n,), generator=generator, dtype=torch.int32) if known else None
    expected = trees_naive(projected, tags, offsets, shape, network("cpu"), gold)
    assert 0 < expected.searched.sum() < count, "both kinds of sentences are wanted"

    def filled(*sizes: int, value: float = NOWHERE, dtype: torch.dtype = torch.int32) -> torch.Tensor:
        return torch.full(sizes, value, dtype=dtype, device=DEVICE)

    scores = filled(n, shape.candidates, value=float("nan"), dtype=torch.float32)
    candidates, hubs = filled(n, shape.candidates), filled(n)
    upos, heads, relations, searched = filled(n), filled(n), filled(n), filled(count)
    given: list[Any] = [x.to(DEVICE) for x in (projected, tags)]
    sentences = torch.tensor([count], dtype=torch.int32, device=DEVICE)
    results = scores, candidates, upos, heads, relations, searched
    moved = None if gold is None else gold.to(DEVICE)
    at = offsets.to(DEVICE)
    trees_triton(given[0], given[1], moved, at, None, sentences, count + 2, shape, weights, hubs, *results)
    torch.testing.assert_close(scores.cpu(), expected.scores, rtol=1e-5, atol=1e-5)
    found = [x.cpu().tolist() for x in (candidates, heads, relations, searched)]
    assert found == [x.tolist() for x in (expected.candidates, expected.heads, expected.relations, expected.searched)]
    assert upos.cpu().tolist() == (tags if gold is None else torch.where(gold >= 0, gold, tags)).tolist()
    # other heads for the last sentence: its relations change, those of others don't
    begin = int(offsets[-2])
    heads[begin:] = torch.arange(0, n - begin, dtype=torch.int32)
    which = torch.tensor([count - 1], dtype=torch.int32, device=DEVICE)
    one = torch.ones(1, dtype=torch.int32, device=DEVICE)
    trees_triton(given[0], given[1], None, at, which, one, 1, shape, weights, hubs, *results)
    assert relations[:begin].cpu().tolist() == expected.relations[:begin].tolist()
    assert relations[begin:].cpu().tolist() != expected.relations[begin:].tolist()
    assert heads[begin:].tolist() == list(range(n - begin))
