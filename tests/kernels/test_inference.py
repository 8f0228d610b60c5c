"""The plain forms of the inference kernels against the native engine, on the shipped model."""

import numpy as np
import torch

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.decode import decode
from posmoe.engines import native
from posmoe_kernels.context import context_naive
from posmoe_kernels.experts import words_naive
from posmoe_kernels.network import Shape, weights
from posmoe_kernels.trees import trees_naive
from posmoe_kernels.trees.naive import relations_of

TEXT = (
    "What do the boys who came not know of this that he himself said they did see when? Good night! "
    "The old man, who had been walking along the river with the dog that his neighbour's son gave him, sat down. "
    "Colourless green ideas sleep furiously; so do we. " + "It was " + "very, " * 50 + "very cold. Stop."
)


def test_they_give_the_native_engine_s_trees() -> None:
    parser = posmoe.load(backend="native")
    words = parser._tokenizer(TEXT, False)
    ids, offsets = parser._features(words), words.sentences.astype(np.int64)
    bundle = Bundle.load(find(None))
    constants, tensors = native.contents(bundle)
    shape = Shape(**{name: constants[name] for name in Shape._fields})
    assert shape.refusal() is None
    given = weights(shape, tensors, constants["root"], "cpu")
    rows, at = torch.from_numpy(ids), torch.from_numpy(offsets)
    found = words_naive(context_naive(rows, at, shape, given), rows, at, shape, given)
    trees = trees_naive(found.projected, found.tags, at, shape, given)
    expected = native.load(bundle, 1).columns(ids, offsets, None)
    assert max(np.diff(offsets)) > shape.hub_window
    assert found.tags.tolist() == expected[0].tolist()
    assert 0 < trees.searched.sum() < len(trees.searched)
    for begin, end, searched in zip(offsets[:-1], offsets[1:], trees.searched.tolist(), strict=True):
        part = slice(begin, end)
        heads = torch.from_numpy(decode(trees.scores[part].numpy(), trees.candidates[part].numpy()))
        assert searched or torch.equal(heads, trees.heads[part])
        assert heads.tolist() == expected[1][part].tolist()
        relations = relations_of(found.projected[part], found.tags[part], heads, shape, given)
        assert relations.tolist() == expected[2][part].tolist()


def test_what_no_kernel_computes_is_refused() -> None:
    shape = Shape(60, 17, 9, 20, 7, 24, 40, 16, 2, 16, 5, 3, 2, 4, 11)
    assert shape.refusal() == (
        "expected twice context_dim to be lexical_dim, twice expert_context_dim to be expert_dim, router_dim of 32"
    )
