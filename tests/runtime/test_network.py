"""Batches, labels against their plain formula, and independence of how sentences are grouped."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe.network import Network, batches


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_batches_hold_every_word_once_within_the_budget(lengths: list[int], budget: int) -> None:
    offsets = np.cumsum([0, *lengths])
    seen: list[int] = []
    sentences: list[int] = []
    for batch in batches(offsets, budget):
        assert batch.words.size <= budget or len(batch.sentences) == 1
        assert batch.words.shape == batch.real.shape == (len(batch.lengths), batch.lengths.max())
        seen += batch.words[batch.real].tolist()
        sentences += batch.sentences.tolist()
        for row, (sentence, length) in enumerate(zip(batch.sentences, batch.lengths, strict=True)):
            assert batch.words[row, :length].tolist() == list(range(offsets[sentence], offsets[sentence + 1]))
    assert sorted(seen) == list(range(sum(lengths)))
    assert sorted(sentences) == list(range(len(lengths)))


def test_labels_follow_the_formula(tiny: Path) -> None:
    bundle = Bundle.load(tiny)
    engine = create(bundle, choose("onnxruntime"))
    rng = np.random.default_rng(0)
    length = 9
    features = rng.integers(2, bundle.rows, (length, 6), dtype=np.int32)
    columns = Network(bundle, engine).columns(features, np.array([0, length]))
    scores = engine.scores(features[None], np.array([length], np.int64))
    tensors = bundle.tensors
    assert columns.upos.tolist() == scores.tags[0].argmax(1).tolist()
    root = bundle.labels.index("root")
    for i, (head, label) in enumerate(zip(columns.heads.tolist(), columns.deprels.tolist(), strict=True)):
        hidden = np.maximum(scores.dependents[0, i] + scores.label_heads[0, head], 0)
        tag_of_head = len(bundle.tags) if head == 0 else columns.upos[head - 1]
        pair = tensors["label.pair"][(columns.upos[i] * 18 + tag_of_head) * 2 + (head > i + 1)]
        total = hidden @ tensors["label.weight"] + tensors["label.bias"] + pair
        total[root] = np.inf if head == 0 else -np.inf
        assert label == total.argmax()


@given(st.lists(st.lists(st.sampled_from(["the", "dog", "saw", "x1"]), min_size=1, max_size=9), max_size=8))
@settings(max_examples=25, deadline=None)
def test_sentences_parse_alike_alone_and_together(nlp: posmoe.Parser, sentences: list[list[str]]) -> None:
    together = nlp.parse_tokens(sentences)
    assert [len(sentence) for sentence in together] == [len(words) for words in sentences]
    for words, sentence in zip(sentences, together, strict=True):
        alone = nlp.parse_tokens([words])[0]
        assert [(t.text, t.head, t.deprel, t.upos) for t in alone] == [
            (t.text, t.head, t.deprel, t.upos) for t in sentence
        ]
