"""Prepared corpora: building, files, batches and cleaning."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posmoe_train.corpus import MAX_WORDS, Corpus, Targets, batches, spans
from posmoe_train.errors import CorpusError
from posmoe_train.text import clean

FORMS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=4)
SENTENCES = st.lists(st.lists(FORMS, max_size=6), max_size=8)


@settings(max_examples=60, deadline=None)
@given(SENTENCES)
def test_sentences_come_back_from_memory_and_from_the_file(sentences: list[list[str]]) -> None:
    corpus = Corpus.build(sentences)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.safetensors"
        corpus.save(path)
        loaded = Corpus.load(path)
    for found in (corpus, loaded):
        assert [found.sentence(i) for i in range(len(found))] == sentences
    assert loaded.forms == corpus.forms
    counts = [sum(sentence.count(form) for sentence in sentences) for form in corpus.forms]
    assert list(zip(counts, corpus.forms, strict=True)) == sorted(
        zip(counts, corpus.forms, strict=True), key=lambda pair: (-pair[0], pair[1])
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_select_gives_the_sentences_in_the_order_asked_for(data: st.DataObject) -> None:
    sentences = data.draw(SENTENCES.filter(len))
    chosen = data.draw(st.lists(st.integers(0, len(sentences) - 1), max_size=6))
    corpus = Corpus.build(sentences)
    part = corpus.select(np.array(chosen, np.int64))
    assert [part.sentence(i) for i in range(len(part))] == [sentences[i] for i in chosen]
    rows = spans(corpus.offsets, np.array(chosen, np.int64))
    assert rows.tolist() == [w for i in chosen for w in range(corpus.offsets[i], corpus.offsets[i + 1])]


@pytest.mark.parametrize("form", ["", "a\nb"])
def test_forms_that_the_file_cannot_hold_are_refused(form: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a form is empty or holds a line break"):
        Corpus.build([[form, "x"]]).save(tmp_path / "corpus.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_broken_files_are_refused(tmp_path: Path) -> None:
    path, targets = tmp_path / "corpus.safetensors", tmp_path / "targets.safetensors"
    Corpus.build([["a", "b"], ["c"]]).save(path)
    Targets.hard([0, 1], [1, 0], [2, 3]).save(targets)
    with pytest.raises(CorpusError, match=r"expected the tensors \['forms', 'lengths', 'words'\], got"):
        Corpus.load(targets)
    for load, file in ((Corpus.load, path), (Targets.load, targets)):
        file.write_bytes(file.read_bytes()[:-1])
        for broken in (file, tmp_path / "absent"):
            with pytest.raises(CorpusError, match="missing, cut short or altered"):
                load(broken)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, MAX_WORDS), max_size=80),
    st.integers(1, 500),
    st.none() | st.integers(0, 3),
    st.integers(1, 30),
)
def test_batches_hold_every_sentence_once_within_the_budget(
    lengths: list[int], budget: int, seed: int | None, chunk: int
) -> None:
    words = np.array(lengths, np.int64)

    def plan() -> list[list[int]]:
        generator = None if seed is None else np.random.default_rng(seed)
        return [batch.tolist() for batch in batches(words, budget, generator, chunk)]

    found = plan()
    assert sorted(i for batch in found for i in batch) == list(range(len(lengths)))
    assert found == plan()
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    if seed is None:
        assert [lengths[i] for batch in found for i in batch] == sorted(lengths)


def test_training_leaves_out_empty_and_very_long_sentences() -> None:
    lengths = np.array([5, 0, MAX_WORDS + 1, MAX_WORDS], np.int64)
    kept = np.concatenate(list(batches(lengths, 50, np.random.default_rng(1))))
    assert sorted(kept.tolist()) == [0, 3]
    assert sorted(np.concatenate(list(batches(lengths, 50, None))).tolist()) == [0, 1, 2, 3]


def test_targets_come_back_and_join(tmp_path: Path) -> None:
    one, two = Targets.hard([0, 1, 1], [4, 5, 6], [1, 2, 3]), Targets.hard([0], [7], [16])
    joined = Targets.join([one, two])
    assert joined.heads.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert joined.head_p.tolist() == [[255, 0, 0, 0]] * 4
    assert joined.label_p.tolist() == joined.tag_p.tolist() == [[255, 0]] * 4
    joined.select(np.array([3, 1])).save(tmp_path / "t")
    loaded = Targets.load(tmp_path / "t")
    assert loaded.labels.tolist() == [[7, 0], [5, 0]]
    assert loaded.tags.tolist() == [[16, 0], [2, 0]]


def kept(sentences: list[str], held_out: list[str]) -> list[int]:
    """What `clean` keeps of sentences of words with spaces between them."""
    ours, theirs = (Corpus.build(s.split() for s in texts) for texts in (sentences, held_out))
    return [int(i) for i in clean(ours, theirs)]


def test_cleaning_keeps_each_text_once_whatever_its_case() -> None:
    sentences = ["the cat sat", "a dog ran", "The CAT sat", "cat the sat", "the cat sat down", "a dog ran"]
    assert kept(sentences, ["nothing of this"]) == [0, 1, 3, 4]


def test_cleaning_removes_what_shares_eight_words_with_held_out_text() -> None:
    held = "one two three four five six seven eight nine"
    sentences = [
        "well one two three four five six seven eight then",
        "two Three four FIVE six seven eight NINE",
        "one two three four five six seven 8",
        "one two three four five six seven",
        "nine eight seven six five four three two one",
    ]
    assert kept(sentences, [held]) == [2, 3, 4]
    # eight words that run over the end of a held-out sentence, or of one of ours, are no overlap
    assert kept(["five six seven eight nine ten eleven twelve"], [held, "ten eleven twelve"]) == [0]
    assert kept(["one two three four", "five six seven eight"], [held]) == [0, 1]


@pytest.mark.parametrize("held_out", [[], ["a b c"], ["one two three four five six seven"]])
def test_cleaning_of_a_few_words_or_none(held_out: list[str]) -> None:
    assert kept([], held_out) == []
    assert kept(["x y z"], held_out) == [0]


def test_cleaning_leaves_out_short_and_very_long_sentences() -> None:
    long = [" ".join(f"{prefix}{i}" for i in range(n)) for prefix, n in (("p", MAX_WORDS), ("q", MAX_WORDS + 1))]
    assert kept(["two words", "three words here", *long], []) == [1, 2]
