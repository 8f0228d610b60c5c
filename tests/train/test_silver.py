"""Sub-words and silver trees against plain forms."""

from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from posmoe_train.corpus import Corpus
from posmoe_train.encoder import Encoder
from posmoe_train.silver import _valid, silver_targets
from posmoe_train.teacher import SubWords, Teacher, TeacherConfig

CPU = torch.device("cpu")
START, PAD, END, UNKNOWN = 0, 1, 2, 3
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "un", "##like", "##ly", "cat", "##s", "a", "##a"]


def tokenizer_file(folder: Path) -> Path:
    """A word-piece tokeniser of eleven pieces."""
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="<unk>"))
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def test_batches_of_sub_words_equal_a_plain_loop(tmp_path: Path) -> None:
    forms = ["cats", "unlikely", "a", "xyz", "aaaaaaaaaaaa", "cat"]
    plain = [[7, 8], [4, 5, 6], [9], [UNKNOWN], [9] + [10] * 7, [7]]  # at most eight pieces a form
    pieces = SubWords.build(forms, tokenizer_file(tmp_path), CPU)
    sentences = [[1, 0, 4], [2], [3, 3, 5, 4, 0, 1], [0, 2]]
    words, mask = torch.zeros(4, 6, dtype=torch.long), torch.zeros(4, 6, dtype=torch.bool)
    for row, sentence in enumerate(sentences):
        words[row, : len(sentence)] = torch.tensor(sentence)
        mask[row, : len(sentence)] = True
    ids, lengths, first = pieces.batch(words, mask)
    assert ids.shape[1] % 8 == 0
    for row, sentence in enumerate(sentences):
        expected, places = [START], []
        for word in sentence:
            places.append(len(expected))
            expected += plain[word]
        expected.append(END)
        assert lengths[row] == len(expected)
        assert ids[row].tolist() == expected + [PAD] * (ids.shape[1] - len(expected))
        assert first[row].tolist() == places + [0] * (6 - len(sentence))


def is_tree(heads: list[int]) -> bool:
    """One root, and every word leads to it."""
    for word in range(1, len(heads) + 1):
        for _ in heads:
            word = heads[word - 1] if word else 0
        if word:
            return False
    return heads.count(0) == 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 7).flatmap(lambda n: st.lists(st.integers(0, n), min_size=n, max_size=n)), min_size=1))
def test_valid_sentences_are_trees(sentences: list[list[int]]) -> None:
    lengths = torch.tensor([len(s) for s in sentences])
    heads = torch.zeros(len(sentences), 9, dtype=torch.long)
    for row, sentence in enumerate(sentences):
        heads[row, : len(sentence)] = torch.tensor(sentence)
    mask = torch.arange(9) < lengths[:, None]
    found = _valid(heads, torch.ones(heads.shape), mask, lengths, 0.8)
    assert found.tolist() == [is_tree(sentence) for sentence in sentences]


def test_a_chain_as_long_as_the_longest_sentence_is_a_tree() -> None:
    heads = torch.arange(120)[None]
    mask, lengths = torch.ones(1, 120, dtype=torch.bool), torch.tensor([120])
    assert _valid(heads, mask.float(), mask, lengths, 0.8).tolist() == [True]


def test_sentences_with_unlikely_heads_are_left_out() -> None:
    heads = torch.tensor([[2, 0, 0], [2, 0, 0]])
    mask = torch.tensor([[True, True, False]] * 2)
    confidence = torch.tensor([[0.9, 0.8, 0.0], [0.9, 0.6, 1.0]])
    assert _valid(heads, confidence, mask, mask.sum(1), 0.8).tolist() == [True, False]


def test_silver_targets_are_trees_with_the_teachers_probabilities(tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = TeacherConfig(arc_dim=8, label_dim=4, mixed_layers=2)
    teachers = [Teacher(Encoder(8, 2, 2, 16, len(PIECES), 514), 5, config).eval() for _ in range(2)]
    for teacher in teachers:
        teacher.arc.weight.data.normal_()
    generator = np.random.default_rng(2)
    vocabulary = ["cats", "unlikely", "a", "xyz", "cat"]
    corpus = Corpus.build([list(generator.choice(vocabulary, n)) for n in (1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6)])
    pieces = SubWords.build(corpus.forms, tokenizer_file(tmp_path), CPU)
    kept, targets = silver_targets(teachers, corpus, pieces, CPU, min_confidence=0.0, budget=12)
    assert 2 <= len(kept) <= len(corpus)
    part = corpus.select(kept)
    assert len(targets.heads) == len(part.words)
    for s in range(len(part)):
        rows = slice(part.offsets[s], part.offsets[s + 1])
        assert is_tree(targets.heads[rows, 0].tolist())
    assert (np.diff(targets.head_p.astype(int), axis=1) <= 0).all()
    assert (abs(targets.tag_p[:, 0].astype(int)) > 0).all()
    none, empty = silver_targets(teachers, corpus, pieces, CPU, min_confidence=1.1)
    assert len(none) == len(empty.heads) == 0
